import type { Descriptor } from "../oci/descriptor.js";
import type { TreeBlob } from "./listTree.js";

/** What a manifest says of one of its blobs. */
export function treeBlob(listed: Descriptor): TreeBlob {
  const { digest, mediaType } = listed;
  return { digest, mediaType, size: blobSize(listed) };
}

/** In bytes, as a descriptor says it; nothing is smaller than nothing. */
export function blobSize({ size }: Pick<Descriptor, "size">): number {
  return Math.max(0, Number(size));
}

/** Together in bytes, each blob once. */
export function bytesOf(blobs: readonly TreeBlob[]): number {
  const sizes = new Map(blobs.map(({ digest, size }) => [digest, size]));
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}
