import { inListOrder } from "../list/attestations.js";
import type { Draft } from "../list/draft.js";
import { encodeList } from "../list/encode.js";
import type { Entry } from "../list/entry.js";
import type { Manifest } from "../oci/manifest.js";
import type { Platform } from "../oci/platform.js";
import { formatReference } from "../oci/reference.js";
import { contentOf, describeEntry, describeLocalEntry, platformsIn } from "./describeEntries.js";
import type { InspectResult } from "./inspectResult.js";

/** A local list: what it would be in the registry, with the names that its entries have here. */
export function describeDraft(draft: Draft): InspectResult {
  return {
    ...describeManifest(formatReference(draft.name), "local", encodeList(draft)),
    manifests: inListOrder(draft.entries).map(describeLocalEntry),
  };
}

/** An image of a local list. The manifest that docker keeps for reading may have other bytes than the image. */
export function describeLocalImage({ ref, descriptor }: Entry, manifest: Manifest): InspectResult {
  return {
    ...describeManifest(formatReference(ref), "local", manifest, descriptor.platform),
    ...contentOf(descriptor),
  };
}

/**
 * What has a name, in a registry or here.
 * @param platform of an image; its manifest does not say it
 */
export function describeManifest(
  reference: string,
  origin: InspectResult["origin"],
  manifest: Manifest,
  platform?: Platform,
): InspectResult {
  const { kind, digest, mediaType, bytes, children, blobs, artifactType, subject, annotations } = manifest;
  return {
    version: 1,
    reference,
    origin,
    kind,
    digest,
    mediaType,
    size: bytes.byteLength,
    platforms: kind === "index" ? platformsIn(children) : platformsIn([{ annotations, platform }]),
    manifests: children.map(describeEntry),
    blobs: blobs.map(contentOf),
    ...(artifactType !== "" && { artifactType }),
    ...(subject && { subject: contentOf(subject) }),
    annotations: { ...annotations },
  };
}
