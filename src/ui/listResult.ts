import * as z from "zod/mini";

/**
 * What became of one list, for machines: what `--format json` prints after a push, and a line of `apply --results`. Digests
 * are whole, sizes in bytes.
 */
export const ListResult = z.object({
  version: z.literal(1),
  /** The list's own name, whole: `docker.io/library/app:v1`, `oci-layout:///work/out:v1`. */
  target: z.string(),
  /** `unchanged`: everything was there, under all its tags, and no manifest was put. */
  status: z.enum(["pushed", "unchanged", "failed"]),
  /** Of the list; missing where it failed before that was known. The same for `mediaType` and `size`. */
  digest: z.optional(z.string()),
  mediaType: z.optional(z.string()),
  size: z.optional(z.int()),
  /** The names that it has now, whole. */
  tags: z.array(z.string()),
  /** `linux/arm/v7`, each once, in the order of the list. */
  platforms: z.array(z.string()),
  /** The list's entries, in its order. */
  manifests: z.array(
    z.object({
      digest: z.string(),
      mediaType: z.string(),
      size: z.int(),
      platform: z.optional(z.string()),
      /** It is an attestation of the entry with this digest. */
      attests: z.optional(z.string()),
    }),
  ),
  /** What went out: manifests that were put, the list among them, blobs that were mounted or copied, and the copies' bytes. */
  sent: z.object({ manifests: z.int(), mounted: z.int(), copied: z.int(), bytes: z.int() }),
  error: z.optional(z.object({ code: z.string(), message: z.string(), hint: z.optional(z.string()) })),
});
export type ListResult = z.infer<typeof ListResult>;
