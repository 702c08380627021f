import type { BigIntStats } from "node:fs";
import { lstat, mkdir, readFile, rename, stat } from "node:fs/promises";
import { dirname, sep } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod/mini";
import { systemCode, ManifestError, messageOf } from "../errors.js";
import type { ListPaths } from "./listPaths.js";

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

const DiskError = z.object({ path: z.optional(z.string()), dest: z.optional(z.string()) });

const FULL = new Set(["ENOSPC", "EDQUOT"]);
const REFUSED = new Set(["EROFS", "EACCES", "EPERM"]);
/** What is wrong with the whole store when it is said of a file of ours in there. */
const ABOUT_STORE = new Set([...FULL, ...REFUSED, "ENOTDIR"]);

/** Windows says these while somebody (docker, a virus scanner) has the file open. */
const IN_USE = new Set(["EPERM", "EACCES", "EBUSY"]);
const MOVE_TRIES = 5;

/** Files worked on at once: enough to keep a disk busy, few enough for 256 open files. */
const AT_ONCE = 16;
/** How long work may go on without a turn of the event loop, in which the lock's heart beats. */
const TURN_MS = 500;

/**
 * Runs work on a list; a fault of the disk becomes a STORE error that names the file, or the whole store where the
 * user has never heard of the file.
 */
export async function naming<Result>(paths: ListPaths, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw named(error, paths);
  }
}

function named(error: unknown, { root, private: own }: ListPaths): unknown {
  const code = systemCode(error);
  if (error instanceof ManifestError || code === undefined || code === "ABORT_ERR") return error;
  const isOurs = (path: string): boolean => path === own || path.startsWith(own + sep);
  const paths = pathsOf(error);
  const path = paths.find((one) => !isOurs(one)) ?? paths[0] ?? root;
  const subject = isOurs(path) && ABOUT_STORE.has(code) ? root : path;
  return new ManifestError("STORE", `${subject}: ${DISK_FAULTS.get(code) ?? messageOf(error)}`, {
    cause: error,
    subject,
    hint: REFUSED.has(code)
      ? "make it accessible to this user, or set DOCKER_CONFIG to another folder"
      : undefined,
  });
}

/** Which files an error of the disk is about: none where it comes from an open file, two where one was moved. */
function pathsOf(error: unknown): string[] {
  const { path, dest } = z.safeParse(DiskError, error).data ?? {};
  return [path, dest].filter((one) => one !== undefined);
}

export function isFull(error: unknown): boolean {
  return FULL.has(systemCode(error) ?? "");
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

/** Is there such a folder of ours? Throws where it is anything else: a link would lead out of the store. */
export async function checkFolder(path: string): Promise<boolean> {
  const found = await lstat(path).catch(ignoreMissing);
  if (found === undefined || found.isDirectory()) return found !== undefined;
  const what = found.isSymbolicLink() ? "a symbolic link, which the store does not follow" : "not a folder";
  throw new ManifestError("STORE", `${path}: ${what}; remove it`, { subject: path });
}

/** The bytes of a file of ours, or undefined. Throws where it is anything else. */
export async function readOwn(path: string): Promise<Buffer | undefined> {
  const found = await lstat(path).catch(ignoreMissing);
  if (found === undefined) return undefined;
  if (!found.isFile()) throw new ManifestError("STORE", `${path}: not a file; remove it`, { subject: path });
  return readFile(path).catch(ignoreMissing);
}

/** Tells a folder, which may be reached by a link, from another one that was made later under the same name. */
export async function identityOf(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(ignoreMissing);
  return found && `${found.ino}:${found.birthtimeNs}`;
}

/** Tells what a file holds from what it held before, without reading it. */
export function stampOf({ ino, size, mtimeNs }: BigIntStats): string {
  return `${ino} ${size} ${mtimeNs}`;
}

/** What work makes of each item, a few at once. Throws what was thrown first, when nothing is under way any more. */
export async function mapEach<Item, Result>(
  items: Iterable<Item>,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const all = [...items];
  const queue = all.entries();
  const results: Result[] = [];
  const failures: unknown[] = [];
  let turned = Date.now();
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) {
      if (failures.length > 0) return;
      try {
        results[index] = await work(item);
      } catch (error) {
        failures.push(error);
      }
      if (Date.now() - turned < TURN_MS) continue;
      turned = Date.now();
      await sleep(1);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, all.length) }, worker));
  if (failures.length > 0) throw failures[0];
  return results;
}
