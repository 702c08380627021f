import { ManifestError, messageOf } from "../errors.js";
import { algorithmOf, hasherFor } from "../oci/digest.js";
import { formatLocation } from "../oci/location.js";
import type { BlobInfo, BlobStream, Interruptible, Repository } from "./repository.js";

export interface ReadOptions extends Interruptible {
  /** How often a stream that breaks may be opened again. */
  readonly resumes: number;
  /** Told of the bytes that go through, and how many that makes. */
  readonly onBytes?: ((count: number, done: number) => void) | undefined;
  /** The stream from the beginning, where it is open already. */
  readonly first?: BlobStream | undefined;
}

/**
 * The bytes of a blob, checked: it ends by an error, before the last piece, if they are not what digest and length
 * say. A stream that breaks is opened again where it broke.
 * @throws DIGEST_MISMATCH for other content, TRANSPORT for a stream that stays broken, or what `openBlob` throws
 */
export async function* readBlob(
  source: Repository,
  blob: BlobInfo,
  options: ReadOptions,
): AsyncGenerator<Buffer, void, undefined> {
  const hash = hasherFor(blob.digest);
  let opened = options.first ?? (await source.openBlob(blob, 0, options));
  const { length } = opened;
  let resumes = 0;
  let offset = 0;
  let held: Buffer | undefined;
  try {
    checkLength(source, blob, length);
    let { skip } = opened;
    let pieces = opened.stream[Symbol.asyncIterator]();
    for (;;) {
      let next: IteratorResult<unknown>;
      // What is thrown into this generator is a fault of whoever reads it, and no reason to open the stream again:
      // hence no `yield` in here.
      try {
        next = await pieces.next();
      } catch (error) {
        options.signal?.throwIfAborted();
        // Nothing was missing any more but the end.
        if (offset === length) break;
        if (resumes++ >= options.resumes) throw broken(source, blob, error);
        opened = await source.openBlob(blob, offset, options);
        ({ skip } = opened);
        pieces = opened.stream[Symbol.asyncIterator]();
        continue;
      }
      if (next.done === true) break;
      if (!Buffer.isBuffer(next.value)) continue;
      const fresh = next.value.subarray(skip);
      skip -= next.value.byteLength - fresh.byteLength;
      if (fresh.byteLength === 0) continue;
      offset += fresh.byteLength;
      if (offset > length) throw mismatch(source, blob, `more than ${length} bytes`);
      hash.update(fresh);
      options.onBytes?.(fresh.byteLength, offset);
      if (held !== undefined) yield held;
      held = fresh;
    }
    if (offset !== length) throw mismatch(source, blob, `${offset} bytes instead of ${length}`);
    const digest = `${algorithmOf(blob.digest)}:${hash.digest("hex")}`;
    if (digest !== blob.digest) throw mismatch(source, blob, `content with digest ${digest}`);
    if (held !== undefined) yield held;
  } finally {
    opened.stream.destroy();
  }
}

/**
 * Compares the length of what a source sends with what the manifest says, where it says any.
 * @throws DIGEST_MISMATCH
 */
export function checkLength(source: Repository, blob: BlobInfo, length: number): void {
  if (blob.size > 0 && length !== blob.size) {
    throw mismatch(source, blob, `${length} bytes instead of ${blob.size}`);
  }
}

function mismatch(source: Repository, { digest }: BlobInfo, got: string): ManifestError {
  const name = `${formatLocation(source.location)}@${digest}`;
  return new ManifestError("DIGEST_MISMATCH", `${name}: the source sent ${got}`, { subject: digest });
}

function broken(source: Repository, { digest }: BlobInfo, cause: unknown): ManifestError {
  if (cause instanceof ManifestError) return cause;
  const name = `${formatLocation(source.location)}@${digest}`;
  return new ManifestError("TRANSPORT", `${name} could not be read to its end: ${messageOf(cause)}`, {
    subject: digest,
    cause,
  });
}
