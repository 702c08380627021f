import { access, constants, mkdir, open, readdir, rename, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { systemCode, ManifestError } from "../errors.js";
import { encodeEntry, type Entry } from "../list/entry.js";
import { formatReference, type Reference } from "../oci/reference.js";
import { checkFolder, exists, ignoreMissing, move } from "./disk.js";
import type { ListPaths } from "./listPaths.js";
import { recordOwner } from "./owner.js";

/** How often a change is begun again because docker, which knows no locks, made or removed the folder meanwhile. */
const TRIES = 10;

/** A file of a list, by the name under which it is asked for. */
export interface NewFile {
  readonly name: string;
  readonly entry: Entry;
}

/**
 * Puts files into a list, all of them or none, whenever the process is killed. They are written aside; then
 * one rename decides that they belong to the list; then they are moved there, by this process or by the next one
 * that takes the lock. A new list appears whole by a single rename.
 */
export async function changeList(
  list: Reference,
  newFiles: readonly NewFile[],
  paths: ListPaths,
  scratch: string,
): Promise<void> {
  const isNew = !(await exists(paths.folder));
  // What could stop the second half must stop the first.
  await checkFolder(paths.folder);
  if (!isNew) await access(paths.folder, constants.W_OK);
  try {
    const files = join(scratch, "files");
    await mkdir(files, { mode: 0o755 });
    await Promise.all(newFiles.map(({ name, entry }) => writeEntry(join(files, name), entry)));
    if (isNew) await recordOwner(list, files, paths, scratch);
    await rename(files, paths.commit);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
    throw new ManifestError(
      "STORE",
      `${paths.work}: this process was asleep and lost its lock; nothing was changed`,
      {
        cause: error,
      },
    );
  }
  await finishChange(paths);
}

/** Moves the files of a change that was decided, if there is one, into the list. */
export async function finishChange({ commit, folder }: ListPaths): Promise<void> {
  for (let tries = 1; tries <= TRIES; tries++) {
    const names = await readdir(commit).catch(ignoreMissing);
    if (names === undefined) return;
    try {
      if (!(await exists(folder))) {
        await move(commit, folder);
        return;
      }
      for (const name of names) await move(join(commit, name), join(folder, name));
      await rmdir(commit);
    } catch (error) {
      // Somebody else finished it, or made or removed the folder: look again.
      if (!["ENOENT", "ENOTEMPTY", "EEXIST"].includes(systemCode(error) ?? "") || tries === TRIES)
        throw error;
    }
  }
}

/**
 * Writes a new file. It is on the disk before it gets its place: after a power failure the list has either the old
 * bytes or the new ones.
 */
async function writeEntry(file: string, entry: Entry): Promise<void> {
  try {
    const handle = await open(file, "wx", 0o644);
    try {
      await handle.writeFile(encodeEntry(entry));
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (systemCode(error) !== "EEXIST") throw error;
    throw new ManifestError(
      "STORE",
      `${formatReference(entry.ref)} has the same file name in the list as another image; name one of them by its digest`,
      { cause: error },
    );
  }
}
