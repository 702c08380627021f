import type { Context } from "../../context.js";
import { isWrongContent } from "../../look/problems.js";
import { readDifference } from "../../look/readDifference.js";
import type { TreeDifference } from "../../look/treeDifference.js";
import type { TreeSource } from "../../look/treeSource.js";
import { differenceMarkdown } from "../../ui/differenceMarkdown.js";
import { differenceResult } from "../../ui/differenceResult.js";
import { differenceText } from "../../ui/differenceText.js";
import { jsonDocument } from "../../ui/jsonDocument.js";
import { progressMode, withProgress } from "../../ui/terminal/progress.js";
import type { NetworkFlags } from "../networkFlags.js";
import { lookStyle } from "./lookStyle.js";
import { lookTargetName, withLookSources, type LookSources, type LookTarget } from "./lookTargets.js";
import { tellProblems } from "./tellProblems.js";

export interface ShowDifferenceFlags extends NetworkFlags {
  readonly format: string;
  readonly quiet: boolean;
}

/**
 * Prints how the second of two targets differs from the first; of one, how a local list differs from what the registry has
 * under its name. With `quiet` nothing below the two is read.
 * @returns have they the same digest, and is all that was read what its digest says?
 */
export async function showDifference(
  context: Context,
  flags: ShowDifferenceFlags,
  first: LookTarget,
  second?: LookTarget,
): Promise<{ readonly isSame: boolean; readonly isRight: boolean }> {
  const { signal } = context;
  const difference = await withProgress(context, progressMode(flags), (progress) => {
    const other = second === undefined ? "the registry" : lookTargetName(second);
    progress.step(`comparing ${lookTargetName(first)} with ${other}`);
    return withLookSources(
      context,
      { ...flags, onWire: progress.onWire },
      second === undefined ? [first] : [first, second],
      async (sources) => {
        const [from, to] = await openSides(sources, first, second);
        if (flags.quiet) return from?.root.digest === to.root.digest;
        return readDifference(from, to, {
          signal,
          onCompared: (done, total) => {
            progress.count(done, total, "image");
          },
        });
      },
    );
  });
  if (typeof difference === "boolean") return { isSame: difference, isRight: true };
  context.stdout.write(await formatDifference(difference, context, flags));
  const { isSame, problems } = difference;
  if (flags.format !== "json") tellProblems(context, problems);
  return { isSame, isRight: !problems.some(isWrongContent) };
}

/** Of a list that its registry does not have yet, everything is new. */
function openSides(
  { open, openIfThere }: LookSources,
  first: LookTarget,
  second: LookTarget | undefined,
): Promise<[from: TreeSource | undefined, to: TreeSource]> {
  if (second !== undefined) return Promise.all([open(first), open(second)]);
  const pushed: LookTarget =
    first.kind === "local" ? { kind: "registry", ref: first.draft.name, isElse: false } : first;
  return Promise.all([openIfThere(pushed), open(first)]);
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
