import { digestFault, hasherFor } from "../oci/digest.js";
import type { Answer, Headers } from "./answer.js";
import type { Grant } from "./rules.js";
import { readChunks } from "./body.js";
import { contentLength, type Call } from "./call.js";
import { fault, methodFault } from "./faults.js";
import { isRepositoryName } from "./names.js";
import type { RegistryState, Received, Upload } from "./state.js";

/** How a registry deals with blobs that are sent to it. */
export interface UploadOptions {
  /**
   * `allow` mounts what the source repository holds, `refuse202` opens an upload instead (as a registry may), a
   * number refuses with that status.
   */
  readonly mounts?: "allow" | "refuse202" | number | undefined;
  /** Blobs over this many bytes are refused with 413. */
  readonly maxBlobBytes?: number | undefined;
  /** `discard` checks and forgets the contents of uploaded blobs: HEAD finds them, GET does not. */
  readonly blobs?: "memory" | "discard" | undefined;
  /**
   * How the Location of an upload looks: `path`, or as distribution writes it (`url`), absolute and with a query that
   * must come back with every request.
   */
  readonly locations?: "path" | "url" | undefined;
}

/**
 * Opening an upload, which may be a mount or the whole blob in one request.
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#pushing-blobs
 */
export async function answerUploads(
  state: RegistryState,
  call: Call,
  name: string,
  options: UploadOptions,
  granted: Grant,
): Promise<Answer> {
  if (call.method !== "POST") throw methodFault("POST");
  const mount = call.query.get("mount");
  if (mount !== null) return mountBlob(state, call, name, mount, options, granted);
  if (!call.query.has("digest")) return uploadAnswer(202, state.startUpload(name), call, options);
  const upload = state.startUpload(name);
  try {
    return await finish(state, call, upload, options);
  } finally {
    state.uploads.delete(upload.id);
  }
}

/**
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#mounting-a-blob-from-another-repository
 * Whatever keeps a blob from being mounted, the registry goes on as if only an upload had been asked for.
 */
function mountBlob(
  state: RegistryState,
  call: Call,
  name: string,
  digest: string,
  options: UploadOptions,
  granted: Grant,
): Answer {
  const { mounts = "allow" } = options;
  const from = call.query.get("from");
  if (typeof mounts === "number") throw fault("DENIED", undefined, { status: mounts });
  const readable = from !== null && isRepositoryName(from) && granted(`repository:${from}`, "pull");
  const blob = readable ? state.repositories.get(from)?.blobs.get(digest) : undefined;
  if (blob === undefined || mounts === "refuse202") {
    return uploadAnswer(202, state.startUpload(name), call, options);
  }
  state.open(name).blobs.set(digest, blob);
  return blobAnswer(name, digest);
}

/**
 * An open upload: its status, a chunk, the end of it, or its cancellation.
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#pushing-a-blob-in-chunks
 */
export async function answerUpload(
  state: RegistryState,
  call: Call,
  name: string,
  id: string,
  options: UploadOptions,
): Promise<Answer> {
  const upload = state.uploads.get(id);
  if (upload?.repository !== name) throw fault("BLOB_UPLOAD_UNKNOWN", { id });
  if (options.locations === "url" && call.query.get("_state") !== stateOf(upload)) {
    throw fault("BLOB_UPLOAD_INVALID", undefined, { status: 404 });
  }
  switch (call.method) {
    case "GET":
    case "HEAD":
      return uploadAnswer(204, upload, call, options);
    case "PATCH":
      upload.received = await receive(call, upload, options);
      return uploadAnswer(202, upload, call, options);
    case "PUT":
      return finish(state, call, upload, options);
    case "DELETE":
      state.uploads.delete(id);
      return { status: 204, headers: { "Docker-Upload-UUID": id } };
    default:
      throw methodFault("DELETE", "GET", "HEAD", "PATCH", "PUT");
  }
}

