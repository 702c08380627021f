import type { BigIntStats } from "node:fs";
import { access, constants, lstat } from "node:fs/promises";
import { join } from "node:path";
import { ManifestError } from "../errors.js";
import { ignoreMissing, uniqueName } from "../fileSystem.js";
import type { Draft } from "../list/draft.js";
import type { Entry } from "../list/entry.js";
import { formatReference, type Reference } from "../oci/reference.js";
import { exists } from "./disk.js";
import { encodeEntryFile } from "./entryFile.js";
import { assignFiles, isSameContent, sameName } from "./files.js";
import type { Change, NewFile } from "./journal.js";
import type { ListPaths } from "./listPaths.js";
import { encodeRecord } from "./record.js";
import type { View } from "./view.js";

/**
 * What makes a draft of what is stored; undefined where there is nothing to do. Files that cannot be read are left
 * alone, unless an entry has their name.
 */
export async function planChange(
  list: Reference,
  paths: ListPaths,
  view: View | undefined,
  { entries, settings }: Draft,
): Promise<Change | undefined> {
  const files = assignFiles(view?.stored ?? [], entries);
  const stored = new Map(view?.stored.map((file) => [file.name, file]));
  const broken = new Map(view?.broken.map((file) => [file.name, file]));
  const twins = new Map(view?.stored.map((file) => [file.name.toLowerCase(), file.entry]));

  const unread = [...broken.keys()].filter((name) => !files.has(name));
  const id = view?.record?.id ?? uniqueName();
  const encode = (folder: string) =>
    encodeRecord({ id, list, folder }, settings, files, view?.record, unread);
  const recordId = encode("").isNeeded ? id : undefined;

  const changed = [...files].filter(([name, entry]) => {
    const old = stored.get(name)?.entry;
    return old === undefined || (old !== entry && !isSame(old, entry));
  });
  // One file that names the record is enough to find it by in a copy of the store.
  const isNamed = changed.length > 0 || [...files.keys()].some((name) => stored.get(name)?.recordId === id);
  const write: NewFile[] = [];
  for (const [name, entry] of isNamed || recordId === undefined ? changed : [...files].slice(0, 1)) {
    const old = stored.get(name);
    const wreck = broken.get(name);
    if (wreck !== undefined && !canBeReplaced(wreck.stats)) throw wreck.error;
    // Where the file system does not tell `v1` from `V1`.
    const twin = old === undefined ? twins.get(name.toLowerCase()) : undefined;
    if (twin !== undefined && (await exists(join(paths.folder, name)))) throw sameName(entry, twin);
    write.push({
      name,
      encode: () => encodeEntryFile(entry, recordId),
      old: old?.stats ?? (wreck?.stats.isFile() === true ? wreck.stats : undefined),
    });
  }
  const remove = [...stored.keys()].filter((name) => !files.has(name));

  const record: Change["record"] = (folder) => {
    const made = encode(folder);
    const isWanted = view === undefined || view.record !== undefined || made.isNeeded;
    return isWanted && view?.recordBytes?.equals(made.bytes) !== true ? made : undefined;
  };
  const isChanged = write.length > 0 || remove.length > 0;
  if (view !== undefined && !isChanged && record(view.base) === undefined) return undefined;
  if (isChanged || view === undefined) await checkPlace(paths, view);
  return { base: view?.base, write, remove, record };
}

/** Whatever could stop a decided change has to stop it before. A folder that docker has removed does not. */
async function checkPlace({ root, folder }: ListPaths, view: View | undefined): Promise<void> {
  await access(view === undefined ? root : folder, constants.W_OK).catch(ignoreMissing);
  const found = view === undefined ? await lstat(folder).catch(ignoreMissing) : undefined;
  if (found?.isSymbolicLink() === true)
    throw new ManifestError("STORE", `${folder}: a symbolic link that leads nowhere`, { subject: folder });
}

function isSame(one: Entry, other: Entry): boolean {
  return formatReference(one.ref) === formatReference(other.ref) && isSameContent(one, other);
}

/** An entry may replace a link or a broken file, as with docker; a folder or a pipe belongs to somebody. */
function canBeReplaced(stats: BigIntStats): boolean {
  return stats.isFile() || stats.isSymbolicLink();
}
