import { referrersTag } from "../content/referrer.js";
import { tagsForQuery } from "../content/tagQuery.js";
import { digestOf, isDigest } from "../oci/digest.js";
import type { ManifestStep } from "./plan.js";

/** What storing a manifest in a registry takes. Pure; the counterpart of `registry/putManifest.ts`. */
export interface ManifestRequest {
  readonly method: "GET" | "PUT";
  /** A tag or a digest, with the query. */
  readonly reference: string;
  /** How many bytes it sends, where that is known. */
  readonly bytes?: number;
  /** It depends on what the registry turns out to know. */
  readonly isOptional: boolean;
}

/** What a registry knows of the newer parts of the specification; undefined where that is not known before a PUT. */
export interface RegistryAbilities {
  /**
   * Does it set the tags in the query of a PUT by digest (`?tag=`), and name them in `OCI-Tag`?
   * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests
   */
  readonly tagParameter?: boolean | undefined;
  /** Has it the referrers API, and names the subject in `OCI-Subject`? */
  readonly referrersApi?: boolean | undefined;
  /** Is a manifest in the index that stands in for that API, under the tag of its subject? Default: no. */
  readonly isListed?: ((digest: string) => boolean) | undefined;
}

/**
 * The requests that put manifests, in this order.
 * @returns for each of them, all that is sent for it
 */
export function putRequests(
  steps: readonly ManifestStep[],
  abilities: RegistryAbilities,
): readonly (readonly ManifestRequest[])[] {
  const several = steps.filter(({ tags }) => new Set(tags).size > 1);
  return steps.map((step) => [
    ...putsOf(step, firstPut(step, several, abilities), abilities),
    ...listingOf(step, abilities),
  ]);
}

/** How a manifest with several tags is put at first: with them in the query, or without. */
type FirstPut = "query" | "alone" | "either";

/**
 * A registry that does not know the parameter shows it once. What is put beside each other comes in any order; the root
 * comes behind all others.
 */
function firstPut(
  step: ManifestStep,
  several: readonly ManifestStep[],
  { tagParameter }: RegistryAbilities,
): FirstPut {
  const others = several.filter((other) => other !== step && other.role !== "root");
  if (tagParameter === true || others.length === 0) return "query";
  return step.role === "root" && tagParameter === false ? "alone" : "either";
}

function putsOf(
  { manifest, tags: given }: ManifestStep,
  first: FirstPut,
  { tagParameter }: RegistryAbilities,
): ManifestRequest[] {
  const put = (reference: string, isOptional: boolean): ManifestRequest => ({
    method: "PUT",
    reference,
    bytes: manifest.bytes.byteLength,
    isOptional,
  });
  const tags = [...new Set(given)];
  if (tags.length <= 1) return [put(tags[0] ?? manifest.digest, false)];
  const together = tagsForQuery(tags);
  const query = together.map((tag) => `tag=${tag}`).join("&");
  const alone = tagParameter === true ? [] : tags;
  return [
    ...(first === "alone" ? [] : [put(`${manifest.digest}?${query}`, first === "either")]),
    ...(first === "query" ? [] : [put(digestOf(manifest.bytes), first === "either")]),
    ...tags
      .filter((tag) => alone.includes(tag) || !together.includes(tag))
      .map((tag) => put(tag, tagParameter === undefined && together.includes(tag))),
  ];
}

/** The index of what refers to a subject is read, put and read back. */
function listingOf({ manifest, role }: ManifestStep, abilities: RegistryAbilities): ManifestRequest[] {
  const { referrersApi, isListed = () => false } = abilities;
  const { subject, digest } = manifest;
  if (role === "child" || subject === undefined || !isDigest(subject.digest) || referrersApi === true)
    return [];
  const tag = referrersTag(subject.digest);
  const methods = isListed(digest) ? (["GET"] as const) : (["GET", "PUT", "GET"] as const);
  return methods.map((method) => ({ method, reference: tag, isOptional: referrersApi === undefined }));
}
