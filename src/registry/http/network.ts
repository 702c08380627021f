import type { Socket } from "node:net";
import { nextTurn } from "../../nextTurn.js";
import type { Connections } from "./connections.js";
import { forwarding, isHttpProxy, openProxy, openTunnel } from "./proxy.js";
import { openTcp, type Bounds } from "./sockets.js";
import { SpareSockets } from "./spareSockets.js";
import { createTls, type TlsSettings } from "./tls.js";
import { ConnectionError, ProxyError, proxyOf, rootCode } from "./causes.js";
import { NO_PROTOCOL } from "./transportError.js";

/** By which connections a request goes: through a proxy or not, by TLS or not, over HTTP/1.1 or HTTP/2. */

export interface NetworkOptions extends Bounds {
  /** What TLS should trust and show for a host (`name[:port]`), be it a registry or a proxy. */
  readonly tls: (host: string) => Promise<TlsSettings>;
  /** What the machine trusts besides Node's own list, PEM. Asked when that list is not enough. */
  readonly roots: () => Promise<readonly string[]>;
  /** The proxy for a URL, if any. */
  readonly proxyFor: (url: URL) => URL | undefined;
  /** Told that a host (`name[:port]`) speaks HTTP/2, and then how many requests at once it allows. */
  readonly onStreams?: ((host: string, allowed: number | undefined) => void) | undefined;
}

export interface Network {
  /**
   * The connections to a URL's origin. The bodies of blobs (`bulk`) have some of their own: an upload that waits for a
   * download must never keep it from going on.
   */
  readonly connectionsTo: (url: URL, bulk: boolean) => Promise<Connections>;
  /**
   * Begins to open connections to a URL's origin, so many where it takes a request on each: those who want one later find it.
   * Nothing comes of a failure, which the first request will meet.
   */
  readonly connectAhead: (url: URL, count: number) => void;
  /** What is behind a failed request, as far as it can be found out. */
  readonly explain: (url: URL, error: unknown) => Promise<unknown>;
  /** Does a server that speaks TLS answer there? */
  readonly speaksTls: (host: string) => Promise<boolean>;
  /** Ends all connections; what is under way is given up. */
  readonly close: () => Promise<void>;
}

const KEEP_ALIVE_MS = 30_000;

/** How a connection ends that TLS has let come to be. */
const CLOSED = new Set(["ECONNRESET", "EPIPE", "UND_ERR_SOCKET"]);

