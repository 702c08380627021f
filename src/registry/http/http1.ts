import type { Socket } from "node:net";
import { Pool, type buildConnector } from "undici";
import type { Connections } from "./connections.js";

/** Requests over HTTP/1.1, by undici. */

/** A head that is longer is an error. */
const MAX_HEADER_BYTES = 64 * 1024;

export interface Http1Options {
  readonly open: () => Promise<Socket>;
  /** How many at most; null for as many as there are requests. */
  readonly connections: number | null;
  /** After how many milliseconds a connection without requests is closed. */
  readonly keepAlive: number;
}

export function createHttp1(origin: URL, { open, connections, keepAlive }: Http1Options): Connections {
  const pool = new Pool(origin.origin, {
    connections,
    connect: connectorOf(open),
    maxHeaderSize: MAX_HEADER_BYTES,
    keepAliveTimeout: keepAlive,
    keepAliveMaxTimeout: keepAlive,
  });
  return {
    request: (sent) =>
      pool.request({
        ...sent,
        // Whether a request may be repeated is the retry layer's business.
        idempotent: true,
        // undici would close the connection behind every HEAD, for the sake of servers that send a body there.
        reset: false,
      }),
    destroy: () => pool.destroy(),
  };
}

/**
 * undici's way to ask for a connection. Why there is none is in the `cause` of the error: undici would take some codes
 * for a request's fault, and try to connect for ever.
 */
export function connectorOf(open: () => Promise<Socket>): buildConnector.connector {
  return (_, callback) => {
    open().then(
      (socket) => {
        callback(null, withoutInterim(socket));
      },
      (cause: unknown) => {
        callback(new Error("no connection", { cause }), null);
      },
    );
  };
}

/** What a request of undici's begins with. It sends all bodies as bytes, and nothing but heads as text. */
const REQUEST_LINE = /^[A-Z]+ \S+ HTTP\/1\.1\r\n/;
const STATUS = "HTTP/1.1 1".length + 2;
/** Not 101, which is an answer. */
const INTERIM = /^HTTP\/1\.1 1(?!01)\d\d/;
const END_OF_HEAD = /\r?\n\r?\n/;

/**
 * Takes out what a server sends before an answer, such as `100 Continue`: any server may, unasked, and undici ends the
 * connection at the first. Only the beginning of an answer is looked at.
 * https://www.rfc-editor.org/rfc/rfc9110#section-15.2
 */
function withoutInterim(socket: Socket): Socket {
  const read = socket.read.bind(socket);
  const write = socket.write.bind(socket);
  /** What has come of an answer that may still begin by an interim one; undefined once that is settled. */
  let start: Buffer | undefined;

  /** What undici may see of the next bytes. */
  function passed(piece: Buffer): Buffer | undefined {
    if (start === undefined) return piece;
    start = start.byteLength === 0 ? piece : Buffer.concat([start, piece]);
    for (;;) {
      const status = start.toString("latin1", 0, STATUS);
      const isInterim = INTERIM.test(status);
      const end = isInterim ? END_OF_HEAD.exec(start.toString("latin1", 0, MAX_HEADER_BYTES)) : null;
      if (end !== null) {
        start = start.subarray(end.index + end[0].length);
      } else if (start.byteLength < (isInterim ? MAX_HEADER_BYTES : STATUS)) {
        return undefined;
      } else {
        const answer = start;
        start = undefined;
        return answer;
      }
    }
  }

  socket.write = (data: string | Uint8Array, ...rest: never[]): boolean => {
    if (typeof data === "string" && REQUEST_LINE.test(data)) start = Buffer.alloc(0);
    return write(data, ...rest);
  };
  socket.read = (size?: number): unknown => {
    for (;;) {
      const piece: unknown = read(size);
      const seen = Buffer.isBuffer(piece) ? passed(piece) : piece;
      if (seen !== undefined) return seen;
    }
  };
  return socket;
}
