import { readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { hasCode, ManifestError, systemCode } from "../errors.js";
import { encodeEntry, type Entry } from "../list/entry.js";
import { formatReference, type Reference } from "../oci/reference.js";
import { changeList, finishChange, type NewFile } from "./change.js";
import { cannotWrite, checkFolder, exists, ignoreMissing, isFull, naming } from "./disk.js";
import { decodeEntry } from "./entryFile.js";
import { listPaths, type ListPaths } from "./listPaths.js";
import { acquireLock } from "./lock.js";
import { storeName } from "./names.js";
import { checkOwner, forgetOwner } from "./owner.js";

/**
 * The folder in which docker keeps manifest lists: a folder a list, a file an entry.
 *
 * docker and tsmanifest can take turns on it, also at the same time: a file or a new list appears by a rename, never
 * half written. What tsmanifest needs besides is out of docker's sight (`listPaths.ts`).
 */
export interface Store {
  /** The entries of a list in its order (the byte order of the file names), or undefined if there is no such list. */
  readList(list: Reference): Promise<Entry[] | undefined>;
  /** One entry, or undefined if there is none. */
  readEntry(list: Reference, ref: Reference): Promise<Entry | undefined>;
  /**
   * Adds entries, all of them or none. One that the list has already, with its bytes, stays as it is: it may have been
   * annotated. `create` refuses if the list exists.
   */
  write(list: Reference, entries: readonly Entry[], mode: "create" | "amend"): Promise<void>;
  /** Replaces one entry by what `change` makes of it. Throws a NotFoundError if there is none. */
  update(list: Reference, ref: Reference, change: (entry: Entry) => Entry): Promise<void>;
  /**
   * Removes a list. Throws a NotFoundError if there is none. With `only`, a list that has other entries than these by
   * now is kept, and the answer is false.
   */
  remove(list: Reference, only?: readonly Entry[]): Promise<boolean>;
}

/** More than the largest manifest (4 MiB), twice: as base64 and re-encoded. */
const MAX_ENTRY_BYTES = 32 * 1024 * 1024;
/** No registry takes a list of more; bounds what a folder full of foreign files costs. */
const MAX_ENTRIES = 10_000;
/** How often a list is read again because somebody without our lock changed it meanwhile. */
const READ_TRIES = 20;
const READ_AGAIN_MS = 10;

/** docker's message for a list or an entry that is not in the store. */
export function noSuchManifest(ref: Reference): ManifestError {
  return new ManifestError("LIST_NOT_FOUND", `No such manifest: ${formatReference(ref)}`);
}

/** docker's words for `create` on a list that exists. */
export function refuseToAmend(): ManifestError {
  return new ManifestError("STORE", "refusing to amend an existing manifest list with no --amend flag");
}

/**
 * Opens the store at `root` (docker's is `manifests` in its config folder). Nothing is created before it is needed.
 * Every method throws a StoreError that names the file when the disk or a file's content is in the way.
 */
export function openStore(root: string, signal?: AbortSignal): Store {
  const pathsOf = (list: Reference): ListPaths => listPaths(root, list);

  /**
   * Runs work on a list alone, after finishing what a killed process had decided. Where the disk takes no lock,
   * `without` may still do something.
   */
  async function locked<Result>(
    list: Reference,
    work: (scratch: string) => Promise<Result>,
    without?: (refusal: unknown) => Promise<Result>,
  ): Promise<Result> {
    const paths = pathsOf(list);
    await checkFolder(paths.private);
    await checkFolder(paths.work);
    const lock = await acquireLock(paths.work, signal).catch((error: unknown) => {
      if (without === undefined || !cannotWrite(error)) throw error;
      return { refusal: error };
    });
    if ("refusal" in lock) {
      await checkOwner(list, paths);
      if (without === undefined) throw lock.refusal;
      return without(lock.refusal);
    }
    try {
      await finishChange(paths);
      await checkOwner(list, paths);
      return await work(lock.scratch);
    } finally {
      await lock.release();
    }
  }

  /** Runs work that only reads: without a lock where there is no such list, or a store that cannot be written to. */
  async function reading<Result>(list: Reference, work: () => Promise<Result>): Promise<Result> {
    const paths = pathsOf(list);
    if (!(await isThere(paths))) return work();
    return locked(list, work, () => readingUnlocked(paths, work));
  }

  return {
    readList: (list) => {
      const { folder } = pathsOf(list);
      return naming(folder, () => reading(list, () => readAll(folder)));
    },

    readEntry: (list, ref) => {
      const file = join(pathsOf(list).folder, storeName(ref));
      return naming(file, () => reading(list, () => readFileOf(file).catch(ignoreMissing)));
    },

    write: (list, entries, mode) => {
      const paths = pathsOf(list);
      return naming(paths.folder, () =>
        locked(list, async (scratch) => {
          if (mode === "create" && (await exists(paths.folder))) throw refuseToAmend();
          const missing = new Map<string, NewFile>();
          for (const entry of entries) {
            if (await isComplete(paths.folder, entry.ref)) continue;
            const ref = formatReference(entry.ref);
            const twin = missing.get(ref)?.entry;
            // A list in a registry may name one image for two platforms. Here it would lose one of them.
            if (twin !== undefined && !encodeEntry(twin).equals(encodeEntry(entry))) {
              throw new ManifestError(
                "STORE",
                `${ref} comes twice, for different platforms; a local list has an image once`,
              );
            }
            missing.set(ref, { name: storeName(entry.ref), entry });
          }
          if (missing.size > 0) await changeList(list, [...missing.values()], paths, scratch);
        }),
      );
    },

    update: (list, ref, change) => {
      const paths = pathsOf(list);
      const file = join(paths.folder, storeName(ref));
      return naming(file, async () => {
        if (!(await isThere(paths))) throw noSuchManifest(ref);
        await locked(list, async (scratch) => {
          const entry = await readFileOf(file).catch(ignoreMissing);
          if (entry === undefined) throw noSuchManifest(ref);
          await changeList(list, [{ name: storeName(ref), entry: change(entry) }], paths, scratch);
        });
      });
    },

    remove: (list, only) => {
      const paths = pathsOf(list);
      return naming(paths.folder, async () => {
        if (!(await isThere(paths))) throw noSuchManifest(list);
        return locked(
          list,
          async (scratch) => {
            // docker removes no list that it cannot read: the error names the file that is in the way.
            const entries = await readAll(paths.folder);
            if (only !== undefined && !areSame(entries ?? [], only)) return false;
            await removeFolder(paths.folder, join(scratch, "removed"));
            await forgetOwner(paths);
            return true;
          },
          // A full disk has no room for a lock, and must not keep anybody from making room.
          async (refusal) => {
            if (!isFull(refusal)) throw refusal;
            await rm(paths.folder, { recursive: true });
            return true;
          },
        );
      });
    },
  };
}

function areSame(some: readonly Entry[], others: readonly Entry[]): boolean {
  const bytes = (entries: readonly Entry[]): Buffer => Buffer.concat(entries.map(encodeEntry));
  return bytes(some).equals(bytes(others));
}

/** Is there such a list, or one that is about to appear? */
async function isThere({ folder, commit }: ListPaths): Promise<boolean> {
  return (await exists(folder)) || (await exists(commit));
}

/** Reads without a lock: once more if somebody was at it meanwhile. */
async function readingUnlocked<Result>(paths: ListPaths, work: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; tries <= READ_TRIES; tries++) {
    const before = await changedAt(paths.folder);
    if (!(await exists(paths.commit))) {
      const result = await work();
      if ((await changedAt(paths.folder)) === before && !(await exists(paths.commit))) return result;
    }
    await sleep(READ_AGAIN_MS);
  }
  throw new ManifestError(
    "STORE",
    `${paths.commit}: a change that was interrupted waits here, and this process cannot finish it`,
  );
}

