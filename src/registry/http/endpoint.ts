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
 * answer shows that it was the wrong one, they go out again by the other.
 *
 * @param speaksTls asks the host whether it does, when plain HTTP failed
 */
export function withProtocol(
  send: Send,
  host: string,
  possible: readonly [Protocol, ...Protocol[]],
  speaksTls: (host: string) => Promise<boolean>,
): Send {
  let current = possible[0];
  let settled = possible.length === 1;
  let probing: Promise<boolean> | undefined;

  /** Changes the protocol if this outcome shows that it is the wrong one. */
  async function isWrong(used: Protocol, outcome: HttpResponse | TransportError): Promise<boolean> {
    if (settled) return used !== current;
    const other: Protocol = used === "https:" ? "http:" : "https:";
    if (!possible.includes(other) || used !== current) return used !== current;
    if (outcome instanceof TransportError) {
      const noTls = isNotTls(outcome.systemCode) || (outcome.systemCode === "ECONNREFUSED" && !hasPort(host));
      if (used === "https:" && !noTls) return false;
      if (used === "http:" && outcome.systemCode === "ECONNREFUSED") return false;
    } else if (used === "https:" || outcome.status !== 400) {
      settled = true;
      return false;
    }
    if (used === "http:") {
      probing ??= speaksTls(host);
      // Requests that went out together come here together; whoever is first has changed it for all.
      if (!(await probing)) return false;
    }
    current = other;
    settled = true;
    return true;
  }

  return async function sendByProtocol(request: HttpRequest): Promise<HttpResponse> {
    if (!isHost(request.url, host)) return send(request);
    for (;;) {
      const used = current;
      const url = new URL(request.url);
      url.protocol = used;
      url.port = /:(\d+)$/.exec(host)?.[1] ?? "";
      try {
        const response = await send({ ...request, url });
        if (!(await isWrong(used, response))) return response;
      } catch (error) {
        if (!(error instanceof TransportError) || !(await isWrong(used, error))) throw error;
      }
    }
  };
}

function hasPort(host: string): boolean {
  return /:\d+$/.test(host);
}

/** Does this URL lead to this host (`name[:port]`)? A URL drops the port that its protocol implies. */
export function isHost(url: URL, host: string): boolean {
  return new URL(`${url.protocol}//${host}`).host === url.host;
}
