import { ManifestError } from "../../errors.js";

/**
 * Where a registry sends its clients: the `Location` of an upload and of a redirect.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#post-then-put
 * https://www.rfc-editor.org/rfc/rfc9110#section-10.2.2
 */

export interface ResolvedLocation {
  readonly url: URL;
  /** Is it the server that was asked? If not, nothing that was meant for that server may go there. */
  readonly sameOrigin: boolean;
}

export interface LocationOptions {
  /** The user allowed plain HTTP: a step down from https to http is taken. */
  readonly allowPlainHttp?: boolean;
}

const MAX_LENGTH = 16 * 1024;
const CONTROLS = /\p{Cc}/u;

/**
 * The URL that a `Location` header means, seen from the URL that was asked. Its query stays as it was sent: it is
 * often signed. A `http://` of the same host behind a TLS proxy becomes `https://`.
 * @throws ManifestError if there is none, if it is no http(s) URL, or if it leaves TLS for plain HTTP elsewhere; the
 *   message holds neither path nor query, which may be secret
 */
export function resolveLocation(
  location: string | undefined,
  requestUrl: URL,
  options: LocationOptions = {},
): ResolvedLocation {
  const text = location?.trim() ?? "";
  const refuse = (what: string): never => {
    const subject = requestUrl.host;
    throw new ManifestError("INVALID_ANSWER", `${subject} ${what}`, { subject });
  };
  if (text === "") return refuse("sent no Location header");
  if (text.length > MAX_LENGTH || CONTROLS.test(text) || !URL.canParse(text, requestUrl.href)) {
    return refuse("sent a Location header that is not a URL");
  }
  const url = new URL(text, requestUrl.href);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return refuse("sent a Location header that is neither http nor https");
  }
  url.username = "";
  url.password = "";
  url.hash = "";
  keepTls(url, requestUrl);
  if (requestUrl.protocol === "https:" && url.protocol === "http:" && options.allowPlainHttp !== true) {
    return refuse(`sends its clients on to ${url.host} by plain HTTP; pass --insecure to allow it`);
  }
  return { url, sameOrigin: isSameServer(url, requestUrl) };
}

/** A registry that does not know of the TLS proxy in front of it gives away its own scheme, sometimes its port too. */
function keepTls(url: URL, requestUrl: URL): void {
  const steppedDown = requestUrl.protocol === "https:" && url.protocol === "http:";
  if (!steppedDown || url.hostname !== requestUrl.hostname) return;
  const port = url.port === "" ? requestUrl.port : url.port;
  url.protocol = "https:";
  url.port = port;
}

/** The same origin, or the same server seen by TLS after plain HTTP. */
function isSameServer(url: URL, requestUrl: URL): boolean {
  if (url.origin === requestUrl.origin) return true;
  return url.protocol === "https:" && requestUrl.protocol === "http:" && url.host === requestUrl.host;
}

/** The upload's URL with the digest that closes it; the rest of the query stays byte for byte. */
export function closingUrl(url: URL, digest: string): URL {
  const closing = new URL(url);
  const separator = url.search === "" ? "?" : url.search.endsWith("&") ? "" : "&";
  closing.search = `${url.search}${separator}digest=${encodeURIComponent(digest)}`;
  return closing;
}
