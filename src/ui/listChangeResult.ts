import * as z from "zod/mini";

/** What `diff --format json` and `--plan --format json` both say of two lists. See `list/difference.ts`. */

/** A value that was there, is there, or both. */
export const ValueChangeResult = z.object({
  name: z.string(),
  from: z.optional(z.string()),
  to: z.optional(z.string()),
});

/** What became of an image from one list to the other. */
export const imageChange = {
  /** Missing where no list says it. */
  platform: z.optional(z.string()),
  change: z.enum(["added", "removed", "changed", "described", "unchanged"]),
  /** The digest that it had. */
  from: z.optional(z.string()),
  /** The digest that it has. */
  to: z.optional(z.string()),
  attestation: z.optional(z.enum(["added", "removed", "changed"])),
};

/** How the lists differ besides their images. */
export const otherChanges = {
  /** How many images are as they were. */
  unchanged: z.int(),
  others: z.array(
    z.object({
      change: z.enum(["added", "removed", "described"]),
      digest: z.string(),
      mediaType: z.string(),
      artifactType: z.optional(z.string()),
    }),
  ),
  annotations: z.array(ValueChangeResult),
  fields: z.array(ValueChangeResult),
};
