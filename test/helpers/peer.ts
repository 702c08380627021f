import { createServer as createHttpServer } from "node:http";
import { createSecureServer } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import type { Server as TcpServer, Socket } from "node:net";
import { createTestRegistry, type TestRegistry, type TestRegistryOptions } from "../../src/testing/index.js";
import { certificate, privateKey, type KeyedName } from "./certificates.js";

type Handler = TestRegistry["handler"];
export type Incoming = Parameters<Handler>[0];
export type Outgoing = Parameters<Handler>[1];

export interface PeerOptions extends TestRegistryOptions {
  /**
   * `tls`: HTTP/1.1 over TLS; `h2`: HTTP/2 beside it; `h2-only`: HTTP/2 alone; `mutual`: a client's certificate is asked
   * for; `mutual-h2`: by HTTP/2 as well.
   */
  readonly speaks?: "http" | "tls" | "h2" | "h2-only" | "mutual" | "mutual-h2";
  readonly certificate?: KeyedName;
  /** Where it listens, `127.0.0.1` unless told. `0.0.0.0` is this machine, too, but not by a loopback name. */
  readonly address?: string;
  /** Sees every request before the registry does, with its socket; true: it has dealt with it. */
  readonly intercept?: (request: Incoming, response: Outgoing) => boolean;
}

/** A request as a peer got it. */
export interface Seen {
  readonly method: string;
  /** As it was sent, with its query. */
  readonly path: string;
  readonly headers: Incoming["headers"];
}

/** A registry in this process whose every byte a test can replace. */
export interface Peer extends TestRegistry {
  /** `127.0.0.1:43211` */
  readonly host: string;
  readonly port: number;
  /** Every request since the start, those that were dealt with by `intercept` too. */
  readonly seen: readonly Seen[];
  /** `GET /v2/…` of every request. */
  readonly requests: readonly string[];
  /** Connections accepted since the start. */
  readonly connections: number;
  readonly close: () => Promise<void>;
}

export async function startPeer(options: PeerOptions = {}): Promise<Peer> {
  const { speaks = "http", address = "127.0.0.1", intercept } = options;
  const registry = createTestRegistry(options);
  const seen: Seen[] = [];
  const handler: Handler = (request, response) => {
    seen.push({ method: request.method ?? "", path: request.url ?? "", headers: request.headers });
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    if (intercept?.(request, response) !== true) registry.handler(request, response);
  };
  const server = serverFor(speaks, options.certificate ?? "server", handler);
  const listening = await listen(server, address);
  const host = `${address.includes(":") ? `[${address}]` : address}:${listening.port}`;
  return {
    ...registry,
    get log() {
      return registry.log;
    },
    host,
    port: listening.port,
    seen,
    get requests() {
      return seen.map(({ method, path }) => `${method} ${path}`);
    },
    get connections() {
      return listening.connections;
    },
    close: listening.close,
  };
}

function serverFor(speaks: NonNullable<PeerOptions["speaks"]>, name: KeyedName, handler: Handler): TcpServer {
  if (speaks === "http") return createHttpServer({ keepAliveTimeout: 120_000 }, handler);
  const tls = { key: privateKey(name), cert: certificate(name) };
  const mutual = {
    ca: [certificate("ca"), certificate("clients")],
    requestCert: true,
    rejectUnauthorized: true,
  };
  if (speaks === "h2" || speaks === "h2-only") {
    return createSecureServer({ ...tls, allowHTTP1: speaks === "h2" }, handler);
  }
  if (speaks === "mutual-h2") return createSecureServer({ ...tls, ...mutual, allowHTTP1: true }, handler);
  return createHttpsServer(
    { ...tls, ...(speaks === "mutual" && mutual), keepAliveTimeout: 120_000 },
    handler,
  );
}

export interface Listening {
  readonly port: number;
  readonly connections: number;
  readonly close: () => Promise<void>;
}

/** Makes a server listen on a free port, and close with all its connections. */
export async function listen(server: TcpServer, address = "127.0.0.1"): Promise<Listening> {
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on("connection", (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, address, resolve);
  });
  const bound = server.address();
  return {
    port: typeof bound === "object" && bound !== null ? bound.port : 0,
    get connections() {
      return connections;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Answers in the registry's place. */
export function answer(
  response: Outgoing,
  status: number,
  headers: Record<string, string | string[]> = {},
  body: string | Uint8Array = "",
): true {
  if ("createPushResponse" in response) response.writeHead(status, headers);
  else response.writeHead(status, headers);
  response.end(body);
  return true;
}

/** Answers with these bytes instead of HTTP as Node would write it, and ends the connection. HTTP/1.1 only. */
export function answerRaw(request: Incoming, bytes: string | Uint8Array): true {
  request.socket.end(bytes);
  return true;
}

/** Ends the connection by a reset. HTTP/1.1 only. */
export function reset({ socket }: Incoming): true {
  if ("resetAndDestroy" in socket) socket.resetAndDestroy();
  return true;
}
