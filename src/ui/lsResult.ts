import * as z from "zod/mini";

/** The local lists, as `ls --format json` prints them. */
export const LsResult = z.object({
  version: z.literal(1),
  /** Sorted by name. */
  lists: z.array(
    z.object({
      /** In full: `registry.example/app:v1`. */
      name: z.string(),
      /** The list was made by docker, which does not keep its name: others would have the same folder. */
      guessed: z.boolean(),
      /** Its folder within the store. */
      folder: z.string(),
      /** How many there are, attestations included; null where that cannot be told. */
      entries: z.nullable(z.number()),
      /** Those of its images, each once: `linux/arm/v7`. */
      platforms: z.array(z.string()),
      /** When its entries or settings last changed: `2026-01-31T12:00:00.000Z`. */
      changed: z.string(),
      /** What is wrong with its files, a line each. */
      problems: z.array(z.string()),
      /** What its registry has under its name; only after `--check`. */
      registry: z.optional(
        z.object({
          /**
           * `same`: the list as a push would send it; `differs`: something else; `missing`: nothing; `denied`: the registry does
           * not say, to this user; `silent`: it did not answer in time; `failed`: anything else, with the reason.
           */
          state: z.enum(["same", "differs", "missing", "denied", "silent", "failed"]),
          digest: z.optional(z.string()),
          reason: z.optional(z.string()),
        }),
      ),
    }),
  ),
});
export type LsResult = z.infer<typeof LsResult>;
