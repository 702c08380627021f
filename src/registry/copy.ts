import { ManifestError } from "../errors.js";
import { hasherFor } from "../manifest/digest.js";
import { header, type HttpResponse } from "./http.js";
import { withDigest } from "./locations.js";
import { ensureStatus, uploadOf, type Registry, type Upload } from "./registry.js";
import { RegistryError } from "./registryError.js";
import { repositoryScope } from "./token.js";
import { TransportError } from "./transportError.js";

/** A blob on its way from one repository to another, of the same registry or not. Never held in memory. */
export interface BlobCopy {
  readonly digest: string;
  /** In bytes, as the manifest says. */
  readonly size: number;
  readonly from: { readonly registry: Registry; readonly repository: string };
  readonly to: { readonly registry: Registry; readonly repository: string };
  /** An upload that a refused mount has opened already. */
  readonly upload?: Upload | undefined;
  /** How many times the whole copy may be begun again. */
  readonly retries: number;
  /** Told of the bytes that have gone through. */
  readonly onBytes?: (count: number) => void;
}

/** How often one download may be taken up again where it broke. */
const MAX_RESUMES = 10;

/** The source does not have the blob. */
export class BlobMissingError extends ManifestError {
  override readonly name = "BlobMissingError";
}

/**
 * Copies a blob: one upload in one PUT, the form that every registry takes, fed by the download. A download that
 * breaks is taken up where it broke; an upload that breaks is begun again, unless the blob turns out to be there.
 * Digest and length are checked before the registry gets the last byte.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#post-then-put
 */
export async function copyBlob(copy: BlobCopy): Promise<void> {
  let { upload } = copy;
  for (let attempt = 0; ; attempt++) {
    try {
      await copyOnce(copy, upload ?? (await openUpload(copy)));
      return;
    } catch (error) {
      if (attempt >= copy.retries || !isWorthRepeating(error)) throw error;
      // An answer may have been lost while the blob was stored.
      if (await isThere(copy)) return;
      upload = undefined;
    }
  }
}

async function openUpload({ to }: BlobCopy): Promise<Upload> {
  const scopes = [repositoryScope(to.repository, "pull", "push")];
  const response = await to.registry
    .send({ method: "POST", url: to.registry.url(to.repository, "blobs/uploads/"), idempotent: true, scopes })
    .then(ensureStatus("POST", 202));
  return uploadOf(response, scopes);
}

async function copyOnce(copy: BlobCopy, upload: Upload): Promise<void> {
  // The source answers first: nothing is uploaded of what cannot be had.
  const first = await download(copy, 0);
  const length = copy.size > 0 ? copy.size : Number(header(first, "content-length") ?? Number.NaN);
  if (!Number.isSafeInteger(length))
    throw new ManifestError(`${copy.from.repository}@${copy.digest}: unknown length`);
  let opened = false;
  // A fault of the download reaches undici as a broken body; this is what was behind it.
  let fault: unknown;
  const body = {
    length,
    open: () => {
      if (opened) throw new Error("the body of an upload is sent once");
      opened = true;
      return remember(checked(copy, first, length), (error) => (fault = error));
    },
  };
  const { registry } = copy.to;
  const response = await registry
    .send({
      method: "PUT",
      url: withDigest(upload.url, copy.digest),
      headers: { "content-type": "application/octet-stream" },
      body,
      idempotent: false,
      retries: 0,
      ...(upload.sameOrigin && { scopes: upload.scopes }),
    })
    .catch((error: unknown) => {
      first.stream?.destroy();
      throw fault ?? error;
    });
  ensureStatus("PUT", 200, 201, 204)(response);
}

async function* remember<T>(source: AsyncIterable<T>, onFault: (error: unknown) => void): AsyncGenerator<T> {
  try {
    yield* source;
  } catch (error) {
    onFault(error);
    throw error;
  }
}

/** The blob's bytes. Ends by an error, before the last piece, if they are not what digest and length say. */
async function* checked(copy: BlobCopy, first: HttpResponse, length: number): AsyncGenerator<Buffer> {
  const hash = hasherFor(copy.digest);
  let seen = 0;
  let held: Buffer | undefined;
  for await (const piece of resuming(copy, first)) {
    seen += piece.byteLength;
    if (seen > length) throw mismatch(copy, `more than ${length} bytes`);
    hash.update(piece);
    copy.onBytes?.(piece.byteLength);
    if (held !== undefined) yield held;
    held = piece;
  }
  if (seen !== length) throw mismatch(copy, `${seen} bytes instead of ${length}`);
  const digest = `${copy.digest.slice(0, copy.digest.indexOf(":"))}:${hash.digest("hex")}`;
  if (digest !== copy.digest) throw mismatch(copy, `content with digest ${digest}`);
  if (held !== undefined) yield held;
}

function mismatch(copy: BlobCopy, got: string): ManifestError {
  return new ManifestError(`${copy.from.repository}@${copy.digest}: the source sent ${got}`);
}

/** The bytes of the download, taken up where it broke. */
async function* resuming(copy: BlobCopy, first: HttpResponse): AsyncGenerator<Buffer> {
  let response = first;
  let offset = 0;
  for (let resumes = 0; ; resumes++) {
    try {
      for await (const piece of response.stream ?? []) {
        if (!Buffer.isBuffer(piece)) continue;
        offset += piece.byteLength;
        yield piece;
      }
      return;
    } catch (error) {
      if (resumes === MAX_RESUMES || copy.retries === 0) throw error;
      response = await download(copy, offset);
    }
  }
}

async function download(copy: BlobCopy, offset: number): Promise<HttpResponse> {
  const { registry, repository } = copy.from;
  const response = await registry.send({
    method: "GET",
    url: registry.url(repository, `blobs/${copy.digest}`),
    ...(offset > 0 && { headers: { range: `bytes=${offset}-` } }),
    idempotent: true,
    scopes: [repositoryScope(repository, "pull")],
    stream: true,
  });
  if (response.status === 404) {
    throw new BlobMissingError(`blob unknown to registry: ${repository}@${copy.digest}`);
  }
  if (offset === 0) return ensureStatus("GET", 200)(response);
  ensureStatus("GET", 206)(response);
  if (!(header(response, "content-range") ?? "").startsWith(`bytes ${offset}-`)) {
    response.stream?.destroy();
    throw new ManifestError(`${repository}@${copy.digest}: the source does not resume downloads`);
  }
  return response;
}

function isWorthRepeating(error: unknown): boolean {
  if (error instanceof TransportError) return true;
  if (!(error instanceof RegistryError)) return false;
  // 404: the upload is gone; 416: the registry has lost count of its bytes.
  return error.status >= 500 || [404, 408, 416, 429].includes(error.status);
}

async function isThere({ to, digest }: BlobCopy): Promise<boolean> {
  const response = await to.registry.send({
    method: "HEAD",
    url: to.registry.url(to.repository, `blobs/${digest}`),
    idempotent: true,
    scopes: [repositoryScope(to.repository, "pull", "push")],
  });
  return response.status === 200;
}
