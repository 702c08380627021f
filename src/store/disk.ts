import { lstat, rename, stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { systemCode, ManifestError, messageOf } from "../errors.js";

/** What the disk's refusals mean to a person. */
const DISK_FAULTS = new Map([
  ["EACCES", "permission denied"],
  ["EPERM", "operation not permitted"],
  ["EROFS", "the file system is read-only"],
  ["ENOSPC", "no space left on the disk"],
  ["EDQUOT", "the disk quota is used up"],
  ["EMFILE", "too many open files"],
  ["ENAMETOOLONG", "the name is too long for the file system"],
  ["ELOOP", "too many symbolic links"],
  ["ENOTDIR", "not a folder"],
  ["EISDIR", "is a folder, not a file"],
]);

const FULL = new Set(["ENOSPC", "EDQUOT"]);
const CANNOT_WRITE = new Set(["EROFS", "EACCES", "EPERM", ...FULL]);

/** Windows says these while somebody (docker, a virus scanner) has the file open. */
const IN_USE = new Set(["EPERM", "EACCES", "EBUSY"]);
const MOVE_TRIES = 5;

/** Runs work on a path; a fault of the disk becomes a StoreError that names it. */
export async function naming<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const code = systemCode(error);
    if (error instanceof ManifestError || code === undefined || code === "ABORT_ERR") throw error;
    const where =
      error instanceof Error && "path" in error && typeof error.path === "string" ? error.path : path;
    throw new ManifestError("STORE", `${where}: ${DISK_FAULTS.get(code) ?? messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Is it the disk that does not take anything: read-only, not ours, or full? */
export function cannotWrite(error: unknown): boolean {
  return CANNOT_WRITE.has(systemCode(error) ?? "");
}

export function isFull(error: unknown): boolean {
  return FULL.has(systemCode(error) ?? "");
}

/** For `.catch`: what is not there is undefined. */
export function ignoreMissing(error: unknown): undefined {
  if (systemCode(error) === "ENOENT") return undefined;
  throw error;
}

export async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(ignoreMissing)) !== undefined;
}

/** Renames, with some patience where another program has the file open. */
export async function move(from: string, to: string): Promise<void> {
  for (let wait = 1; ; wait++) {
    try {
      await rename(from, to);
      return;
    } catch (error) {
      if (wait === MOVE_TRIES || !IN_USE.has(systemCode(error) ?? "")) throw error;
      await sleep(2 ** wait * 5);
    }
  }
}

/** Throws unless the path is a real folder or nothing at all: a link would have us write outside the store. */
export async function checkFolder(path: string): Promise<void> {
  const found = await lstat(path).catch(ignoreMissing);
  if (found === undefined || found.isDirectory()) return;
  const what = found.isSymbolicLink()
    ? "is a symbolic link; the store does not write through it"
    : "not a folder";
  throw new ManifestError("STORE", `${path}: ${what}`);
}
