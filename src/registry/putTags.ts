import { tagsForQuery } from "../content/tagQuery.js";
import { digestOf } from "../oci/digest.js";
import type { Manifest } from "../oci/manifest.js";
import { tagsIn, type ManifestAddress } from "./api.js";
import type { HttpResponse } from "./http/message.js";
import type { RegistryError } from "./http/registryError.js";
import type { PutMemory } from "./putMemory.js";
import { mayBeAboutTags } from "./putRefusals.js";

/** Puts a manifest. Undefined: the tag may not be moved, and is where it should be. */
export type Put = (address: ManifestAddress) => Promise<HttpResponse | undefined>;

/**
 * Stores a manifest under several tags: by its digest, with all of them in the query, so that a registry that knows of it
 * needs one request. Those that it does not name in its answer follow, each by itself, all at once; so do all, behind a PUT
 * by digest alone, where the query is refused.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests
 * @returns the answer to the PUT by digest
 */
export async function putTags(
  put: Put,
  memory: PutMemory,
  manifest: Manifest,
  tags: readonly string[],
): Promise<HttpResponse | undefined> {
  const { response, refusal } = await putByDigest(put, memory, manifest, tags);
  const done = response === undefined ? new Set<string>() : tagsIn(response);
  const others = tags.filter((tag) => !done.has(tag));
  const results = await Promise.allSettled(others.map((tag) => put({ reference: tag })));
  let areMoved = true;
  for (const result of results) {
    if (result.status === "rejected") throw result.reason;
    areMoved &&= result.value !== undefined;
  }
  // No tag was in the way: it was the query itself that was refused, and not for its length.
  if (refusal !== undefined && ![414, 431].includes(refusal.status) && areMoved) {
    memory.forgoTagParameter();
  }
  return response;
}

/** The manifest is there before any tag moves. `refusal`: the registry would not have it with tags in the query. */
async function putByDigest(
  put: Put,
  memory: PutMemory,
  manifest: Manifest,
  tags: readonly string[],
): Promise<{ readonly response: HttpResponse | undefined; readonly refusal?: RegistryError }> {
  // The digest that a PUT by tag gives it: a registry may not know the algorithm of another one.
  const alone: ManifestAddress = { reference: digestOf(manifest.bytes) };
  if (!memory.knowsTagParameter) return { response: await put(alone) };
  const some = tagsForQuery(tags);
  try {
    const response = await put({ reference: manifest.digest, tags: some });
    const done = response && tagsIn(response);
    if (done !== undefined && !some.some((tag) => done.has(tag))) memory.forgoTagParameter();
    return { response };
  } catch (error) {
    if (!mayBeAboutTags(error, manifest)) throw error;
    return { response: await put(alone), refusal: error };
  }
}
