import type { Draft, DraftBase } from "../list/draft.js";
import { baseOf, isMergedIn, mergeDrafts } from "../list/merge.js";
import type { Manifest } from "../oci/manifest.js";
import { formatReference, withDigest } from "../oci/reference.js";
import { appendTo } from "../push/appendTo.js";
import { rootOf } from "../push/plan.js";
import { escapeControls } from "../ui/text.js";
import type { Pushed, Work } from "./pushWork.js";
import { readRemoteList } from "./readSources.js";
import { planAnywhere, send } from "./sendDraft.js";

/**
 * Pushes a draft that began with a list of the registry, to which others may add at the same moment: what they made of it
 * is not lost. See `push/appendTo.ts`.
 */
export async function pushOnto(work: Work, draft: Draft, base: DraftBase, tag: string): Promise<Pushed> {
  const { context, session, targets } = work;
  const warn = (text: string): void => {
    context.stderr.write(`WARNING: ${escapeControls(text)}\n`);
  };
  let merged = draft;
  let last: { readonly root: Manifest; readonly theirs: Manifest | undefined } | undefined;
  let printed: (string | Uint8Array)[] = [];
  await appendTo({
    repository: session.open(targets[0].location),
    tag,
    signal: context.signal,
    settleMs: context.waits?.settleMs,
    put: async (theirs, guard) => {
      merged = await onto(work, draft, base, theirs, warn);
      printed = [];
      const stdout = { write: (text: string | Uint8Array) => printed.push(text) };
      const plans = await planAnywhere(work, merged);
      last = { root: rootOf(plans[0]).manifest, theirs };
      return send(work, merged, plans, stdout, guard);
    },
    isIn: (list) => last === undefined || isMergedIn(base, draft, last, list),
  });
  for (const text of printed) context.stdout.write(text);
  if (last === undefined) throw new Error("nothing was pushed");
  const { root } = last;
  const { annotations } = merged.settings;
  return {
    digest: root.digest,
    draft: merged,
    base: baseOf(root.digest, base.mode, merged.entries, annotations),
  };
}

/** What is to be pushed onto what others have made of the list meanwhile. */
async function onto(
  { context, session }: Work,
  draft: Draft,
  base: DraftBase,
  theirs: Manifest | undefined,
  warn: (text: string) => void,
): Promise<Draft> {
  if ((theirs?.digest ?? "") === base.digest) return draft;
  const { domain, path } = draft.name;
  const now =
    theirs === undefined
      ? { entries: [], annotations: {} }
      : await readRemoteList(context, session, withDigest({ domain, path }, theirs.digest), false);
  const { draft: merged, conflicts } = mergeDrafts(base, draft, now);
  for (const conflict of conflicts) {
    warn(`${formatReference(draft.name)} was changed by others meanwhile: this replaces ${conflict}`);
  }
  return merged;
}
