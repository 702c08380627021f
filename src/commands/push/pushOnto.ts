import type { Repository } from "../../content/repository.js";
import type { Context } from "../../context.js";
import type { Draft, DraftBase } from "../../list/draft.js";
import { baseOf, isMergedIn, mergeDrafts } from "../../list/merge.js";
import { isDigest } from "../../oci/digest.js";
import { locationOf } from "../../oci/location.js";
import type { Manifest } from "../../oci/manifest.js";
import { formatReference, withDigest } from "../../oci/reference.js";
import { appendTo } from "../../push/appendTo.js";
import { rootOf } from "../../push/plan.js";
import { warnOn } from "../../ui/warn.js";
import type { Pushed, Work } from "./pushWork.js";
import { readRemoteList } from "../create/readSources.js";
import { planAnywhere, send } from "./sendDraft.js";

/**
 * Pushes a draft that began with a list of the registry, to which others may add at the same moment: what they made of it
 * is not lost. See `push/appendTo.ts`.
 * @param check throws where what both have made is not what it should be
 */
export async function pushOnto(
  work: Work,
  draft: Draft,
  base: DraftBase,
  tag: string,
  check: (draft: Draft) => void,
): Promise<Pushed> {
  const { context, session, targets } = work;
  const warned = new Set<string>();
  const warn = (text: string): void => {
    if (!warned.has(text)) warnOn(context.stderr)(text);
    warned.add(text);
  };
  const images = remembering(session.open(locationOf(draft.name)));
  let merged = draft;
  let last: { readonly root: Manifest; readonly theirs: Manifest | undefined } | undefined;
  let printed: (string | Uint8Array)[] = [];
  await appendTo({
    repository: session.open(targets[0].location),
    tag,
    signal: context.signal,
    settleMs: context.waits?.settleMs,
    put: async (theirs, guard) => {
      merged = await onto(context, images, draft, base, theirs, warn);
      check(merged);
      printed = [];
      const stdout = { write: (text: string | Uint8Array) => printed.push(text) };
      const plans = await planAnywhere(work, merged);
      last = { root: rootOf(plans[0]).manifest, theirs };
      const root = await send(work, merged, plans, stdout, guard);
      work.progress.step(`making sure that nobody has replaced ${formatReference(draft.name)}`);
      return root;
    },
    isIn: (list) => last === undefined || isMergedIn(base, draft, last, list),
  });
  for (const text of printed) work.lines.write(text);
  if (last === undefined) throw new Error("nothing was pushed");
  const { root } = last;
  const { annotations } = merged.settings;
  return {
    root,
    draft: merged,
    targets,
    sent: work.tally.sent,
    base: baseOf(root.digest, base.mode, merged.entries, annotations),
  };
}

/** What is to be pushed onto what others have made of the list meanwhile. */
async function onto(
  context: Context,
  images: Repository,
  draft: Draft,
  base: DraftBase,
  theirs: Manifest | undefined,
  warn: (text: string) => void,
): Promise<Draft> {
  if ((theirs?.digest ?? "") === base.digest) return draft;
  if (theirs === undefined) {
    warn(`${formatReference(draft.name)} is not there any more: what was in it is not brought back`);
  }
  const { domain, path } = draft.name;
  const now =
    theirs === undefined
      ? { entries: [], annotations: {} }
      : await readRemoteList(
          context,
          { open: () => images },
          withDigest({ domain, path }, theirs.digest),
          false,
        );
  const { draft: merged, conflicts } = mergeDrafts(base, draft, now);
  for (const conflict of conflicts) {
    warn(`${formatReference(draft.name)} was changed by others meanwhile: this replaces ${conflict}`);
  }
  return merged;
}

/** Reads what is named by its digest once, however often the list is read again. */
function remembering(repository: Repository): Repository {
  const known = new Map<string, Promise<Manifest>>();
  return {
    ...repository,
    get: (reference, options) => {
      const there = known.get(reference) ?? repository.get(reference, options);
      if (isDigest(reference)) known.set(reference, there);
      there.catch(() => known.delete(reference));
      return there;
    },
  };
}
