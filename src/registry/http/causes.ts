import { messageOf, systemCode } from "../../errors.js";

/** What is behind a request that failed, under all that undici and Node have wrapped it in. */

/** There is no way through the proxy; `cause` says why. Its message holds no password. */
export class ProxyError extends Error {
  override readonly name = "ProxyError";
  readonly proxy: URL;

  constructor(proxy: URL, cause: unknown) {
    super(`the proxy ${proxy.host}: ${messageOf(cause)}`, { cause });
    this.proxy = proxy;
  }
}

/** The proxy that is at fault, if one is. */
export function proxyOf(error: unknown): URL | undefined {
  if (error instanceof ProxyError) return error.proxy;
  return error instanceof Error && error.cause !== undefined ? proxyOf(error.cause) : undefined;
}

/** A server that ends each connection when the handshake is over, unasked and without a word. */
export class ClosedAfterHandshakeError extends Error {
  override readonly name = "ClosedAfterHandshakeError";
  readonly code = "ERR_CLOSED_AFTER_HANDSHAKE";

  constructor() {
    super("the connection was closed after the handshake");
  }
}

/**
 * A connection that does not come, or not to its end, by undici's code for that. undici's own classes are not loaded before
 * the first connection is on its way.
 */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
  readonly code:
    "UND_ERR_CONNECT_TIMEOUT" | "UND_ERR_SOCKET" | "UND_ERR_HEADERS_TIMEOUT" | "UND_ERR_BODY_TIMEOUT";

  constructor(code: ConnectionError["code"], message: string) {
    super(message);
    this.code = code;
  }
}

/** undici and Node wrap the error that matters; an AggregateError holds one for every address that was tried. */
export function rootCause(error: unknown): unknown {
  if (error instanceof AggregateError && error.errors.length > 0) return rootCause(error.errors[0]);
  if (error instanceof Error && systemCode(error) === undefined && error.cause !== undefined)
    return rootCause(error.cause);
  return error;
}

/** undici tells only in words which rule of HTTP was broken; one matters to the retry policy. */
function codeOf(error: unknown): string | undefined {
  return isMissingReturn(error) ? "HPE_CR_EXPECTED" : systemCode(error);
}

/** Docker Hub has answered 429 with bare line feeds, which the parser refuses. */
export function isMissingReturn(error: unknown): boolean {
  return isNotHttp(error) && /\bCR\b/.test(messageOf(error));
}

/** Did undici's parser refuse what came? */
export function isNotHttp(error: unknown): boolean {
  return error instanceof Error && error.name === "HTTPParserError";
}

/** The `code` of what is behind an error. */
export function rootCode(error: unknown): string | undefined {
  return codeOf(rootCause(error));
}
