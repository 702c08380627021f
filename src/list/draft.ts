import type { Descriptor } from "../oci/descriptor.js";
import { formatReference, type Reference } from "../oci/reference.js";
import { withoutOrphans } from "./attestations.js";
import { encodeEntry, type Entry } from "./entry.js";

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
  return entries.find((entry) => formatReference(entry.ref) === name);
}

/**
 * The draft with more entries. One that is there already, with its bytes, stays as it is: it may have been annotated.
 * What an index contributed before, and contributes no more, leaves, and its attestations with it.
 */
export function addEntries(draft: Draft, added: readonly Entry[]): Draft {
  // An index may have become an image: then that image has the index's name.
  const origins = new Set(added.map(({ origin, ref }) => origin ?? formatReference(ref)));
  const fresh = byName(added);
  const kept = draft.entries.filter(
    ({ ref, origin }) => origin === undefined || !origins.has(origin) || fresh.has(formatReference(ref)),
  );
  const complete = new Set(
    kept.filter(({ raw }) => raw !== undefined).map(({ ref }) => formatReference(ref)),
  );
  const staying = kept.filter(
    ({ ref }) => complete.has(formatReference(ref)) || !fresh.has(formatReference(ref)),
  );
  const missing = [...fresh].flatMap(([name, entries]) => (complete.has(name) ? [] : entries));
  return withEntries(draft, [...staying, ...missing]);
}

/** The draft with other entries; attestations whose image has left leave too. */
export function withEntries(draft: Draft, entries: readonly Entry[]): Draft {
  return { ...draft, entries: withoutOrphans(draft.entries, entries) };
}

/** Entries by their names, each once: what is equal to the byte is the same. */
function byName(entries: readonly Entry[]): Map<string, Entry[]> {
  const found = new Map<string, Entry[]>();
  for (const entry of entries) {
    const name = formatReference(entry.ref);
    const twins = found.get(name) ?? [];
    if (twins.every((twin) => !encodeEntry(twin).equals(encodeEntry(entry)))) twins.push(entry);
    found.set(name, twins);
  }
  return found;
}
