import { ManifestError } from "../../errors.js";
import { onAbort } from "../../signals.js";
import { NotNeededError } from "../http/message.js";
import { Allowance, type AllowanceOptions, type Throttling, type Turn } from "./allowance.js";

/** Timers cannot be longer; when it fires, it is looked again. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export interface HostRatesOptions extends Partial<AllowanceOptions> {
  /** In milliseconds since 1970. */
  readonly now?: () => number;
  /** Calls back after so many milliseconds, unless what it returns is called before. */
  readonly callLater?: (callback: () => void, ms: number) => () => void;
}

/**
 * Enough to send the blobs of a usual list in one round trip (six images of five blobs), and no more than what a
 * registry or the proxy before it takes from one client without slowing it down. See docs/performance.md.
 */
export const DEFAULT_CONCURRENCY = 32;

/**
 * The rates of all hosts that a process asks: one each, however many clients there are.
 * @example
 * const rates = new HostRates({ concurrency: 16 });
 * const one = await createRegistry({ domain: "ghcr.io", rates });
 * const other = await createRegistry({ domain: "ghcr.io", rates, credentials });
 */
export class HostRates {
  readonly #options: Required<HostRatesOptions>;
  readonly #rates = new Map<string, HostRate>();

  constructor({
    concurrency = DEFAULT_CONCURRENCY,
    random = Math.random,
    now = Date.now,
    callLater = (callback, ms) => {
      const timer = setTimeout(callback, ms);
      return () => {
        clearTimeout(timer);
      };
    },
  }: HostRatesOptions = {}) {
    this.#options = { concurrency, random, now, callLater };
  }

  /** The rate of a host, as in `URL.host`. */
  of(host: string): HostRate {
    let rate = this.#rates.get(host);
    if (rate === undefined) {
      rate = new HostRate(host, this.#options);
      this.#rates.set(host, rate);
    }
    return rate;
  }
}

/** Who wants a turn. */
export interface TurnOptions {
  /** See {@link Turn}. */
  readonly isCounted: boolean;
  /** A host that is closed for longer than this, in milliseconds, is not waited for, but asked all the same. */
  readonly longestMs: number;
  /** Asked when the turn has come. If it is not, it takes none, and the promise rejects with a NotNeededError. */
  readonly isNeeded?: (() => boolean) | undefined;
  /** Each ends the wait, which rejects with its reason. */
  readonly signals: readonly (AbortSignal | undefined)[];
  /**
   * Ends the wait, which rejects with STOPPED, where it is for a host that refuses requests. A turn comes soon otherwise,
   * and is taken.
   */
  readonly stop?: AbortSignal | undefined;
}

interface Waiter extends TurnOptions {
  /** Whoever came before has a smaller one. */
  readonly place: number;
  readonly go: (turn: Turn) => void;
  readonly fail: (reason: unknown) => void;
}

/**
 * Who may ask a host when: first come, first served, as its {@link Allowance} has it. There is one timer, and only while
 * somebody waits for a moment to come.
 */
export class HostRate {
  readonly #host: string;
  readonly #allowance: Allowance;
  readonly #now: () => number;
  readonly #callLater: Required<HostRatesOptions>["callLater"];
  /** Those that need room in the window, and those that do not. */
  readonly #counted = new Set<Waiter>();
  readonly #others = new Set<Waiter>();
  #places = 0;
  #timer: { readonly at: number; readonly cancel: () => void } | undefined;
  /** It has been told that the host is closed until then. */
  #toldUntil = -Infinity;

  constructor(host: string, { now, callLater, ...options }: Required<HostRatesOptions>) {
    this.#host = host;
    this.#now = now;
    this.#callLater = callLater;
    this.#allowance = new Allowance(options);
  }

  /** Waits for a turn. Whoever has one must give it back by {@link end}. */
  turn(options: TurnOptions): Turn | Promise<Turn> {
    if (this.#isEmpty && this.#isOpenTo(options) && this.#waitOf(options) === 0) {
      if (options.isNeeded?.() === false) return Promise.reject(new NotNeededError());
      return this.#allowance.begin(options.isCounted);
    }
    return this.#inLine(options);
  }

