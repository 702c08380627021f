import { createServer as createHttpServer, type Server } from "node:http";
import { createSecureServer, type Http2SecureServer } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import type { Socket } from "node:net";
import { createTestRegistry, type TestRegistry, type TestRegistryOptions } from "./registry.js";

/** Where a registry listens, and how it behaves. */
export interface ServerOptions extends TestRegistryOptions {
  /** A free one by default. */
  readonly port?: number | undefined;
  /** `127.0.0.1` by default. */
  readonly host?: string | undefined;
  /** HTTPS in place of HTTP. */
  readonly tls?: TlsOptions | undefined;
}

/** Certificates of a registry. */
export interface TlsOptions {
  /** PEM. */
  readonly key: string | Uint8Array;
  /** PEM. */
  readonly cert: string | Uint8Array;
  /** Offer HTTP/2 beside HTTP/1.1. */
  readonly http2?: boolean | undefined;
  /** PEM of the authority that clients' certificates must come from; without it clients need none. */
  readonly clientCa?: string | Uint8Array | undefined;
}

/** A registry that listens. */
export interface RunningRegistry extends TestRegistry, AsyncDisposable {
  /** `http://127.0.0.1:43211` */
  readonly url: string;
  /** `127.0.0.1:43211`, as it stands in a reference. */
  readonly host: string;
  /** The port where it listens. */
  readonly port: number;
  /** TCP connections accepted since the start or the last `resetLog`, whether or not a request came. */
  readonly connections: number;
  /** Ends every connection and stops listening. `await using` does it at the end of a block. */
  close(): Promise<void>;
}

/** Idle connections live longer than any test, so that none is closed under a client that is about to reuse it. */
const KEEP_ALIVE_MS = 120_000;

/**
 * Starts a registry on a port of its own. Throws what listening throws (`EADDRINUSE`, bad certificates).
 * @example
 * await using registry = await startRegistry();
 * registry.putImage("team/app", { tag: "amd64" });
 * registry.tags("team/app"); // ["amd64"]
 */
export async function startRegistry(options: ServerOptions = {}): Promise<RunningRegistry> {
  const { host: address = "127.0.0.1", port: wanted = 0, tls } = options;
  const registry = createTestRegistry(options);
  const server = createServer(registry, tls);
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on("connection", (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(wanted, address, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const listening = server.address();
  const port = typeof listening === "object" && listening !== null ? listening.port : wanted;
  const host = `${address.includes(":") ? `[${address}]` : address}:${port}`;
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => {
        resolve();
      });
      for (const socket of sockets) socket.destroy();
    });
  return {
    ...registry,
    url: `${tls === undefined ? "http" : "https"}://${host}`,
    host,
    port,
    get log() {
      return registry.log;
    },
    get connections() {
      return connections;
    },
    resetLog: () => {
      registry.resetLog();
      connections = 0;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function createServer({ handler }: TestRegistry, tls: TlsOptions | undefined): Server | Http2SecureServer {
  if (tls === undefined) return withLongKeepAlive(createHttpServer(handler));
  const { key, cert, clientCa, http2 = false } = tls;
  const secure = {
    key: asPem(key),
    cert: asPem(cert),
    ...(clientCa === undefined ? {} : { ca: asPem(clientCa), requestCert: true, rejectUnauthorized: true }),
  };
  if (http2) return createSecureServer({ ...secure, allowHTTP1: true }, handler);
  return withLongKeepAlive(createHttpsServer(secure, handler));
}

function withLongKeepAlive<S extends Server>(server: S): S {
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  return server;
}

/** Node takes PEM as strings or Buffers, not as any bytes. */
function asPem(pem: string | Uint8Array): string | Buffer {
  return typeof pem === "string" ? pem : Buffer.from(pem);
}
