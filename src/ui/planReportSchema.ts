import * as z from "zod/mini";
import { imageChange, otherChanges } from "./listChangeResult.js";

/** What a push would do, as `--plan --format json` prints it. Digests are whole, sizes in bytes. */

const Difference = z.object({ images: z.array(z.object(imageChange)), ...otherChanges });

const Blobs = z.object({ count: z.int(), bytes: z.number() });

const Tag = z.object({
  name: z.string(),
  state: z.enum(["absent", "same", "other", "unknown"]),
  /** What it names now. */
  digest: z.optional(z.string()),
  /** From what it names now, where that can be read, or from nothing. */
  difference: z.optional(Difference),
  /** Why it is not known what it names. */
  reason: z.optional(z.string()),
});

const Target = z.object({
  /** `registry.example/team/app`, `oci-layout:///work/out` */
  name: z.string(),
  root: z.object({ digest: z.string(), mediaType: z.string(), size: z.int() }),
  /** Those below the root, and what refers to them. What was in the target before is not among them. */
  manifests: z.object({ present: z.array(z.string()), put: z.array(z.string()) }),
  blobs: z.object({
    /** They are there, or what needs them is. */
    present: Blobs,
    mount: Blobs,
    copy: z.object({ ...Blobs.shape, from: z.array(z.string()) }),
    /** Mounted where the registry has them, and never copied. */
    foreign: Blobs,
    /** They would have to be copied, and only mounts are wanted: the push would fail. */
    refused: Blobs,
  }),
  tags: z.array(Tag),
});

/** What a push would send and change, as `--plan --format json` prints it. */
export const PlanReport = z.object({
  /** Of this document: 1. */
  version: z.literal(1),
  /** By their levels: what is in one level goes out beside each other. */
  requests: z.array(
    z.object({
      level: z.int().check(z.minimum(1), z.maximum(4)),
      /** The name of the target that it is for. */
      target: z.string(),
      /** `WRITE` for a file of a layout. */
      method: z.enum(["HEAD", "GET", "POST", "PUT", "DELETE", "WRITE"]),
      /** Absolute. `…` stands for what the registry chooses. */
      url: z.string().check(z.regex(/^(?:https?|file):\/\//)),
      /** How much it sends or writes, where that is known. */
      bytes: z.optional(z.number()),
      /** It may turn out not to be needed. */
      optional: z.optional(z.literal(true)),
    }),
  ),
  /** What would be done in each target. */
  targets: z.array(Target),
});
export type PlanReport = z.infer<typeof PlanReport>;
