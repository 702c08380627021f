import type { PutOptions } from "../content/repository.js";
import { ManifestError } from "../errors.js";
import { digestLike, isDigest } from "../oci/digest.js";
import { sendManifest, type ManifestAddress } from "./api.js";
import type { HttpResponse } from "./http/message.js";
import type { RepositoryClient } from "./http/repositoryClient.js";
import { resolveManifest } from "./resolveManifest.js";

/** How often a question may be asked again: behind it there is still the PUT itself. */
const QUESTION_RETRIES = 1;

/**
 * PUT. Where it may have been acted on although there is no answer that says so, the tags are asked before it is put
 * again: others may count on what they name, so that none is moved twice.
 * @returns the registry's answer; undefined if that was lost and all the tags turned out to name the manifest, in which case
 *   nothing is known of what only an answer to a PUT says
 */
export async function putOrFind(
  client: RepositoryClient,
  address: ManifestAddress,
  manifest: { readonly mediaType: string; readonly bytes: Buffer },
  options: PutOptions,
): Promise<HttpResponse | undefined> {
  const { reference, tags = [] } = address;
  const moved = isDigest(reference) ? tags : [reference, ...tags];
  if (moved.length === 0) return sendManifest(client, address, manifest, options);
  const url = client.url(`manifests/${reference}`);
  const inItsPlace: HttpResponse = {
    status: 201,
    headers: {},
    url,
    redirected: false,
    body: Buffer.alloc(0),
  };
  const response = await sendManifest(client, address, manifest, {
    ...options,
    beforeRetry: async () => {
      const named = await Promise.all(moved.map((tag) => isNamedBy(client, tag, manifest.bytes, options)));
      return named.every((is) => is) ? inItsPlace : undefined;
    },
  });
  return response === inItsPlace ? undefined : response;
}

/** Does a tag name a manifest of these bytes? No, if that cannot be found out. */
async function isNamedBy(
  client: RepositoryClient,
  tag: string,
  bytes: Buffer,
  { signal, stop }: PutOptions,
): Promise<boolean> {
  const asking: RepositoryClient = {
    ...client,
    send: (request) => client.send({ ...request, retries: QUESTION_RETRIES }),
  };
  try {
    const digest = (await resolveManifest(asking, tag, { signal, stop, mustKnow: true }))?.digest;
    return digest !== undefined && digestLike(digest, bytes) === digest;
  } catch (error) {
    if (!(error instanceof ManifestError) || error.code === "STOPPED") throw error;
    return false;
  }
}
