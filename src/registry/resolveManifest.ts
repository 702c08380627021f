import type { ResolveOptions } from "../content/repository.js";
import { hasCode, ManifestError } from "../errors.js";
import { descriptor, type Descriptor } from "../oci/descriptor.js";
import { digestOf, isDigest } from "../oci/digest.js";
import { baseType, MANIFEST_TYPES } from "../oci/mediaTypes.js";
import { getManifest, headManifest } from "./api.js";
import { contentLength, header, type HttpResponse } from "./http/message.js";
import { RegistryError } from "./http/registryError.js";
import { nameOf, type RepositoryClient } from "./http/repositoryClient.js";
import { isSilence } from "./retry/silence.js";

/**
 * By HEAD, which is a question that can be done without: where there is no answer that counts, or none at all, the
 * manifest is taken not to be there, and what follows finds out. An answer counts if it is about a manifest, and about
 * this one: caches may be stale, and a login page says 200 to everything.
 */
export async function resolveManifest(
  client: RepositoryClient,
  reference: string,
  options: ResolveOptions,
): Promise<Descriptor | undefined> {
  const response = await headManifest(client, reference, options).catch((error: unknown) => {
    if (isSilence(error)) return undefined;
    throw error;
  });
  const found = response && descriptorIn(response, reference);
  if (found !== undefined) return found;
  if (options.mustKnow === true) {
    return response?.status === 404 ? undefined : resolveByGet(client, reference, options);
  }
  // Some registries know no HEAD, and a proxy may have taken away what was to be learned.
  const isRefused = response?.status === 405 || response?.status === 403;
  if (isRefused || (response !== undefined && isAbout(response, reference))) {
    return resolveByGet(client, reference, options);
  }
  return undefined;
}

/** What a complete answer to HEAD says. */
function descriptorIn(response: HttpResponse, reference: string): Descriptor | undefined {
  const mediaType = mediaTypeOf(response);
  const digest = isDigest(reference) ? reference : header(response, "docker-content-digest");
  const size = contentLength(response);
  const isComplete = digest !== undefined && isDigest(digest) && size !== undefined;
  if (!isComplete || mediaType === undefined || !isAbout(response, reference)) return undefined;
  return descriptor(mediaType, digest, size);
}

/** Is it about a manifest, and about this one? */
function isAbout(response: HttpResponse, reference: string): boolean {
  if (response.status !== 200 || mediaTypeOf(response) === undefined) return false;
  const said = header(response, "docker-content-digest");
  return !isDigest(reference) || said === undefined || said === reference;
}

async function resolveByGet(
  client: RepositoryClient,
  reference: string,
  { mustKnow = false, ...options }: ResolveOptions,
): Promise<Descriptor | undefined> {
  let response: HttpResponse;
  try {
    response = await getManifest(client, reference, options);
  } catch (error) {
    const isAbsent = error instanceof RegistryError && (error.status === 404 || !mustKnow);
    if (isAbsent || (hasCode(error, "MANIFEST_MISMATCH") && !mustKnow)) return undefined;
    throw error;
  }
  const mediaType = mediaTypeOf(response);
  const digest = isDigest(reference) ? reference : digestOf(response.body);
  if (mediaType !== undefined) return descriptor(mediaType, digest, response.body.byteLength);
  if (!mustKnow) return undefined;
  const name = nameOf(client, reference);
  throw new ManifestError("INVALID_ANSWER", `what is sent for ${name} is no manifest`, {
    subject: name,
    hint: "something between here and the registry may answer in its place",
  });
}

function mediaTypeOf(response: HttpResponse): string | undefined {
  const mediaType = baseType(header(response, "content-type") ?? "");
  return MANIFEST_TYPES.includes(mediaType) ? mediaType : undefined;
}
