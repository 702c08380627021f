import { once } from "node:events";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createSecureServer } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import { connect, type Server } from "node:net";
import { createServer } from "node:tls";
import { afterEach, describe, expect, test } from "vitest";
import type { TlsSettings } from "../../../src/registry/http/tls.js";
import { createTransport } from "../../../src/registry/http/transport.js";
import { certificate, privateKey } from "../../helpers/certificates.js";
import { startProxy } from "../../helpers/proxy.js";

test("closes a connection that no request has taken: it would keep the program from ending", async () => {
  const server = createServer({ cert: certificate("server"), key: privateKey("server") });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  const transport = createTransport({
    tls: () => Promise.resolve({ verify: false }),
    roots: () => Promise.resolve([]),
    proxyFor: () => undefined,
    userAgent: "test",
  });
  const connected = once(server, "secureConnection");
  const url = new URL(`https://127.0.0.1:${port}/v2/`);
  // undici refuses such a header before it looks for a connection.
  const headers = { authorization: "Bearer of\nbad news" };
  await expect(transport.send({ method: "GET", url, headers, idempotent: true })).rejects.toThrow("header");
  await connected;
  await transport.close();
  // Ends when the last connection does.
  await new Promise((resolve) => server.close(resolve));
});

describe("a client that outlives a fault", () => {
  const closing: (() => unknown)[] = [];

  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  const answer: RequestListener = (_, response) => response.end("{}");
  const pem = { cert: certificate("server"), key: privateKey("server") };
  const SERVERS = {
    http: () => createHttpServer(answer),
    https: () => createHttpsServer(pem, answer),
    h2: () =>
      createSecureServer(pem, (_, response) => {
        response.end("{}");
      }),
  };

  /** Listens, and ends with all its connections. */
  async function up(server: Server, port = 0): Promise<{ port: number; down: () => Promise<void> }> {
    const sockets = new Set<{ destroy: () => void }>();
    server.on("connection", (socket) => sockets.add(socket));
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    const down = async (): Promise<void> => {
      for (const socket of sockets) socket.destroy();
      if (!server.listening) return;
      server.close();
      await once(server, "close");
    };
    closing.push(down);
    const address = server.address();
    return { port: typeof address === "object" ? (address?.port ?? 0) : 0, down };
  }

  function client(port: number, scheme: string, tls: () => TlsSettings, proxy?: string) {
    const transport = createTransport({
      tls: () => Promise.resolve(tls()),
      roots: () => Promise.resolve([]),
      proxyFor: () => (proxy === undefined ? undefined : new URL(proxy)),
      userAgent: "test",
    });
    closing.unshift(transport.close);
    const url = new URL(`${scheme}://127.0.0.1:${port}/`);
    return (stream = false): Promise<number | string> =>
      transport.send({ method: "GET", url, idempotent: true, stream }).then(
        async (response) => {
          await response.stream?.toArray();
          return response.status;
        },
        (error: unknown) => String(error),
      );
  }

  const trusting = (): TlsSettings => ({ verify: true, ca: [certificate("ca")] });

  test.each(["http", "https", "h2"] as const)("reaches a server that was down, twice: %s", async (kind) => {
    const first = await up(SERVERS[kind]());
    await first.down();
    const ask = client(first.port, kind === "http" ? "http" : "https", trusting);
    for (const stream of [false, true]) expect(await ask(stream)).toContain("connection refused");
    const second = await up(SERVERS[kind](), first.port);
    for (const stream of [false, true]) expect(await ask(stream)).toBe(200);
    await second.down();
    for (const stream of [false, true]) expect(await ask(stream)).toMatch(/refused|closed/);
    await up(SERVERS[kind](), first.port);
    for (const stream of [false, true]) expect(await ask(stream)).toBe(200);
  });

  test.each([
    ["https", "h2"],
    ["h2", "https"],
  ] as const)("reaches a server by another version of HTTP: first %s, then %s", async (before, after) => {
    const first = await up(SERVERS[before]());
    const ask = client(first.port, "https", trusting);
    for (const stream of [false, true]) expect(await ask(stream)).toBe(200);
    await first.down();
    await up(SERVERS[after](), first.port);
    for (const stream of [false, true]) {
      const got: (number | string)[] = [];
      while (got.length < 3 && got.at(-1) !== 200) got.push(await ask(stream));
      // That a connection is gone, or that the next has to be another, is tried again by the policy.
      expect(got.pop()).toBe(200);
      for (const failure of got) expect(failure).toContain("closed by the other side");
    }
  });

  test("is told of a server that speaks no HTTP", async () => {
    const { port } = await up(createServer({ ...pem, ALPNProtocols: ["imap"] }));
    const ask = client(port, "https", trusting);
    for (const stream of [false, true])
      expect(await ask(stream)).toContain(`127.0.0.1:${port} speaks neither HTTP/1.1 nor HTTP/2 (GET `);
    const byProxy = client(port, "https", trusting, `https://127.0.0.1:${port}`);
    expect(await byProxy()).toContain(`the proxy 127.0.0.1:${port} does not speak HTTP/1.1 (GET `);
  });

  test("takes certificates that came later", async () => {
    const { port } = await up(SERVERS.https());
    let settings: TlsSettings = { verify: true };
    const ask = client(port, "https", () => settings);
    expect(await ask()).toContain("is not trusted");
    settings = trusting();
    expect(await ask()).toBe(200);
  });

  test("reaches a server through a proxy that was down", async () => {
    const { port } = await up(SERVERS.https());
    const gone = await startProxy(port);
    await gone.close();
    const ask = client(port, "https", trusting, `http://${gone.host}`);
    expect(await ask()).toContain(`the proxy ${gone.host}: connection refused`);
    const proxy = createHttpServer();
    proxy.on("connect", (_, socket) => {
      const tunnel = connect(port, "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        socket.pipe(tunnel).pipe(socket);
      });
    });
    await up(proxy, Number(new URL(`http://${gone.host}`).port));
    expect(await ask()).toBe(200);
  });
});
