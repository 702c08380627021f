import type { Interruptible, Repository } from "../content/repository.js";
import { hasCode, ManifestError } from "../errors.js";
import { descriptor, type Descriptor } from "../oci/descriptor.js";
import { digestOf, isDigest } from "../oci/digest.js";
import { parseManifest, type Manifest } from "../oci/manifest.js";
import { baseType, MANIFEST_TYPES } from "../oci/mediaTypes.js";
import { getBlob, getManifest, headManifest, openBlob } from "./api.js";
import { contentLength, header, type HttpResponse } from "./http/message.js";
import { isNoSuchManifest, RegistryError } from "./http/registryError.js";
import { nameOf, type RepositoryClient } from "./http/repositoryClient.js";
import { putManifest } from "./putManifest.js";
import { referrersOf } from "./referrers.js";
import { isSilence } from "./retry/silence.js";
import { ensureBlob, type TransferSettings } from "./transfer/ensureBlob.js";

/** What is read whole is small: an image's config, an attestation. */
const MAX_BLOB_BYTES = 16 * 1024 * 1024;

/** A repository of a registry, over HTTP. */
export function createRepository(client: RepositoryClient, settings: TransferSettings): Repository {
  return {
    location: client.location,
    resolve: (reference, options = {}) => resolve(client, reference, options),
    get: (reference, options = {}) => get(client, reference, options),
    put: (manifest, tags, options = {}) => putManifest(client, settings, manifest, tags, options),
    getBlob: (digest, options = {}) => getBlob(client, digest, MAX_BLOB_BYTES, options),
    openBlob: (blob, offset, options = {}) => openBlob(client, blob, offset, options),
    ensureBlob: (blob, sources, options) => ensureBlob(client, settings, blob, sources, options),
    referrers: (digest, artifactType) => referrersOf(client, digest, artifactType),
  };
}

/**
 * By HEAD, which is a question that can be done without: where there is no answer that counts, or none at all, the
 * manifest is taken not to be there, and what follows finds out. An answer counts if it is about a manifest, and about
 * this one: caches may be stale, and a login page says 200 to everything.
 */
async function resolve(
  client: RepositoryClient,
  reference: string,
  options: Interruptible,
): Promise<Descriptor | undefined> {
  let response: HttpResponse;
  try {
    response = await headManifest(client, reference, options);
  } catch (error) {
    if (isSilence(error)) return undefined;
    throw error;
  }
  // Some registries know no HEAD.
  if (response.status === 405 || response.status === 403) return resolveByGet(client, reference, options);
  const mediaType = mediaTypeOf(response);
  if (response.status !== 200 || mediaType === undefined) return undefined;
  const said = header(response, "docker-content-digest");
  const digest = isDigest(reference) ? reference : said;
  const size = contentLength(response);
  if (isDigest(reference) && said !== undefined && said !== reference) return undefined;
  // A proxy may have taken away what was to be learned.
  if (digest === undefined || !isDigest(digest) || size === undefined) {
    return resolveByGet(client, reference, options);
  }
  return descriptor(mediaType, digest, size);
}

async function resolveByGet(
  client: RepositoryClient,
  reference: string,
  options: Interruptible,
): Promise<Descriptor | undefined> {
  let response: HttpResponse;
  try {
    response = await getManifest(client, reference, options);
  } catch (error) {
    if (error instanceof RegistryError || hasCode(error, "MANIFEST_MISMATCH")) return undefined;
    throw error;
  }
  const mediaType = mediaTypeOf(response);
  if (mediaType === undefined) return undefined;
  const digest = isDigest(reference) ? reference : digestOf(response.body);
  return descriptor(mediaType, digest, response.body.byteLength);
}

function mediaTypeOf(response: HttpResponse): string | undefined {
  const mediaType = baseType(header(response, "content-type") ?? "");
  return MANIFEST_TYPES.includes(mediaType) ? mediaType : undefined;
}

async function get(client: RepositoryClient, reference: string, options: Interruptible): Promise<Manifest> {
  try {
    const response = await getManifest(client, reference, options);
    return parseManifest(header(response, "content-type") ?? "", response.body);
  } catch (error) {
    if (!isNoSuchManifest(error)) throw error;
    const name = nameOf(client, reference);
    throw new ManifestError("MANIFEST_UNKNOWN", `${name} is not there, or not shown to this user`, {
      subject: name,
      hint: error.status === 404 ? undefined : error.hint,
      cause: error,
    });
  }
}
