import { ManifestError } from "../../errors.js";
import { onAbort } from "../../signals.js";
import { NotNeededError } from "../http/message.js";
import { Allowance, type AllowanceOptions, type Throttling, type Took, type Turn } from "./allowance.js";
import { Line } from "./line.js";
import { steadyClock } from "./steadyClock.js";

/** Timers cannot be longer; when it fires, it is looked again. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** How much hosts are asked. */
export interface HostRatesOptions extends Partial<AllowanceOptions> {
  /** In milliseconds, from any moment on. */
  readonly now?: () => number;
  /** Calls back after so many milliseconds, unless what it returns is called before. */
  readonly callLater?: (callback: () => void, ms: number) => () => void;
}

type HostOptions = Required<Omit<HostRatesOptions, "concurrency">> & Pick<HostRatesOptions, "concurrency">;

/**
 * The rates of all hosts that a process asks: one each, however many clients there are.
 * @example
 * const rates = new HostRates({ concurrency: 16 });
 * const one = await createRegistry({ domain: "ghcr.io", rates });
 * const other = await createRegistry({ domain: "ghcr.io", rates, credentials });
 */
export class HostRates {
  readonly #options: HostOptions;
  readonly #rates = new Map<string, HostRate>();

  constructor({
    concurrency,
    random = Math.random,
    now = steadyClock(),
    callLater = (callback, ms) => {
      const timer = setTimeout(callback, ms);
      return () => {
        clearTimeout(timer);
      };
    },
  }: HostRatesOptions = {}) {
    this.#options = { ...(concurrency !== undefined && { concurrency }), random, now, callLater };
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
  readonly #counted = new Line<Waiter>();
  readonly #others = new Line<Waiter>();
  /** Those for whom the host is closed. */
  readonly #atDoor = new Line<Waiter>();
  /** Until when the host was closed when it was last looked who has to stand there. */
  #closedUntil = -Infinity;
  #places = 0;
  #timer: { readonly at: number; readonly cancel: () => void } | undefined;
  #hasAnswered = false;
  /** It has been told that the host is closed until then. */
  #toldUntil = -Infinity;

  constructor(host: string, { now, callLater, ...options }: HostOptions) {
    this.#host = host;
    this.#now = now;
    this.#callLater = callLater;
    this.#allowance = new Allowance(options);
  }

  /** Waits for a turn. Whoever has one must give it back by {@link end}. */
  turn(options: TurnOptions): Turn | Promise<Turn> {
    const now = this.#now();
    const { isCounted, isNeeded } = options;
    const isAtOnce =
      this.#isEmpty &&
      !this.#isClosedTo(options, now) &&
      (!isCounted || this.#allowance.hasRoom(now)) &&
      this.#allowance.paceWait(now) === 0;
    if (!isAtOnce) return this.#inLine(options);
    return isNeeded?.() === false ? Promise.reject(new NotNeededError()) : this.#allowance.begin(isCounted);
  }

  /**
   * Gives a turn back, with what it came to; undefined where that says nothing of how much the host can take.
   * @param took how long its answer was on its way, where that is known
   */
  end(turn: Turn, came: "answered" | "turnedAway" | Throttling | undefined, took?: Took): void {
    const now = this.#now();
    this.#allowance.end(turn);
    if (came === "answered") {
      this.#hasAnswered = true;
      this.#allowance.answered(turn, now, took);
    } else if (came === "turnedAway") {
      // One that has never answered is not there, or not yet.
      if (this.#hasAnswered) this.#allowance.turnedAway(turn, now);
    } else if (came !== undefined) {
      this.#allowance.throttled(turn, came, now);
      for (const waiter of this.#all())
        if (waiter.options.stop?.aborted === true) waiter.fail(this.#stopped());
    }
    this.#proceed();
  }

  /** Requests go over HTTP/2: see {@link Allowance.streams}. */
  streams(allowed: number | undefined): void {
    this.#allowance.streams(allowed);
    this.#proceed();
  }

  /** A connection was accepted, after so many milliseconds. */
  connected(ms: number): void {
    this.#allowance.connected(ms);
    this.#proceed();
  }

  /** How many more requests may be under way. */
  get room(): number {
    return this.#allowance.room(this.#now());
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
    return this.#counted.isEmpty && this.#others.isEmpty && this.#atDoor.isEmpty;
  }

  #isClosedTo({ longestMs }: TurnOptions, now: number): boolean {
    const closedFor = this.#allowance.closedFor(now);
    return closedFor > 0 && closedFor <= longestMs;
  }

  #inLine(options: TurnOptions): Promise<Turn> {
    return new Promise((resolve, reject) => {
      const { signals, stop } = options;
      for (const signal of signals) signal?.throwIfAborted();
      const isStopped = (): boolean => stop?.aborted === true && this.#allowance.isThrottled(this.#now());
      if (isStopped()) throw this.#stopped();
      const waiter = new Waiter(options, this.#places++, resolve, reject);
      for (const signal of signals) {
        waiter.leaveOn(signal, () => {
          waiter.fail(signal?.reason);
          this.#proceed();
        });
      }
      waiter.leaveOn(stop, () => {
        if (!isStopped()) return;
        waiter.fail(this.#stopped());
        this.#proceed();
      });
      this.#place(waiter, this.#now());
      this.#proceed();
    });
  }

  #place(waiter: Waiter, now: number): void {
    const inside = waiter.options.isCounted ? this.#counted : this.#others;
    (this.#isClosedTo(waiter.options, now) ? this.#atDoor : inside).add(waiter);
  }

  #stopped(): ManifestError {
    return new ManifestError("STOPPED", `${this.#host} was not asked any more`, { subject: this.#host });
  }

  /** In the order in which they came. */
  #all(): readonly Waiter[] {
    const all = [...this.#counted.all(), ...this.#others.all(), ...this.#atDoor.all()];
    return all.sort((one, other) => one.place - other.place);
  }

  /** The host has been closed, is for longer than it was, or is open again. */
  #sortOut(now: number): void {
    const closedUntil = this.#allowance.closedFor(now) > 0 ? this.#allowance.closedUntil : -Infinity;
    if (closedUntil === this.#closedUntil) return;
    this.#closedUntil = closedUntil;
    const all = this.#all();
    for (const line of [this.#counted, this.#others, this.#atDoor]) line.clear();
    for (const waiter of all) this.#place(waiter, now);
  }

  /** Lets through all whose turn it is, and looks again when that may have changed by itself. */
  #proceed(): void {
    const now = this.#now();
    this.#sortOut(now);
    let wait = this.#atDoor.isEmpty ? Infinity : this.#allowance.closedFor(now);
    for (;;) {
      const next = this.#next(now);
      if (next === undefined) break;
      const { isNeeded, isCounted } = next.options;
      if (isNeeded?.() === false) {
        next.fail(new NotNeededError());
        continue;
      }
      const paceWait = this.#allowance.paceWait(now);
      if (paceWait > 0) {
        wait = Math.min(wait, paceWait);
        break;
      }
      next.go(this.#allowance.begin(isCounted));
    }
    this.#lookAgain(now + Math.ceil(wait));
  }

  /** The first in line who is held up by neither the window nor the door. */
  #next(now: number): Waiter | undefined {
    const counted = this.#allowance.hasRoom(now) ? this.#counted.first() : undefined;
    const other = this.#others.first();
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

/** Somebody who waits for a turn. */
class Waiter {
  readonly options: TurnOptions;
  /** Whoever came before has a smaller one. */
  readonly place: number;
  /** With a turn, or without. */
  isGone = false;
  readonly #resolve: (turn: Turn) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #forget: (() => void)[] = [];

  constructor(
    options: TurnOptions,
    place: number,
    resolve: (turn: Turn) => void,
    reject: (reason: unknown) => void,
  ) {
    this.options = options;
    this.place = place;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** What to do when a signal is aborted before the turn has come. */
  leaveOn(signal: AbortSignal | undefined, leave: () => void): void {
    if (signal === undefined) return;
    this.#forget.push(
      onAbort(signal, () => {
        if (!this.isGone) leave();
      }),
    );
  }

  go(turn: Turn): void {
    this.#leave();
    this.#resolve(turn);
  }

  fail(reason: unknown): void {
    this.#leave();
    this.#reject(reason);
  }

  #leave(): void {
    this.isGone = true;
    for (const forget of this.#forget) forget();
  }
}
