import { createServer as createHttpServer } from "node:http";
import { createSecureServer } from "node:http2";
import { createServer as createTcpServer } from "node:net";
import { Readable, type Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import type { HttpRequest } from "../../../src/registry/http/message.js";
import { createTransport, type Transport } from "../../../src/registry/http/transport.js";
import { certificate, privateKey } from "../../helpers/certificates.js";
import { listen, type Incoming, type Listening, type Outgoing } from "../../helpers/peer.js";

/** How answers come, whatever the version of HTTP: whole where they are small, as streams where they are asked for as such. */

const MIB = 1024 * 1024;
const closing: (() => unknown)[] = [];
let listening: Listening;
let transport: Transport;

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** Each version's answers are streams of their own kind. */
function writeTo(response: Writable, bytes: Buffer | string): void {
  response.write(bytes);
}

function openTransport(): void {
  transport = createTransport({
    tls: () => Promise.resolve({ verify: false }),
    roots: () => Promise.resolve([]),
    proxyFor: () => undefined,
    userAgent: "test",
    timeouts: { headers: 5_000, stall: 5_000 },
  });
  closing.unshift(() => transport.close());
}

const VERSIONS = ["HTTP/1.1", "HTTP/2"] as const;

describe.each(VERSIONS)("over %s", (version) => {
  async function serving(answer: (request: Incoming, response: Outgoing) => void): Promise<URL> {
    const pem = { cert: certificate("server"), key: privateKey("server") };
    listening = await listen(
      version === "HTTP/2" ? createSecureServer(pem, answer) : createHttpServer(answer),
    );
    closing.push(listening.close);
    openTransport();
    return new URL(`${version === "HTTP/2" ? "https" : "http"}://127.0.0.1:${listening.port}/v2/`);
  }

  const to = (url: URL, path = "", more: Partial<HttpRequest> = {}): HttpRequest => ({
    method: "GET",
    url: new URL(path, url),
    idempotent: true,
    ...more,
  });

  test("an answer that comes in many small pieces is whole", async () => {
    const url = await serving((_, response) => {
      void (async () => {
        for (let count = 0; count < 50; count++) {
          writeTo(response, Buffer.from(`${count % 10}`));
          if (count % 10 === 0) await sleep(2);
        }
        response.end();
      })();
    });
    const { body } = await transport.send(to(url));
    expect(body.toString()).toBe("0123456789".repeat(5));
  });

  test("an answer may have as many bytes as are allowed, and not one more", async () => {
    const url = await serving((request, response) => {
      response.end(Buffer.alloc(Number(request.url?.slice("/v2/".length))));
    });
    const bounded = { maxBytes: 100_000 };
    expect((await transport.send(to(url, "100000", bounded))).body).toHaveLength(100_000);
    await expect(transport.send(to(url, "100001", bounded))).rejects.toMatchObject({ code: "LIMIT" });
    expect((await transport.send(to(url, "1", bounded))).body).toHaveLength(1);
  });

  test("a few bytes that stand for very many are an error", async () => {
    const url = await serving((_, response) => {
      response.setHeader("content-encoding", "gzip");
      response.end(gzipSync(Buffer.alloc(16 * MIB)));
    });
    await expect(transport.send(to(url))).rejects.toMatchObject({ code: "LIMIT" });
  });

  test("a compressed answer is decoded, a failed one that was asked for as a stream, too", async () => {
    const url = await serving((request, response) => {
      response.statusCode = request.url === "/v2/failed" ? 400 : 200;
      response.setHeader("content-encoding", "gzip");
      response.end(gzipSync("{}"));
    });
    expect((await transport.send(to(url))).body.toString()).toBe("{}");
    const failed = await transport.send(to(url, "failed", { stream: true }));
    expect(failed).toMatchObject({ status: 400, body: Buffer.from("{}") });
    expect(failed.stream).toBeUndefined();
  });

  test("an abort in the middle of an answer ends it at once, for the server too", async () => {
    let onGone: () => void = () => undefined;
    const gone = new Promise<void>((resolve) => (onGone = resolve));
    const url = await serving((request, response) => {
      if (request.url !== "/v2/") {
        response.end("{}");
        return;
      }
      response.on("close", onGone);
      writeTo(response, "some");
    });
    const controller = new AbortController();
    const sent = transport.send(to(url, "", { signal: controller.signal }));
    await sleep(100);
    controller.abort(new Error("enough"));
    await expect(sent).rejects.toThrow("enough");
    await gone;
    expect((await transport.send(to(url, "next"))).body.toString()).toBe("{}");
  });

  test("an abort in the middle of a stream is what its reader meets", async () => {
    const url = await serving((_, response) => {
      writeTo(response, "some");
    });
    const controller = new AbortController();
    const { stream } = await transport.send(to(url, "", { stream: true, signal: controller.signal }));
    const read = stream?.toArray();
    await sleep(50);
    controller.abort(new Error("enough"));
    await expect(read).rejects.toThrow("enough");
  });

  test("a request that is aborted before its connection is there is never sent", async () => {
    const seen: string[] = [];
    const url = await serving((request, response) => {
      seen.push(request.url ?? "");
      response.end("{}");
    });
    const controller = new AbortController();
    const sent = transport.send(to(url, "aborted", { signal: controller.signal }));
    controller.abort(new Error("enough"));
    await expect(sent).rejects.toThrow("enough");
    await transport.send(to(url, "next"));
    expect(seen).toEqual(["/v2/next"]);
  });

  test("a reader that stops holds up the server, and nobody else", async () => {
    let written = 0;
    const pieces = function* () {
      for (let left = 64; left > 0; left--) {
        written += MIB;
        yield Buffer.alloc(MIB);
      }
    };
    const url = await serving((request, response) => {
      if (request.url === "/v2/large") Readable.from(pieces()).pipe(response);
      else response.end("{}");
    });
    const { stream } = await transport.send(to(url, "large", { stream: true }));
    await sleep(300);
    expect(written).toBeLessThan(32 * MIB);
    expect((await transport.send(to(url))).body.toString()).toBe("{}");
    let length = 0;
    for await (const piece of stream ?? []) if (Buffer.isBuffer(piece)) length += piece.byteLength;
    expect(length).toBe(64 * MIB);
  });

  test("a stream that is given up unread ends at the server, and reports nothing to nobody", async () => {
    let onGone: () => void = () => undefined;
    const gone = new Promise<void>((resolve) => (onGone = resolve));
    const url = await serving((_, response) => {
      response.on("close", onGone);
      writeTo(response, Buffer.alloc(MIB));
    });
    const { stream } = await transport.send(to(url, "", { stream: true }));
    stream?.on("error", () => undefined).destroy();
    await gone;
  });

  test("what was to be uploaded is let go where the upload comes to nothing", async () => {
    const url = await serving((request, response) => {
      request.on("error", () => undefined);
      response.on("error", () => undefined);
      request.once("data", () => void listening.close());
    });
    const endless = function* () {
      for (;;) yield Buffer.alloc(MIB);
    };
    const source = Readable.from(endless(), { objectMode: false });
    const body = { length: 1024 * MIB, open: () => source };
    await expect(transport.send(to(url, "", { method: "PUT", body }))).rejects.toMatchObject({
      code: "TRANSPORT",
    });
    await expect.poll(() => source.destroyed).toBe(true);

    const unsent = Readable.from(endless(), { objectMode: false });
    const again = { length: 1024 * MIB, open: () => unsent };
    await expect(transport.send(to(url, "", { method: "PUT", body: again }))).rejects.toMatchObject({
      code: "TRANSPORT",
    });
  });
});

/** A server of HTTP/1.1 that answers the first request on each connection by these bytes, in one segment. */
async function answeringOnce(bytes: string): Promise<URL> {
  listening = await listen(
    createTcpServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => socket.write(bytes));
    }),
  );
  closing.push(listening.close);
  openTransport();
  return new URL(`http://127.0.0.1:${listening.port}/v2/`);
}

describe("more than one answer to a request", () => {
  const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

  test.each([
    ["a second answer in the same segment is not that to the next request", "GET", OK + OK],
    ["a body behind the head that answers HEAD is not an answer to the next request", "HEAD", OK],
  ] as const)("%s", async (_, method, bytes) => {
    const url = await answeringOnce(bytes);
    const first = await transport.send({ method, url, idempotent: true });
    expect(first.body.toString()).toBe(method === "HEAD" ? "" : "{}");
    await sleep(50);
    const second = await transport.send({ method: "GET", url, idempotent: true });
    expect(second.body.toString()).toBe("{}");
    expect(listening.connections).toBe(2);
  });
});
