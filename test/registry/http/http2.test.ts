import { createSecureServer, type Http2SecureServer, type ServerHttp2Stream } from "node:http2";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { once } from "node:events";
import { connect, createServer as createTlsServer } from "node:tls";
import { afterEach, describe, expect, test } from "vitest";
import type { HttpRequest, Method } from "../../../src/registry/http/message.js";
import { createHttp2 } from "../../../src/registry/http/http2.js";
import { createTransport, type Transport } from "../../../src/registry/http/transport.js";
import { certificate, privateKey } from "../../helpers/certificates.js";
import { listen, type Listening } from "../../helpers/peer.js";
import { startProxy } from "../../helpers/proxy.js";

const CANCEL = 8;
const MIB = 1024 * 1024;

let server: Http2SecureServer;
let listening: Listening;
let transport: Transport;

/** A server that speaks HTTP/2, and nothing else unless told. */
async function serving(
  onStream: (stream: ServerHttp2Stream, method: string, path: string) => void,
  { allowHTTP1 = false, proxy = false } = {},
): Promise<URL> {
  server = createSecureServer({ key: privateKey("server"), cert: certificate("server"), allowHTTP1 });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => undefined);
    onStream(stream, headers[":method"] ?? "", headers[":path"] ?? "");
  });
  listening = await listen(server);
  closing.push(listening.close);
  if (!proxy) return open();
  const proxies = await startProxy(listening.port);
  closing.push(proxies.close);
  return open(new URL(`http://${proxies.host}`));
}

/** A client for the server. */
function open(proxy?: URL): URL {
  transport = createTransport({
    tls: () => Promise.resolve({ verify: true, ca: [certificate("ca")] }),
    roots: () => Promise.resolve([]),
    proxyFor: () => proxy,
    userAgent: "test",
    timeouts: { headers: 1_000, stall: 1_000 },
  });
  closing.unshift(transport.close);
  return new URL(`https://127.0.0.1:${listening.port}/`);
}

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const to = (url: URL, path = "", method: Method = "GET", more: Partial<HttpRequest> = {}): HttpRequest => ({
  method,
  url: new URL(path, url),
  idempotent: true,
  ...more,
});

/** The bytes of a blob, piece by piece. */
function blob(length: number): NonNullable<HttpRequest["body"]> {
  const pieces = Array.from({ length: length / 16_384 }, (_, index) => Buffer.alloc(16_384, index));
  return { length, open: () => Readable.from(pieces, { objectMode: false }) };
}

test("what an answer makes room for goes out while others that came with it wait to be dealt with", async () => {
  const COUNT = 60;
  const held: ServerHttp2Stream[] = [];
  const order: string[] = [];
  const url = await serving((stream, _, path) => {
    if (path === "/next") {
      order.push("asked");
      stream.respond({ ":status": 200 });
      stream.end();
      return;
    }
    if (held.push(stream) < COUNT) return;
    for (const one of held) {
      one.respond({ ":status": 200 });
      one.end();
    }
  });
  await Promise.all(
    Array.from({ length: COUNT }, async (_, index) => {
      await transport.send(to(url, `${index}`));
      order.push("answered");
      await transport.send(to(url, "next"));
    }),
  );
  expect(order.indexOf("asked")).toBeLessThan(order.lastIndexOf("answered"));
});

const DATA = 0;
const HEADERS = 1;
const RST_STREAM = 3;
const SETTINGS = 4;
const END_HEADERS = 4;
const END_STREAM = 1;

/** https://www.rfc-editor.org/rfc/rfc9113#section-4.1 */
function frame(type: number, flags: number, stream: number, payload: Uint8Array | string = ""): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, Buffer.from(payload)]);
}

/** `:status: 200`, and a length if there is one; https://www.rfc-editor.org/rfc/rfc7541#appendix-A */
function head(stream: number, contentLength?: string): Buffer {
  const field =
    contentLength === undefined ? [] : [0x0f, 0x0d, contentLength.length, ...Buffer.from(contentLength)];
  return frame(HEADERS, END_HEADERS, stream, Buffer.from([0x88, ...field]));
}

function reset(stream: number, code: number): Buffer {
  return frame(RST_STREAM, 0, stream, Buffer.from([0, 0, 0, code]));
}