async function changedAt(folder: string): Promise<bigint | undefined> {
  return (await stat(folder, { bigint: true }).catch(ignoreMissing))?.mtimeNs;
}

async function readAll(folder: string): Promise<Entry[] | undefined> {
  for (let tries = 1; ; tries++) {
    const names = await readdir(folder).catch(ignoreMissing);
    if (names === undefined) return undefined;
    if (names.length > MAX_ENTRIES)
      throw new ManifestError("STORE", `${folder}: more than ${MAX_ENTRIES} files`);
    // What file managers and network file systems leave about (.DS_Store, .nfs…): no entry begins with a dot.
    const files = names.filter((name) => !name.startsWith("."));
    files.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    try {
      const entries: Entry[] = [];
      for (const file of files) entries.push(await readFileOf(join(folder, file)));
      return entries;
    } catch (error) {
      // docker is removing the list, file by file.
      if (systemCode(error) !== "ENOENT" || tries === READ_TRIES) throw error;
      await sleep(READ_AGAIN_MS);
    }
  }
}

async function readFileOf(file: string): Promise<Entry> {
  const found = await stat(file);
  // To read a pipe or a device could take for ever.
  if (!found.isFile() && !found.isDirectory()) throw new ManifestError("STORE", `${file}: not a file`);
  if (found.size > MAX_ENTRY_BYTES) {
    throw new ManifestError("STORE", `${file}: larger than any entry (${found.size} bytes)`);
  }
  return decodeEntry(await readFile(file), file);
}

/**
 * Has the list this entry, with its bytes? A broken file counts as none: writing repairs it. Throws a StoreError when
 * the file is that of another image whose name maps to the same one.
 */
async function isComplete(folder: string, ref: Reference): Promise<boolean> {
  const file = join(folder, storeName(ref));
  const found = await stat(file).catch(ignoreMissing);
  if (found === undefined) return false;
  if (!found.isFile()) throw new ManifestError("STORE", `${file}: not a file`);
  const entry = await readFileOf(file).catch((error: unknown) => {
    if (hasCode(error, "STORE")) return undefined;
    throw error;
  });
  if (entry === undefined) return false;
  if (formatReference(entry.ref) === formatReference(ref)) return entry.raw !== undefined;
  throw new ManifestError(
    "STORE",
    `${formatReference(ref)} and ${formatReference(entry.ref)} have the same file name in the list; ` +
      "name one of them by its digest",
  );
}

/** Removes a folder out of sight first, in one step: nobody meets a list that is half removed. */
async function removeFolder(folder: string, aside: string): Promise<void> {
  try {
    await rename(folder, aside);
  } catch (error) {
    // A folder of a lower layer of an overlay cannot be renamed: https://docs.kernel.org/filesystems/overlayfs.html
    if (systemCode(error) !== "EXDEV") throw error;
    await rm(folder, { recursive: true });
    return;
  }
  await rm(aside, { recursive: true, force: true });
}
