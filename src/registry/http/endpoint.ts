import { isLoopback } from "../../go/loopback.js";
import { ManifestError } from "../../errors.js";
import type { HttpResponse, HttpRequest, Send } from "./message.js";
import { isNotTls, TransportError } from "./transportError.js";

/** Where a registry's API is: which host, and by which protocol. */

export interface EndpointOptions {
  /** HTTPS without verification, and plain HTTP where there is no TLS. */
  readonly insecure: boolean;
  /** Plain HTTP and nothing else. */
  readonly plainHttp: boolean;
  /** The user has certificates for this host: it speaks TLS. */
  readonly hasCertificates: boolean;
}

export type Protocol = "https:" | "http:";

/**
 * The host of a registry's API, as in `URL.host`, but with any port that the domain has: 443 goes without saying for one
 * protocol only. Docker Hub's API is not where its name says.
 * @throws ManifestError for what docker's grammar takes for a domain, and is the address of nothing: `x.com:99999`
 */
export function apiHost(domain: string): string {
  const text = domain === "docker.io" ? "registry-1.docker.io" : domain;
  if (!URL.canParse(`https://${text}`)) {
    throw new ManifestError("INVALID_REFERENCE", `"${domain}" is not the address of a registry`);
  }
  const { host, port } = new URL(`https://${text}`);
  return hasPort(text) && port === "" ? `${host}:443` : host;
}

/**
 * The protocols to try, in order. Plain HTTP needs the user's permission, except on the machine itself, where docker
 * too takes it for granted and where it therefore comes first.
 */
export function protocols(host: string, options: EndpointOptions): readonly [Protocol, ...Protocol[]] {
  if (options.plainHttp) return ["http:"];
  const loopback = isLoopback(new URL(`http://${host}`).hostname);
  if (loopback && !options.hasCertificates) return ["http:", "https:"];
  return loopback || options.insecure ? ["https:", "http:"] : ["https:"];
}

/**
 * The layer that finds the protocol: requests go out by the first that is possible, without asking first; when the
 * answer shows that it was the wrong one, they go out again by the other. Only an answer settles which it is: a host
 * that was down is looked at anew by the next request.
 *
 * @param speaksTls asks the host whether it does, when plain HTTP failed
 */
export function withProtocol(
  send: Send,
  host: string,
  possible: readonly [Protocol, ...Protocol[]],
  speaksTls: (host: string) => Promise<boolean>,
): Send {
  let settled: Protocol | undefined;
  let probing: Promise<boolean> | undefined;

  /** Requests that went out together come here together: one question does for all. */
  function isTls(): Promise<boolean> {
    return (probing ??= speaksTls(host).finally(() => (probing = undefined)));
  }

  /** Does this outcome show that the other protocol is the right one? */
  async function isWrong(used: Protocol, outcome: HttpResponse | TransportError): Promise<boolean> {
    if (settled !== undefined) return used !== settled;
    if (possible.length === 1) return false;
    if (!(outcome instanceof TransportError)) {
      return used === "http:" && outcome.status === 400 && (await isTls());
    }
    if (outcome.isProxys) return false;
    const isRefused = outcome.systemCode === "ECONNREFUSED";
    if (used === "http:") return !isRefused && (await isTls());
    return isNotTls(outcome.systemCode) || (isRefused && !hasPort(host));
  }

  /** What plain HTTP and nothing else has come to, where it is TLS that the host speaks. */
  async function orWrongProtocol(
    outcome: HttpResponse | TransportError,
    { method, url }: HttpRequest,
  ): Promise<HttpResponse | TransportError> {
    const isOdd =
      outcome instanceof TransportError
        ? !outcome.isProxys && outcome.systemCode !== "ECONNREFUSED"
        : outcome.status === 400;
    if (!isOdd || settled !== undefined || possible.length > 1 || possible[0] === "https:") return outcome;
    if (!(await isTls())) return outcome;
    const reason = `${host} speaks TLS, and not plain HTTP; leave out --plain-http`;
    return new TransportError(method, urlBy("http:", url), undefined, reason);
  }

  function urlBy(protocol: Protocol, by: URL): URL {
    if (by.protocol === protocol && by.host === host) return by;
    return new URL(`${protocol}//${host}${by.pathname}${by.search}`);
  }

  async function by(protocol: Protocol, request: HttpRequest): Promise<HttpResponse> {
    return send({ ...request, url: urlBy(protocol, request.url) });
  }

  return async function sendByProtocol(request: HttpRequest): Promise<HttpResponse> {
    if (!isHost(request.url, host)) return send(request);
    const used = settled ?? possible[0];
    const outcome = await orWrongProtocol(await by(used, request).catch(asOutcome), request);
    if (!(await isWrong(used, outcome))) {
      if (outcome instanceof TransportError) throw outcome;
      if (outcome.status !== 400) settled ??= used;
      return outcome;
    }
    const other = used === "https:" ? "http:" : "https:";
    const response = await by(other, request);
    settled ??= other;
    return response;
  };
}

/** An answer that did not come is an outcome, too. */
function asOutcome(error: unknown): TransportError {
  if (error instanceof TransportError) return error;
  throw error;
}

function hasPort(host: string): boolean {
  return /:\d+$/.test(host);
}

/** As a URL has them: it is asked of every request, and there are few. */
const hostsInUrls = new Map<string, string>();

/** Does this URL lead to this host (`name[:port]`)? A URL drops the port that its protocol implies. */
export function isHost(url: URL, host: string): boolean {
  const origin = `${url.protocol}//${host}`;
  let known = hostsInUrls.get(origin);
  if (known === undefined) {
    known = new URL(origin).host;
    hostsInUrls.set(origin, known);
  }
  return known === url.host;
}