/** A server that answers each request by these frames, and a connection by none: Node's own ends a stream before it resets it. */
async function framing(...answers: readonly ((stream: number) => Buffer)[]): Promise<URL> {
  const raw = createTlsServer(
    { key: privateKey("server"), cert: certificate("server"), ALPNProtocols: ["h2"] },
    (socket) => {
      socket.write(Buffer.concat([frame(SETTINGS, 0, 0), frame(SETTINGS, 1, 0)]));
      let unread = Buffer.alloc(0);
      let isPrefaced = false;
      socket.on("error", () => undefined);
      socket.on("data", (piece: Buffer) => {
        unread = Buffer.concat([unread, piece]);
        if (!isPrefaced) unread = unread.subarray("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".length);
        isPrefaced = true;
        while (unread.length >= 9 && unread.length >= 9 + unread.readUIntBE(0, 3)) {
          const [type, stream] = [unread[3], unread.readUInt32BE(5)];
          unread = unread.subarray(9 + unread.readUIntBE(0, 3));
          if (type === HEADERS) socket.write(Buffer.concat(answers.map((answer) => answer(stream))));
        }
      });
    },
  );
  listening = await listen(raw);
  closing.push(listening.close);
  return open();
}

describe("an answer that the server resets in its middle", () => {
  const half = (stream: number): Buffer => frame(DATA, 0, stream, '{"half":');
  const rows: [string, string | undefined, number][] = [
    ["with a length, by CANCEL", "200000", CANCEL],
    ["with a length, by NO_ERROR", "200000", 0],
    ["without a length, by CANCEL", undefined, CANCEL],
    ["without a length, by INTERNAL_ERROR", undefined, 2],
    ["without a length, by NO_ERROR", undefined, 0],
    ["with all of its length, by NO_ERROR", "8", 0],
  ];

  test.each(rows)("is broken: %s", async (_, length, code) => {
    const url = await framing(
      (stream) => head(stream, length),
      half,
      (stream) => reset(stream, code),
    );
    await expect(transport.send(to(url))).rejects.toMatchObject({
      systemCode: expect.stringMatching(/^UND_ERR_SOCKET$|^ERR_HTTP2_STREAM_ERROR$/) as unknown,
    });
  });

  test.each(rows)("errs as a stream: %s", async (_, length, code) => {
    const url = await framing(
      (stream) => head(stream, length),
      half,
      (stream) => reset(stream, code),
    );
    const { stream } = await transport.send(to(url, "", "GET", { stream: true }));
    await expect(stream?.toArray()).rejects.toThrow();
  });

  test.each(rows)("errs as a stream that is read late: %s", async (_, length, code) => {
    const url = await framing(
      (stream) => head(stream, length),
      ...Array.from({ length: 10 }, () => (stream: number) => frame(DATA, 0, stream, Buffer.alloc(16_000))),
      (stream) => reset(stream, code),
    );
    const { stream } = await transport.send(to(url, "", "GET", { stream: true }));
    stream?.on("error", () => undefined);
    await sleep(100);
    await expect(stream?.toArray()).rejects.toThrow();
  });

  test.each([
    ["with a length", "2", CANCEL],
    ["without a length", undefined, 0],
    ["without a length, by CANCEL", undefined, CANCEL],
  ])("is whole if nothing is missing: %s", async (_, length, code) => {
    const url = await framing(
      (stream) => head(stream, length),
      (stream) => frame(DATA, END_STREAM, stream, "{}"),
      (stream) => reset(stream, code),
    );
    const request = to(url, "upload", "PUT", { body: blob(4 * MIB) });
    expect(await transport.send(request)).toMatchObject({ status: 200, body: Buffer.from("{}") });
  });

  test("is whole if it ends by trailers", async () => {
    const url = await framing(
      (stream) => head(stream),
      (stream) => frame(DATA, 0, stream, "{}"),
      (stream) => frame(HEADERS, END_HEADERS | END_STREAM, stream, "\0\u0001x\u0001y"),
      (stream) => reset(stream, 0),
    );
    expect(await transport.send(to(url))).toMatchObject({ status: 200, body: Buffer.from("{}") });
  });

  test("is no answer before it has begun", async () => {
    const url = await framing((stream) => reset(stream, CANCEL));
    await expect(transport.send(to(url))).rejects.toMatchObject({ systemCode: "UND_ERR_SOCKET" });
  });

  test.each(["HEAD", "GET"] as const)("is not what a %s without a body is", async (method) => {
    const url = await serving((stream) => {
      stream.respond(
        { ":status": method === "HEAD" ? 200 : 304, "content-length": 100 },
        { endStream: true },
      );
    });
    expect(await transport.send(to(url, "", method))).toMatchObject({ body: Buffer.alloc(0) });
  });
});

describe("interim answers", () => {
  test("are ignored", async () => {
    const url = await serving((stream) => {
      stream.additionalHeaders({ ":status": 103, link: "</x>" });
      stream.additionalHeaders({ ":status": 100 });
      stream.respond({ ":status": 200 });
      stream.end("{}");
    });
    expect(await transport.send(to(url))).toMatchObject({ status: 200, body: Buffer.from("{}") });
  });
});

