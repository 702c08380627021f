import * as z from "zod/mini";
import { ListResult } from "./listResult.js";
import { PlanReport } from "./planReportSchema.js";

/** What became of many lists, as `apply --format json` prints it: in the order in which they were done. */
export const ApplyResult = z.object({
  version: z.literal(1),
  lists: z.array(ListResult),
});
export type ApplyResult = z.infer<typeof ApplyResult>;

/** What would become of many lists, as `apply --plan --format json` prints it. */
export const ApplyPlan = z.object({
  version: z.literal(1),
  shards: z.array(
    z.object({
      /** The first is 1; without shards all lists are in one. */
      shard: z.int(),
      of: z.int(),
      lists: z.array(
        z.object({
          target: z.string(),
          /** `waits`: it is made of another list of the file, and is planned when that is there. */
          status: z.enum(["unchanged", "planned", "waits", "failed"]),
          plan: z.optional(PlanReport),
          error: z.optional(
            z.object({ code: z.string(), message: z.string(), hint: z.optional(z.string()) }),
          ),
        }),
      ),
    }),
  ),
});
export type ApplyPlan = z.infer<typeof ApplyPlan>;