  /** Gives a turn back, with what it came to; undefined where that says nothing of how much the host can take. */
  end(turn: Turn, came: "answered" | Throttling | undefined): void {
    const now = this.#now();
    this.#allowance.end(turn);
    if (came === "answered") this.#allowance.answered(turn, now);
    else if (came !== undefined) {
      this.#allowance.throttled(turn, came, now);
      for (const waiter of [...this.#counted, ...this.#others])
        if (waiter.stop?.aborted === true) waiter.fail(this.#stopped());
    }
    this.#proceed();
  }

  /** How long the host is closed, in milliseconds, if that is more than so many, and has not been told yet. */
  newlyClosedFor(leastMs: number): number | undefined {
    const now = this.#now();
    const until = now + this.#allowance.closedFor(now);
    if (until - Math.max(this.#toldUntil, now) <= leastMs) return undefined;
    this.#toldUntil = until;
    return until - now;
  }

  get #isEmpty(): boolean {
    return this.#counted.size === 0 && this.#others.size === 0;
  }

  #isOpenTo({ longestMs }: TurnOptions): boolean {
    const closedFor = this.#allowance.closedFor(this.#now());
    return closedFor === 0 || closedFor > longestMs;
  }

  /** Apart from the time that it is closed. */
  #waitOf({ isCounted }: TurnOptions): number {
    const now = this.#now();
    return isCounted && !this.#allowance.hasRoom(now) ? Infinity : this.#allowance.paceWait(now);
  }

  #inLine(options: TurnOptions): Promise<Turn> {
    return new Promise((resolve, reject) => {
      for (const signal of options.signals) signal?.throwIfAborted();
      const isStopped = (): boolean =>
        options.stop?.aborted === true && this.#allowance.isThrottled(this.#now());
      if (isStopped()) throw this.#stopped();
      const line = options.isCounted ? this.#counted : this.#others;
      const forget: (() => void)[] = [];
      const leave = (): void => {
        line.delete(waiter);
        for (const one of forget) one();
      };
      const waiter: Waiter = {
        ...options,
        place: this.#places++,
        go: (turn) => {
          leave();
          resolve(turn);
        },
        fail: (reason) => {
          leave();
          // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- whoever aborts gives the reason
          reject(reason);
        },
      };
      line.add(waiter);
      const leaveOn = (
        signal: AbortSignal | undefined,
        isOver: () => boolean,
        reasonOf: () => unknown,
      ): void => {
        if (signal === undefined) return;
        forget.push(
          onAbort(signal, () => {
            if (!isOver()) return;
            waiter.fail(reasonOf());
            this.#proceed();
          }),
        );
      };
      for (const signal of options.signals)
        leaveOn(
          signal,
          () => true,
          () => signal?.reason,
        );
      leaveOn(options.stop, isStopped, () => this.#stopped());
      this.#proceed();
    });
  }

  #stopped(): ManifestError {
    return new ManifestError("STOPPED", `${this.#host} was not asked any more`, { subject: this.#host });
  }

  /** Lets through all whose turn it is, and looks again when that may have changed by itself. */
  #proceed(): void {
    const now = this.#now();
    const closedFor = this.#allowance.closedFor(now);
    let wait = closedFor > 0 ? closedFor : Infinity;
    for (;;) {
      const next = this.#next(now, closedFor);
      if (next === undefined) break;
      if (next.isNeeded?.() === false) {
        next.fail(new NotNeededError());
        continue;
      }
      const paceWait = this.#allowance.paceWait(now);
      if (paceWait > 0) {
        wait = Math.min(wait, paceWait);
        break;
      }
      next.go(this.#allowance.begin(next.isCounted));
    }
    this.#lookAgain(this.#isEmpty ? Infinity : now + Math.ceil(wait));
  }

  /** The first in line who is held up by neither the window nor the door. */
  #next(now: number, closedFor: number): Waiter | undefined {
    const isFree = ({ longestMs }: Waiter): boolean => closedFor === 0 || closedFor > longestMs;
    const counted = this.#allowance.hasRoom(now) ? first(this.#counted, isFree) : undefined;
    const other = first(this.#others, isFree);
    if (counted === undefined || other === undefined) return counted ?? other;
    return counted.place < other.place ? counted : other;
  }

  #lookAgain(at: number): void {
    if (this.#timer?.at === at) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (at === Infinity) return;
    const cancel = this.#callLater(
      () => {
        this.#timer = undefined;
        this.#proceed();
      },
      Math.min(LONGEST_TIMER_MS, Math.max(1, at - this.#now())),
    );
    this.#timer = { at, cancel };
  }
}

function first(waiters: ReadonlySet<Waiter>, isFree: (waiter: Waiter) => boolean): Waiter | undefined {
  for (const waiter of waiters) if (isFree(waiter)) return waiter;
  return undefined;
}
