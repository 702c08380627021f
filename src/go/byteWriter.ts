import { ManifestError } from "../errors.js";

/** From here on, calling Node is faster than a loop. */
const LONG = 32;

/** Bytes in the making. One growing buffer: a piece of its own for every comma would cost a hundred times as much. */
export class ByteWriter {
  readonly #limit: number;
  #bytes: Buffer;
  #length = 0;

  /** `expected` is how much to make room for; more than `limit` bytes throw a ManifestError. */
  constructor(expected: number, limit = Infinity) {
    this.#bytes = Buffer.allocUnsafe(Math.max(64, expected));
    this.#limit = limit;
  }

  /** The bytes of `source` from `start` to `end`. */
  copy(source: Buffer, start: number, end: number): void {
    this.#makeRoom(end - start);
    if (end - start >= LONG) {
      this.#length += source.copy(this.#bytes, this.#length, start, end);
    } else {
      for (let at = start; at < end; at++) this.#bytes[this.#length++] = source[at] ?? 0;
    }
  }

  /** ASCII text. */
  text(ascii: string): void {
    this.#makeRoom(ascii.length);
    for (let at = 0; at < ascii.length; at++) this.#bytes[this.#length++] = ascii.charCodeAt(at);
  }

  take(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #makeRoom(count: number): void {
    const needed = this.#length + count;
    if (needed > this.#limit)
      throw new ManifestError("LIMIT", `JSON takes more than ${this.#limit} bytes to lay out`);
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