/** Takes uploads and gives back how many bytes they had; gives downloads of so many bytes as their path says. */
function storage(stream: ServerHttp2Stream, method: string, path: string): void {
  if (method === "PUT") {
    let length = 0;
    stream.on("data", (piece: Buffer) => (length += piece.byteLength));
    stream.on("end", () => {
      stream.respond({ ":status": 201 });
      stream.end(String(length));
    });
    return;
  }
  const length = Number(path.slice(1));
  stream.respond({ ":status": 200, "content-length": length });
  Readable.from(
    (function* () {
      for (let left = length; left > 0; left -= 16_384) yield Buffer.alloc(Math.min(left, 16_384));
    })(),
  ).pipe(stream);
}

describe.each([false, true])("a server that speaks HTTP/2 alone (behind a proxy: %s)", (proxy) => {
  test("gets and gives blobs, several at once, each on a connection of its own", async () => {
    const url = await serving(storage, { proxy });
    expect((await transport.send(to(url, "2"))).body).toHaveLength(2);
    const uploads = [1, 2, 3].map(() => transport.send(to(url, "", "PUT", { body: blob(8 * MIB) })));
    const downloads = [1, 2, 3].map(async () => {
      const { stream } = await transport.send(to(url, `${8 * MIB}`, "GET", { stream: true }));
      let length = 0;
      for await (const piece of stream ?? []) if (Buffer.isBuffer(piece)) length += piece.byteLength;
      return String(length);
    });
    const sent = uploads.map(async (upload) => (await upload).body.toString());
    expect(await Promise.all([...sent, ...downloads])).toEqual(Array.from({ length: 6 }, () => `${8 * MIB}`));
    expect(listening.connections).toBeLessThanOrEqual(2 * 8);
  });

  test("gets blobs that it gives itself: an upload waits for a download without standing in its way", async () => {
    const url = await serving(
      (stream, method, path) => {
        server.updateSettings({ maxConcurrentStreams: 1 });
        storage(stream, method, path);
      },
      { proxy },
    );
    const copies = [1, 2, 3, 4].map(async () => {
      const { stream } = await transport.send(to(url, `${4 * MIB}`, "GET", { stream: true }));
      const body = { length: 4 * MIB, open: () => stream ?? Readable.from([]) };
      return (await transport.send(to(url, "", "PUT", { body }))).body.toString();
    });
    expect(await Promise.all(copies)).toEqual([1, 2, 3, 4].map(() => `${4 * MIB}`));
  });

  test("uses a connection again when its blob is through", async () => {
    const url = await serving(storage, { proxy });
    for (let count = 0; count < 6; count++) await transport.send(to(url, "", "PUT", { body: blob(MIB) }));
    // One was refused, which had offered HTTP/1.1; another is opened while the first is not quite free.
    expect(listening.connections).toBeLessThanOrEqual(3);
  });
});

test("blobs go by HTTP/1.1 where a server speaks both", async () => {
  const versions: string[] = [];
  const url = await serving(() => undefined, { allowHTTP1: true });
  server.on("request", (request, response) => {
    versions.push(request.httpVersion);
    request.resume();
    response.end();
  });
  server.removeAllListeners("stream");
  await transport.send(to(url, "", "PUT", { body: blob(MIB) }));
  expect(versions).toEqual(["1.1"]);
});

describe("time", () => {
  test("runs out when the server does not answer", async () => {
    const url = await serving(() => undefined);
    await expect(transport.send(to(url))).rejects.toMatchObject({ systemCode: "UND_ERR_HEADERS_TIMEOUT" });
  });

  test("runs out when the answer stops", async () => {
    const url = await serving((stream) => {
      stream.respond({ ":status": 200 });
      stream.write("{");
    });
    await expect(transport.send(to(url))).rejects.toMatchObject({ systemCode: "UND_ERR_BODY_TIMEOUT" });
  });

  test("runs out when the server takes no more of an upload", async () => {
    const url = await serving((stream) => {
      stream.pause();
    });
    await expect(transport.send(to(url, "", "PUT", { body: blob(4 * MIB) }))).rejects.toMatchObject({
      systemCode: "UND_ERR_HEADERS_TIMEOUT",
    });
  });

  test("does not run out while it is us who wait", { timeout: 20_000 }, async () => {
    const url = await serving(storage);
    const { stream } = await transport.send(to(url, `${8 * MIB}`, "GET", { stream: true }));
    const slow = async function* () {
      yield Buffer.alloc(10);
      await sleep(2_500);
      yield Buffer.alloc(10);
    };
    const upload = await transport.send(to(url, "", "PUT", { body: { length: 20, open: slow } }));
    expect(upload.body.toString()).toBe("20");
    expect(Buffer.concat((await stream?.toArray()) ?? [])).toHaveLength(8 * MIB);
  });
});

