import { tagsForQuery } from "../content/tagQuery.js";
import { digestOf } from "../oci/digest.js";
import type { Manifest } from "../oci/manifest.js";
import { tagsIn, type ManifestAddress } from "./api.js";
import type { HttpResponse } from "./http/message.js";
import type { RegistryError } from "./http/registryError.js";
import type { PutMemory } from "./putMemory.js";
import { mayBeAboutTags } from "./putRefusals.js";

/** Puts a manifest. */
export type Put = (address: ManifestAddress) => Promise<PutResult>;

export type PutResult =
  | { readonly kind: "answered"; readonly response: HttpResponse }
  /** The answer was lost, and then all the tags were found to name the manifest. */
  | { readonly kind: "found" }
  /** The tag may not be moved, and is where it should be. */
  | { readonly kind: "immutable" };

/**
 * Stores a manifest under several tags: by its digest, with all of them in the query, so that a registry that knows of it
 * needs one request. Those that it does not name in its answer follow, each by itself, all at once; so do all, behind a PUT
 * by digest alone, where the query is refused.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests
 * @returns what became of the PUT by digest
 */
export async function putTags(
  put: Put,
  memory: PutMemory,
  manifest: Manifest,
  tags: readonly string[],
): Promise<PutResult> {
  const { result: first, done, refusal } = await putByDigest(put, memory, manifest, tags);
  const others = tags.filter((tag) => !done.has(tag));
  const results = await Promise.allSettled(others.map((tag) => put({ reference: tag })));
  let areMoved = true;
  for (const result of results) {
    if (result.status === "rejected") throw result.reason;
    areMoved &&= result.value.kind !== "immutable";
  }
  // No tag was in the way: it was the query itself that was refused, and not for its length.
  if (refusal !== undefined && ![414, 431].includes(refusal.status) && areMoved) {
    memory.forgoTagParameter();
  }
  return first;
}

interface PutByDigest {
  readonly result: PutResult;
  /** The tags that it has set, among others perhaps. */
  readonly done: ReadonlySet<string>;
  /** The registry would not have it with tags in the query. */
  readonly refusal?: RegistryError;
}

const NONE: ReadonlySet<string> = new Set();

/** The manifest is there before any tag moves. */
async function putByDigest(
  put: Put,
  memory: PutMemory,
  manifest: Manifest,
  tags: readonly string[],
): Promise<PutByDigest> {
  // The digest that a PUT by tag gives it: a registry may not know the algorithm of another one.
  const alone: ManifestAddress = { reference: digestOf(manifest.bytes) };
  if (!memory.knowsTagParameter) return { result: await put(alone), done: NONE };
  const some = tagsForQuery(tags);
  try {
    const result = await put({ reference: manifest.digest, tags: some });
    const done = result.kind === "answered" ? tagsIn(result.response) : new Set(some);
    if (!some.some((tag) => done.has(tag))) memory.forgoTagParameter();
    return { result, done };
  } catch (error) {
    if (!mayBeAboutTags(error, manifest)) throw error;
    return { result: await put(alone), done: NONE, refusal: error };
  }
}
