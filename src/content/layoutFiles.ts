import { constants, lstat, open, rm, stat, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { ManifestError, systemCode } from "../errors.js";
import { diskFault, ignoreMissing, makeFolders, move, uniqueName } from "../fileSystem.js";

/**
 * Files of a folder that comes from elsewhere. Nothing in it leads out of it or makes us wait: what is read is a regular
 * file, what is written replaces a name and never writes through it.
 */

/** What is not finished yet: `.tsmanifest-<id>`, in the layout's folder. */
const SCRATCH = ".tsmanifest-";
const SCRATCH_NAME = /^\.tsmanifest-\d+-\d+-[0-9a-z]*$/;

/** Runs work on a path; a fault of the disk becomes a ManifestError (STORE) that names it. */
export async function withSubject<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const fault = diskFault(error);
    if (fault === undefined) throw error;
    throw storeError(path, fault, error);
  }
}

export function storeError(path: string, what: string, cause?: unknown): ManifestError {
  return new ManifestError("STORE", `${path}: ${what}`, { subject: path, cause });
}

/** A name for an unfinished file or folder. */
export function scratchName(): string {
  return SCRATCH + uniqueName();
}

export function isScratch(name: string): boolean {
  return SCRATCH_NAME.test(name);
}

/**
 * The size in bytes of a regular file; undefined where there is none.
 * @throws STORE for anything else: a link could lead anywhere, and a pipe could take for ever
 */
export async function sizeOf(path: string): Promise<number | undefined> {
  const found = await lstatOf(path);
  if (found === undefined) return undefined;
  if (!found.isFile())
    throw storeError(path, `is ${found.isSymbolicLink() ? "a symbolic link" : "no file"}; not read`);
  return found.size;
}

/** @throws STORE if something but a folder is there: a link would have us read or write elsewhere */
export async function isFolder(path: string): Promise<boolean> {
  const found = await lstatOf(path);
  if (found !== undefined && !found.isDirectory()) {
    throw storeError(path, found.isSymbolicLink() ? "is a symbolic link; not followed" : "is not a folder");
  }
  return found !== undefined;
}

async function lstatOf(path: string) {
  return withSubject(path, () =>
    lstat(path).catch((error: unknown) => {
      // Below a file there is nothing either. Who wants to write there hears of it.
      if (systemCode(error) !== "ENOTDIR") ignoreMissing(error);
      return undefined;
    }),
  );
}

export interface OpenFile {
  readonly handle: FileHandle;
  /** In bytes. */
  readonly size: number;
}

/** Opens a regular file; undefined where there is none. */
export async function openFile(path: string): Promise<OpenFile | undefined> {
  if ((await sizeOf(path)) === undefined) return undefined;
  // Somebody may have put a link or a pipe there meanwhile. On Windows, which has neither, both flags are undefined.
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
  const handle = await withSubject(path, () => open(path, flags).catch(ignoreMissing));
  if (handle === undefined) return undefined;
  const found = await handle.stat();
  if (found.isFile()) return { handle, size: found.size };
  await handle.close();
  throw storeError(path, "is no file; not read");
}

/**
 * A whole regular file; undefined where there is none.
 * @throws LIMIT if it has more than `limit` bytes
 */
export async function readFile(path: string, limit: number): Promise<Buffer | undefined> {
  const opened = await openFile(path);
  if (opened === undefined) return undefined;
  const { handle, size } = opened;
  try {
    if (size > limit)
      throw new ManifestError("LIMIT", `${path}: more than ${limit} bytes`, { subject: path });
    const bytes = Buffer.alloc(size);
    let length = 0;
    // It may be shorter by now. What it has grown by is not read.
    while (length < size) {
      const { bytesRead } = await withSubject(path, () => handle.read(bytes, length));
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return bytes.subarray(0, length);
  } finally {
    await handle.close();
  }
}

/**
 * Writes a file of a layout: aside, to the disk, then under its name by a single rename. Nothing stays if the pieces end
 * by an error.
 */
export async function writeFile(
  layout: string,
  path: string,
  pieces: AsyncIterable<Buffer> | Iterable<Buffer>,
): Promise<void> {
  const scratch = join(layout, scratchName());
  try {
    const handle = await withSubject(scratch, () => open(scratch, "wx", 0o644));
    try {
      for await (const piece of pieces) await withSubject(scratch, () => handle.writeFile(piece));
      await withSubject(scratch, () => handle.sync());
    } finally {
      await handle.close();
    }
    await withSubject(path, () => move(scratch, path));
  } catch (error) {
    await rm(scratch, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** Makes a folder of a layout, and those above it. */
export async function makeFolder(path: string): Promise<void> {
  await withSubject(path, async () => {
    if ((await makeFolders(path)) || (await stat(path)).isDirectory()) return;
    throw storeError(path, "not a folder");
  });
}

/** Flushes a folder's entries to the disk, if the system can do that. */
export async function syncFolder(path: string): Promise<void> {
  try {
    const handle = await open(path, "r");
    await handle.sync().finally(() => handle.close());
  } catch {
    // Windows opens no folders, and some file systems cannot do it.
  }
}
