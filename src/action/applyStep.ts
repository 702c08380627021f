import * as z from "zod/mini";
import { ApplyPlan, ApplyResult } from "../ui/applyResult.js";
import { counted } from "../ui/text.js";
import { applySummary, plannedIn, type ListToCount } from "../ui/applySummary.js";
import { applyCommandLine } from "./commandLine.js";
import { ensureSuccess, jsonIn, ProgramFailure } from "./failure.js";
import { namesByDigest } from "./images.js";
import { inInputWords } from "./inputWords.js";
import { setOutputs, writeSummary } from "./outputs.js";
import { runInStep, type ActionStep } from "./step.js";

/** Where some lists failed, the error is beside them. */
const Applied = z.union([z.object(ApplyResult.shape), z.object(ApplyPlan.shape)]);

/** Some lists of a file, of which each has been told by itself. */
export class ListsFailed extends ProgramFailure {}

/**
 * Makes the lists of files, or shows what would be made.
 * @throws ListsFailed where some failed, and how the program failed before it came to any
 */
export async function applyFiles(step: ActionStep): Promise<void> {
  const { inputs, context, log } = step;
  const result = await runInStep(step, applyCommandLine(inputs));
  const document = jsonIn(result.stdout);
  const applied = Applied.safeParse(document).data;
  if (applied === undefined) {
    ensureSuccess(result);
    throw new Error("apply printed something other than its result");
  }
  const done = "lists" in applied ? applied.lists.filter(({ status }) => status !== "failed") : [];
  const made = "lists" in applied ? applied.lists : plannedIn(applied);
  const lists = made.map((list) => ({ ...list, error: list.error && inInputWords(list.error, inputs) }));
  const [only] = lists.length === 1 ? lists : [];
  await setOutputs(
    {
      digest: only?.digest ?? "",
      image: done.flatMap(({ tags, digest = "" }) => namesByDigest(tags, digest)),
      platforms: only?.platforms ?? [],
      tags: done.flatMap(({ tags }) => tags),
      document,
    },
    context,
  );
  await writeSummary(applySummary(lists), context);
  for (const { target, error } of lists) {
    if (error !== undefined) log.error(target, { text: [error.message, error.hint ?? ""].join("\n").trim() });
  }
  if (result.status !== 0) throw failedOf(lists, inputs.push);
}

function failedOf(lists: readonly ListToCount[], isPush: boolean): ListsFailed {
  const failed = lists.filter(({ status }) => status === "failed").length;
  return new ListsFailed({
    code: "LISTS_FAILED",
    message: `${failed} of ${counted(lists.length, "list")} ${isPush ? "failed" : "would fail"}`,
    hint: isPush
      ? "they are in the job summary; once they are fixed, run the job again: it skips what is already there"
      : "they are in the job summary",
  });
}
