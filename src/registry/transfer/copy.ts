import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { ManifestError } from "../../errors.js";
import { algorithmOf, hasherFor } from "../../oci/digest.js";
import { decode, encodingOf } from "../http/contentEncoding.js";
import { header, type HttpResponse } from "../http/message.js";
import { withDigest } from "../http/locations.js";
import { ensureStatus, type Registry, type Upload } from "../api.js";
import { RegistryError } from "../http/registryError.js";
import { DEFAULT_LIMITS, retryDelay, type Outcome, type RetryLimits } from "../retry/retryDelay.js";
import { repositoryScope } from "../auth/token.js";
import { TransportError } from "../http/transportError.js";

/** A blob on its way from one repository to another, of the same registry or not. Never held in memory. */
export interface BlobCopy {
  readonly digest: string;
  /** In bytes, as the manifest says. */
  readonly size: number;
  readonly from: { readonly registry: Registry; readonly repository: string };
  readonly to: { readonly registry: Registry; readonly repository: string };
  /** An upload that a refused mount has opened already. */
  readonly upload?: Upload | undefined;
  /** How many times the upload may be begun again, and a broken download taken up again. */
  readonly retries: number;
  readonly limits?: RetryLimits | undefined;
  /** Ends the copy. */
  readonly signal?: AbortSignal | undefined;
  /** Told of the bytes that go through; those of an upload that is begun again count again. */
  readonly onBytes?: (count: number) => void;
}

/** How often one download may be taken up again where it broke. */
const MAX_RESUMES = 10;

/** The source does not have the blob. */
export class BlobMissingError extends ManifestError {
  override readonly name = "BlobMissingError";
}

/** The target does not take uploads. */
export class UploadRefusedError extends ManifestError {
  override readonly name = "UploadRefusedError";
}

/**
 * Copies a blob: one upload in one PUT, the form that every registry takes, fed by the download. A download that
 * breaks is taken up where it broke; an upload that breaks is begun again, unless the blob turns out to be there.
 * Digest and length are checked before the registry gets the last byte.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#post-then-put
 */
export async function copyBlob(copy: BlobCopy): Promise<void> {
  const start = Date.now();
  let { upload } = copy;
  for (let attempt = 1; ; attempt++) {
    // The source answers first: nothing is opened for what cannot be had.
    const download = await openDownload(copy);
    try {
      upload ??= await openUpload(copy);
    } catch (error) {
      download.stream.destroy();
      throw error;
    }
    const failure = await uploadOnce(copy, download, upload);
    if (failure === undefined) return;
    const outcome = attempt > copy.retries ? undefined : outcomeOf(failure);
    // An answer may have been lost while the blob was stored.
    if (outcome !== undefined && (await isThere(copy))) return;
    const delay =
      outcome &&
      retryDelay({
        attempt,
        elapsedMs: Date.now() - start,
        retries: copy.retries,
        idempotent: true,
        outcome,
        random: Math.random,
        now: Date.now(),
        limits: copy.limits ?? DEFAULT_LIMITS,
      });
    if (delay === undefined) throw failure;
    await sleep(delay, undefined, copy.signal && { signal: copy.signal });
    upload = undefined;
  }
}

async function openUpload({ to, signal }: BlobCopy): Promise<Upload> {
  try {
    return await to.registry.openUpload(to.repository, signal);
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    throw new UploadRefusedError("REGISTRY", error.message, { cause: error, hint: error.hint });
  }
}

/** Sends the bytes. Returns the failure of the upload; throws that of the download, which has had its tries. */
async function uploadOnce(copy: BlobCopy, download: Download, upload: Upload): Promise<Error | undefined> {
  // A fault of the download reaches the connection as a broken body; this is what was behind it.
  let fault: ManifestError | undefined;
  let unused: Download | undefined = download;
  const body = {
    length: download.length,
    open: () => {
      // A second time it is for the same request with a new token.
      const first = unused;
      unused = undefined;
      return reporting(checked(copy, download.length, first), (error) => (fault = described(copy, error)));
    },
  };
  const { registry } = copy.to;
  try {
    const response = await registry.send({
      method: "PUT",
      url: withDigest(upload.url, copy.digest),
      headers: { "content-type": "application/octet-stream" },
      body,
      // The body is gone once it was sent; beginning again is the caller's business.
      idempotent: false,
      retries: 0,
      signal: copy.signal,
      ...(upload.sameOrigin && { scopes: upload.scopes }),
    });
    ensureStatus("PUT", 200, 201, 202, 204)(response);
    return undefined;
  } catch (error) {
    copy.signal?.throwIfAborted();
    if (fault !== undefined) {
      await registry.cancelUpload(upload);
      throw fault;
    }
    if (error instanceof TransportError || error instanceof RegistryError) return error;
    throw error;
  } finally {
    download.stream.destroy();
  }
}

/**
 * Passes on the bytes and tells of a fault in them. Without a `throw`: what breaks on the side of the upload is told
 * to a generator that way, and must not look like a fault of the download.
 */
function reporting(
  source: AsyncGenerator<Buffer>,
  onFault: (error: unknown) => void,
): AsyncIterable<Uint8Array> {
  const next = async (): Promise<IteratorResult<Buffer>> => {
    try {
      return await source.next();
    } catch (error) {
      onFault(error);
      throw error;
    }
  };
  return { [Symbol.asyncIterator]: () => ({ next, return: () => source.return(undefined) }) };
}

