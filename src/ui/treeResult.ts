import * as z from "zod/mini";
import type { ListTree } from "../look/listTree.js";

const Texts = z.record(z.string(), z.string());
const Size = z.number().check(z.minimum(0));

export const TreeBlobResult = z.object({ digest: z.string(), mediaType: z.string(), size: Size });

/** What could not be read, or is not what it should be. */
export const LookProblemResult = z.object({ code: z.string(), message: z.string() });

/** A manifest, with what is below it and what is attached to it. */
export const TreeNodeResult = z.object({
  kind: z.enum(["index", "image", "artifact", "unknown"]),
  digest: z.string(),
  mediaType: z.string(),
  /** Of the manifest itself. */
  size: Size,
  /** `linux/arm/v7`, `windows(10.0.17763.1)/amd64`; missing for what runs on no machine. */
  platform: z.optional(z.string()),
  /** What a local list calls it. */
  name: z.optional(z.string()),
  /** Where it is, if that is not the repository of the tree. */
  repository: z.optional(z.string()),
  artifactType: z.optional(z.string()),
  /** What the index that lists it says of it. */
  annotations: Texts,
  /** What it says of itself. */
  ownAnnotations: Texts,
  /** Of what is attached: listed in the index, found by its subject, or by a tag of cosign's. */
  foundBy: z.optional(z.enum(["list", "subject", "tag"])),
  tag: z.optional(z.string()),
  predicateTypes: z.array(z.string()),
  config: z.optional(TreeBlobResult),
  layers: z.array(TreeBlobResult),
  /** Config and layers together, compressed, each blob once. */
  bytes: Size,
  get children() {
    return z.array(TreeNodeResult);
  },
  get attached() {
    return z.array(TreeNodeResult);
  },
  problem: z.optional(LookProblemResult),
});

/** All that is behind a name, as `inspect --tree --format json` prints it. Digests are whole, sizes in bytes. */
export const TreeResult = z.object({
  version: z.literal(1),
  /** In full: `registry.example/app:v1`, `oci-layout:///work/out:v1`. */
  name: z.string(),
  origin: z.enum(["local", "registry", "layout"]),
  root: TreeNodeResult,
  totals: z.object({
    images: z.int(),
    layers: z.int(),
    /** Configs and layers of all images, each blob once. */
    bytes: Size,
    /** The part of `bytes` that belongs to more than one image. */
    sharedBytes: Size,
    sharedLayers: z.array(z.object({ ...TreeBlobResult.shape, images: z.array(z.string()) })),
  }),
  problems: z.array(LookProblemResult),
});
export type TreeResult = z.infer<typeof TreeResult>;

/** The tree as JSON has it. */
export function treeResult(tree: ListTree): { readonly version: 1 } & ListTree {
  return { version: 1, ...tree };
}
