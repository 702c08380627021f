import type { Socket } from "node:net";
import { Readable } from "node:stream";
import { Client, type buildConnector, type Dispatcher } from "undici";
import { onAbort } from "../../signals.js";
import { asError, Pieces, type Connections, type Received, type Sent } from "./connections.js";

/** Requests over HTTP/1.1, by undici. */

/** A head that is longer is an error. */
const MAX_HEADER_BYTES = 64 * 1024;

export interface Http1Options {
  readonly open: () => Promise<Socket>;
  /** After how many milliseconds a connection without requests is closed. */
  readonly keepAlive: number;
}

/**
 * A connection for each request under way, and for no more: undici's own pool opens another where one has just become free.
 * How many there are is up to who sends.
 */
export function createHttp1(origin: URL, { open, keepAlive }: Http1Options): Connections {
  const all: Line[] = [];
  /** The one that was used last comes first, so that others may end when there is less to do. */
  const idle: Line[] = [];

  function newLine(): Line {
    const line = new Line(origin, open, keepAlive);
    all.push(line);
    return line;
  }

  return {
    request: async (sent) => {
      const line = idle.pop() ?? newLine();
      return line.request(sent, () => idle.push(line));
    },
    destroy: async () => {
      await Promise.all(all.map((line) => line.destroy()));
    },
  };
}

/** One connection, opened when it is needed, and again when it was closed. */
class Line {
  readonly #client: Client;
  #isConnected = false;
  #onSent: (() => void) | undefined;

  constructor(origin: URL, open: () => Promise<Socket>, keepAlive: number) {
    const client = new Client(origin.origin, {
      connect: connectorOf(open),
      maxHeaderSize: MAX_HEADER_BYTES,
      keepAliveTimeout: keepAlive,
      keepAliveMaxTimeout: keepAlive,
    });
    client.on("connect", () => {
      this.#isConnected = true;
      this.#onSent?.();
    });
    client.on("disconnect", () => {
      this.#isConnected = false;
    });
    this.#client = client;
  }

  /** @param onFree called once, when the connection can have another request */
  request(sent: Sent, onFree: () => void): Promise<Received> {
    this.#onSent = sent.onSent;
    if (this.#isConnected) sent.onSent?.();
    return new Promise((resolve, reject) => {
      const { path, method, headers, body = null, headersTimeout, bodyTimeout } = sent;
      const options: Dispatcher.DispatchOptions = {
        ...{ path, method, headers, body, headersTimeout, bodyTimeout },
        // Whether a request may be repeated is the retry layer's business.
        idempotent: true,
        // undici would close the connection behind every HEAD, for the sake of servers that send a body there.
        reset: false,
      };
      this.#client.dispatch(options, new Exchange(sent, { resolve, reject, onFree }));
    });
  }

  async destroy(): Promise<void> {
    await this.#client.destroy();
  }
}

/** Who is told what has become of a request. */
interface Asker {
  readonly resolve: (received: Received) => void;
  readonly reject: (error: unknown) => void;
  /** Told once, when its connection can have another. */
  readonly onFree: () => void;
}

/** What undici tells of one request. (Its own `request` makes a stream of each answer, which takes longer than all the rest.) */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #sent: Sent;
  readonly #asker: Asker;
  #isOver = false;
  readonly #forget: (() => void) | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #head: Omit<Received, "body"> | undefined;
  /** One of them, from when the answer begins. */
  #pieces: Pieces | undefined;
  #stream: Body | undefined;

  constructor(sent: Sent, asker: Asker) {
    this.#sent = sent;
    this.#asker = asker;
    const { signal } = sent;
    this.#forget =
      signal &&
      onAbort(signal, () => {
        const reason: unknown = signal.reason;
        this.#controller?.abort(asError(reason));
        this.#end(reason);
      });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#sent.signal?.aborted === true) controller.abort(asError(this.#sent.signal.reason));
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    statusCode: number,
    headers: Received["headers"],
  ): void {
    if (statusCode < 200) return;
    if (this.#sent.maxBytes === undefined) {
      this.#stream = new Body(controller);
      this.#asker.resolve({ statusCode, headers, body: this.#stream });
    } else {
      this.#head = { statusCode, headers };
      this.#pieces = new Pieces(this.#sent.maxBytes);
    }
  }

  /** What this throws, undici ends the request with. */
  onResponseData(controller: Dispatcher.DispatchController, piece: Buffer): void {
    this.#pieces?.add(piece);
    if (this.#stream?.push(piece) === false) controller.pause();
  }

  onResponseEnd(): void {
    this.#leave();
    this.#stream?.end();
    if (this.#head !== undefined && this.#pieces !== undefined)
      this.#asker.resolve({ ...this.#head, body: this.#pieces.whole() });
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#end(error);
  }

  #leave(): void {
    this.#forget?.();
    if (!this.#isOver) this.#asker.onFree();
    this.#isOver = true;
  }

  #end(error: unknown): void {
    this.#leave();
    this.#asker.reject(error);
    this.#stream?.fail(asError(error));
    const { body } = this.#sent;
    if (body instanceof Readable) body.on("error", () => undefined).destroy(asError(error));
  }
}

/** The body of an answer, as a stream. Who gives it up ends the connection. */
class Body extends Readable {
  readonly #controller: Dispatcher.DispatchController;
  #isEnded = false;

  constructor(controller: Dispatcher.DispatchController) {
    super({ highWaterMark: 64 * 1024 });
    this.#controller = controller;
  }

  end(): void {
    this.#isEnded = true;
    this.push(null);
  }

  /** Nobody may be listening any more, or not yet. */
  fail(error: Error): void {
    this.#isEnded = true;
    this.on("error", () => undefined).destroy(error);
  }

  override _read(): void {
    this.#controller.resume();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#isEnded) this.#controller.abort(error ?? new Error("not read to its end"));
    done(error);
  }
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
