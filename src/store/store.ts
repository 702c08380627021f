import { mkdir, readdir, readFile, rename, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import { codeOf, ManifestError, messageOf, NotFoundError, StoreError } from "../errors.js";
import { encodeEntry, type Entry } from "../manifest/entry.js";
import { formatReference, type Reference } from "../manifest/reference.js";
import { decodeEntry } from "./entryFile.js";
import { withLock } from "./lock.js";
import { storeName } from "./names.js";

/**
 * The folder in which docker keeps manifest lists: a folder a list, a file an entry.
 *
 * docker and tsmanifest can take turns on it, also at the same time: a file or a new list appears by a rename, never
 * half written. What tsmanifest needs besides (locks, files on their way, whose folder it is) is in
 * `.tsmanifest/<folder>/`, which docker never looks at: no reference begins with a dot.
 *
 *     .tsmanifest/<folder>/lock      held while a list is read or changed
 *     .tsmanifest/<folder>/staging/  files that are being written
 *     .tsmanifest/<folder>/commit/   a change that is decided: whoever finds it moves its files into the list
 *     .tsmanifest/<folder>/name      the list's real name, since two names can map to one folder
 */
export interface Store {
  /** The entries of a list in its order (the byte order of the file names), or undefined if there is no such list. */
  readList(list: Reference): Promise<Entry[] | undefined>;
  /** One entry, or undefined if there is none. */
  readEntry(list: Reference, ref: Reference): Promise<Entry | undefined>;
  /** Adds or replaces entries, all of them or none. `create` refuses if the list exists. */
  write(list: Reference, entries: readonly Entry[], mode: "create" | "amend"): Promise<void>;
  /** Replaces one entry by what `change` makes of it. Throws a NotFoundError if there is none. */
  update(list: Reference, ref: Reference, change: (entry: Entry) => Entry): Promise<void>;
  /** Removes a list. Throws a NotFoundError if there is none. */
  remove(list: Reference): Promise<void>;
}

/** More than the largest manifest (4 MiB), twice: as base64 and re-encoded. */
const MAX_ENTRY_BYTES = 32 * 1024 * 1024;
/** No registry takes a list of more; bounds what a folder full of foreign files costs. */
const MAX_ENTRIES = 10_000;

const OwnerFile = z.object({ list: z.string(), inode: z.string() });

/** docker's message for a list or an entry that is not in the store. */
export function noSuchManifest(ref: Reference): NotFoundError {
  return new NotFoundError(`No such manifest: ${formatReference(ref)}`);
}

/**
 * Opens the store at `root` (docker's is `manifests` in its config folder). Nothing is created before it is needed.
 * Every method throws a StoreError that names the file when the disk or a file's content is in the way.
 */
export function openStore(root: string, signal?: AbortSignal): Store {
  const folderOf = (list: Reference): string => join(root, storeName(list));
  const workOf = (list: Reference): string => join(root, ".tsmanifest", storeName(list));

  /** Runs work on a list alone, after finishing what a killed process had decided. */
  async function locked<Result>(list: Reference, work: () => Promise<Result>): Promise<Result> {
    return withLock(
      join(workOf(list), "lock"),
      async () => {
        await rm(join(workOf(list), "staging"), { recursive: true, force: true });
        await commit(list);
        await checkOwner(list);
        return work();
      },
      signal,
    );
  }

  /** Like `locked`, for reading: a store that cannot be written to needs no lock. */
  async function lockedForReading<Result>(list: Reference, work: () => Promise<Result>): Promise<Result> {
    if (!(await exists(folderOf(list))) && !(await exists(join(workOf(list), "commit")))) return work();
    try {
      return await locked(list, work);
    } catch (error) {
      if (!isReadOnly(error)) throw error;
      return work();
    }
  }

  /** Moves the files of a decided change into the list. */
  async function commit(list: Reference): Promise<void> {
    const from = join(workOf(list), "commit");
    const names = await readdir(from).catch(ignoreMissing);
    if (names === undefined) return;
    if (await exists(folderOf(list))) {
      for (const name of names) await rename(join(from, name), join(folderOf(list), name));
      await rmdir(from);
    } else {
      await rename(from, folderOf(list));
    }
  }

  /** Refuses a folder that belongs to a list of another name. */
  async function checkOwner(list: Reference): Promise<void> {
    const text = await readFile(join(workOf(list), "name"), "utf8").catch(ignoreMissing);
    const owner = text === undefined ? undefined : z.safeParse(OwnerFile, parseOrUndefined(text)).data;
    if (owner === undefined || owner.list === formatReference(list)) return;
    const folder = await inodeOf(folderOf(list));
    if (folder === undefined || folder !== owner.inode) return;
    throw new StoreError(
      `${formatReference(list)} and ${owner.list} share the folder ${folderOf(list)}, which holds ${owner.list}; ` +
        "remove that list or choose another name",
    );
  }

  async function recordOwner(list: Reference): Promise<void> {
    const inode = await inodeOf(folderOf(list));
    const owner = JSON.stringify({ list: formatReference(list), inode });
    await writeFile(join(workOf(list), "staging"), owner);
    await rename(join(workOf(list), "staging"), join(workOf(list), "name"));
  }

  async function writeAll(list: Reference, entries: readonly Entry[]): Promise<void> {
    const staging = join(workOf(list), "staging");
    await mkdir(staging, { recursive: true, mode: 0o755 });
    try {
      for (const entry of entries) {
        await writeFile(join(staging, storeName(entry.ref)), encodeEntry(entry), { mode: 0o644 });
      }
      await rename(staging, join(workOf(list), "commit"));
    } catch (error) {
      await rm(staging, { recursive: true, force: true });
      throw error;
    }
    const isNew = !(await exists(folderOf(list)));
    await commit(list);
    if (isNew) await recordOwner(list);
  }

  async function readAll(list: Reference): Promise<Entry[] | undefined> {
    const names = await readdir(folderOf(list)).catch(ignoreMissing);
    if (names === undefined) return undefined;
    if (names.length > MAX_ENTRIES) throw new StoreError(`${folderOf(list)}: more than ${MAX_ENTRIES} files`);
    names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const entries: Entry[] = [];
    for (const name of names) entries.push(await readFileOf(join(folderOf(list), name)));
    return entries;
  }

  return {
    readList: (list) => naming(folderOf(list), () => lockedForReading(list, () => readAll(list))),

    readEntry: (list, ref) => {
      const file = join(folderOf(list), storeName(ref));
      return naming(file, () => lockedForReading(list, () => readFileOf(file).catch(ignoreMissing)));
    },

    write: (list, entries, mode) =>
      naming(folderOf(list), () =>
        locked(list, async () => {
          if (mode === "create" && (await exists(folderOf(list)))) throw refuseToAmend();
          await writeAll(list, entries);
        }),
      ),

    update: (list, ref, change) => {
      const file = join(folderOf(list), storeName(ref));
      return naming(file, async () => {
        if (!(await exists(file)) && !(await exists(join(workOf(list), "commit")))) throw noSuchManifest(ref);
        await locked(list, async () => {
          const entry = await readFileOf(file).catch(ignoreMissing);
          if (entry === undefined) throw noSuchManifest(ref);
          const staged = join(workOf(list), "staging");
          await writeFile(staged, encodeEntry(change(entry)), { mode: 0o644 });
          await rename(staged, file);
        });
      });
    },

    remove: (list) =>
      naming(folderOf(list), () =>
        lockedForReading(list, async () => {
          if ((await readAll(list)) === undefined) throw noSuchManifest(list);
          // Out of sight first, in one step: nobody meets a list that is half removed.
          const removed = join(workOf(list), "staging");
          await mkdir(workOf(list), { recursive: true });
          await rename(folderOf(list), removed);
          await rm(removed, { recursive: true, force: true });
          await rm(join(workOf(list), "name"), { force: true });
        }),
      ),
  };
}

/** docker's words for `create` on a list that exists. */
export function refuseToAmend(): ManifestError {
  return new ManifestError("refusing to amend an existing manifest list with no --amend flag");
}

async function readFileOf(file: string): Promise<Entry> {
  const { size } = await stat(file);
  if (size > MAX_ENTRY_BYTES) throw new StoreError(`${file}: larger than any entry (${size} bytes)`);
  return decodeEntry(await readFile(file), file);
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(ignoreMissing)) !== undefined;
}

