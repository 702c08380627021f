import type { Duplex } from "node:stream";
import type { Socket } from "node:net";
import { Client, type Dispatcher } from "undici";
import { connectorOf } from "./http1.js";

/** HTTP's CONNECT, by undici: apart, since undici is loaded when the connection to the proxy is on its way. */

export interface TunnelRequest {
  /** What the proxy is to connect to: `registry.example:443`. */
  readonly to: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Opens the connection to the proxy. */
  readonly open: () => Promise<Socket>;
  /** For the answer, in milliseconds. */
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Asks a proxy for a tunnel.
 * https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6
 */
export async function requestTunnel(
  proxy: URL,
  { to, headers, open, timeout, signal }: TunnelRequest,
): Promise<{ readonly socket: Duplex; readonly statusCode: number }> {
  const client: Dispatcher = new Client(proxy.origin, {
    connect: connectorOf(open),
    headersTimeout: timeout,
  });
  try {
    const { socket, statusCode } = await client.connect({
      origin: proxy.origin,
      path: to,
      headers: { host: to, ...headers },
      ...(signal && { signal }),
    });
    socket.on("error", () => undefined);
    return { socket, statusCode };
  } finally {
    await client.destroy();
  }
}
