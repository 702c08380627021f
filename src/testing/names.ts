import { isDigest } from "../oci/digest.js";
import { fault } from "./faults.js";

/**
 * The grammar of repository names and tags.
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#pulling-manifests
 */
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const NAME_LIMIT = 255;

export function isRepositoryName(name: string): boolean {
  return name.length <= NAME_LIMIT && name.split("/").every((component) => COMPONENT.test(component));
}

export function isTag(tag: string): boolean {
  return TAG.test(tag);
}

/** A tag can hold no colon and a digest always does. */
export function looksLikeDigest(reference: string): boolean {
  return reference.includes(":");
}

/** Throws NAME_INVALID. */
export function checkName(name: string): void {
  if (!isRepositoryName(name)) throw fault("NAME_INVALID", { name });
}

/** Throws DIGEST_INVALID. */
export function checkContentDigest(digest: string): void {
  if (!isDigest(digest)) throw fault("DIGEST_INVALID", { digest });
}
