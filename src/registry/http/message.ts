import type { Readable } from "node:stream";

/** What the layers of the registry client hand to each other. */

export type Method = "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface HttpRequest {
  readonly method: Method;
  readonly url: URL;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream is made anew for every try. */
  readonly body?: Buffer | string | BodySource;
  /** May it be sent again even if the server has acted on it already? */
  readonly idempotent: boolean;
  /** What it needs to be allowed, and the work that it is part of; absent, it must not carry credentials. */
  readonly auth?: RequestAuth;
  /** Give the body of a success as a stream, just as it was sent, instead of reading it. */
  readonly stream?: boolean;
  /** Most bytes of the body to read; more is an error. 4 MiB unless told. */
  readonly maxBytes?: number;
  /** Overrides the client's number of retries. */
  readonly retries?: number;
  /** How many retries there are at most where the connection breaks, for what can be done without. */
  readonly retriesWhenBroken?: number;
  /** Asked when its turn comes. If it is not, nothing is sent, and the promise rejects with a {@link NotNeededError}. */
  readonly isNeeded?: () => boolean;
  /** Told when its turn has come how long it has waited for that, in milliseconds. */
  readonly onTurn?: (waitedMs: number) => void;
  /** Told when it goes out, on a connection that is there by then. */
  readonly onSent?: () => void;
  /** Goes around each time that it is sent: again, elsewhere, or with other credentials. */
  readonly around?: <Answer>(send: () => Promise<Answer>) => Promise<Answer>;
  /**
   * Asked before it is sent again where the server may have acted on an earlier try, such as one whose answer was lost:
   * the answer that it has then, if it is found to be done. It may send requests of its own.
   */
  readonly beforeRetry?: () => Promise<HttpResponse | undefined>;
  /** Once aborted, it is not tried again, and no wait for another try goes on; a try under way is left to end. */
  readonly stop?: AbortSignal | undefined;
  /** Ends it, wherever it is. */
  readonly signal?: AbortSignal | undefined;
}

/** What a request needs to be allowed. */
export interface RequestAuth {
  readonly scopes: readonly string[];
  readonly session: AuthSession;
}

/**
 * One piece of work, such as a push: what was refused is remembered within it and forgotten with it. Made by
 * `newAuthSession`.
 */
export interface AuthSession {
  /** All that the work will need, target first. */
  readonly scopes: readonly string[];
  /** Are the scopes those of several pieces of work? See `SessionOptions.isShared`. */
  readonly isShared: boolean;
}

/** A body that is sent piece by piece. `length` in bytes. */
export interface BodySource {
  readonly length: number;
  open(): Readable | AsyncIterable<Uint8Array>;
}

/** An answer, whole or as a stream. */
export interface HttpResponse {
  /** The HTTP status. */
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The URL that answered, after redirects. */
  readonly url: URL;
  /** It comes from behind a redirect, of whatever host: what it says of credentials is not the registry's word. */
  readonly redirected: boolean;
  /** Empty where `stream` is there. */
  readonly body: Buffer;
  /** The body, where it was asked for as a stream. */
  readonly stream?: Readable;
}

/** What of a failed answer is looked at when it is decided whether to try again. */
export interface FailedAnswer extends Pick<HttpResponse, "status" | "headers"> {
  /** The beginning of its body. */
  readonly text: string;
}

/** Never shown to users: callers that pass `isNeeded` catch it. */
export class NotNeededError extends Error {
  override readonly name = "NotNeededError";
}

/** Sends one request. Each layer is a function from one of these to another. */
export type Send = (request: HttpRequest) => Promise<HttpResponse>;

/** The first value of a header. */
export function header(response: Pick<HttpResponse, "headers">, name: string): string | undefined {
  const value = response.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** All values of a header. */
export function headers(response: Pick<HttpResponse, "headers">, name: string): readonly string[] {
  const value = response.headers[name];
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

/** What `Content-Length` says, in bytes; undefined where it says nothing that makes sense. */
export function contentLength(response: Pick<HttpResponse, "headers">): number | undefined {
  const text = header(response, "content-length");
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** What a body is as JSON, not checked in any way; undefined where it is none. */
export function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A URL as it may be shown: without user name, query values and fragment, where secrets and signatures live. */
export function shownUrl(url: URL): string {
  const keys = [...url.searchParams].map(([key, value]) =>
    SHOWN_PARAMETERS.has(key) ? `${key}=${value}` : `${key}=…`,
  );
  return `${url.origin}${url.pathname}${keys.length === 0 ? "" : `?${keys.join("&")}`}`;
}

/** Query parameters of the distribution API and of token requests that hold nothing secret. */
const SHOWN_PARAMETERS = new Set(["mount", "from", "digest", "tag", "scope", "service", "n", "last"]);
