import type { Context } from "../../context.js";
import { ManifestError } from "../../errors.js";
import type { ListTree } from "../../look/listTree.js";
import { isWrongContent } from "../../look/problems.js";
import { readTree } from "../../look/readTree.js";
import { jsonDocument } from "../../ui/jsonDocument.js";
import { treeMarkdown } from "../../ui/treeMarkdown.js";
import { treeResult } from "../../ui/treeResult.js";
import { treeText } from "../../ui/treeText.js";
import { progressMode, withProgress } from "../../ui/terminal/progress.js";
import type { NetworkFlags } from "../networkFlags.js";
import { openUserStore, type StoreFlags } from "../userStore.js";
import { lookStyle } from "./lookStyle.js";
import { lookTarget, withLookSources } from "./lookTargets.js";
import { tellProblems } from "./tellProblems.js";

export interface ShowTreeFlags extends NetworkFlags, StoreFlags {
  readonly format: string;
  readonly verbose: boolean;
  readonly remote: boolean;
}

/**
 * Prints all that is behind a name, as a tree, as JSON or as Markdown.
 * @returns is all of it what its digest says?
 */
export async function showTree(
  context: Context,
  flags: ShowTreeFlags,
  [name = "", second]: readonly string[],
): Promise<boolean> {
  if (second !== undefined) {
    throw new ManifestError("USAGE", "a tree is of one name", {
      hint: "name the list, whose images are in the tree, or the image alone",
    });
  }
  const target = await lookTarget(name, openUserStore(context, flags), flags.remote);
  const tree = await withProgress(context, progressMode(flags), (progress) => {
    progress.step(`reading ${name}`);
    return withLookSources(context, { ...flags, onWire: progress.onWire }, [target], async ({ open }) =>
      readTree(await open(target), {
        signal: context.signal,
        patienceMs: context.waits?.timeouts?.headers,
        onRead: (done, begun) => {
          progress.count(done, begun, "manifest");
        },
        onAttachedLeft: () => {
          progress.step("asking what is attached to manifests");
        },
      }),
    );
  });
  context.stdout.write(await formatTree(tree, context, flags));
  if (flags.format !== "json") tellProblems(context, tree.problems);
  return !tree.problems.some(isWrongContent);
}

async function formatTree(
  tree: ListTree,
  context: Context,
  { format, verbose }: ShowTreeFlags,
): Promise<string> {
  switch (format) {
    case "json":
      return jsonDocument(treeResult(tree));
    case "markdown":
      return treeMarkdown(tree);
    default:
      return treeText(tree, { ...(await lookStyle(context)), isVerbose: verbose });
  }
}
