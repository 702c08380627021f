import * as z from "zod/mini";
import { EntryResult } from "./inspectResult.js";

/** What `rm` and `prune` have deleted, as `--format json` prints it. */
export const RemovalResult = z.object({
  version: z.literal(1),
  /** The local lists that are gone, by their whole names. */
  lists: z.array(z.string()),
  /** What was taken out of a list that is still there, attestations of removed images included. */
  entries: z.array(EntryResult),
  /** Nothing was deleted: this is what would be. */
  dryRun: z.optional(z.literal(true)),
});
export type RemovalResult = z.infer<typeof RemovalResult>;
