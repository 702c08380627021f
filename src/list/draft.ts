import { encodeDescriptor, type Descriptor } from "../oci/descriptor.js";
import { encodePlatform } from "../oci/platform.js";
import { platformKey } from "../oci/platformMatcher.js";
import { formatReference, type Reference } from "../oci/reference.js";
import { withoutOrphans } from "./attestations.js";
import type { Entry } from "./entry.js";
import { groupBy } from "./groupBy.js";
import { withoutReplaced } from "./replace.js";

/** A list in the making: the entries that docker stores, and the settings that docker does not have. */
export interface Draft {
  /** What the list is called, in full. */
  readonly name: Reference;
  /** In the order of docker's store. */
  readonly entries: readonly Entry[];
  /** What the draft says of the list itself. */
  readonly settings: Settings;
}

/** What a draft says that docker has no word for. */
export interface Settings {
  /** The list's own format; `auto` is docker's rule where docker could have made the list, else an OCI index. */
  readonly type: "auto" | "docker" | "oci";
  /** Of the index itself. */
  readonly annotations: Readonly<Record<string, string>>;
  /** https://github.com/opencontainers/image-spec/blob/main/image-index.md#image-index-property-descriptions */
  readonly subject?: Descriptor | undefined;
  /** Empty for none. */
  readonly artifactType: string;
  /** What it began with, where that was a list in the registry, to which others may add as well. */
  readonly base?: DraftBase | undefined;
}

/** By their keys. */
export type Annotations = Readonly<Record<string, string>>;

/** A list of a registry that a draft began with, as it was then. */
export interface DraftBase {
  /** What the tag named; empty for a tag that was not there. */
  readonly digest: string;
  /** Does an image make room for one of its platform, or stay beside it? */
  readonly mode: "append" | "merge";
  /** The entries that the list had. */
  readonly entries: readonly Descriptor[];
  /** Of the list itself. */
  readonly annotations: Annotations;
}

/** Those of a list that docker could have made. */
export const DEFAULT_SETTINGS: Settings = { type: "auto", annotations: {}, artifactType: "" };

/**
 * A draft without entries.
 * @example
 * emptyDraft(parseReference("registry.example/app:v1")).entries; // []
 */
export function emptyDraft(name: Reference): Draft {
  return { name, entries: [], settings: DEFAULT_SETTINGS };
}

/**
 * The entry of that name, or the first of them where one image stands for several platforms.
 * @example
 * findEntry(draft, parseReference("registry.example/app:v1-arm64"))?.descriptor.size;
 */
export function findEntry({ entries }: Draft, ref: Reference): Entry | undefined {
  const name = formatReference(ref);
  return entries.find((entry) => nameOf(entry) === name);
}

/**
 * The draft with more entries. One that is there already, with its bytes, stays as it is: it may have been annotated.
 * What a source contributed before, and contributes no more, leaves unless it is from elsewhere too, and its
 * attestations with it.
 * @example
 * addEntries(emptyDraft(draft.name), draft.entries).entries.length; // 2
 */
export function addEntries(draft: Draft, added: readonly Entry[]): Draft {
  const renewed = new Set(added.flatMap(sourcesOf));
  const fresh = byName(added);
  const known = groupBy(
    draft.entries.filter(({ raw }) => raw !== undefined),
    nameOf,
  );
  // One image may stand for several platforms, and by now for more of them, or fewer.
  const isAsMany = (name: string): boolean => known.get(name)?.length === fresh.get(name)?.length;

  const kept = draft.entries.flatMap((entry) => {
    const name = nameOf(entry);
    const others = sourcesOf(entry).filter((source) => !renewed.has(source));
    const all = fresh.get(name) ?? [];
    if (all.length > 0 && entry.raw === undefined) return [];
    const same = isAsMany(name) ? all : all.filter((other) => platformOf(other) === platformOf(entry));
    const sources = [...others, ...same.flatMap(sourcesOf)];
    return sources.length === 0 ? [] : [withSources(entry, sources)];
  });
  const keptByName = groupBy(kept, nameOf);
  const missing = [...fresh].flatMap(([name, entries]) => {
    if (isAsMany(name)) return [];
    const platforms = new Set(keptByName.get(name)?.map(platformOf));
    return entries.filter((entry) => !platforms.has(platformOf(entry)));
  });
  return withEntries(draft, [...kept, ...missing]);
}

