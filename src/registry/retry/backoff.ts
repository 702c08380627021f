/** How long to wait before the next try. All in milliseconds. */

export interface RetryLimits {
  /** The first wait is about this long, each next one twice as long … */
  readonly baseMs: number;
  /** … up to this. */
  readonly capMs: number;
  /** A server that asks for a longer wait than this is not waited for. */
  readonly longestRetryAfterMs: number;
  /** No wait may end later than this after the first try began. */
  readonly totalMs: number;
  /**
   * With `patient`: how long to wait for a host that has no room (429), besides what it asks for. Default: 15 minutes.
   */
  readonly patienceMs?: number | undefined;
}

export const DEFAULT_LIMITS: RetryLimits = {
  baseMs: 200,
  capMs: 10_000,
  longestRetryAfterMs: 60_000,
  totalMs: 5 * 60_000,
};

export interface BackoffOptions {
  /** Since the first try began. */
  readonly elapsedMs: number;
  /** What the server asked for; see `askedWait`. */
  readonly askedMs?: number | undefined;
  /** From 0 to 1, like Math.random. */
  readonly random: () => number;
  readonly limits?: RetryLimits | undefined;
}

/**
 * The wait after so many tries (1: after the first), or undefined if it would be longer than the limits allow: then there
 * is no further try. Exponential, half of it left to chance, and never less than the server asks for.
 */
export function backoff(attempt: number, options: BackoffOptions): number | undefined {
  const { elapsedMs, askedMs, random, limits = DEFAULT_LIMITS } = options;
  const ceiling = Math.min(limits.capMs, limits.baseMs * 2 ** (attempt - 1));
  const usual = (ceiling / 2) * (1 + random());
  if (askedMs !== undefined && askedMs > limits.longestRetryAfterMs) return undefined;
  // Those who were told the same moment do not all come back in it.
  const delay = askedMs === undefined ? usual : Math.max(usual, askedMs + limits.baseMs * random());
  return elapsedMs + delay > limits.totalMs ? undefined : Math.ceil(delay);
}
