import { ManifestError, messageOf } from "../../errors.js";
import { isMissingReturn, isNotHttp, proxyOf, rootCause, rootCode } from "./causes.js";
import { shownUrl, type Method } from "./message.js";

/** No answer, or none that could be read: the network, TLS or the server's HTTP is at fault. */
export class TransportError extends ManifestError {
  /** `TransportError`. */
  override readonly name = "TransportError";
  /** Node's, undici's or OpenSSL's name for what happened, if there is one. */
  readonly systemCode: string | undefined;
  /** What happened, without the request. */
  readonly reason: string;
  /** It is the proxy that is at fault: nothing is known of the server behind it. */
  readonly isProxys: boolean;

  constructor(method: Method, url: URL, cause: unknown, reason = reasonOf(cause, url)) {
    super("TRANSPORT", `${reason} (${method} ${shownUrl(url)})`, {
      cause,
      subject: shownUrl(url),
      hint: hintOf(cause),
    });
    this.systemCode = rootCode(cause);
    this.reason = reason;
    this.isProxys = proxyOf(cause) !== undefined;
  }
}

const NETWORK_REASONS = new Map([
  ["ECONNREFUSED", "connection refused"],
  ["ECONNRESET", "the connection was closed by the other side"],
  ["EPIPE", "the connection was closed by the other side"],
  ["UND_ERR_SOCKET", "the connection was closed by the other side"],
  ["REFUSED_STREAM", "the server takes no more requests for the moment"],
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

const LISTENING = "nothing listens there: check the host and the port of the name";
const CUT_OFF =
  "a proxy or firewall may be in the way: try again later, or set HTTPS_PROXY where only a proxy leads out";
const UNREACHABLE =
  "check the name and the network; where only a proxy leads out, set HTTPS_PROXY, which docker's config.json can do, too";

/** What to do about them. */
const WAYS_OUT = new Map([
  ["ECONNREFUSED", LISTENING],
  ...["ECONNRESET", "EPIPE", "UND_ERR_SOCKET", "UND_ERR_BODY_TIMEOUT"].map(
    (code) => [code, CUT_OFF] as const,
  ),
  ...[
    "ENOTFOUND",
    "EAI_AGAIN",
    "ETIMEDOUT",
    "EHOSTUNREACH",
    "ENETUNREACH",
    "UND_ERR_CONNECT_TIMEOUT",
    "UND_ERR_HEADERS_TIMEOUT",
  ].map((code) => [code, UNREACHABLE] as const),
]);

function hintOf(cause: unknown): string | undefined {
  const wayOut = WAYS_OUT.get(rootCode(cause) ?? "");
  const isProxys = proxyOf(cause) !== undefined;
  return wayOut !== undefined && isProxys ? "check HTTPS_PROXY, HTTP_PROXY and NO_PROXY" : wayOut;
}

/** A server that speaks none of the protocols that it was offered. */
export const NO_PROTOCOL = "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL";

/** What OpenSSL says when the other side does not speak TLS. */
const NOT_TLS = new Set([
  "EPROTO",
  "ERR_SSL_WRONG_VERSION_NUMBER",
  "ERR_SSL_PACKET_LENGTH_TOO_LONG",
  "ERR_SSL_HTTP_REQUEST",
  "ERR_SSL_UNKNOWN_PROTOCOL",
]);

/** Those that other trusted authorities could mend. */
const UNTRUSTED = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** What is wrong with a server's certificate, and what to do besides not looking at it; `said` is OpenSSL's text. */
const CERTIFICATE_FAULTS: ReadonlyMap<string, (said: string) => string> = new Map([
  ...[...UNTRUSTED, "CERT_UNTRUSTED", "INVALID_PURPOSE"].map(
    (code) =>
      [
        code,
        (said: string) => `that is not trusted (${said}); name its CA by --ca-file or in certs.d`,
      ] as const,
  ),
  ["CERT_HAS_EXPIRED", (said) => `that is not trusted (${said}); have it renewed`],
  [
    "CERT_NOT_YET_VALID",
    (said) => `that is not trusted (${said}); see whether this machine's clock is right`,
  ],
  ["ERR_TLS_CERT_ALTNAME_INVALID", (said) => `for another name (${said}); use a name that is in it`],
]);

/** Was a certificate refused because nobody known has signed it? */
export function isUntrusted(code: string | undefined): boolean {
  return code !== undefined && UNTRUSTED.has(code);
}

/** Did the server answer a TLS handshake with something that is not TLS? */
export function isNotTls(code: string | undefined): boolean {
  return code !== undefined && NOT_TLS.has(code);
}

/** What a server says by a TLS alert of the certificate that it was shown, or was not. */
const REFUSED_CERTIFICATE = new Map([
  ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "wants a client certificate"],
  ["ERR_SSL_SSLV3_ALERT_NO_CERTIFICATE", "wants a client certificate"],
  ["ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED", "refuses the client certificate, which has expired"],
  ["ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED", "refuses the client certificate, which was revoked"],
  ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", "refuses the client certificate, whose CA it does not know"],
  // Without a certificate, too, before TLS 1.3.
  ["ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE", "wants a client certificate, or another one"],
  ["ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN", "wants a client certificate, or another one"],
  ["ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE", "wants a client certificate, or another one"],
  ["ERR_SSL_TLSV1_ALERT_ACCESS_DENIED", "wants a client certificate, or another one"],
  ["ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE", "has broken off the handshake and may want a client certificate"],
  [
    "ERR_CLOSED_AFTER_HANDSHAKE",
    "closes the connection after the handshake and may want a client certificate, or another one",
  ],
]);

/** Does the server want a certificate of its clients that it has not been shown? */
export function isRefusedCertificate(code: string | undefined): boolean {
  return code !== undefined && REFUSED_CERTIFICATE.has(code);
}

function reasonOf(cause: unknown, url: URL): string {
  const error = rootCause(cause);
  const code = rootCode(cause) ?? "";
  const proxy = proxyOf(cause);
  const { host } = proxy ?? url;
  const who = proxy === undefined ? host : `the proxy ${host}`;
  if (isNotTls(code)) {
    return proxy === undefined
      ? `${host} speaks plain HTTP; pass --insecure to allow it`
      : `${who} does not speak TLS: its URL should begin by http://`;
  }
  if (code === NO_PROTOCOL) {
    return proxy === undefined
      ? `${who} speaks neither HTTP/1.1 nor HTTP/2`
      : `${who} does not speak HTTP/1.1`;
  }
  const fault = CERTIFICATE_FAULTS.get(code);
  if (fault !== undefined) return `${who} has a certificate ${fault(oneLine(error))}, or pass --insecure`;
  const wanted = REFUSED_CERTIFICATE.get(code);
  if (wanted !== undefined) {
    return `${who} ${wanted}: put client.cert and client.key into certs.d/${host}/`;
  }
  if (isMissingReturn(error)) {
    return `${who} sent broken headers, which some registries do on a rate limit: try again later (${parserReason(error)})`;
  }
  if (isNotHttp(error)) return `${who} did not answer in HTTP (${parserReason(error)})`;
  return `${who}: ${NETWORK_REASONS.get(code) ?? oneLine(error)}`;
}

function parserReason(error: unknown): string {
  const message = messageOf(error);
  return /\((.*)\)/.exec(message)?.[1] ?? message;
}

/** OpenSSL's messages have several lines, with the places of its own source; what is for people is in `reason`. */
function oneLine(error: unknown): string {
  if (error instanceof Error && "reason" in error && typeof error.reason === "string") return error.reason;
  return messageOf(error).trim().replaceAll(/\s+/g, " ");
}
