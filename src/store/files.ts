import { ManifestError } from "../errors.js";
import type { Entry } from "../list/entry.js";
import { groupBy } from "../list/groupBy.js";
import { encodeDescriptor } from "../oci/descriptor.js";
import { formatReference } from "../oci/reference.js";
import { numberedName, numberOf, storeName } from "./names.js";

interface StoredEntry {
  readonly name: string;
  readonly entry: Entry;
}

/**
 * In which file each entry of a draft is kept. What is as it was stays in its file, whatever that is called; what
 * replaces an entry of the same name takes its file; what is new has docker's name, and for a further platform of the
 * same image the next number behind it. Throws a STORE error where two images have one file name.
 */
export function assignFiles(
  stored: readonly StoredEntry[],
  entries: readonly Entry[],
): ReadonlyMap<string, Entry> {
  const storedByRef = groupBy(stored, ({ entry }) => formatReference(entry.ref));
  const files = new Map<string, Entry>();
  for (const [ref, group] of groupBy(entries, (entry) => formatReference(entry.ref))) {
    for (const [name, entry] of assignGroup(storedByRef.get(ref) ?? [], group)) {
      const other = files.get(name);
      if (other !== undefined) throw sameName(entry, other);
      files.set(name, entry);
    }
  }
  return files;
}

export function sameName(one: Entry, other: Entry): ManifestError {
  return new ManifestError(
    "STORE",
    `${formatReference(one.ref)} and ${formatReference(other.ref)} have the same file name in the list; ` +
      "name one of them by its digest",
    { subject: formatReference(one.ref) },
  );
}

/** The files of the entries that have one name. */
function assignGroup(stored: readonly StoredEntry[], [first, ...more]: readonly Entry[]): Map<string, Entry> {
  const files = new Map<string, Entry>();
  if (first === undefined) return files;
  const homeless = keepUnchanged(stored, [first, ...more], files);
  const base = storeName(first.ref);
  const number = (name: string): number => numberOf(base, name) ?? Number.MAX_SAFE_INTEGER;

  // Those that replace others, in the order that they have; where there are fewer of them, in docker's names first.
  const vacant = stored.map(({ name }) => name).filter((name) => !files.has(name));
  if (vacant.length > homeless.length) vacant.sort((a, b) => number(a) - number(b));
  let next = 1;
  for (const entry of homeless) {
    let name = vacant.shift();
    while (name === undefined || files.has(name)) name = numberedName(base, next++);
    files.set(name, entry);
  }
  // What is left has docker's name again, where an entry before it was removed.
  for (const hole of vacant) {
    const numbered = [...files.keys()].filter((name) => numberOf(base, name) !== undefined);
    const last = numbered.sort((a, b) => number(a) - number(b)).at(-1) ?? hole;
    const entry = files.get(last);
    if (entry === undefined || number(last) < number(hole)) continue;
    files.delete(last);
    files.set(hole, entry);
  }
  return files;
}

/** Leaves entries where they are, and tells which are in no file. */
function keepUnchanged(
  stored: readonly StoredEntry[],
  group: readonly Entry[],
  files: Map<string, Entry>,
): Entry[] {
  const names = new Map(stored.map(({ name, entry }) => [entry, name]));
  const changed = group.filter((entry) => {
    const name = names.get(entry);
    if (name === undefined || files.has(name)) return true;
    files.set(name, entry);
    return false;
  });
  if (changed.length === 0) return changed;
  const unclaimed = groupBy(
    stored.filter(({ name }) => !files.has(name)),
    ({ entry }) => encodeDescriptor(entry.descriptor),
  );
  return changed.filter((entry) => {
    const alike = unclaimed.get(encodeDescriptor(entry.descriptor)) ?? [];
    const at = alike.findIndex((twin) => isSameContent(twin.entry, entry));
    const [twin] = at === -1 ? [] : alike.splice(at, 1);
    if (twin !== undefined) files.set(twin.name, entry);
    return twin === undefined;
  });
}

/** Would their files say the same, but for the name? */
export function isSameContent(one: Entry, other: Entry): boolean {
  return (
    encodeDescriptor(one.descriptor) === encodeDescriptor(other.descriptor) &&
    one.manifest?.mediaType === other.manifest?.mediaType &&
    isSameBytes(one.raw, other.raw) &&
    isSameBytes(one.manifest?.bytes, other.manifest?.bytes)
  );
}

function isSameBytes(one: Buffer | undefined, other: Buffer | undefined): boolean {
  return one === undefined || other === undefined ? one === other : one.equals(other);
}
