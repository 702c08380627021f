import type { FailedAnswer } from "../http/message.js";

/**
 * Which failures may be over at the next try. It says what happened; `backoff` says how long to wait, and the loop that
 * waits and sends is somewhere else.
 */

/** How a try failed: by an answer, or without one. */
export type Outcome =
  | FailedAnswer
  /** The `code` of the error, as Node and undici set it. */
  | { readonly errorCode: string | undefined };

export type FailureKind =
  /** Too many requests, of this client or of all. */
  | "rateLimited"
  /** The server is there and does not do it now. */
  | "overloaded"
  /** The server, or one behind it, failed in the middle of it. */
  | "failed"
  /** The connection broke, or fell silent, while the request was under way. */
  | "broken"
  /** No connection came to be, for a reason that is mostly over soon. */
  | "notConnected"
  /** Nobody there, or no way there: a wrong address, or a server that is just being started. */
  | "unreachable"
  /** Another try would fail the same way. */
  | "final";

export interface Failure {
  readonly kind: FailureKind;
  /** May the server have done what it was asked for? If so, only what may be done twice can be tried again. */
  readonly mayHaveActed: boolean;
}

const FINAL: Failure = { kind: "final", mayHaveActed: true };

const BY_STATUS: ReadonlyMap<number, Failure> = new Map([
  [408, { kind: "failed", mayHaveActed: true }],
  [429, { kind: "rateLimited", mayHaveActed: false }],
  [499, { kind: "failed", mayHaveActed: true }],
  [500, { kind: "failed", mayHaveActed: true }],
  [502, { kind: "failed", mayHaveActed: true }],
  [503, { kind: "overloaded", mayHaveActed: false }],
  [504, { kind: "failed", mayHaveActed: true }],
  [522, { kind: "failed", mayHaveActed: true }],
] satisfies readonly (readonly [number, Failure])[]);

const CODES: readonly (readonly [Failure, readonly string[]])[] = [
  [
    { kind: "broken", mayHaveActed: true },
    [
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
    ],
  ],
  // Header lines that end in bare line feeds: Docker Hub has sent its 429 that way. Who else may send them is not known.
  [{ kind: "rateLimited", mayHaveActed: true }, ["HPE_CR_EXPECTED"]],
  [{ kind: "notConnected", mayHaveActed: false }, ["EAI_AGAIN", "REFUSED_STREAM", "UND_ERR_CONNECT_TIMEOUT"]],
  [{ kind: "unreachable", mayHaveActed: false }, ["ECONNREFUSED", "EHOSTUNREACH", "ENETDOWN", "ENETUNREACH"]],
];
const BY_CODE = new Map(CODES.flatMap(([failure, codes]) => codes.map((code) => [code, failure] as const)));

/** What kind of failure an outcome is. */
export function classify(outcome: Outcome): Failure {
  const known = "status" in outcome ? BY_STATUS.get(outcome.status) : BY_CODE.get(outcome.errorCode ?? "");
  return known ?? FINAL;
}

export const DEFAULT_RETRIES = 5;

/** Two more tries help a server over a restart, and do not keep anybody waiting who mistyped a port. */
const UNREACHABLE_RETRIES = 2;

export interface Retries {
  /** How many tries may follow the first. */
  readonly retries: number;
  /** How many of those where it is the connection that broke, if not as many. */
  readonly retriesWhenBroken?: number | undefined;
  /** May it be done twice? */
  readonly idempotent: boolean;
}

/** How many tries may follow the first when the last one failed like this. */
export function retriesFor({ kind, mayHaveActed }: Failure, allowed: Retries): number {
  const { retries, retriesWhenBroken = retries, idempotent } = allowed;
  if (mayHaveActed && !idempotent) return 0;
  switch (kind) {
    case "final":
      return 0;
    case "unreachable":
      return Math.min(retries, UNREACHABLE_RETRIES);
    case "broken":
      return Math.min(retries, retriesWhenBroken);
    case "rateLimited":
    case "overloaded":
    case "failed":
    case "notConnected":
      return retries;
  }
}
