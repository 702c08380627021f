import {
  connect,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type Settings,
} from "node:http2";
import type { Socket } from "node:net";
import { Transform } from "node:stream";
import { onAbort } from "../../signals.js";
import { ConnectionError } from "./causes.js";
import { asError, Pieces, type Connections, type Received, type Sent } from "./connections.js";

/**
 * Requests over HTTP/2, by Node's own client. undici's takes an answer that the server cancels for a whole one, and sends
 * a streamed body only while nothing else is under way.
 * https://www.rfc-editor.org/rfc/rfc9113
 */
export interface Http2Options {
  /** Opens a connection that has agreed on HTTP/2. */
  readonly open: () => Promise<Socket>;
  /**
   * All requests on one connection, or each on one of its own: a download that nobody reads for the moment must not
   * take its turn from an upload, whatever bounds the server sets.
   */
  readonly shared: boolean;
  /** After how many milliseconds a connection without requests is closed. */
  readonly keepAlive: number;
  /** Told how many requests the server allows under way at once on a connection, whenever it says so. */
  readonly onStreams?: ((max: number) => void) | undefined;
}

/** In bytes, for each stream and for the connection: enough for some ten MB/s over an ocean. */
const WINDOW = 1024 * 1024;

/** So many answers are handed on at a time; see {@link Portions}. */
const PORTION = 12;

export function createHttp2(origin: URL, { open, shared, keepAlive, onStreams }: Http2Options): Connections {
  const sessions = new Set<ClientHttp2Session>();
  const idle: ClientHttp2Session[] = [];
  let common: Promise<ClientHttp2Session> | undefined;

  async function openSession(): Promise<ClientHttp2Session> {
    const socket = await open();
    const session = connect(origin, {
      createConnection: () => socket,
      settings: { enablePush: false, initialWindowSize: WINDOW },
    });
    sessions.add(session);
    session.once("connect", () => {
      session.setLocalWindowSize(WINDOW);
    });
    session.on("remoteSettings", ({ maxConcurrentStreams }: Settings) => {
      if (maxConcurrentStreams !== undefined) onStreams?.(maxConcurrentStreams);
    });
    // Its streams tell of it, too.
    session.on("error", () => undefined);
    session.once("close", () => sessions.delete(session));
    session.setTimeout(keepAlive);
    session.on("timeout", () => {
      if (!underWay.has(session)) session.close();
    });
    return session;
  }

  async function sharedSession(): Promise<ClientHttp2Session> {
    for (;;) {
      const known = (common ??= openSession());
      const session = await known.catch((error: unknown) => {
        if (common === known) common = undefined;
        throw error;
      });
      if (isOpen(session)) return session;
      if (common === known) common = undefined;
    }
  }

  async function ownSession(): Promise<ClientHttp2Session> {
    for (let session = idle.pop(); session !== undefined; session = idle.pop()) {
      if (isOpen(session)) return session;
    }
    return openSession();
  }

  const underWay = new Map<ClientHttp2Session, number>();

  /** A connection keeps the program running only while a request is under way on it. */
  function begin(session: ClientHttp2Session): void {
    const count = underWay.get(session) ?? 0;
    underWay.set(session, count + 1);
    if (count === 0) session.ref();
  }

  function end(session: ClientHttp2Session): void {
    const left = (underWay.get(session) ?? 1) - 1;
    if (left > 0) {
      underWay.set(session, left);
      return;
    }
    underWay.delete(session);
    if (!isOpen(session)) return;
    session.unref();
    if (!shared) idle.push(session);
  }

  const portions = new Portions();

  /** What is the same in all requests. */
  const everywhere = { ":scheme": origin.protocol.slice(0, -1), ":authority": origin.host };

  return {
    request: async (sent) => {
      const session = shared ? await sharedSession() : await ownSession();
      sent.signal?.throwIfAborted();
      sent.onSent?.();
      const stream = session.request(
        { ":method": sent.method, ":path": sent.path, ...everywhere, ...sent.headers },
        { endStream: sent.body === undefined },
      );
      begin(session);
      stream.once("close", () => {
        end(session);
      });
      const received = await exchange(stream, sent);
      // Whoever reads a stream listens to it from its first moment on.
      if (Buffer.isBuffer(received.body)) await portions.turn();
      return received;
    },
    destroy: () => {
      for (const session of sessions) session.destroy();
      return Promise.resolve();
    },
  };
}

/**
 * Hands answers on a few at a time. A hundred come with one piece of data, and Node sends what they make room for when nothing is
 * left to do in the same turn of its loop: without this, line and server would stand still while all of them are dealt with.
 */
class Portions {
  readonly #waiting: (() => void)[] = [];

  turn(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#waiting.push(resolve) === 1) setImmediate(this.#next);
    });
  }

  readonly #next = (): void => {
    const waiting = this.#waiting.splice(0, PORTION);
    if (this.#waiting.length > 0) setImmediate(this.#next);
    for (const go of waiting) go();
  };
}

function isOpen(session: ClientHttp2Session): boolean {
  return !session.closed && !session.destroyed;
}

/**
 * The server has refused a request, or has said by GOAWAY that it comes too late: it has not acted on it.
 * https://www.rfc-editor.org/rfc/rfc9113#section-8.7
 */
export class RefusedStreamError extends Error {
  override readonly name = "RefusedStreamError";
  readonly code = "REFUSED_STREAM";

  constructor() {
    super("the server refuses more requests at once");
  }
}

