import * as z from "zod/mini";

/**
 * What a command prints on stdout under `--format json` when it fails. Where a part of its work was done all the same, its
 * result is beside the error, in the same document.
 */
export const ErrorResult = z.object({
  version: z.literal(1),
  error: z.object({
    /** See `ErrorCode`; and `INTERRUPTED`, where the user stopped it, and `INTERNAL` for a fault of the program. */
    code: z.string(),
    /** As on stderr, without what is there for people only. */
    message: z.string(),
    /** Which request it was, what to do. */
    hint: z.optional(z.string()),
  }),
});
export type ErrorResult = z.infer<typeof ErrorResult>;
