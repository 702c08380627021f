import { errors } from "undici";
import { systemCode, ManifestError, messageOf } from "../../errors.js";
import { shownUrl, type Method } from "./message.js";

/** No answer, or none that could be read: the network, TLS or the server's HTTP is at fault. */
export class TransportError extends ManifestError {
  override readonly name = "TransportError";
  /** Node's, undici's or OpenSSL's name for what happened, if there is one. */
  readonly systemCode: string | undefined;
  /** What happened, without the request. */
  readonly reason: string;

  constructor(method: Method, url: URL, cause: unknown, reason = reasonOf(cause, url)) {
    super("TRANSPORT", `${reason} (${method} ${shownUrl(url)})`, { cause, subject: shownUrl(url) });
    this.systemCode = systemCode(rootCause(cause));
    this.reason = reason;
  }
}

/** undici and Node wrap the error that matters; an AggregateError holds one for every address that was tried. */
function rootCause(error: unknown): unknown {
  if (error instanceof AggregateError && error.errors.length > 0) return rootCause(error.errors[0]);
  if (error instanceof Error && systemCode(error) === undefined && error.cause !== undefined)
    return rootCause(error.cause);
  return error;
}

const REASONS = new Map([
  ["ECONNREFUSED", "connection refused"],
  ["ECONNRESET", "the connection was closed by the other side"],
  ["EPIPE", "the connection was closed by the other side"],
  ["UND_ERR_SOCKET", "the connection was closed by the other side"],
  ["ENOTFOUND", "no such host"],
  ["EAI_AGAIN", "the host name could not be looked up"],
  ["ETIMEDOUT", "the connection timed out"],
  ["EHOSTUNREACH", "the host cannot be reached"],
  ["ENETUNREACH", "the network cannot be reached"],
  ["UND_ERR_CONNECT_TIMEOUT", "the connection timed out"],
  ["UND_ERR_HEADERS_TIMEOUT", "no answer in time"],
  ["UND_ERR_BODY_TIMEOUT", "the answer stopped half-way"],
  ["UND_ERR_HEADERS_OVERFLOW", "the answer's headers are too large"],
]);

/** What OpenSSL says when the other side does not speak TLS. */
const NOT_TLS = new Set([
  "EPROTO",
  "ERR_SSL_WRONG_VERSION_NUMBER",
  "ERR_SSL_PACKET_LENGTH_TOO_LONG",
  "ERR_SSL_HTTP_REQUEST",
  "ERR_SSL_UNKNOWN_PROTOCOL",
]);

const BAD_CERTIFICATE = new Set([
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "CERT_UNTRUSTED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** Those that other trusted authorities could mend. */
const UNTRUSTED = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** Was a certificate refused because nobody known has signed it? */
export function isUntrusted(code: string | undefined): boolean {
  return code !== undefined && UNTRUSTED.has(code);
}

/** Did the server answer a TLS handshake with something that is not TLS? */
export function isNotTls(code: string | undefined): boolean {
  return code !== undefined && NOT_TLS.has(code);
}

function reasonOf(cause: unknown, url: URL): string {
  const error = rootCause(cause);
  const code = systemCode(error) ?? "";
  if (isNotTls(code)) return `${url.host} speaks plain HTTP; pass --insecure to allow it`;
  if (BAD_CERTIFICATE.has(code)) {
    return (
      `${url.host} has a certificate that is not trusted (${messageOf(error)}); ` +
      `name its CA by --ca-file or in certs.d, or pass --insecure`
    );
  }
  if (error instanceof errors.HTTPParserError) {
    const why = /\((.*)\)/.exec(error.message)?.[1] ?? error.message;
    // Docker Hub has answered 429 with bare line feeds, which the parser refuses. undici's error has no code for it.
    return /\bCR\b/.test(why)
      ? `${url.host} sent broken headers, which some registries do on a rate limit: try again later (${why})`
      : `${url.host} did not answer in HTTP (${why})`;
  }
  const reason = REASONS.get(code);
  return reason === undefined ? `${url.host}: ${messageOf(error)}` : `${url.host}: ${reason}`;
}
