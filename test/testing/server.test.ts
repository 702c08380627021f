import { createServer } from "node:http";
import { connect as connectHttp2, constants } from "node:http2";
import { connect, type AddressInfo } from "node:net";
import { Agent, request, Pool } from "undici";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  createTestRegistry,
  createRegistryHandler,
  peakConcurrency,
  startRegistry,
  type RunningRegistry,
  type ServerOptions,
} from "../../src/testing/index.js";
import { makeCertificate } from "./certificate.js";
import { location, NOWHERE, send } from "./client.js";
import { onPath } from "./peers.js";

let registry: RunningRegistry;
const start = async (options: ServerOptions = {}) => {
  registry = await startRegistry(options);
  return registry;
};
afterEach(() => registry.close());

/** Bytes over a socket of their own; everything that comes back until the server or we hang up. */
function raw(bytes: string, hangUpAfter = 300): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(registry.port, "127.0.0.1", () => socket.write(bytes));
    let answer = "";
    socket.on("data", (chunk) => (answer += chunk.toString("latin1")));
    socket.on("error", () => undefined);
    socket.on("close", () => {
      resolve(answer);
    });
    setTimeout(() => socket.destroy(), hangUpAfter);
  });
}

describe("a server", () => {
  it("says where it is", async () => {
    await start();
    expect(registry.url).toBe(`http://127.0.0.1:${registry.port}`);
    expect(registry.host).toBe(`127.0.0.1:${registry.port}`);
  });

  it("listens on IPv6 with brackets in its address", async () => {
    await start({ host: "::1" });
    expect(registry.host).toBe(`[::1]:${registry.port}`);
    expect((await send("GET", `${registry.url}/v2/`)).status).toBe(200);
  });

  it("fails to start on a port that is taken", async () => {
    await start();
    await expect(startRegistry({ port: registry.port })).rejects.toMatchObject({ code: "EADDRINUSE" });
  });

  it("closes while connections are open and requests under way", async () => {
    await start({ onRequest: ({ path }) => (path === "/v2/" ? undefined : new Promise(() => undefined)) });
    await send("GET", `${registry.url}/v2/`);
    const hanging = send("GET", `${registry.url}/v2/a/tags/list`);
    const failed = expect(hanging).rejects.toThrow();
    await expect.poll(() => registry.log.length).toBe(2);
    await registry.close();
    await failed;
  });

  it("can be another's: the handler alone", async () => {
    await start();
    const own = createTestRegistry();
    own.putImage("a", { tag: "t" });
    for (const [handler, status] of [
      [own.handler, 200],
      [createRegistryHandler(), 404],
    ] as const) {
      const server = createServer(handler);
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { port } = server.address() as AddressInfo;
      expect((await send("GET", `http://127.0.0.1:${port}/v2/a/manifests/t`)).status).toBe(status);
      server.closeAllConnections();
      server.close();
    }
    expect(own.log).toHaveLength(1);
  });
});

