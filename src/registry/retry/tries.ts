import { backoff, DEFAULT_LIMITS, type RetryLimits } from "./backoff.js";
import { retriesFor, type Failure, type Retries } from "./classify.js";

export interface TriesOptions extends Retries {
  readonly limits?: RetryLimits | undefined;
  /** Is a host that asks to be asked later waited for, however long that is? See `RegistryOptions.patient`. */
  readonly patient?: boolean | undefined;
  /** When the first try began, in milliseconds since 1970. */
  readonly start: number;
  /** From 0 to 1, like Math.random. */
  readonly random: () => number;
}

/** Counts the tries of one piece of work. */
export class Tries {
  readonly #options: TriesOptions;
  /** Those that count: with patience, a host that has no room for the moment takes none of them away. */
  #failed = 0;
  /** The waits behind them. */
  #waitedMs = 0;
  #throttled = 0;
  /** When it was throttled first, but later by all that the host has asked to wait since then. */
  #throttledSince: number | undefined;

  constructor(options: TriesOptions) {
    this.#options = options;
  }

  /** May there be another try after one that failed like this, as far as their number goes? */
  allows(failure: Failure, askedMs: number | undefined): boolean {
    const allowed = retriesFor(failure, this.#options);
    return allowed > 0 && (this.#isWaitedOut(failure, askedMs) || this.#failed < allowed);
  }

  /**
   * How long to wait after a try that failed like this, in milliseconds; undefined if there is no further one.
   *
   * @param askedMs what the server asked for; see `askedWait`
   */
  delayAfter(failure: Failure, askedMs: number | undefined, now: number): number | undefined {
    if (!this.allows(failure, askedMs)) return undefined;
    if (this.#isWaitedOut(failure, askedMs)) return this.#patientDelay(askedMs, now);
    const { start, random, limits, patient = false } = this.#options;
    // Patience may have let much time pass before: it is not to be missing now.
    const elapsedMs = patient ? this.#waitedMs : now - start;
    const delay = backoff(++this.#failed, { elapsedMs, askedMs, random, limits });
    this.#waitedMs += delay ?? 0;
    return delay;
  }

  #isWaitedOut({ kind }: Failure, askedMs: number | undefined): boolean {
    if (this.#options.patient !== true) return false;
    return kind === "rateLimited" || (kind === "overloaded" && askedMs !== undefined);
  }

  #patientDelay(askedMs: number | undefined, now: number): number | undefined {
    const { random, limits = DEFAULT_LIMITS } = this.#options;
    const { patienceMs = DEFAULT_PATIENCE_MS } = limits;
    this.#throttledSince ??= now;
    const delay = backoff(++this.#throttled, {
      elapsedMs: Math.max(0, now - this.#throttledSince),
      askedMs,
      random,
      limits: { ...limits, longestRetryAfterMs: Infinity, totalMs: patienceMs + (askedMs ?? 0) },
    });
    this.#throttledSince += askedMs ?? 0;
    return delay;
  }
}

/** So long is a host waited for that does not say for how long it will have no room. */
const DEFAULT_PATIENCE_MS = 15 * 60_000;
