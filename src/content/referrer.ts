import { descriptor, type Descriptor } from "../oci/descriptor.js";
import { algorithmOf } from "../oci/digest.js";
import type { Manifest } from "../oci/manifest.js";

/**
 * A manifest as lists of referrers have it: what has no type of its own has that of its config.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
 */
export function referrerDescriptor(manifest: Manifest): Descriptor {
  const { mediaType, digest, bytes, kind, blobs, artifactType, annotations } = manifest;
  const type = artifactType !== "" || kind === "index" ? artifactType : (blobs[0]?.mediaType ?? "");
  return { ...descriptor(mediaType, digest, bytes.byteLength), artifactType: type, annotations };
}

/** What cosign puts behind `sha256-<hex>` for what is attached to a manifest in a registry without referrers API. */
const COSIGN_SUFFIXES = ["sig", "att", "sbom"] as const;

/** The tags under which cosign keeps what it attaches to a manifest: `sha256-<hex>.sig` and so on. */
export function cosignTags(digest: string): string[] {
  return COSIGN_SUFFIXES.map((suffix) => `${referrersTag(digest)}.${suffix}`);
}

/**
 * The tag of the index in which clients keep what refers to a manifest, where a registry has no referrers API: `sha256-<hex>`.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
 */
export function referrersTag(digest: string): string {
  const algorithm = algorithmOf(digest);
  const encoded = digest.slice(algorithm.length + 1);
  return `${algorithm.slice(0, 32)}-${encoded.slice(0, 64)}`.replaceAll(/[^A-Za-z0-9_.-]/g, "-");
}
