import { manifestFieldChanges, valueChanges } from "../list/difference.js";
import type { Manifest } from "../oci/manifest.js";
import type { ConfigValues } from "./configValues.js";
import type { TreeBlob } from "./listTree.js";
import { bytesOf, treeBlob } from "./treeBlob.js";
import type { ContentDifference, LayersDifference } from "./treeDifference.js";

/** An image that was read. */
export interface ReadImage {
  readonly manifest: Manifest;
  /** Undefined for an artifact, or where it could not be read. */
  readonly config: ConfigValues | undefined;
}

/** How an image differs from the one that it takes the place of. */
export function contentDifference(before: ReadImage, after: ReadImage): ContentDifference {
  const blobsOf = ({ manifest }: ReadImage): TreeBlob[] => manifest.blobs.map(treeBlob);
  const [old, now] = [blobsOf(before), blobsOf(after)];
  // Of a config that could not be read nothing is known: it is not as if it were empty.
  const isKnown = before.config !== undefined && after.config !== undefined;
  return {
    bytes: { from: bytesOf(old), to: bytesOf(now) },
    layers: layersDifference(old.slice(1), now.slice(1)),
    config: isKnown ? valueChanges(before.config, after.config) : [],
    annotations: valueChanges(before.manifest.annotations, after.manifest.annotations),
    fields: manifestFieldChanges(before.manifest, after.manifest),
  };
}

/** A layer that is in an image twice is twice in its count: two of the old and one of the new make one that was removed. */
function layersDifference(before: readonly TreeBlob[], after: readonly TreeBlob[]): LayersDifference {
  const differs = before.findIndex(({ digest }, index) => digest !== after[index]?.digest);
  const left = new Map<string, number>();
  for (const { digest } of before) left.set(digest, (left.get(digest) ?? 0) + 1);
  const kept: TreeBlob[] = [];
  const added: TreeBlob[] = [];
  for (const layer of after) {
    const count = left.get(layer.digest) ?? 0;
    (count > 0 ? kept : added).push(layer);
    if (count > 0) left.set(layer.digest, count - 1);
  }
  // Of equal layers the last ones are those that are gone.
  const removed = before.toReversed().filter(({ digest }) => {
    const count = left.get(digest) ?? 0;
    left.set(digest, count - 1);
    return count > 0;
  });
  return { base: differs === -1 ? before.length : differs, kept, added, removed: removed.toReversed() };
}
