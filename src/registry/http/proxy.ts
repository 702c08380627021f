import { Socket } from "node:net";
import { Readable } from "node:stream";
import type { Connections } from "./connections.js";
import { hostnameOf, openTcp, portOf, within, type Bounds } from "./sockets.js";
import { socks5Connect } from "./socks5.js";
import { SpareSockets } from "./spareSockets.js";
import { ProxyError } from "./causes.js";

/** Connections by way of the proxies that `HTTP_PROXY` and `HTTPS_PROXY` name. */

export interface ProxyOptions extends Bounds {
  /** Opens a TLS connection to a proxy that wants one. */
  readonly openTls: (proxy: URL) => Promise<Socket>;
}

/** Does it speak HTTP, by TLS or not? If not, SOCKS. */
export function isHttpProxy({ protocol }: URL): boolean {
  return protocol === "http:" || protocol === "https:";
}

/** A connection to the proxy itself. */
export async function openProxy(proxy: URL, options: ProxyOptions): Promise<Socket> {
  try {
    return await (proxy.protocol === "https:" ? options.openTls(proxy) : openTcp(proxy, options));
  } catch (error) {
    throw new ProxyError(proxy, error);
  }
}

/** A connection through the proxy to a URL's host. */
export async function openTunnel(proxy: URL, url: URL, options: ProxyOptions): Promise<Socket> {
  if (isHttpProxy(proxy)) return httpConnect(proxy, url, options);
  const socket = await openProxy(proxy, options);
  const { username, password } = proxy;
  const user = username === "" ? undefined : { name: unescaped(username), password: unescaped(password) };
  try {
    await within(socket, proxy.host, options, () =>
      socks5Connect(socket, hostnameOf(url), portOf(url), user),
    );
  } catch (error) {
    throw new ProxyError(proxy, error);
  }
  return socket;
}

async function httpConnect(proxy: URL, url: URL, options: ProxyOptions): Promise<Socket> {
  const spares = new SpareSockets(() => openProxy(proxy, options));
  spares.add();
  try {
    const { requestTunnel } = await import("./httpConnect.js");
    const { socket, statusCode } = await requestTunnel(proxy, {
      to: `${url.hostname}:${portOf(url)}`,
      headers: proxyAuthorization(proxy),
      open: () => spares.take(),
      timeout: options.timeout,
      signal: options.signal,
    });
    if (statusCode >= 200 && statusCode < 300 && socket instanceof Socket) return socket;
    socket.destroy();
    throw refusalOf(proxy, statusCode);
  } catch (error) {
    throw error instanceof ProxyError ? error : new ProxyError(proxy, error);
  } finally {
    spares.close();
  }
}

/** Connections to a proxy, as connections to the origin to which it passes on plain HTTP. */
export function forwarding(proxy: URL, origin: URL, connections: Connections): Connections {
  return {
    ...connections,
    request: async (sent) => {
      const received = await connections.request({
        ...sent,
        path: `${origin.origin}${sent.path}`,
        headers: { ...sent.headers, host: origin.host, ...proxyAuthorization(proxy) },
      });
      if (received.statusCode !== 407) return received;
      if (received.body instanceof Readable) received.body.on("error", () => undefined).destroy();
      throw refusalOf(proxy, 407);
    },
  };
}

/** Why a proxy does not pass on a request. */
function refusalOf(proxy: URL, status: number): ProxyError {
  if (status !== 407) return new ProxyError(proxy, new Error(`it answered ${status}`));
  const what = proxy.username === "" ? "wants a" : "does not accept the";
  return new ProxyError(proxy, new Error(`it ${what} user name and password in its URL (407)`));
}

/** The header by which the user of a proxy's URL is known to it. */
function proxyAuthorization({ username, password }: URL): Readonly<Record<string, string>> {
  if (username === "" && password === "") return {};
  const user = Buffer.from(`${unescaped(username)}:${unescaped(password)}`).toString("base64");
  return { "proxy-authorization": `Basic ${user}` };
}

/** A user name or a password as it is meant. A `%` of its own, which should have been escaped, is one. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
