import type { SharedLayer, TreeBlob, TreeNode, TreeTotals } from "./listTree.js";
import { bytesOf } from "./treeBlob.js";

/** What the images under a node have in common; see {@link TreeTotals}. */
export function treeTotals(root: TreeNode): TreeTotals {
  const images = new Map(imagesUnder(root).map((image) => [image.digest, image]));
  const holders = new Map<string, Holder>();
  for (const { digest, config, layers } of images.values()) {
    for (const blob of layers) hold(holders, blob, digest).isLayer = true;
    if (config !== undefined) hold(holders, config, digest);
  }
  const all = [...holders.values()];
  const shared = all.filter((one) => one.images.size > 1);
  return {
    images: images.size,
    layers: all.filter(({ isLayer }) => isLayer).length,
    bytes: bytesOf(all.map(({ blob }) => blob)),
    sharedBytes: bytesOf(shared.map(({ blob }) => blob)),
    sharedLayers: shared
      .filter(({ isLayer }) => isLayer)
      .map((one): SharedLayer => ({ ...one.blob, images: [...one.images] }))
      .sort((one, other) => other.size - one.size),
  };
}

interface Holder {
  readonly blob: TreeBlob;
  readonly images: Set<string>;
  isLayer: boolean;
}

function hold(holders: Map<string, Holder>, blob: TreeBlob, image: string): Holder {
  const holder = holders.get(blob.digest) ?? { blob, images: new Set<string>(), isLayer: false };
  holders.set(blob.digest, holder);
  holder.images.add(image);
  return holder;
}

function imagesUnder(node: TreeNode): TreeNode[] {
  return node.kind === "image" ? [node] : node.children.flatMap(imagesUnder);
}
