import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { ConnectionError } from "./causes.js";

/** Connections below HTTP and TLS. */

export interface Bounds {
  /** For a connection, in milliseconds. */
  readonly timeout: number;
  /** Ends what is on its way to be one. */
  readonly signal?: AbortSignal | undefined;
  /** Told how long it took a host (`name[:port]`) to accept one, before any TLS, in milliseconds. */
  readonly onAccepted?: ((host: string, ms: number) => void) | undefined;
}

/** A name or an address, as one connects to it. */
export function hostnameOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}

const DEFAULT_PORTS = new Map([
  ["http:", 80],
  ["https:", 443],
]);

export function portOf(url: URL): number {
  return url.port === "" ? (DEFAULT_PORTS.get(url.protocol) ?? 1080) : Number(url.port);
}

/** Large bodies come in larger pieces than by Node's own measure. Its types do not know that sockets take it. */
const SOCKET_OPTIONS = { highWaterMark: 64 * 1024 };

/** Connects to a URL's host and port. */
export async function openTcp(url: URL, bounds: Bounds): Promise<Socket> {
  const socket = connect({ host: hostnameOf(url), port: portOf(url), ...SOCKET_OPTIONS });
  await within(socket, url.host, bounds, () => once(socket, "connect"));
  return socket;
}

/**
 * Waits for something that makes a socket ready. If that fails, takes too long or is not wanted any more, the socket is
 * destroyed.
 */
export async function within<T>(
  socket: Socket,
  host: string,
  { timeout, signal, onAccepted }: Bounds,
  work: () => Promise<T>,
): Promise<T> {
  socket.setNoDelay(true).setKeepAlive(true, 60_000);
  // Whoever uses it learns of its end by its use. Node leaves a TLS connection as it is behind an alert: nothing would come by it.
  socket.on("error", () => socket.destroy());
  if (socket.connecting) {
    const start = Date.now();
    socket.once("connect", () => onAccepted?.(host, Date.now() - start));
  }
  const timer = setTimeout(() => {
    socket.destroy(
      new ConnectionError("UND_ERR_CONNECT_TIMEOUT", `no connection to ${host} within ${timeout} ms`),
    );
  }, timeout);
  const onAbort = (): void => {
    socket.destroy(new Error("aborted"));
  };
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    signal?.throwIfAborted();
    return await work();
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}