/** The blob's bytes. Ends by an error, before the last piece, if they are not what digest and length say. */
async function* checked(copy: BlobCopy, length: number, download?: Download): AsyncGenerator<Buffer> {
  const hash = hasherFor(copy.digest);
  let seen = 0;
  let held: Buffer | undefined;
  for await (const piece of resuming(copy, download ?? (await openDownload(copy)))) {
    seen += piece.byteLength;
    if (seen > length) throw mismatch(copy, `more than ${length} bytes`);
    hash.update(piece);
    copy.onBytes?.(piece.byteLength);
    if (held !== undefined) yield held;
    held = piece;
  }
  if (seen !== length) throw mismatch(copy, `${seen} bytes instead of ${length}`);
  const digest = `${algorithmOf(copy.digest)}:${hash.digest("hex")}`;
  if (digest !== copy.digest) throw mismatch(copy, `content with digest ${digest}`);
  if (held !== undefined) yield held;
}

function mismatch(copy: BlobCopy, got: string): ManifestError {
  return new ManifestError(
    "DIGEST_MISMATCH",
    `${copy.from.repository}@${copy.digest}: the source sent ${got}`,
  );
}

/** The bytes of the download, taken up where it broke. */
async function* resuming(copy: BlobCopy, first: Download): AsyncGenerator<Buffer> {
  let { stream, skip } = first;
  let offset = 0;
  for (let resumes = 0; ; resumes++) {
    try {
      for await (const piece of stream) {
        if (!Buffer.isBuffer(piece)) continue;
        const fresh = piece.subarray(skip);
        skip -= piece.byteLength - fresh.byteLength;
        offset += fresh.byteLength;
        if (fresh.byteLength > 0) yield fresh;
      }
      return;
    } catch (error) {
      copy.signal?.throwIfAborted();
      if (resumes === MAX_RESUMES || copy.retries === 0) throw described(copy, error);
      ({ stream, skip } = await openDownload(copy, offset));
    }
  }
}

/** A download that broke for good, as an error for people. */
function described(copy: BlobCopy, cause: unknown): ManifestError {
  if (cause instanceof ManifestError) return cause;
  const { registry, repository } = copy.from;
  return new TransportError("GET", registry.url(repository, `blobs/${copy.digest}`), cause);
}

interface Download {
  readonly stream: Readable;
  /** Of the whole blob, in bytes. */
  readonly length: number;
  /** How many bytes at the beginning have been there before. */
  readonly skip: number;
}

async function openDownload(copy: BlobCopy, offset = 0): Promise<Download> {
  const { registry, repository } = copy.from;
  const response = await registry.send({
    method: "GET",
    url: registry.url(repository, `blobs/${copy.digest}`),
    ...(offset > 0 && { headers: { range: `bytes=${offset}-` } }),
    idempotent: true,
    scopes: [repositoryScope(repository, "pull")],
    stream: true,
    signal: copy.signal,
  });
  if (response.status === 404) {
    throw new BlobMissingError("BLOB_UNKNOWN", `blob unknown to registry: ${repository}@${copy.digest}`);
  }
  ensureStatus("GET", ...(offset > 0 ? [200, 206] : [200]))(response);
  const { stream } = response;
  if (stream === undefined) throw new Error("a download without a stream");
  unattended(stream);
  try {
    if (response.status === 206) return resumed(copy, response, stream, offset);
    const sent = lengthOf(response);
    const encoding = encodingOf(response);
    // Some stores name the encoding of the blob itself, a compressed layer, and send it as it is.
    if (encoding !== undefined && !(sent === copy.size && sent > 0)) {
      const decoded = unattended(decode(stream, encoding, response.url.host));
      return { stream: decoded, length: expected(copy), skip: offset };
    }
    const length = copy.size > 0 ? copy.size : (sent ?? expected(copy));
    if (sent !== undefined && sent !== length) throw mismatch(copy, `${sent} bytes instead of ${length}`);
    return { stream, length, skip: offset };
  } catch (error) {
    stream.destroy();
    throw error;
  }
}

/** A body that is given up unread reports that as an error, which would end the program if nobody listened. */
function unattended(stream: Readable): Readable {
  return stream.on("error", () => undefined);
}

function resumed(copy: BlobCopy, response: HttpResponse, stream: Readable, offset: number): Download {
  const isRest = (header(response, "content-range") ?? "").startsWith(`bytes ${offset}-`);
  if (!isRest || encodingOf(response) !== undefined) {
    throw new ManifestError(
      "DIGEST_MISMATCH",
      `${copy.from.repository}@${copy.digest}: the source does not resume downloads`,
    );
  }
  return { stream, length: expected(copy), skip: 0 };
}

function lengthOf(response: HttpResponse): number | undefined {
  const text = header(response, "content-length");
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** The length that the manifest says. */
function expected(copy: BlobCopy): number {
  if (Number.isSafeInteger(copy.size) && copy.size >= 0) return copy.size;
  throw new ManifestError("DIGEST_MISMATCH", `${copy.from.repository}@${copy.digest}: unknown length`);
}

/** What the retry policy should look at; undefined for what it never repeats. */
function outcomeOf(failure: Error): Outcome | undefined {
  if (failure instanceof TransportError) return { errorCode: failure.systemCode };
  if (!(failure instanceof RegistryError)) return undefined;
  // The upload is gone, or the registry has lost count of its bytes: a new one may do.
  return failure.status === 404 || failure.status === 416 ? { status: 503 } : failure.outcome;
}

async function isThere({ to, digest, signal }: BlobCopy): Promise<boolean> {
  const response = await to.registry.send({
    method: "HEAD",
    url: to.registry.url(to.repository, `blobs/${digest}`),
    idempotent: true,
    scopes: [repositoryScope(to.repository, "pull", "push")],
    signal,
  });
  return response.status === 200;
}
