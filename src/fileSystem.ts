import { mkdir, rename, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { pid } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { ManifestError, messageOf, systemCode } from "./errors.js";

/** What several rooms ask of the disk alike. */

const FAULTS = new Map([
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

/** Windows says these while somebody (docker, a virus scanner) has the file open. */
const IN_USE = new Set(["EPERM", "EACCES", "EBUSY"]);
const MOVE_TRIES = 5;

/** What a refusal of the disk means to a person; undefined for any other error. */
export function diskFault(error: unknown): string | undefined {
  const code = systemCode(error);
  if (error instanceof ManifestError || code === undefined || code === "ABORT_ERR") return undefined;
  return FAULTS.get(code) ?? messageOf(error);
}

/** Why a file cannot be made. */
export function outputFault(error: unknown): string {
  if (systemCode(error) === "ENOENT") return "there is no such folder";
  return diskFault(error) ?? messageOf(error);
}

/** What to do about it. */
export function outputHint(error: unknown): string | undefined {
  return systemCode(error) === "ENOENT" ? "make the folder first, or name another one" : undefined;
}

/** For `.catch`: what is not there is undefined. */
export function ignoreMissing(error: unknown): undefined {
  if (systemCode(error) === "ENOENT") return undefined;
  throw error;
}

/** Can nothing be at this path, since something above it is no folder? `HOME=/dev/null` is how some have none. */
export async function isBelowFile(path: string): Promise<boolean> {
  return stat(path).then(
    () => false,
    (error: unknown) => systemCode(error) === "ENOTDIR",
  );
}

/** A name that no other process has. node:crypto would be the better part of the time that `rm` takes to start. */
export function uniqueName(): string {
  return `${pid}-${Date.now()}-${Math.random().toString(36).slice(2)}`;
}

/**
 * Makes a folder and what is missing above it; true if it was not there. Node's own way never ends where the system says
 * of a folder whose parent is there that it has none (`/proc`).
 */
export async function makeFolders(path: string, isLastTry = false): Promise<boolean> {
  try {
    await mkdir(path, { mode: 0o755 });
    return true;
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    if (systemCode(error) !== "ENOENT" || isLastTry || dirname(path) === path) throw error;
    await makeFolders(dirname(path));
    return makeFolders(path, true);
  }
}

/** Renames, over what is there, with some patience where another program has the file open. */
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
