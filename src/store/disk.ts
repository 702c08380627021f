import type { BigIntStats } from "node:fs";
import { lstat, readFile, stat } from "node:fs/promises";
import { sep } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod/mini";
import { systemCode, ManifestError } from "../errors.js";
import { diskFault, ignoreMissing } from "../fileSystem.js";
import type { ListPaths } from "./listPaths.js";

const DiskError = z.object({ path: z.optional(z.string()), dest: z.optional(z.string()) });

const FULL = new Set(["ENOSPC", "EDQUOT"]);
const REFUSED = new Set(["EROFS", "EACCES", "EPERM"]);
/** System errors of a single file that mean that the whole store is unusable. */
const ABOUT_STORE = new Set([...FULL, ...REFUSED, "ENOTDIR"]);

/** Files worked on at once: enough to keep a disk busy, few enough for 256 open files. */
const AT_ONCE = 16;
/** How long work may block the event loop, which is needed for the lock's heartbeat. */
const TURN_MS = 500;

/**
 * Runs work on a list; a fault of the disk becomes a STORE error that names the file, or the whole store where the
 * user has never heard of the file.
 */
export async function naming<Result>(paths: ListPaths, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw await named(error, paths);
  }
}

async function named(error: unknown, { root, private: own }: ListPaths): Promise<unknown> {
  const fault = diskFault(error);
  if (fault === undefined) return error;
  const code = systemCode(error) ?? "";
  const isOurs = (path: string): boolean => path === own || path.startsWith(own + sep);
  const paths = filesOf(error);
  const path = paths.find((one) => !isOurs(one)) ?? paths[0] ?? root;
  const isAboutStore =
    ABOUT_STORE.has(code) && (isOurs(path) || (code === "ENOTDIR" && (await isFile(root))));
  const subject = isAboutStore ? root : path;
  return new ManifestError("STORE", `${subject}: ${fault}`, {
    cause: error,
    subject,
    hint: REFUSED.has(code)
      ? "make it accessible to this user, or pass --store DIR to keep lists elsewhere"
      : code === "ENOTDIR"
        ? "pass --store DIR to keep lists elsewhere"
        : undefined,
  });
}

/** Which files an error of the disk is about: none where it comes from an open file, two where one was moved. */
function filesOf(error: unknown): string[] {
  const { path, dest } = z.safeParse(DiskError, error).data ?? {};
  return [path, dest].filter((one) => one !== undefined);
}

export function isFull(error: unknown): boolean {
  return FULL.has(systemCode(error) ?? "");
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => !found.isDirectory(),
    () => false,
  );
}

export async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(ignoreMissing)) !== undefined;
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
  return (await statFolder(path))?.identity;
}

/** The same, and when something was last added to the folder or removed from it, in milliseconds since 1970. */
export async function statFolder(
  path: string,
): Promise<{ readonly identity: string; readonly changedMs: number } | undefined> {
  const found = await stat(path, { bigint: true }).catch(ignoreMissing);
  return found && { identity: `${found.ino}:${found.birthtimeNs}`, changedMs: Number(found.mtimeMs) };
}

/** Tells what a file holds from what it held before, without reading it. */
export function stampOf({ ino, size, mtimeNs }: BigIntStats): string {
  return `${ino} ${size} ${mtimeNs}`;
}

/** Runs work on all items, some at once. Throws the first error once nothing is under way any more. */
export async function mapEach<Item, Result>(
  items: Iterable<Item>,
  work: (item: Item) => Promise<Result>,
  atOnce: number = AT_ONCE,
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
  await Promise.all(Array.from({ length: Math.min(atOnce, all.length) }, worker));
  if (failures.length > 0) throw failures[0];
  return results;
}