describe("odd input", () => {
  it.each([
    ["a Host that is none", 'GET /v2/ HTTP/1.1\r\nHost: "x",y="z\r\n\r\n', /401/],
    ["no address", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", /404/],
    ["a whole URL for an address", "GET http://other.example/v2/ HTTP/1.1\r\nHost: x\r\n\r\n", /404/],
    ["an address that is no URI", "GET /v2/%ff%/tags/list?%=%& HTTP/1.1\r\nHost: x\r\n\r\n", /400/],
    ["nonsense", "\0\0\0\r\n\r\n", /400/],
    ["a tunnel", "CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n", /^$/],
    ["a body that ends early", "POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{", /^$/],
    [
      "a broken chunk",
      "POST /token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      /400|^$/,
    ],
  ])("%s does not end the server", async (_, bytes, answer) => {
    await start({ auth: { kind: "bearer", users: {} } });
    const got = await raw(bytes);
    expect(got).toMatch(answer);
    expect(got).not.toContain('y="z');
    expect((await send("GET", `${registry.url}/v2/`)).status).toBe(401);
  });

  it("an upload whose client hangs up keeps what it had before", async () => {
    await start();
    const begun = await send("POST", `${registry.url}/v2/a/blobs/uploads/`);
    const first = await send("PATCH", location(begun, registry.url), { body: "01234" });
    const { pathname } = new URL(location(first, registry.url));
    await raw(`PATCH ${pathname} HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n56789`, 100);
    const status = await send("GET", location(first, registry.url));
    expect(status.headers.get("range")).toBe("0-4");
    const done = await send("PATCH", location(first, registry.url), { body: "56789" });
    expect(done.headers.get("range")).toBe("0-9");
  });

  it("an upload takes one request at a time", async () => {
    await start();
    const begun = await send("POST", `${registry.url}/v2/a/blobs/uploads/`);
    const { pathname } = new URL(location(begun, registry.url));
    const slow = raw(`PATCH ${pathname} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1`, 400);
    await expect.poll(() => registry.log.length).toBe(2);
    expect((await send("PATCH", location(begun, registry.url), { body: "2" })).status).toBe(409);
    await slow;
  });
});

describe("the log", () => {
  it("has every request in order, with its status and connection", async () => {
    await start();
    const pool = new Pool(registry.url, { connections: 1 });
    for (const path of ["/v2/", "/v2/a/tags/list?n=1"]) {
      await (await pool.request({ method: "GET", path })).body.dump();
    }
    expect(registry.log).toMatchObject([
      { method: "GET", path: "/v2/", status: 200, protocol: "HTTP/1.1", connection: 1, start: 1, end: 2 },
      { method: "GET", path: "/v2/a/tags/list?n=1", status: 404, connection: 1, start: 3, end: 4 },
    ]);
    expect(registry.log[0]?.duration).toBeGreaterThanOrEqual(0);
    expect(registry.connections).toBe(1);
    registry.resetLog();
    expect([registry.log, registry.connections]).toEqual([[], 0]);
    await (await pool.request({ method: "GET", path: "/v2/" })).body.dump();
    expect([registry.log[0]?.connection, registry.connections]).toEqual([1, 0]);
    await pool.close();
  });

  it("tells how many requests were under way at once", async () => {
    await start({ onRequest: () => new Promise((resolve) => setTimeout(resolve, 30, undefined)) });
    const pool = new Pool(registry.url, { connections: 3 });
    const get = async () => (await pool.request({ method: "GET", path: "/v2/" })).body.dump();
    await Promise.all(Array.from({ length: 7 }, get));
    expect(peakConcurrency(registry.log)).toBe(3);
    expect(registry.connections).toBe(3);
    expect(new Set(registry.log.map(({ connection }) => connection)).size).toBe(3);
    registry.resetLog();
    await get();
    await get();
    expect(peakConcurrency(registry.log)).toBe(1);
    expect(peakConcurrency([])).toBe(0);
    await pool.close();
  });
});

describe("onRequest", () => {
  it("sees what a request is for", async () => {
    const seen: unknown[] = [];
    await start({
      onRequest: ({ method, path, query, route, headers, connection }) => {
        seen.push({ method, path, n: query.get("n"), route, accept: headers.accept, connection });
        return undefined;
      },
    });
    await send("GET", `${registry.url}/v2/a/b/tags/list?n=5`, { headers: { accept: "x/y" } });
    await send("GET", `${registry.url}/elsewhere`);
    expect(seen).toMatchObject([
      {
        method: "GET",
        path: "/v2/a/b/tags/list?n=5",
        n: "5",
        route: { kind: "tags", repository: "a/b" },
        accept: "x/y",
      },
      { path: "/elsewhere", route: undefined },
    ]);
  });

  it("answers in the registry's place", async () => {
    await start({
      onRequest: ({ route }) =>
        route?.kind === "ping"
          ? undefined
          : { status: 429, headers: { "Retry-After": "1" }, body: "slow down" },
    });
    const reply = await send("PUT", `${registry.url}/v2/a/manifests/t`, { body: "x".repeat(100_000) });
    expect([reply.status, reply.text, reply.headers.get("retry-after")]).toEqual([429, "slow down", "1"]);
    expect((await send("GET", `${registry.url}/v2/`)).status).toBe(200);
    expect(registry.log.map(({ status }) => status)).toEqual([429, 200]);
  });

  it.each([
    ["before", false],
    ["after", true],
  ] as const)("cuts the connection %s the request is acted on", async (cut, done) => {
    await start({ onRequest: ({ route }) => (route?.kind === "uploads" ? { cut } : undefined) });
    const { digest } = registry.putBlob("src", "blob");
    await expect(
      send("POST", `${registry.url}/v2/dst/blobs/uploads/?mount=${digest}&from=src`),
    ).rejects.toThrow();
    expect(registry.hasBlob("dst", digest)).toBe(done);
    expect(registry.log).toMatchObject([{ status: undefined, end: undefined }]);
  });

  it("truncates an answer", async () => {
    await start({
      onRequest: () => ({ status: 200, headers: { "Content-Length": "100" }, body: "short", cut: true }),
    });
    const response = await fetch(`${registry.url}/v2/`);
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow();
  });

  it("that throws, or answers with what is no header, is a 500 that says so", async () => {
    await start({
      onRequest: ({ path }) => {
        if (path === "/v2/") throw new Error("my own mistake");
        return { status: 200, headers: { "X-Bad": "a\r\nb" } };
      },
    });
    const thrown = await send("GET", `${registry.url}/v2/`);
    expect([thrown.status, thrown.text]).toEqual([500, expect.stringContaining("my own mistake")]);
    expect((await send("GET", `${registry.url}/v2/a/tags/list`)).status).toBe(500);
  });
});

const openssl = onPath("openssl");
describe.skipIf(!openssl)(openssl ? "TLS" : "TLS: not tested, openssl is not installed", () => {
  let tls: { key: Buffer; cert: Buffer };
  beforeAll(() => {
    tls = makeCertificate();
  });

  it.each([
    [false, false, "HTTP/1.1"],
    [false, true, "HTTP/1.1"],
    [true, false, "HTTP/1.1"],
    [true, true, "HTTP/2.0"],
  ])("with http2: %s and a client that can (%s) speaks %s", async (http2, allowH2, protocol) => {
    await start({ tls: { ...tls, http2 } });
    expect(registry.url).toMatch(/^https:/);
    const image = registry.putImage("a", { tag: "t" });
    const dispatcher = new Agent({ allowH2, connections: 1, connect: { ca: tls.cert } });
    const got = await request(`${registry.url}/v2/a/manifests/t`, { dispatcher });
    expect(Buffer.from(await got.body.arrayBuffer())).toEqual(image.body);
    const head = await request(`${registry.url}/v2/a/manifests/t`, { dispatcher, method: "HEAD" });
    expect([head.statusCode, head.headers["content-length"]]).toEqual([200, String(image.size)]);
    await head.body.dump();
    expect(registry.log.map((entry) => entry.protocol)).toEqual([protocol, protocol]);
    expect(registry.connections).toBe(1);
    await registry.close();
    await dispatcher.destroy();
  });

  it("names itself with https in a challenge", async () => {
    await start({ tls: { ...tls, http2: true }, auth: { kind: "bearer", users: {} } });
    const session = connectHttp2(registry.url, { ca: tls.cert });
    const stream = session.request({ [constants.HTTP2_HEADER_PATH]: "/v2/" });
    const headers = await new Promise<Record<string, unknown>>((resolve) => stream.on("response", resolve));
    expect(headers["www-authenticate"]).toContain(`realm="${registry.url}/token"`);
    session.destroy();
  });

  it("takes uploads, refuses them early and survives streams that break off over HTTP/2", async () => {
    await start({ tls: { ...tls, http2: true }, maxBlobBytes: 1000 });
    const dispatcher = new Agent({ allowH2: true, connect: { ca: tls.cert } });
    const begin = async () => {
      const begun = await request(`${registry.url}/v2/a/blobs/uploads/`, { dispatcher, method: "POST" });
      await begun.body.dump();
      return `${registry.url}${String(begun.headers["location"])}`;
    };
    const small = await request(`${await begin()}?digest=${registry.putBlob("b", "small").digest}`, {
      dispatcher,
      method: "PUT",
      body: "small",
    });
    expect(small.statusCode).toBe(201);
    const large = await request(`${await begin()}?digest=${NOWHERE}`, {
      dispatcher,
      method: "PUT",
      body: Buffer.alloc(300_000),
    });
    expect(large.statusCode).toBe(413);

    const session = connectHttp2(registry.url, { ca: tls.cert });
    const { pathname } = new URL(await begin());
    const stream = session.request({ ":method": "PATCH", ":path": pathname });
    stream.on("error", () => undefined);
    stream.write("part");
    await expect.poll(() => registry.log.at(-1)?.method).toBe("PATCH");
    session.destroy(undefined, constants.NGHTTP2_CANCEL);
    const status = await request(`${registry.url}${pathname}`, { dispatcher });
    expect([status.statusCode, status.headers["range"]]).toEqual([204, "0-0"]);
    await dispatcher.destroy();
  });

  it("cuts connections over HTTP/2 too", async () => {
    await start({
      tls: { ...tls, http2: true },
      onRequest: ({ path }) =>
        path === "/v2/"
          ? { cut: "before" }
          : { status: 200, headers: { "content-length": "9" }, body: "x", cut: true },
    });
    const dispatcher = new Agent({ allowH2: true, connect: { ca: tls.cert } });
    await expect(request(`${registry.url}/v2/`, { dispatcher })).rejects.toThrow();
    const read = async () => (await request(`${registry.url}/v2/x`, { dispatcher })).body.text();
    await expect(read()).rejects.toThrow();
    await dispatcher.destroy();
  });

  it("wants a client's certificate when told so", async () => {
    await start({ tls: { ...tls, clientCa: tls.cert } });
    const agent = (more: object) => new Agent({ connect: { ca: tls.cert, ...more } });
    const [without, withOne] = [agent({}), agent(tls)];
    await expect(request(`${registry.url}/v2/`, { dispatcher: without })).rejects.toThrow();
    const reply = await request(`${registry.url}/v2/`, { dispatcher: withOne });
    expect(reply.statusCode).toBe(200);
    await reply.body.dump();
    await Promise.all([without.destroy(), withOne.destroy()]);
  });
});
