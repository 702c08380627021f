import type { Interruptible, Repository } from "../content/repository.js";
import { ManifestError, NotFoundError } from "../errors.js";
import { isDigest } from "../oci/digest.js";
import { baseType, MANIFEST_TYPES } from "../oci/mediaTypes.js";
import { parseManifest, type Manifest } from "../oci/manifest.js";
import { getBlob, getManifest, openBlob, statBlob } from "./api.js";
import { header, type HttpResponse } from "./http/message.js";
import { isNoSuchManifest, type RegistryError } from "./http/registryError.js";
import { nameOf, type RepositoryClient } from "./http/repositoryClient.js";
import { putManifest, type PutSettings } from "./putManifest.js";
import { referrersOf } from "./referrers.js";
import { resolveManifest } from "./resolveManifest.js";
import { ensureBlob, type TransferSettings } from "./transfer/ensureBlob.js";

/** What is read whole is small: an image's config, an attestation. */
const MAX_BLOB_BYTES = 16 * 1024 * 1024;

/** A repository of a registry, over HTTP. */
export function createRepository(
  client: RepositoryClient,
  settings: TransferSettings & PutSettings,
): Repository {
  return {
    location: client.location,
    resolve: (reference, options = {}) => resolveManifest(client, reference, options),
    get: (reference, options = {}) => get(client, reference, options),
    put: (manifest, tags, options = {}) => putManifest(client, settings, manifest, tags, options),
    statBlob: (digest, options = {}) => statBlob(client, digest, options),
    getBlob: (digest, options = {}) => getBlob(client, digest, MAX_BLOB_BYTES, options),
    openBlob: (blob, offset, options = {}) => openBlob(client, blob, offset, options),
    ensureBlob: (blob, sources, options) => ensureBlob(client, settings, blob, sources, options),
    referrers: (digest, artifactType, options = {}) => referrersOf(client, digest, artifactType, options),
  };
}

async function get(client: RepositoryClient, reference: string, options: Interruptible): Promise<Manifest> {
  try {
    const response = await getManifest(client, reference, options);
    return manifestIn(response, nameOf(client, reference));
  } catch (error) {
    if (!isNoSuchManifest(error)) throw error;
    const name = nameOf(client, reference);
    throw new NotFoundError("MANIFEST_UNKNOWN", `${name} is not there, or not shown to this user`, {
      subject: name,
      hint: error.status === 404 ? absenceHint(client, reference, error) : error.hint,
      mayBeHidden: error.status !== 404,
      cause: error,
    });
  }
}

/**
 * The manifest that was sent for this name.
 * @throws INVALID_JSON, INVALID_MANIFEST or UNSUPPORTED_MANIFEST, with a hint that names it
 */
function manifestIn(response: HttpResponse, name: string): Manifest {
  const contentType = header(response, "content-type") ?? "";
  try {
    return parseManifest(contentType, response.body);
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    const { code, message } = error;
    const type = contentType === "" ? "no Content-Type" : baseType(contentType);
    const what = `that was sent for ${name}`;
    const hint =
      code === "INVALID_JSON" && !MANIFEST_TYPES.includes(type)
        ? `${what}, as ${type}: something between here and the registry may answer in its place`
        : what;
    throw new ManifestError(code, message, { subject: name, hint, cause: error });
  }
}

/** What the registry does not have, as far as it says, and what to look at. */
function absenceHint(
  { location: { domain, path } }: RepositoryClient,
  reference: string,
  { codes }: RegistryError,
): string {
  if (codes.includes("NAME_UNKNOWN")) {
    return `${domain} has no repository ${path}, or does not show it: check the name, and whether it was pushed`;
  }
  const what = isDigest(reference) ? "manifest of this digest" : `tag ${reference}`;
  return `${domain} has no ${what} in ${path}: check the name, and whether it was pushed`;
}
