import * as z from "zod/mini";

const Content = z.object({ digest: z.string(), mediaType: z.string(), size: z.int() });
const Texts = z.record(z.string(), z.string());

/** An entry of a list. */
export const EntryResult = z.object({
  /** What a local list calls it; an entry of a registry's list has no name. */
  name: z.optional(z.string()),
  ...Content.shape,
  /** `linux/arm/v7`; missing for what runs on no machine. */
  platform: z.optional(z.string()),
  /** It is an attestation of the entry with this digest. */
  attests: z.optional(z.string()),
  artifactType: z.optional(z.string()),
  annotations: z.optional(Texts),
});
export type EntryResult = z.infer<typeof EntryResult>;

/**
 * What a name stands for, as `inspect --format json` prints it; `create` and `annotate` print the same of the local list
 * that they have made or changed. Digests are whole, sizes in bytes.
 */
export const InspectResult = z.object({
  version: z.literal(1),
  /** The name, whole: `docker.io/library/app:v1`. */
  reference: z.string(),
  /** `local`: a local list, or an image of one; `registry`: what the registry has. */
  origin: z.enum(["local", "registry"]),
  kind: z.enum(["index", "image", "artifact"]),
  /** Of a local list: what `push` would send as the list is now, without further flags. The same for `mediaType` and `size`. */
  ...Content.shape,
  /** `linux/arm/v7`, each once, in the order of the list; of an image its own. */
  platforms: z.array(z.string()),
  /** The entries of an index, in its order. */
  manifests: z.array(EntryResult),
  /** What an image or artifact is made of: its config first, then its layers. */
  blobs: z.array(Content),
  artifactType: z.optional(z.string()),
  subject: z.optional(Content),
  annotations: Texts,
});
export type InspectResult = z.infer<typeof InspectResult>;
