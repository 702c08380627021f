import { createServer, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { createTransport, type Transport } from "../../../src/registry/http/transport.js";
import { listen, type Listening } from "../../helpers/peer.js";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";
const HINTS = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n";

let server: Listening;
let transport: Transport;

/** A server that answers each request by these pieces, each of which goes out as a packet of its own. */
async function answering(...pieces: readonly string[]): Promise<URL> {
  const answer = async (socket: Socket): Promise<void> => {
    for (const piece of pieces) {
      socket.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  return serving((socket) => {
    socket.on("data", () => void answer(socket));
  });
}

async function serving(onConnection: (socket: Socket) => void): Promise<URL> {
  server = await listen(
    createServer((socket) => {
      onConnection(socket.setNoDelay(true));
    }),
  );
  transport = createTransport({
    tls: () => Promise.resolve({ verify: true }),
    roots: () => Promise.resolve([]),
    proxyFor: () => undefined,
    userAgent: "test",
    timeouts: { headers: 2_000, stall: 2_000 },
  });
  return new URL(`http://127.0.0.1:${server.port}/v2/`);
}

afterEach(async () => {
  await transport.close();
  await server.close();
});

describe("an interim answer nobody asked for", () => {
  test.each([
    ["100 Continue", [CONTINUE + OK]],
    ["three of them", [CONTINUE + CONTINUE + CONTINUE + OK]],
    ["103 Early Hints", [HINTS + OK]],
    ["both, in turn", [HINTS + CONTINUE + HINTS + CONTINUE + OK]],
    ["in a packet of its own", [CONTINUE, OK]],
    ["split in the middle of its status", ["HTTP/1.1 1", `00 Continue\r\n\r\n${OK}`]],
    ["split in the middle of its end", ["HTTP/1.1 100 Continue\r\n\r", `\n${OK}`]],
    ["byte by byte", Array.from(`${CONTINUE}${HINTS}${OK}`)],
    ["with headers", [`HTTP/1.1 100 Continue\r\nX-Trace: 1\r\n\r\n${OK}`]],
    ["before an answer in pieces", [`${CONTINUE}HTTP/1.`, "1 20", "0 OK\r\nContent-Length: 2\r\n\r\n{", "}"]],
  ])("is ignored: %s", async (_, pieces) => {
    const url = await answering(...pieces);
    for (const method of ["GET", "PUT"] as const) {
      const request = { method, url, idempotent: true, ...(method === "PUT" && { body: "HTTP/1.1 100 x" }) };
      expect(await transport.send(request)).toMatchObject({ status: 200, body: Buffer.from("{}") });
    }
    expect(server.connections).toBe(1);
  });

  test("is left alone in the body of an answer", async () => {
    const body = `${CONTINUE}${CONTINUE}`;
    const head = `HTTP/1.1 200 OK\r\nContent-Length: ${2 * body.length}\r\n\r\n`;
    const url = await answering(head, body, body);
    const { body: received } = await transport.send({ method: "GET", url, idempotent: true });
    expect(received.toString()).toBe(body + body);
  });

  test("that never ends is an error after the time-out, like no answer", async () => {
    const url = await answering(CONTINUE, "HTTP/1.1 100 Continue\r\n");
    await expect(transport.send({ method: "GET", url, idempotent: true })).rejects.toMatchObject({
      systemCode: "UND_ERR_HEADERS_TIMEOUT",
    });
  });
});

describe("an answer that is shorter than it says", () => {
  test.each([
    ["on a connection to be kept", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"],
    ["on a connection to be closed", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\n{}"],
    ["by HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\n{}"],
    ["in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{}"],
    ["in chunks, the last missing", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"],
  ])("is broken: %s", async (_, bytes) => {
    const url = await serving((socket) => {
      socket.once("data", () => socket.end(bytes));
    });
    const request = { method: "GET", url, idempotent: true } as const;
    await expect(transport.send(request)).rejects.toMatchObject({
      systemCode: expect.stringMatching(/^UND_ERR_(SOCKET|RES_CONTENT_LENGTH_MISMATCH)$/) as unknown,
    });
    const { stream } = await transport.send({ ...request, stream: true });
    await expect(stream?.toArray()).rejects.toThrow();
  });
});

test("bare line feeds are an error with a code of its own", async () => {
  const url = await answering("HTTP/1.1 429 Too Many Requests\nContent-Length: 0\n\n");
  await expect(transport.send({ method: "GET", url, idempotent: true })).rejects.toMatchObject({
    systemCode: "HPE_CR_EXPECTED",
    message: expect.stringContaining("which some registries do on a rate limit") as unknown,
  });
});
