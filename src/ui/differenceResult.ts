import * as z from "zod/mini";
import type { EntryChange, ValueChange } from "../list/difference.js";
import type { ContentDifference, ImageDifference, TreeDifference } from "../look/treeDifference.js";
import { imageChange, otherChanges, ValueChangeResult } from "./listChangeResult.js";
import { LookProblemResult, TreeBlobResult } from "./treeResult.js";

const Size = z.number().check(z.minimum(0));

const Side = z.object({
  /** In full. */
  name: z.string(),
  origin: z.enum(["local", "registry", "layout"]),
  digest: z.string(),
  mediaType: z.string(),
  size: Size,
});

const Content = z.object({
  /** Config and layers together, compressed, each blob once. */
  bytes: z.object({ from: Size, to: Size }),
  layers: z.object({
    /** How many layers are the same from the bottom up. */
    base: z.int(),
    kept: z.array(TreeBlobResult),
    added: z.array(TreeBlobResult),
    removed: z.array(TreeBlobResult),
  }),
  /** By what it is about: `Entrypoint`, `Env PATH`, `Label org.example.a`, `ExposedPort 80/tcp`, `created`. */
  config: z.array(ValueChangeResult),
  /** What the manifests say of themselves. */
  annotations: z.array(ValueChangeResult),
  fields: z.array(ValueChangeResult),
});

const Image = z.object({
  ...imageChange,
  /** Digests of its attestations. */
  attestations: z.object({ from: z.array(z.string()), to: z.array(z.string()) }),
  /** What the lists say of it differently. */
  entry: z.array(ValueChangeResult),
  /** Of a changed image, where both could be read. */
  content: z.optional(Content),
});

/** How one list differs from another, as `diff --format json` prints it. Digests are whole, sizes in bytes. */
export const DifferenceResult = z.object({
  version: z.literal(1),
  /** Missing where there was nothing. */
  from: z.optional(Side),
  to: Side,
  /** Have both the same digest? */
  same: z.boolean(),
  images: z.array(Image),
  ...otherChanges,
  problems: z.array(LookProblemResult),
});
export type DifferenceResult = z.infer<typeof DifferenceResult>;

/** The difference as JSON has it. */
export function differenceResult(difference: TreeDifference): DifferenceResult {
  const { from, to, isSame, images, unchanged, others, annotations, fields, problems } = difference;
  return {
    version: 1,
    ...(from && { from }),
    to,
    same: isSame,
    images: images.map(imageResult),
    unchanged,
    others: others.map(entryResult),
    annotations: annotations.map(valueResult),
    fields: fields.map(valueResult),
    problems: [...problems],
  };
}

function imageResult(image: ImageDifference): DifferenceResult["images"][number] {
  const { platform, change, from, to, attestation, attestations, entry, content } = image;
  return {
    ...(platform !== undefined && { platform }),
    change,
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
    ...(attestation && { attestation }),
    attestations: { from: [...attestations.from], to: [...attestations.to] },
    entry: entry.map(valueResult),
    ...(content && { content: contentResult(content) }),
  };
}

function contentResult(content: ContentDifference): z.infer<typeof Content> {
  const { bytes, layers, config, annotations, fields } = content;
  const { base, kept, added, removed } = layers;
  return {
    bytes,
    layers: { base, kept: [...kept], added: [...added], removed: [...removed] },
    config: config.map(valueResult),
    annotations: annotations.map(valueResult),
    fields: fields.map(valueResult),
  };
}

function entryResult({
  change,
  digest,
  mediaType,
  artifactType,
}: EntryChange): DifferenceResult["others"][number] {
  return { change, digest, mediaType, ...(artifactType !== "" && { artifactType }) };
}

function valueResult({ name, from, to }: ValueChange): z.infer<typeof ValueChangeResult> {
  return { name, ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
}
