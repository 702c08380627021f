import { lstat, readdir, rm } from "node:fs/promises";
import { ignoreMissing } from "../fileSystem.js";
import { checkFolder } from "./disk.js";
import { carryOut } from "./journal.js";
import { folderPaths, type ListPaths } from "./listPaths.js";
import { acquireLock } from "./lock.js";
import { isFileName } from "./names.js";

/** See {@link Store.sweep}. */
export async function sweepStore(root: string, signal?: AbortSignal): Promise<void> {
  const { private: own } = folderPaths(root, "");
  if (!(await checkFolder(own).catch(() => false))) return;
  for (const name of await readdir(own).catch(() => [])) {
    signal?.throwIfAborted();
    if (!isFileName(name)) continue;
    // Somebody's lock, or nobody's right to write: the next one may have more luck.
    await sweepList(folderPaths(root, name), signal).catch(() => undefined);
  }
  signal?.throwIfAborted();
}

async function sweepList(paths: ListPaths, signal: AbortSignal | undefined): Promise<void> {
  const isNoList = async (): Promise<boolean> =>
    (await lstat(paths.folder).catch(ignoreMissing)) === undefined;
  if (!(await checkFolder(paths.work))) return;
  const isTidy = (await readdir(paths.work)).every((name) => name === "record");
  if (isTidy && !(await isNoList())) return;
  // Taking the lock does away with what is left of dead holders, giving it back with the folder if it is empty.
  const lock = await acquireLock(paths.work, signal);
  try {
    await carryOut(paths, lock.scratch);
    if (await isNoList()) await rm(paths.record, { force: true });
  } finally {
    await lock.release();
  }
}
