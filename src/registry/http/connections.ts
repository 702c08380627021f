import type { Readable } from "node:stream";
import type { Method } from "./message.js";

/** What both versions of HTTP do for the transport: a request goes out, the head and the body of its answer come back. */

/** A request to one origin. */
export interface Sent {
  readonly method: Method;
  /** With its query. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer | string | Readable;
  /** The body of the answer is read, as long as it has no more bytes than these; without, it comes as a stream. */
  readonly maxBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** See `HttpRequest.onSent`. */
  readonly onSent?: (() => void) | undefined;
  /** Until the answer begins, and between two pieces of its body; in milliseconds. */
  readonly headersTimeout: number;
  readonly bodyTimeout: number;
}

export interface Received {
  readonly statusCode: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Whole, or a stream that errs if the answer is cut short. */
  readonly body: Buffer | Readable;
}

/** The connections to one origin. */
export interface Connections {
  request(sent: Sent): Promise<Received>;
  /** Ends them; what is under way is given up. */
  destroy(): Promise<void>;
}

/** The body of an answer has more bytes than may be read. */
export class TooLargeError extends Error {
  override readonly name = "TooLargeError";

  constructor() {
    super("the body is too large");
  }
}

const EMPTY = Buffer.alloc(0);

/** The pieces of a body that is read whole: the bytes of most are few, and a stream costs more than the rest of a request. */
export class Pieces {
  readonly #maxBytes: number;
  #pieces: Buffer[] | undefined;
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @throws TooLargeError if these are too many */
  add(piece: Buffer): void {
    this.#length += piece.byteLength;
    if (this.#length > this.#maxBytes) throw new TooLargeError();
    (this.#pieces ??= []).push(piece);
  }

  get length(): number {
    return this.#length;
  }

  /** A copy, which keeps no larger buffer of the network's in memory. */
  whole(): Buffer {
    return this.#pieces === undefined ? EMPTY : Buffer.concat(this.#pieces, this.#length);
  }
}

/** The reason of an abort, as streams want it. */
export function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error("aborted", { cause: reason });
}
