import type { BlobInfo, BlobStream, Interruptible, PutOptions } from "../content/repository.js";
import { ManifestError, NotFoundError } from "../errors.js";
import { checkDigest, digestLike, digestOf, isDigest } from "../oci/digest.js";
import { formatLocation } from "../oci/location.js";
import { MANIFEST_TYPES, OCI_INDEX } from "../oci/mediaTypes.js";
import { decode, encodingOf } from "./http/contentEncoding.js";
import { contentLength, header, headers, type HttpRequest, type HttpResponse } from "./http/message.js";
import { ensureStatus, isHtml, RegistryError } from "./http/registryError.js";
import type { RepositoryClient } from "./http/repositoryClient.js";
import { isSilence } from "./retry/silence.js";

/**
 * The operations of the distribution API on manifests and on blobs that are read; uploads are in transfer/.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md
 *
 * Each sends one request and returns the answer if its status is one that is expected.
 */

const ACCEPT = { accept: MANIFEST_TYPES.join(", ") };

/** HEAD, whatever the answer. */
export function headManifest(
  client: RepositoryClient,
  reference: string,
  { signal, stop }: Interruptible,
): Promise<HttpResponse> {
  return client.send({
    method: "HEAD",
    url: client.url(`manifests/${reference}`),
    headers: ACCEPT,
    idempotent: true,
    // Some firewalls cut every HEAD; nothing depends on one so much that it would be worth all the retries.
    retriesWhenBroken: 1,
    ...client.auth("pull"),
    signal,
    stop,
  });
}

/**
 * GET. The bytes are checked against the digest, of the reference and of the answer.
 * @throws MANIFEST_MISMATCH, or a RegistryError for any status but 200
 */
export async function getManifest(
  client: RepositoryClient,
  reference: string,
  { signal, stop }: Interruptible,
): Promise<HttpResponse> {
  const response = await client
    .send({
      method: "GET",
      url: client.url(`manifests/${reference}`),
      headers: ACCEPT,
      idempotent: true,
      ...client.auth("pull"),
      signal,
      stop,
    })
    .then(ensureStatus("GET", 200));
  for (const digest of [reference, header(response, "docker-content-digest") ?? ""]) {
    if (isDigest(digest) && digestLike(digest, response.body) !== digest) {
      const message = `${client.url("").host} sent something else for the manifest ${digest}`;
      throw new ManifestError("MANIFEST_MISMATCH", message, {
        subject: digest,
        hint: "a cache or proxy may hold something broken: try again, and tell whoever runs the registry if it stays so",
      });
    }
  }
  return response;
}

/** What a manifest is put as. */
export interface ManifestAddress {
  /** A tag or a digest. */
  readonly reference: string;
  /** Tags in the query of a PUT by digest. A registry may know nothing of them; see {@link tagsIn}. */
  readonly tags?: readonly string[] | undefined;
}

export type SendManifestOptions = Pick<PutOptions, "signal" | "stop" | "aroundMove"> &
  Pick<HttpRequest, "beforeRetry">;

/**
 * PUT, any 2xx. A digest in the answer is that of the bytes.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests
 * @throws DIGEST_MISMATCH if it is not
 */
export async function sendManifest(
  client: RepositoryClient,
  { reference, tags = [] }: ManifestAddress,
  { mediaType, bytes }: { readonly mediaType: string; readonly bytes: Buffer },
  { signal, stop, aroundMove, beforeRetry }: SendManifestOptions,
): Promise<HttpResponse> {
  const moved = isDigest(reference) ? tags : [reference, ...tags];
  const url = client.url(`manifests/${reference}`);
  for (const tag of tags) url.searchParams.append("tag", tag);
  const response = await client
    .send({
      method: "PUT",
      url,
      headers: { "content-type": mediaType },
      body: bytes,
      idempotent: true,
      ...(aroundMove && moved.length > 0 && { around: (send) => aroundMove(moved, send) }),
      ...(beforeRetry && { beforeRetry }),
      ...client.auth("push"),
      signal,
      stop,
    })
    .then(ensureStatus("PUT", 200, 201, 202, 204));
  const said = header(response, "docker-content-digest");
  if (said !== undefined && isDigest(said) && digestLike(said, bytes) !== said) {
    const expected = digestOf(bytes);
    const message = `the registry stored something else: expected ${expected}, got ${said}`;
    throw new ManifestError("DIGEST_MISMATCH", message, { subject: expected });
  }
  return response;
}

/** The tags that a PUT by digest has set: a list, in as many headers as the registry likes. */
export function tagsIn(response: HttpResponse): ReadonlySet<string> {
  const values = headers(response, "oci-tag").flatMap((value) => value.split(","));
  return new Set(values.map((value) => value.trim()));
}

/**
 * HEAD of a blob: its size, or undefined if the registry says that it is not there. Where HEAD says too little, since
 * something before the registry refuses or cuts it or takes the length away, GET is asked, whose body is not read.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#checking-if-content-exists-in-the-registry
 * @throws INVALID_ANSWER if neither says it, or a RegistryError for any other status but 200 and 404
 */
