import { encodeDescriptor, type Descriptor } from "../oci/descriptor.js";
import type { Manifest } from "../oci/manifest.js";
import { NO_PLATFORM } from "../oci/platform.js";
import { platformKey } from "../oci/platformMatcher.js";
import type { Annotations, Draft, DraftBase, Settings } from "./draft.js";
import { withoutOrphans } from "./attestations.js";
import type { Entry } from "./entry.js";
import { groupBy } from "./groupBy.js";
import { hasAll } from "./lost.js";
import { withoutReplaced } from "./replace.js";

/** What somebody else has made of the list that a draft began with. */
export interface Theirs {
  readonly entries: readonly Entry[];
  readonly annotations: Annotations;
}

/** Two changes of one list, put together. */
export interface Merged {
  /** The draft with both changes. */
  readonly draft: Draft;
  /** What both have changed, a few words each: ours is what counts. */
  readonly conflicts: readonly string[];
}

/**
 * Puts together what we and what others made of one list: what they added stays, what we added is added, what either has
 * removed is gone; where the draft merges, an image of ours makes room for itself among theirs, too.
 *
 * The entries of theirs come first, then ours.
 * @example
 * const { draft, conflicts } = mergeDrafts(base, ours, theirs);
 */
export function mergeDrafts(base: DraftBase, ours: Draft, theirs: Theirs): Merged {
  const identity = identityIn(base.entries, ours.entries.map(descriptorOf), theirs.entries.map(descriptorOf));
  const before = new Map(base.entries.map((one) => [identity(one), encodeDescriptor(one)]));
  const mineBy = new Map(ours.entries.map((entry) => [identity(entry.descriptor), entry]));
  const conflicts: string[] = [];

  const kept = theirs.entries.flatMap((entry): Entry[] => {
    const key = identity(entry.descriptor);
    const mine = mineBy.get(key);
    const was = before.get(key);
    // We have removed it, or replaced it by another image of its platform.
    if (mine === undefined) return was === undefined ? [entry] : [];
    if (was === undefined) return [mine];
    const [theirs, own] = [entry, mine].map(({ descriptor }) => encodeDescriptor(descriptor));
    if (theirs !== was && own !== was && theirs !== own) {
      conflicts.push(`what is said of ${entry.descriptor.digest}`);
    }
    return [own === was ? entry : mine];
  });
  const there = new Set(kept.map(({ descriptor }) => identity(descriptor)));
  // What they have removed is gone, unless we said something new of it.
  const added = ours.entries.filter(({ descriptor }) => {
    const was = before.get(identity(descriptor));
    return !there.has(identity(descriptor)) && (was === undefined || encodeDescriptor(descriptor) !== was);
  });
  const room =
    base.mode === "merge"
      ? withoutReplaced(kept.map(descriptorOf), added.map(descriptorOf))
      : kept.map(descriptorOf);
  for (const lost of kept.map(descriptorOf).filter((one) => !room.includes(one))) {
    if (!before.has(identity(lost)))
      conflicts.push(`${lost.digest}, which somebody else has put there meanwhile`);
  }
  const staying = kept.filter(({ descriptor }) => room.includes(descriptor));
  const entries = withoutOrphans([...theirs.entries, ...ours.entries], [...staying, ...added]);
  const settings: Settings = {
    ...ours.settings,
    annotations: mergeAnnotations(base.annotations, ours.settings.annotations, theirs.annotations, conflicts),
  };
  return { draft: { ...ours, entries, settings }, conflicts };
}

/**
 * Does a list that others have made of ours still say what our draft says otherwise than the base? What they have changed
 * once more counts as theirs: only what is as it was before has been undone.
 * @param put the list that was made of the draft, and what of
 */
export function isMergedIn(
  base: DraftBase,
  ours: Draft,
  { root, theirs }: { readonly root: Manifest; readonly theirs: Manifest | undefined },
  list: Manifest,
): boolean {
  const [before, put, now] = [base.entries, root.children, list.children].map(saidByDigest);
  const own = new Set(ours.entries.map(({ descriptor }) => descriptor.digest));
  const added = ours.entries.map(descriptorOf).filter(({ digest }) => before?.has(digest) !== true);
  const isUndone = base.entries.some(({ digest }) => {
    if (!own.has(digest)) return now?.has(digest) === true;
    const was = before?.get(digest);
    return put?.get(digest) !== was && now?.get(digest) === was;
  });
  const keys = [...Object.keys(base.annotations), ...Object.keys(ours.settings.annotations)];
  const [old, sent, there] = [base.annotations, root.annotations, list.annotations].map(byName);
  const isLost = keys.some((key) => sent?.get(key) !== old?.get(key) && there?.get(key) === old?.get(key));
  return !isUndone && !isLost && hasAll(list.children, added, theirs?.children ?? [], base.mode);
}

/** All that a list says of each of its manifests: one may stand for several platforms. */
function saidByDigest(descriptors: readonly Descriptor[]): ReadonlyMap<string, string> {
  const groups = groupBy(descriptors, ({ digest }) => digest);
  return new Map([...groups].map(([digest, all]) => [digest, all.map(encodeDescriptor).sort().join()]));
}

/** What tells entries apart: the digest; and the platform, where one image stands for several. */
function identityIn(...lists: readonly (readonly Descriptor[])[]): (descriptor: Descriptor) => string {
  const several = new Set(
    lists.flatMap((list) =>
      [...groupBy(list, ({ digest }) => digest)].flatMap(([digest, all]) => (all.length > 1 ? [digest] : [])),
    ),
  );
  return ({ digest, platform = NO_PLATFORM }) =>
    several.has(digest) ? `${digest} ${platformKey(platform)}` : digest;
}

const descriptorOf = ({ descriptor }: Entry): Descriptor => descriptor;

function mergeAnnotations(
  base: Annotations,
  ours: Annotations,
  theirs: Annotations,
  conflicts: string[],
): Annotations {
  const [was, own, other] = [byName(base), byName(ours), byName(theirs)];
  const merged = new Map(other);
  for (const key of new Set([...was.keys(), ...own.keys()])) {
    const mine = own.get(key);
    if (mine === was.get(key)) continue;
    if (other.get(key) !== was.get(key) && other.get(key) !== mine)
      conflicts.push(`the list's annotation ${key}`);
    if (mine === undefined) merged.delete(key);
    else merged.set(key, mine);
  }
  return Object.fromEntries(merged);
}

/** An object has more names than its own: `constructor` is one of every object. */
function byName(annotations: Annotations): ReadonlyMap<string, string> {
  return new Map(Object.entries(annotations));
}

/**
 * What a draft begins with: a list that is in the registry.
 * @example
 * const base = baseOf(index.digest, "append", draft.entries, index.annotations);
 */
export function baseOf(
  digest: string,
  mode: DraftBase["mode"],
  entries: readonly Entry[],
  annotations: Annotations,
): DraftBase {
  return { digest, mode, entries: entries.map(descriptorOf), annotations };
}
