import { createServer, request as forward } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { connect, createServer as createTcpServer, type Socket } from "node:net";
import { certificate, privateKey, type KeyedName } from "./certificates.js";
import { listen } from "./peer.js";

/** An HTTP proxy that leads every host to one port of this machine. */
export interface Proxy {
  readonly host: string;
  /** `CONNECT registry.example:443`, `GET http://registry.example/v2/…` */
  readonly requests: readonly string[];
  readonly authorizations: readonly (string | undefined)[];
  /** Connections accepted since the start. */
  readonly connections: number;
  readonly close: () => Promise<void>;
}

/**
 * @param refuse the status by which it refuses everything
 * @param name its certificate, where it is to be spoken to by TLS
 */
export async function startProxy(port: number, refuse?: number, name?: KeyedName): Promise<Proxy> {
  const requests: string[] = [];
  const authorizations: (string | undefined)[] = [];
  const server =
    name === undefined ? createServer() : createTlsServer({ cert: certificate(name), key: privateKey(name) });
  server.on("request", (incoming, response) => {
    requests.push(`${incoming.method ?? ""} ${incoming.url ?? ""}`);
    authorizations.push(incoming.headers["proxy-authorization"]);
    if (refuse !== undefined) {
      response.writeHead(refuse).end();
      return;
    }
    const url = new URL(incoming.url ?? "");
    const { method = "GET", headers } = incoming;
    const outgoing = forward({ port, method, path: url.pathname + url.search, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    outgoing.on("error", () => response.destroy());
    incoming.pipe(outgoing);
  });
  server.on("connect", (incoming, socket) => {
    requests.push(`CONNECT ${incoming.url ?? ""}`);
    authorizations.push(incoming.headers["proxy-authorization"]);
    if (refuse !== undefined) {
      socket.end(`HTTP/1.1 ${refuse} No\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    const tunnel = connect(port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connected\r\n\r\n");
      tunnel.pipe(socket);
      socket.pipe(tunnel);
    });
    tunnel.on("error", () => socket.destroy());
    socket.on("error", () => tunnel.destroy());
  });
  const listening = await listen(server);
  return {
    host: `127.0.0.1:${listening.port}`,
    requests,
    authorizations,
    get connections() {
      return listening.connections;
    },
    close: listening.close,
  };
}

/** A SOCKS 5 proxy that leads every host to one port of this machine. */
export interface SocksProxy {
  readonly host: string;
  /** `registry.example:443` */
  readonly requests: readonly string[];
  /** `name:password` */
  readonly users: readonly string[];
  readonly close: () => Promise<void>;
}

/**
 * @param method 0: for everybody; 2: for users with a password; 255: for nobody
 * @param reply what it answers to a request; 0 is success
 */
export async function startSocksProxy(port: number, method = 0, reply = 0): Promise<SocksProxy> {
  const requests: string[] = [];
  const users: string[] = [];

  async function serve(socket: Socket): Promise<void> {
    const unread: Buffer[] = [];
    const pieces = socket.iterator({ destroyOnReturn: false })[Symbol.asyncIterator]();
    const take = async (count: number): Promise<Buffer> => {
      while (Buffer.concat(unread).length < count) {
        const next = await pieces.next();
        if (next.done === true || !Buffer.isBuffer(next.value)) throw new Error("closed");
        unread.push(next.value);
      }
      const all = Buffer.concat(unread.splice(0));
      unread.push(all.subarray(count));
      return all.subarray(0, count);
    };
    const text = async (): Promise<string> => (await take((await take(1))[0] ?? 0)).toString();
    const [, methods = 0] = await take(2);
    await take(methods);
    socket.write(Buffer.from([5, method]));
    if (method === 2) {
      await take(1);
      users.push(`${await text()}:${await text()}`);
      socket.write(Buffer.from([1, users.at(-1) === "me:secret" ? 0 : 1]));
    }
    await take(4);
    const host = await text();
    requests.push(`${host}:${(await take(2)).readUInt16BE()}`);
    // In two pieces, with an address of IPv4.
    socket.write(Buffer.from([5, reply, 0, 1, 127]));
    socket.write(Buffer.from([0, 0, 1, 0, 80]));
    if (reply !== 0) return;
    await pieces.return?.();
    const tunnel = connect(port, "127.0.0.1");
    tunnel.on("error", () => socket.destroy());
    tunnel.write(Buffer.concat(unread));
    socket.pipe(tunnel).pipe(socket);
  }

  const server = createTcpServer((socket) => {
    serve(socket).catch(() => socket.destroy());
  });
  const listening = await listen(server);
  return { host: `127.0.0.1:${listening.port}`, requests, users, close: listening.close };
}