/** Takes the last bytes, compares the digest and keeps the blob. A refused upload is over. */
async function finish(
  state: RegistryState,
  call: Call,
  upload: Upload,
  options: UploadOptions,
): Promise<Answer> {
  const digest = call.query.get("digest");
  if (digest === null) throw fault("DIGEST_INVALID", "digest missing");
  const wrong = digestFault(digest);
  if (wrong !== undefined) throw fault("DIGEST_INVALID", wrong);
  const received = await receive(call, upload, options);
  state.uploads.delete(upload.id);
  if (receivedDigest(received, digest) !== digest) throw fault("DIGEST_INVALID", { digest });
  const bytes = options.blobs === "discard" ? undefined : Buffer.concat(received.chunks, received.size);
  state.open(upload.repository).blobs.set(digest, { size: received.size, bytes });
  return blobAnswer(upload.repository, digest);
}

/** All or nothing of a request's body, behind what the upload already has. */
async function receive(call: Call, upload: Upload, options: UploadOptions): Promise<Received> {
  if (upload.busy) {
    throw fault("BLOB_UPLOAD_INVALID", "another request is writing to this upload", { status: 409 });
  }
  const expected = expectedLength(call, upload, options);
  const { maxBlobBytes = Infinity } = options;
  const chunks = [...upload.received.chunks];
  const sha256 = upload.received.sha256.copy();
  let size = upload.received.size;
  upload.busy = true;
  try {
    await readChunks(call.body, (chunk) => {
      size += chunk.byteLength;
      if (size > maxBlobBytes) throw fault("SIZE_INVALID", { limit: maxBlobBytes }, { status: 413 });
      sha256.update(chunk);
      if (options.blobs !== "discard") chunks.push(chunk);
    });
  } finally {
    // eslint-disable-next-line require-atomic-updates -- nobody else writes to a busy upload
    upload.busy = false;
  }
  if (expected !== undefined && size - upload.received.size !== expected) throw fault("SIZE_INVALID");
  return { chunks, size, sha256 };
}

/** How long the chunk must be; throws 416 when its Content-Range does not follow what came before. */
function expectedLength(call: Call, upload: Upload, options: UploadOptions): number | undefined {
  const range = call.headers["content-range"];
  if (range === undefined) return contentLength(call);
  const match = /^(\d+)-(\d+)$/.exec(range);
  const start = Number(match?.[1]);
  const end = Number(match?.[2]);
  if (start !== upload.received.size || !(end >= start)) {
    throw fault("RANGE_INVALID", { range }, { headers: uploadHeaders(upload, call, options) });
  }
  const length = end - start + 1;
  if (contentLength(call) !== undefined && contentLength(call) !== length) throw fault("SIZE_INVALID");
  return length;
}

function receivedDigest(received: Received, like: string): string {
  if (like.startsWith("sha256:")) return `sha256:${received.sha256.copy().digest("hex")}`;
  const hash = hasherFor(like);
  for (const chunk of received.chunks) hash.update(chunk);
  return `${like.slice(0, like.indexOf(":"))}:${hash.digest("hex")}`;
}

function uploadAnswer(status: number, upload: Upload, call: Call, options: UploadOptions): Answer {
  return { status, headers: uploadHeaders(upload, call, options) };
}

function uploadHeaders(upload: Upload, call: Call, { locations = "path" }: UploadOptions): Headers {
  const path = `/v2/${upload.repository}/blobs/uploads/${upload.id}`;
  return {
    Location: locations === "path" ? path : `${call.origin}${path}?_state=${stateOf(upload)}`,
    // `0-0` for nothing yet is what distribution answers; the grammar has no empty range.
    Range: `0-${Math.max(0, upload.received.size - 1)}`,
    "Docker-Upload-UUID": upload.id,
  };
}

/** Changes with every chunk, so that only the newest Location is good. */
function stateOf(upload: Upload): string {
  return `${upload.id.slice(0, 8)}.${upload.received.size}`;
}

function blobAnswer(name: string, digest: string): Answer {
  return {
    status: 201,
    headers: { Location: `/v2/${name}/blobs/${digest}`, "Docker-Content-Digest": digest },
  };
}
