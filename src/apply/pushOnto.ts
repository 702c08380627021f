import type { Repository } from "../content/repository.js";
import type { Draft, DraftBase } from "../list/draft.js";
import { baseOf, isMergedIn, mergeDrafts } from "../list/merge.js";
import { isDigest } from "../oci/digest.js";
import { locationOf, type Location } from "../oci/location.js";
import type { Manifest } from "../oci/manifest.js";
import { formatReference, withDigest } from "../oci/reference.js";
import { appendTo } from "../push/appendTo.js";
import type { MoveGuard } from "../push/executeAll.js";
import { rootOf, type Plan } from "../push/plan.js";
import { readRemoteList } from "./remoteList.js";

export type Plans = readonly [Plan, ...Plan[]];

/** What pushing a draft onto a list works with. */
export interface OntoTools {
  readonly open: (location: Location) => Repository;
  readonly signal: AbortSignal;
  /** See `push/appendTo.ts`. */
  readonly settleMs?: number | undefined;
  /** Told what is odd, each once. */
  readonly warn: (text: string) => void;
  /** The first plan is for the list's own name. */
  readonly plan: (draft: Draft) => Promise<Plans>;
  /** Does plans; the root that was put. */
  readonly send: (draft: Draft, plans: Plans, guard: MoveGuard) => Promise<Manifest | undefined>;
}

/** What was pushed, and what the draft begins with from now on. */
export interface PushedOnto {
  readonly root: Manifest;
  readonly draft: Draft;
  readonly base: DraftBase;
}

/**
 * Pushes a draft that began with a list of the registry, to which others may add at the same moment: what they made of it
 * is not lost. See `push/appendTo.ts`.
 * @param check throws where what both have made is not what it should be
 */
export async function pushOnto(
  tools: OntoTools,
  draft: Draft,
  base: DraftBase,
  tag: string,
  check: (draft: Draft) => void,
): Promise<PushedOnto> {
  const { open, signal, settleMs } = tools;
  const warned = new Set<string>();
  const warn = (text: string): void => {
    if (!warned.has(text)) tools.warn(text);
    warned.add(text);
  };
  const repository = open(locationOf(draft.name));
  const images = remembering(repository);
  let merged = draft;
  let last: { readonly root: Manifest; readonly theirs: Manifest | undefined } | undefined;
  await appendTo({
    repository,
    tag,
    signal,
    settleMs,
    put: async (theirs, guard) => {
      merged = await onto({ signal, open: () => images }, draft, base, theirs, warn);
      check(merged);
      const plans = await tools.plan(merged);
      last = { root: rootOf(plans[0]).manifest, theirs };
      return tools.send(merged, plans, guard);
    },
    isIn: (list) => last === undefined || isMergedIn(base, draft, last, list),
  });
  if (last === undefined) throw new Error("nothing was pushed");
  const { root } = last;
  const { annotations } = merged.settings;
  return { root, draft: merged, base: baseOf(root.digest, base.mode, merged.entries, annotations) };
}

/** What is to be pushed onto what others have made of the list meanwhile. */
async function onto(
  images: Pick<OntoTools, "open" | "signal">,
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
      : await readRemoteList(images, withDigest({ domain, path }, theirs.digest), false);
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