/**
 * The draft, which began with a list of the registry, with more entries. What that list has already is not added once more
 * under another name; where the draft merges, what is there for a new image's platform makes room.
 */
export function addOntoBase(draft: Draft, added: readonly Entry[]): Draft {
  const descriptors = draft.entries.map(({ descriptor }) => descriptor);
  const stays =
    draft.settings.base?.mode === "merge"
      ? new Set(
          withoutReplaced(
            descriptors,
            added.map(({ descriptor }) => descriptor),
          ),
        )
      : new Set(descriptors);
  const kept = draft.entries.filter(({ descriptor }) => stays.has(descriptor));
  const there = groupBy(kept, imageOf);
  const isThere = (entry: Entry): boolean => {
    const twin = there.get(imageOf(entry))?.[0];
    return twin !== undefined && !sourcesOf(twin).some((source) => sourcesOf(entry).includes(source));
  };
  return addEntries(
    withEntries(draft, kept),
    added.filter((entry) => !isThere(entry)),
  );
}

/** An image for a platform. */
const imageOf = ({ descriptor: { digest, platform } }: Entry): string =>
  `${digest} ${platform === undefined ? "" : platformKey(platform)}`;

/**
 * The draft of entries that were all read again. One whose image is what it was stays as it is: it may have been
 * annotated.
 */
export function refreshed(draft: Draft, fresh: readonly Entry[]): Draft {
  const known = new Map(draft.entries.map((entry) => [`${nameOf(entry)} ${entry.descriptor.digest}`, entry]));
  const now = addEntries({ ...draft, entries: [] }, fresh).entries;
  const named = groupBy(now, nameOf);
  const entries = now.map((entry) => {
    const before = known.get(`${nameOf(entry)} ${entry.descriptor.digest}`);
    // One image for several platforms is several entries of one name.
    const isOne = named.get(nameOf(entry))?.length === 1;
    return before !== undefined && isOne ? { ...before, origins: entry.origins } : entry;
  });
  return { ...draft, entries };
}

/**
 * The draft with other entries. Attestations are removed with their image.
 * @example
 * withEntries(draft, draft.entries.slice(0, 1)).entries.length; // 1
 */
export function withEntries(draft: Draft, entries: readonly Entry[]): Draft {
  return { ...draft, entries: withoutOrphans(draft.entries, entries) };
}

const nameOf = ({ ref }: Entry): string => formatReference(ref);

const platformOf = ({ descriptor: { platform } }: Entry): string =>
  platform === undefined ? "" : encodePlatform(platform);

/** What `create` was given to get this entry: indexes and layouts, or the image itself. */
const sourcesOf = (entry: Entry): readonly string[] => entry.origins ?? [nameOf(entry)];

function withSources(entry: Entry, sources: readonly string[]): Entry {
  const distinct = [...new Set(sources)];
  const before = sourcesOf(entry);
  if (distinct.length === before.length && distinct.every((source) => before.includes(source))) return entry;
  const isPlain = distinct.every((source) => source === nameOf(entry));
  return { ...entry, origins: isPlain ? undefined : distinct };
}

/** Entries by their names, those that say the same once. */
function byName(entries: readonly Entry[]): Map<string, Entry[]> {
  const distinct = new Map<string, Entry>();
  for (const entry of entries) {
    const key = `${nameOf(entry)} ${encodeDescriptor(entry.descriptor)}`;
    const twin = distinct.get(key) ?? entry;
    distinct.set(key, withSources(twin, [...sourcesOf(twin), ...sourcesOf(entry)]));
  }
  return groupBy([...distinct.values()], nameOf);
}
