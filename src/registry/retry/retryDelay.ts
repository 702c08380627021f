import { parseRetryAfter, retryAfterInText } from "./retryAfter.js";

/**
 * The one retry policy: what is tried again, when, and how often. It decides; the loop that waits and sends is
 * somewhere else.
 */

/** How a try ended: with an answer, or without one. */
export type Outcome =
  | {
      readonly status: number;
      /** Names in lower case. */
      readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
      /** The beginning of the answer's body: some registries put the wait there. */
      readonly text?: string;
    }
  /** The `code` of the error, as Node and undici set it. */
  | { readonly errorCode: string | undefined };

export interface FailedTry {
  /** The try that just failed; the first is 1. */
  readonly attempt: number;
  /** Milliseconds since the first try began. */
  readonly elapsedMs: number;
  /** How many tries may follow the first. */
  readonly retries: number;
  /** May the request be repeated even if the server has acted on it already? */
  readonly idempotent: boolean;
  readonly outcome: Outcome;
  /** From 0 to 1, like Math.random. */
  readonly random: () => number;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly limits?: RetryLimits;
}

/** All in milliseconds. */
export interface RetryLimits {
  /** The first wait is about this long, each next one twice as long … */
  readonly baseMs: number;
  /** … up to this. */
  readonly capMs: number;
  /** A server that asks for a longer wait than this is not waited for. */
  readonly longestRetryAfterMs: number;
  /** No wait may end later than this after the first try began. */
  readonly totalMs: number;
}

export const DEFAULT_RETRIES = 5;

export const DEFAULT_LIMITS: RetryLimits = {
  baseMs: 200,
  capMs: 10_000,
  longestRetryAfterMs: 60_000,
  totalMs: 5 * 60_000,
};

/** Answers that may be different next time. */
const TRANSIENT_STATUSES = new Set([408, 429, 499, 500, 502, 503, 504, 522]);

/** Those by which the server says that it did nothing: any request may be repeated. */
const REFUSED_STATUSES = new Set([429, 503]);

/** A connection that broke while a request was under way. */
const BROKEN = new Set([
  "ECONNABORTED",
  "ECONNRESET",
  "EPIPE",
  "ERR_HTTP2_GOAWAY_SESSION",
  "ERR_HTTP2_INVALID_SESSION",
  "ERR_HTTP2_PING_CANCEL",
  "ERR_HTTP2_SESSION_ERROR",
  "ERR_HTTP2_STREAM_CANCEL",
  "ERR_HTTP2_STREAM_ERROR",
  "ERR_STREAM_PREMATURE_CLOSE",
  "ETIMEDOUT",
  "UND_ERR_BODY_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  // undici's own notes on a connection that it gave up: GOAWAY, a reset session, an idle time-out.
  "UND_ERR_INFO",
  "UND_ERR_RES_CONTENT_LENGTH_MISMATCH",
  "UND_ERR_SOCKET",
]);

/** A connection that never came to be: any request may be repeated. */
const NOT_CONNECTED = new Set(["EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT"]);

/**
 * Likewise, but mostly a wrong address or a machine without a network: two more tries help a server over a restart
 * and do not keep anybody waiting who mistyped a port.
 */
const UNREACHABLE = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETDOWN", "ENETUNREACH"]);
const UNREACHABLE_RETRIES = 2;

/**
 * How many milliseconds to wait before the next try, or undefined: no further try.
 *
 * Exponential back-off, half of it left to chance, and never less than the server's `Retry-After`. When that is what
 * forbids another try (longer than the limits allow), {@link askedWait} tells until when.
 */
export function retryDelay(failed: FailedTry): number | undefined {
  const limits = failed.limits ?? DEFAULT_LIMITS;
  if (failed.attempt > retriesFor(failed)) return undefined;

  const ceiling = Math.min(limits.capMs, limits.baseMs * 2 ** (failed.attempt - 1));
  const backOff = (ceiling / 2) * (1 + failed.random());
  const asked = askedWait(failed.outcome, failed.now);
  if (asked !== undefined && asked > limits.longestRetryAfterMs) return undefined;
  // Those who were told the same moment do not all come back in it.
  const delay = asked === undefined ? backOff : Math.max(backOff, asked + limits.baseMs * failed.random());
  return failed.elapsedMs + delay > limits.totalMs ? undefined : Math.ceil(delay);
}

/** How long the server asked its clients to stay away, in milliseconds, if it did. */
export function askedWait(outcome: Outcome, now: number): number | undefined {
  if (!("status" in outcome)) return undefined;
  const header = (name: string): string | undefined => [outcome.headers?.[name] ?? []].flat()[0];
  const servers = Date.parse(header("date") ?? "");
  const value = header("retry-after");
  return (
    (value === undefined ? undefined : parseRetryAfter(value, Number.isNaN(servers) ? now : servers)) ??
    (outcome.status === 429 ? retryAfterInText(outcome.text ?? "") : undefined)
  );
}

/** How many retries this outcome deserves. */
function retriesFor({ outcome, idempotent, retries }: FailedTry): number {
  if ("status" in outcome) {
    return (idempotent ? TRANSIENT_STATUSES : REFUSED_STATUSES).has(outcome.status) ? retries : 0;
  }
  const code = outcome.errorCode ?? "";
  if (NOT_CONNECTED.has(code)) return retries;
  if (UNREACHABLE.has(code)) return Math.min(retries, UNREACHABLE_RETRIES);
  return idempotent && BROKEN.has(code) ? retries : 0;
}
