import * as z from "zod/mini";

/** https://github.com/opencontainers/image-spec/blob/v1.1.0/descriptor.md */
export const Descriptor = z.object({
  /** The media type of the content. */
  mediaType: z.string(),
  /** The digest of the content. */
  digest: z.string(),
  /** The size of the content, in bytes. */
  size: z.int().check(z.nonnegative()),
  /** Where else the content is, of a layer that registries do not keep. */
  urls: z.nullish(z.array(z.string())),
});
export type Descriptor = z.infer<typeof Descriptor>;

const shared = {
  schemaVersion: z.literal(2),
  mediaType: z.optional(z.string()),
  artifactType: z.optional(z.string()),
  subject: z.nullish(Descriptor),
  annotations: z.nullish(z.record(z.string(), z.string())),
};

/** https://github.com/opencontainers/image-spec/blob/v1.1.0/manifest.md, and docker's schema 2 */
export const ImageManifest = z.object({
  ...shared,
  config: Descriptor,
  layers: z.nullish(z.array(Descriptor)),
  manifests: z.optional(z.never()),
});
export type ImageManifest = z.infer<typeof ImageManifest>;

/** https://github.com/opencontainers/image-spec/blob/v1.1.0/image-index.md, and docker's manifest list */
export const ListManifest = z.object({
  ...shared,
  manifests: z.nullish(z.array(Descriptor)),
  config: z.optional(z.never()),
  layers: z.optional(z.never()),
});
export type ListManifest = z.infer<typeof ListManifest>;
