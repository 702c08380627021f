import { checkLength, readBlob } from "../../content/blobReader.js";
import type { BlobInfo, BlobStream, Interruptible, Repository } from "../../content/repository.js";
import { hasCode, ManifestError, messageOf } from "../../errors.js";
import { RegistryError } from "../http/registryError.js";
import type { RepositoryClient } from "../http/repositoryClient.js";
import { either } from "../../signals.js";
import { TransportError } from "../http/transportError.js";
import type { RetryLimits } from "../retry/backoff.js";
import { classify, type Failure } from "../retry/classify.js";
import { pause } from "../retry/pause.js";
import { waitAskedBy } from "../retry/retry.js";
import { Tries } from "../retry/tries.js";
import type { UploadHolder } from "./uploadHolder.js";
import { closeUpload, hasBlob, type Upload } from "./uploads.js";

/** A blob on its way into a repository of a registry, from wherever it is. Never held in memory. */
export interface Copy extends Interruptible {
  readonly blob: BlobInfo;
  readonly source: Repository;
  readonly target: RepositoryClient;
  /** May hold an upload that a refused mount has opened already. */
  readonly uploads: UploadHolder;
  /** How many times the upload may be begun again; with none, a broken download is not taken up either. */
  readonly retries: number;
  readonly limits?: RetryLimits | undefined;
  /** See `RegistryOptions.patient`. */
  readonly patient?: boolean | undefined;
  /** Told of the bytes that go through, and how many that makes in this try: an upload that is begun again counts from zero. */
  readonly onBytes: (count: number, done: number) => void;
}

/** How often one download may be taken up again where it broke. */
const MAX_RESUMES = 10;

/** The source would not even begin to send the blob. */
export class SourceError extends Error {
  override readonly name = "SourceError";
}

/** The target would not open an upload. */
export class UploadRefusedError extends Error {
  override readonly name = "UploadRefusedError";
}

/**
 * Copies a blob: one upload in one PUT, fed by the download. A download that breaks is taken up where it broke; an upload
 * that breaks is begun again, unless the blob turns out to be there. Digest and length are checked before the registry
 * gets the last byte.
 * @throws SourceError, UploadRefusedError, or what went wrong between the two
 */
export async function copyBlob(copy: Copy): Promise<void> {
  const { retries, limits, patient } = copy;
  const start = Date.now();
  const tries = new Tries({ retries, limits, patient, idempotent: true, start, random: Math.random });
  for (;;) {
    // The source answers first: nothing is opened for what cannot be had.
    const download = await openDownload(copy);
    let failure: Error | undefined;
    try {
      failure = await uploadOnce(copy, download, await openUpload(copy));
    } finally {
      download.stream.destroy();
    }
    const kind = kindOf(failure);
    // What the host asks for is heeded by all that goes there; with patience, it does not count as a try either.
    const askedMs = patient === true ? askedBy(failure) : undefined;
    // An answer may have been lost while the blob was stored.
    if (
      failure === undefined ||
      (tries.allows(kind, askedMs) && (await hasBlob(copy.target, copy.blob, copy)))
    ) {
      copy.uploads.release();
      return;
    }
    await copy.uploads.cancel();
    const delay = tries.delayAfter(kind, askedMs, Date.now());
    if (delay === undefined) throw failure;
    await pause(delay, { signals: [copy.signal] });
  }
}

/** Is it worth another try? */
function kindOf(failure: Error | undefined): Failure {
  if (!(failure instanceof RegistryError)) {
    return classify({ errorCode: failure instanceof TransportError ? failure.systemCode : undefined });
  }
  // The upload is gone, or the registry has lost count of its bytes: a new one may do.
  const isNewOneWanted = failure.status === 404 || failure.status === 416;
  return isNewOneWanted ? { kind: "failed", mayHaveActed: true } : classify(failure.outcome);
}

function askedBy(failure: Error | undefined): number | undefined {
  return failure instanceof RegistryError ? waitAskedBy(failure.outcome, Date.now()) : undefined;
}

async function openDownload({ source, blob, signal }: Copy): Promise<BlobStream> {
  try {
    const download = await source.openBlob(blob, 0, { signal });
    try {
      checkLength(source, blob, download.length);
    } catch (error) {
      download.stream.destroy();
      throw error;
    }
    return download;
  } catch (error) {
    throw asCause(SourceError, error);
  }
}

async function openUpload({ uploads, signal }: Copy): Promise<Upload> {
  try {
    return await uploads.open({ signal });
  } catch (error) {
    throw asCause(UploadRefusedError, error);
  }
}

/** An error of ours inside one that says where it happened. An interruption stays what it is. */
function asCause(Wrapper: typeof SourceError | typeof UploadRefusedError, error: unknown): unknown {
  return error instanceof ManifestError ? new Wrapper(error.message, { cause: error }) : error;
}

/** Sends the bytes. Returns the failure of the upload; throws that of the download, which has had its tries. */
async function uploadOnce(copy: Copy, download: BlobStream, upload: Upload): Promise<Error | undefined> {
  let reading: Reading | undefined;
  let unused: BlobStream | undefined = download;
  const body = {
    length: download.length,
    // More than once where the registry wants a new token in the middle, or sends the bytes somewhere else.
    open: () => {
      reading?.end();
      reading = readOnce(copy, unused);
      unused = undefined;
      return reading.pieces;
    },
  };
  try {
    await closeUpload(copy.target, upload, copy.blob, body, copy);
    return undefined;
  } catch (error) {
    copy.signal?.throwIfAborted();
    // A fault of the download reaches the connection as a broken body; this is what was behind it.
    const fault = reading?.fault();
    if (fault !== undefined) throw fault;
    if (!(error instanceof ManifestError) || hasCode(error, "UNAUTHENTICATED", "CREDENTIALS_MISSING"))
      throw error;
    return error;
  } finally {
    reading?.end();
  }
}

interface Reading {
  readonly pieces: AsyncIterable<Uint8Array>;
  /** What was wrong with the content, or with getting it. */
  fault(): Error | undefined;
  /** Nobody takes the bytes any more. */
  end(): void;
}

/** The blob's bytes, from `first` or from a download of their own. */
function readOnce(copy: Copy, first: BlobStream | undefined): Reading {
  const over = new AbortController();
  const pieces = readBlob(copy.source, copy.blob, {
    resumes: copy.retries === 0 ? 0 : MAX_RESUMES,
    first,
    onBytes: copy.onBytes,
    signal: either(copy.signal, over.signal),
  });
  let fault: Error | undefined;
  // No `throw`: what breaks on the side of the upload is told to a generator that way, and is no fault of the download.
  const iterator: AsyncIterator<Uint8Array> = {
    next: async () => {
      try {
        return await pieces.next();
      } catch (error) {
        fault ??= error instanceof Error ? error : new Error(messageOf(error));
        throw error;
      }
    },
    return: () => pieces.return(undefined),
  };
  return {
    pieces: { [Symbol.asyncIterator]: () => iterator },
    fault: () => fault,
    end: () => {
      over.abort();
      first?.stream.destroy();
    },
  };
}