function isRefused({ rstCode }: ClientHttp2Stream): boolean {
  return rstCode === constants.NGHTTP2_REFUSED_STREAM;
}

function exchange(stream: ClientHttp2Stream, sent: Sent): Promise<Received> {
  return new Promise((resolve, reject) => {
    const { method, maxBytes, signal, headersTimeout, bodyTimeout } = sent;
    let hasAnswered = false;
    /** The body, where it is a stream. */
    let body: Transform | undefined;
    const isComplete = watchEnd(stream);
    const forget =
      signal &&
      onAbort(signal, () => {
        const reason = asError(signal.reason);
        reject(reason);
        if (body === undefined) stream.close(constants.NGHTTP2_CANCEL);
        else body.destroy(reason);
      });
    stream.setTimeout(headersTimeout);
    stream.on("timeout", () => {
      // Whoever gives the body of the request or reads that of the answer may take as long as it likes.
      const waitsForUs = hasAnswered
        ? body?.writableNeedDrain === true
        : !stream.writableEnded && !stream.writableNeedDrain;
      if (waitsForUs) stream.setTimeout(hasAnswered ? bodyTimeout : headersTimeout);
      else
        stream.destroy(
          hasAnswered
            ? new ConnectionError("UND_ERR_BODY_TIMEOUT", "the answer stopped half-way")
            : new ConnectionError("UND_ERR_HEADERS_TIMEOUT", "no answer in time"),
        );
    });
    stream.once("response", ({ ":status": statusCode = 0, ...headers }) => {
      hasAnswered = true;
      stream.setTimeout(bodyTimeout);
      const isEmpty = method === "HEAD" || statusCode === 204 || statusCode === 304;
      const isWhole = (seen: number): boolean => {
        const length = isEmpty ? undefined : headers["content-length"];
        return isComplete() && (length === undefined || seen === Number(length));
      };
      if (maxBytes === undefined) {
        body = streamOf(stream, isWhole, isComplete);
        resolve({ statusCode, headers, body });
      } else {
        const pieces = new Pieces(maxBytes);
        const onEnd = (): void => {
          if (isWhole(pieces.length)) resolve({ statusCode, headers, body: pieces.whole() });
          else reject(cutShort());
          giveUpRest(stream, isComplete());
        };
        collect(stream, pieces, onEnd, reject);
      }
    });
    stream.on("error", (error: Error) => {
      reject(isRefused(stream) ? new RefusedStreamError() : error);
    });
    stream.once("close", () => {
      forget?.();
      reject(isRefused(stream) ? new RefusedStreamError() : cutShort());
    });
    sendBody(stream, sent.body);
  });
}

function cutShort(): Error {
  return new ConnectionError("UND_ERR_SOCKET", "the answer was cut short");
}

/**
 * Nobody wants more of an answer; the rest of the request's body is of no use either. What is whole needs no word: servers
 * close the connection of who cancels too often.
 */
function giveUpRest(stream: ClientHttp2Stream, isComplete: boolean): void {
  const isOver = isComplete && stream.writableEnded;
  if (!isOver && !stream.closed) stream.close(constants.NGHTTP2_CANCEL);
}

/** What cannot be sent because the server has closed the stream does not matter where it has answered before. */
function sendBody(stream: ClientHttp2Stream, body: Sent["body"]): void {
  if (body === undefined) return;
  if (typeof body === "string" || Buffer.isBuffer(body)) {
    stream.end(body);
    return;
  }
  body.on("error", (error) => stream.destroy(error));
  stream.once("aborted", () => body.unpipe(stream));
  stream.once("close", () => body.destroy());
  body.pipe(stream);
}

/**
 * Has the server ended the stream by END_STREAM? Node itself ends one that the server has reset by NO_ERROR, which it
 * has closed by then.
 */
function watchEnd(stream: ClientHttp2Stream): () => boolean {
  let isEnded = false;
  const push = stream.push.bind(stream);
  stream.push = (piece: unknown, encoding?: BufferEncoding): boolean => {
    if (piece === null && !stream.closed) isEnded = true;
    return push(piece, encoding);
  };
  return () => isEnded;
}

/** Reads the body of an answer. Node ends one that the server has reset like one that is complete. */
function collect(
  stream: ClientHttp2Stream,
  pieces: Pieces,
  onEnd: () => void,
  onTooMany: (error: unknown) => void,
): void {
  stream.on("data", (piece: Buffer) => {
    try {
      pieces.add(piece);
    } catch (error) {
      onTooMany(error);
      stream.close(constants.NGHTTP2_CANCEL);
    }
  });
  stream.once("end", onEnd);
}

/**
 * The body of an answer, which errs if there should have been more. Node ends a stream that the server has reset like
 * one that is complete, or closes it without an end.
 */
function streamOf(
  stream: ClientHttp2Stream,
  isWhole: (seen: number) => boolean,
  isComplete: () => boolean,
): Transform {
  let seen = 0;
  const counted = new Transform({
    transform: (piece: Buffer, _, done) => {
      seen += piece.byteLength;
      done(null, piece);
    },
    flush: (done) => {
      done(isWhole(seen) ? null : cutShort());
    },
  });
  // Not by `pipeline`, which waits for ever for the end of a stream that was cancelled while nobody read it.
  stream.pipe(counted);
  stream.on("error", (error: Error) => counted.destroy(error));
  stream.once("close", () => {
    if (!stream.readableEnded) counted.destroy(cutShort());
  });
  counted.once("close", () => {
    giveUpRest(stream, isComplete());
  });
  return counted;
}