/** Tells a folder from another one that was made later under the same name. */
async function inodeOf(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(ignoreMissing);
  return found && `${found.ino}:${found.birthtimeNs}`;
}

function ignoreMissing(error: unknown): undefined {
  if (codeOf(error) === "ENOENT") return undefined;
  throw error;
}

function isReadOnly(error: unknown): boolean {
  const code = codeOf(error instanceof StoreError ? error.cause : error);
  return code === "EROFS" || code === "EACCES" || code === "EPERM";
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What the disk's refusals mean to a person. */
const DISK_FAULTS = new Map([
  ["EACCES", "permission denied"],
  ["EPERM", "operation not permitted"],
  ["EROFS", "the file system is read-only"],
  ["ENOSPC", "no space left on the disk"],
  ["EDQUOT", "the disk quota is used up"],
  ["EMFILE", "too many open files"],
  ["ENAMETOOLONG", "the name is too long for the file system"],
  ["ENOTDIR", "not a folder"],
  ["EISDIR", "is a folder, not a file"],
]);

/** Runs work on a path; a fault of the disk becomes a StoreError that names it. */
async function naming<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const code = codeOf(error);
    if (error instanceof ManifestError || code === undefined || code === "ABORT_ERR") throw error;
    const where =
      error instanceof Error && "path" in error && typeof error.path === "string" ? error.path : path;
    throw new StoreError(`${where}: ${DISK_FAULTS.get(code) ?? messageOf(error)}`, { cause: error });
  }
}