export async function statBlob(
  client: RepositoryClient,
  digest: string,
  options: Interruptible,
): Promise<number | undefined> {
  checkDigest(digest);
  const request = blobRequest(client, digest, options);
  const head = await client
    .send({ ...request, method: "HEAD", retriesWhenBroken: 1 })
    .catch((error: unknown) => {
      if (isSilence(error)) return undefined;
      throw error;
    });
  if (head?.status === 404) return undefined;
  const size = head && sizeIn(head, digest);
  if (size !== undefined) return size;
  const isFinal = head !== undefined && ![200, 403, 405].includes(head.status);
  if (isFinal) throw new RegistryError("HEAD", head);
  const response = await client.send({ ...request, stream: true });
  response.stream?.on("error", () => undefined).destroy();
  if (response.status === 404) return undefined;
  const found = sizeIn(ensureStatus("GET", 200)(response), digest);
  if (found !== undefined) return found;
  const message = `${client.url("").host} does not say how large the blob ${digest} is`;
  throw new ManifestError("INVALID_ANSWER", message, { subject: digest });
}

/** What an answer says of a blob's size; undefined where it is about something else, such as a page for people. */
function sizeIn(response: HttpResponse, digest: string): number | undefined {
  const said = header(response, "docker-content-digest");
  const isAbout = response.status === 200 && (said === undefined ? !isHtml(response) : said === digest);
  return isAbout ? contentLength(response) : undefined;
}

/**
 * GET of a blob from `offset` on, as a stream.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-blobs
 * @throws BLOB_UNKNOWN, or a RegistryError for any other status but 200 and 206
 */
export async function openBlob(
  client: RepositoryClient,
  blob: BlobInfo,
  offset: number,
  options: Interruptible,
): Promise<BlobStream> {
  const request: HttpRequest = {
    ...blobRequest(client, blob.digest, options),
    ...(offset > 0 && { headers: { range: `bytes=${offset}-` } }),
    stream: true,
  };
  const response = await client.send(request);
  if (response.status === 404) throw blobUnknown(client, blob.digest);
  ensureStatus("GET", ...(offset > 0 ? [200, 206] : [200]))(response);
  const { stream } = response;
  if (stream === undefined) throw new Error("a download without a stream");
  // A body that is given up unread reports that as an error, which would end the program if nobody listened.
  stream.on("error", () => undefined);
  try {
    const encoding = encodingOf(response);
    if (response.status === 206) {
      const isRest = (header(response, "content-range") ?? "").startsWith(`bytes ${offset}-`);
      if (!isRest || encoding !== undefined) {
        throw mismatch(client, blob.digest, "the source does not resume downloads");
      }
      return { stream, length: expectedLength(client, blob), skip: 0 };
    }
    const sent = contentLength(response);
    // Some stores name the encoding of the blob itself, a compressed layer, and send it as it is.
    if (encoding !== undefined && !(sent === blob.size && sent > 0)) {
      const decoded = decode(stream, encoding, response.url.host).on("error", () => undefined);
      return { stream: decoded, length: expectedLength(client, blob), skip: offset };
    }
    return { stream, length: sent ?? expectedLength(client, blob), skip: offset };
  } catch (error) {
    stream.destroy();
    throw error;
  }
}

/**
 * GET of a whole blob, checked.
 * @throws BLOB_UNKNOWN, LIMIT if it is larger than `maxBytes`, or a RegistryError for any other status but 200
 */
export async function getBlob(
  client: RepositoryClient,
  digest: string,
  maxBytes: number,
  options: Interruptible,
): Promise<Buffer> {
  if (!isDigest(digest)) throw mismatch(client, digest, "not a digest");
  const response = await client.send({ ...blobRequest(client, digest, options), maxBytes });
  if (response.status === 404) throw blobUnknown(client, digest);
  const { body } = ensureStatus("GET", 200)(response);
  if (digestLike(digest, body) !== digest) throw mismatch(client, digest, "the content has another digest");
  return body;
}

/**
 * GET of one page of what refers to a manifest, whatever the answer; the first, or one that an earlier page names.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
 */
export function getReferrers(
  client: RepositoryClient,
  url: URL,
  options: Interruptible,
): Promise<HttpResponse> {
  return client.send({
    method: "GET",
    url,
    headers: { accept: OCI_INDEX },
    idempotent: true,
    ...client.auth("pull"),
    signal: options.signal,
    stop: options.stop,
  });
}

function blobRequest(client: RepositoryClient, digest: string, { signal, stop }: Interruptible): HttpRequest {
  const url = client.url(`blobs/${digest}`);
  return { method: "GET", url, idempotent: true, ...client.auth("pull"), signal, stop };
}

function blobUnknown({ location }: RepositoryClient, digest: string): ManifestError {
  const message = `blob unknown to registry: ${formatLocation(location)}@${digest}`;
  return new NotFoundError("BLOB_UNKNOWN", message, {
    subject: digest,
    hint: "the registry has the manifest, but not this part of it: push the image again",
  });
}

function mismatch({ location }: RepositoryClient, digest: string, what: string): ManifestError {
  const message = `${formatLocation(location)}@${digest}: ${what}`;
  return new ManifestError("DIGEST_MISMATCH", message, { subject: digest });
}

/** The length that the manifest says. */
function expectedLength(client: RepositoryClient, { digest, size }: BlobInfo): number {
  if (Number.isSafeInteger(size) && size >= 0) return size;
  throw mismatch(client, digest, "of unknown length");
}