export function createNetwork(options: NetworkOptions): Network {
  const { proxyFor, timeout, signal, onAccepted, onStreams } = options;
  const bounds: Bounds = { timeout, signal, onAccepted };
  const tls = createTls({ ...bounds, settings: options.tls, roots: options.roots });
  const proxyOptions = { ...bounds, openTls: (proxy: URL) => tls.connect(proxy, ["http/1.1"]) };
  const known = new Map<string, Promise<Connections>>();
  const all: Connections[] = [];
  const allSpares = new Set<SpareSockets>();

  function connectionsTo(url: URL, bulk: boolean, ahead = 0): Promise<Connections> {
    const name = bulk ? `bulk ${url.origin}` : url.origin;
    const found = known.get(name);
    if (found !== undefined) return found;
    // A failure must not be remembered: the next try begins anew, with another certificate or protocol perhaps.
    const forget = (): void => {
      if (known.get(name) === made) known.delete(name);
    };
    const made: Promise<Connections> = connect(url, bulk, ahead, forget);
    known.set(name, made);
    made.then((connections) => all.push(connections), forget);
    return made;
  }

  function connectAhead(url: URL, count: number): void {
    connectionsTo(url, false, count).catch(() => undefined);
  }

  /** @param ahead how many connections are opened before a request asks for them; 0 where one does */
  async function connect(url: URL, bulk: boolean, ahead: number, forget: () => void): Promise<Connections> {
    const proxy = proxyFor(url);
    const common = { keepAlive: KEEP_ALIVE_MS };
    if (url.protocol === "http:") {
      const spares = sparesBy(() => openPlain(url, proxy));
      if (ahead > 0) spares.open(ahead);
      else spares.add();
      // What follows is loaded in one go, which would keep them from leaving.
      await nextTurn();
      const { createHttp1 } = await import("./http1.js");
      const way = { ...common, open: () => spares.take() };
      return proxy !== undefined && isHttpProxy(proxy)
        ? forwarding(proxy, url, createHttp1(proxy, way))
        : createHttp1(url, way);
    }
    // The first connection tells whether the server speaks HTTP/2. Only then is it known how many are wanted.
    const first = await openFirst(url, bulk);
    const isHttp2 = first.alpnProtocol === "h2";
    const spares = sparesBy(() => openTls(url, isHttp2 ? "h2" : "http/1.1"));
    spares.add(Promise.resolve(first));
    const open = async (): Promise<Socket> => {
      try {
        return await spares.take();
      } catch (error) {
        forget();
        // It spoke the other version when it was asked first: asked anew, it will be understood.
        if (rootCode(error) === NO_PROTOCOL)
          throw new ConnectionError("UND_ERR_SOCKET", "it speaks another version of HTTP");
        throw error;
      }
    };
    if (isHttp2) {
      const { createHttp2 } = await import("./http2.js");
      if (bulk) return createHttp2(url, { ...common, open, shared: false });
      onStreams?.(url.host, undefined);
      const tell = (allowed: number): void => onStreams?.(url.host, allowed);
      return createHttp2(url, { ...common, open, shared: true, onStreams: tell });
    }
    spares.open(ahead - 1);
    const { createHttp1 } = await import("./http1.js");
    return createHttp1(url, { ...common, open });
  }

  function sparesBy(open: () => Promise<Socket>): SpareSockets {
    const spares = new SpareSockets(open);
    allSpares.add(spares);
    return spares;
  }

  /** A connection without TLS: to the host, by a tunnel, or to a proxy that passes requests on. */
  function openPlain(url: URL, proxy: URL | undefined): Promise<Socket> {
    if (proxy === undefined) return openTcp(url, bounds);
    return isHttpProxy(proxy) ? openProxy(proxy, proxyOptions) : openTunnel(proxy, url, proxyOptions);
  }

  /** Blobs go by HTTP/1.1 where they can: a connection for each is what makes large ones fast. */
  async function openFirst(url: URL, bulk: boolean): ReturnType<typeof openTls> {
    if (!bulk) return openTls(url, "h2", "http/1.1");
    try {
      return await openTls(url, "http/1.1");
    } catch (error) {
      if (rootCode(error) !== NO_PROTOCOL) throw error;
      return openTls(url, "h2");
    }
  }

  function openTls(url: URL, ...protocols: readonly string[]): ReturnType<typeof tls.connect> {
    return tls.connect(url, protocols, dialFor(url));
  }

  function dialFor(url: URL): (() => Promise<Socket>) | undefined {
    const proxy = proxyFor(url);
    return proxy && (() => openTunnel(proxy, url, proxyOptions));
  }

  async function explain(url: URL, error: unknown): Promise<unknown> {
    const proxy = proxyOf(error);
    const at = proxy ?? url;
    if (at.protocol !== "https:" || !CLOSED.has(rootCode(error) ?? "")) return error;
    const refusal = await tls.refusal(at, proxy === undefined ? dialFor(url) : undefined);
    if (refusal === undefined) return error;
    return proxy === undefined ? refusal : new ProxyError(proxy, refusal);
  }

  async function close(): Promise<void> {
    // Whatever is still under way is not wanted any more.
    await Promise.all(all.map((connections) => connections.destroy()));
    for (const spares of allSpares) spares.close();
  }

  return { connectionsTo, connectAhead, explain, speaksTls: tls.speaks, close };
}
