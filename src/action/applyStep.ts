import * as z from "zod/mini";
import { ListResult } from "../ui/listResult.js";
import { applySummary } from "./applySummary.js";
import { applyCommandLine } from "./commandLine.js";
import { ensureSuccess, jsonIn, ProgramFailure } from "./failure.js";
import { namesByDigest } from "./images.js";
import { setOutputs, writeSummary } from "./outputs.js";
import { runInStep, type ActionStep } from "./step.js";

/** What `apply --format json` prints. */
const AppliedLists = z.object({ version: z.literal(1), lists: z.array(ListResult) });

/** Some lists of a file, of which each has been told by itself. */
export class ListsFailed extends ProgramFailure {}

/**
 * Makes the lists of files.
 * @throws ListsFailed where some failed, and how the program failed before it came to any
 */
export async function applyFiles(step: ActionStep): Promise<void> {
  const { inputs, context, log } = step;
  const result = await runInStep(step, applyCommandLine(inputs));
  const applied = AppliedLists.safeParse(jsonIn(result.stdout)).data;
  if (applied === undefined) {
    ensureSuccess(result);
    return;
  }
  const { lists } = applied;
  const [only] = lists.length === 1 ? lists : [];
  const done = lists.filter(({ status }) => status !== "failed");
  await setOutputs(
    {
      digest: only?.digest ?? "",
      image: done.flatMap(({ target, tags, digest = "" }) => namesByDigest([target, ...tags], digest)),
      platforms: only?.platforms ?? [],
      tags: done.flatMap(({ tags }) => tags),
      document: applied,
    },
    context,
  );
  await writeSummary(applySummary(lists), context);
  for (const { target, error } of lists) {
    if (error !== undefined) log.error(target, [error.message, error.hint ?? ""].join("\n").trim());
  }
  if (result.status !== 0) throw failedOf(lists);
}

function failedOf(lists: readonly ListResult[]): ListsFailed {
  const failed = lists.filter(({ status }) => status === "failed").length;
  return new ListsFailed({
    code: "LISTS_FAILED",
    message: `${failed} of ${lists.length} lists failed`,
    hint: "the summary of the job names them; run it again when that is mended: what is done is not done twice",
  });
}
