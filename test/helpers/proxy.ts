import { createServer, request as forward } from "node:http";
import { connect } from "node:net";
import { listen } from "./peer.js";

/** An HTTP proxy that leads every host to one port of this machine. */
export interface Proxy {
  readonly host: string;
  /** `CONNECT registry.example:443`, `GET http://registry.example/v2/…` */
  readonly requests: readonly string[];
  readonly authorizations: readonly (string | undefined)[];
  readonly close: () => Promise<void>;
}

export async function startProxy(port: number, refuse?: number): Promise<Proxy> {
  const requests: string[] = [];
  const authorizations: (string | undefined)[] = [];
  const server = createServer((incoming, response) => {
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
  return { host: `127.0.0.1:${listening.port}`, requests, authorizations, close: listening.close };
}
