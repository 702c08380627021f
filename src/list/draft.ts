import type { Descriptor } from "../oci/descriptor.js";
import { encodePlatform } from "../oci/platform.js";
import { formatReference, type Reference } from "../oci/reference.js";
import { withoutOrphans } from "./attestations.js";
import { encodeEntry, type Entry } from "./entry.js";
import { groupBy } from "./groupBy.js";

/** A list in the making: the entries that docker keeps, and the settings that docker has no word for. */
export interface Draft {
  readonly name: Reference;
  /** In the order of docker's store. */
  readonly entries: readonly Entry[];
  readonly settings: Settings;
}

export interface Settings {
  /** The list's own format; `auto` is docker's rule where docker could have made the list, else an OCI index. */
  readonly type: "auto" | "docker" | "oci";
  /** Of the index itself. */
  readonly annotations: Readonly<Record<string, string>>;
  /** https://github.com/opencontainers/image-spec/blob/main/image-index.md#image-index-property-descriptions */
  readonly subject?: Descriptor | undefined;
  /** Empty for none. */
  readonly artifactType: string;
}

export const DEFAULT_SETTINGS: Settings = { type: "auto", annotations: {}, artifactType: "" };

export function emptyDraft(name: Reference): Draft {
  return { name, entries: [], settings: DEFAULT_SETTINGS };
}

/** The entry of that name, or the first of them where one image stands for several platforms. */
export function findEntry({ entries }: Draft, ref: Reference): Entry | undefined {
  const name = formatReference(ref);
  return entries.find((entry) => nameOf(entry) === name);
}

/**
 * The draft with more entries. One that is there already, with its bytes, stays as it is: it may have been annotated.
 * What a source contributed before, and contributes no more, leaves, and its attestations with it.
 */
export function addEntries(draft: Draft, added: readonly Entry[]): Draft {
  const sources = new Set(added.map(sourceNameOf));
  const isRenewed = (entry: Entry): boolean => sources.has(sourceNameOf(entry));
  const complete = draft.entries.filter(({ raw }) => raw !== undefined);
  const known = groupBy(complete, nameOf);
  const fresh = byName(added);
  const wanted = new Set(
    [...fresh].flatMap(([name, entries]) => merged(known.get(name) ?? [], entries, isRenewed)),
  );
  const kept = draft.entries.filter((entry) =>
    fresh.has(nameOf(entry)) ? wanted.delete(entry) : !isRenewed(entry),
  );
  return withEntries(draft, [...kept, ...wanted]);
}

/** The entries of one image, which stands for other platforms by now if there are more or fewer of them. */
function merged(
  known: readonly Entry[],
  fresh: readonly Entry[],
  isRenewed: (entry: Entry) => boolean,
): readonly Entry[] {
  if (known.length === fresh.length) return known;
  const others = known.filter((entry) => !isRenewed(entry));
  const platforms = new Set(others.map(platformOf));
  return [...others, ...fresh.filter((entry) => !platforms.has(platformOf(entry)))];
}

/** The draft with other entries; attestations whose image has left leave too. */
export function withEntries(draft: Draft, entries: readonly Entry[]): Draft {
  return { ...draft, entries: withoutOrphans(draft.entries, entries) };
}

const nameOf = ({ ref }: Entry): string => formatReference(ref);

/** What `create` was given to get this entry: an index, or the image itself. */
const sourceNameOf = (entry: Entry): string => entry.origin ?? nameOf(entry);

const platformOf = ({ descriptor: { platform } }: Entry): string =>
  platform === undefined ? "" : encodePlatform(platform);

/** Entries by their names, each once: what is equal to the byte is the same. */
function byName(entries: readonly Entry[]): Map<string, Entry[]> {
  const found = new Map<string, Entry[]>();
  for (const entry of entries) {
    const name = nameOf(entry);
    const twins = found.get(name) ?? [];
    if (twins.every((twin) => !encodeEntry(twin).equals(encodeEntry(entry)))) twins.push(entry);
    found.set(name, twins);
  }
  return found;
}
