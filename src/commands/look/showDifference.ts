import type { Context } from "../../context.js";
import { readDifference } from "../../look/readDifference.js";
import type { TreeDifference } from "../../look/treeDifference.js";
import { differenceMarkdown } from "../../ui/differenceMarkdown.js";
import { differenceResult } from "../../ui/differenceResult.js";
import { differenceText } from "../../ui/differenceText.js";
import { jsonDocument } from "../../ui/jsonDocument.js";
import { progressMode, withProgress } from "../../ui/terminal/progress.js";
import type { NetworkFlags } from "../networkFlags.js";
import { lookStyle } from "./lookStyle.js";
import { withLookSources, type LookTarget } from "./lookTargets.js";
import { warnOfProblems } from "./warnOfProblems.js";

export interface ShowDifferenceFlags extends NetworkFlags {
  readonly format: string;
  readonly quiet: boolean;
}

/**
 * Prints how the second of two targets differs from the first; of one, how a local list differs from what the registry has
 * under its name.
 * @returns have they the same digest?
 */
export async function showDifference(
  context: Context,
  flags: ShowDifferenceFlags,
  first: LookTarget,
  second?: LookTarget,
): Promise<boolean> {
  const difference = await withProgress(context, progressMode(flags), (progress) => {
    progress.step("comparing");
    return second === undefined
      ? compareWithRegistry(context, flags, first)
      : compare(context, flags, first, second);
  });
  if (!flags.quiet) context.stdout.write(await formatDifference(difference, context, flags));
  if (flags.format !== "json") warnOfProblems(context, difference.problems);
  return difference.isSame;
}

function compare(
  context: Context,
  flags: NetworkFlags,
  first: LookTarget,
  second: LookTarget,
): Promise<TreeDifference> {
  const { signal } = context;
  return withLookSources(context, flags, [first, second], async ({ open }) => {
    const [from, to] = await Promise.all([open(first), open(second)]);
    return readDifference(from, to, { signal });
  });
}

/** What the registry does not have yet is all new. */
function compareWithRegistry(
  context: Context,
  flags: NetworkFlags,
  local: LookTarget,
): Promise<TreeDifference> {
  const { signal } = context;
  const pushed: LookTarget = local.kind === "local" ? { kind: "registry", ref: local.draft.name } : local;
  return withLookSources(context, flags, [local], async ({ open, openIfThere }) => {
    const [from, to] = await Promise.all([openIfThere(pushed), open(local)]);
    return readDifference(from, to, { signal });
  });
}

async function formatDifference(
  difference: TreeDifference,
  context: Context,
  { format }: ShowDifferenceFlags,
): Promise<string> {
  switch (format) {
    case "json":
      return jsonDocument(differenceResult(difference));
    case "markdown":
      return differenceMarkdown(difference);
    default:
      return differenceText(difference, await lookStyle(context));
  }
}