test("a fault of the body is that of the upload, and the connection goes on", async () => {
  const url = await serving(storage);
  const faulty = async function* () {
    yield Buffer.alloc(10);
    await Promise.reject(new Error("the source is gone"));
  };
  await expect(transport.send(to(url, "", "PUT", { body: { length: 20, open: faulty } }))).rejects.toThrow(
    "the source is gone",
  );
  expect((await transport.send(to(url, "2"))).body).toHaveLength(2);
});

test("an answer that is too large is not read to its end, and the connection goes on", async () => {
  const url = await serving(storage);
  await expect(transport.send(to(url, `${64 * MIB}`))).rejects.toThrow(
    "the answer is larger than 4194304 bytes",
  );
  expect((await transport.send(to(url, "2"))).body).toHaveLength(2);
  expect(listening.connections).toBe(1);
});

test("an abort ends a request and nothing else", async () => {
  const url = await serving((stream, _, path) => {
    if (path === "/2") storage(stream, "GET", path);
  });
  const controller = new AbortController();
  const aborted = transport.send(to(url, "never", "GET", { signal: controller.signal }));
  const other = transport.send(to(url, "2"));
  expect((await other).status).toBe(200);
  controller.abort();
  await expect(aborted).rejects.toThrow("abort");
  expect((await transport.send(to(url, "2"))).status).toBe(200);
  expect(listening.connections).toBe(1);
});

test("what is answered whole is not cancelled: servers close the connection of who cancels a thousand times", async () => {
  const url = await serving((stream, method) => {
    if (method === "GET") {
      stream.respond({ ":status": 200 });
      stream.end("some");
    } else stream.respond({ ":status": 200 }, { endStream: true });
  });
  const all: Partial<HttpRequest>[] = [
    {},
    { method: "HEAD" },
    { method: "POST" },
    { method: "PUT", body: "a body" },
  ];
  for (const more of all) {
    const sent = Array.from({ length: 500 }, () => transport.send(to(url, "", "GET", more)));
    expect((await Promise.all(sent)).every(({ status }) => status === 200)).toBe(true);
  }
  expect(listening.connections).toBe(1);
});

test("requests go on over a new connection after GOAWAY", async () => {
  let first = true;
  const url = await serving((stream, method, path) => {
    storage(stream, method, path);
    if (first) stream.session?.goaway();
    first = false;
  });
  const all = await Promise.all(
    [1, 2, 3].map(() => transport.send(to(url, "2")).catch((error: unknown) => error)),
  );
  expect(all.length).toBe(3);
  expect((await transport.send(to(url, "2"))).status).toBe(200);
});

test("a request that the server refuses was not acted on, and is told apart from one that breaks", async () => {
  const refused = 7;
  const url = await framing((stream) => reset(stream, refused));
  const requests: Partial<HttpRequest>[] = [
    {},
    { method: "PUT", body: "{}" },
    { method: "PUT", body: blob(4 * MIB) },
  ];
  for (const more of requests)
    await expect(transport.send(to(url, "", "GET", more))).rejects.toMatchObject({
      systemCode: "REFUSED_STREAM",
    });
});

test("requests that come too late for a server that is going away were not acted on", async () => {
  // Nothing behind the first stream, which is 1.
  const goaway = frame(7, 0, 0, Buffer.from([0, 0, 0, 1, 0, 0, 0, 0]));
  let count = 0;
  const url = await framing((stream) =>
    count++ === 0
      ? Buffer.concat([goaway, head(stream), frame(DATA, END_STREAM, stream, "{}")])
      : Buffer.alloc(0),
  );
  const sent = ["a", "b", "c"].map((path) => transport.send(to(url, path)).catch((error: unknown) => error));
  const [answered, ...late] = await Promise.all(sent);
  expect(answered).toMatchObject({ status: 200 });
  expect(late).toMatchObject([{ systemCode: "REFUSED_STREAM" }, { systemCode: "REFUSED_STREAM" }]);
});

test("whoever asks is told how many requests the server allows at once", async () => {
  server = createSecureServer({
    key: privateKey("server"),
    cert: certificate("server"),
    settings: { maxConcurrentStreams: 17 },
  });
  server.on("stream", (stream) => {
    stream.respond({ ":status": 200 }, { endStream: true });
  });
  listening = await listen(server);
  closing.push(listening.close);
  const told: number[] = [];
  const connections = createHttp2(new URL(`https://127.0.0.1:${listening.port}`), {
    open: async () => {
      const socket = connect({ port: listening.port, ca: certificate("ca"), ALPNProtocols: ["h2"] });
      await once(socket, "secureConnect");
      return socket;
    },
    shared: true,
    keepAlive: 1_000,
    onStreams: (max) => told.push(max),
  });
  closing.unshift(() => connections.destroy());
  const timeouts = { headersTimeout: 1_000, bodyTimeout: 1_000 };
  await connections.request({ method: "HEAD", path: "/", headers: {}, ...timeouts });
  expect(told).toEqual([17]);
});
