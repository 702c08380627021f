import { lstat, mkdir, open, readdir, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ManifestError, systemCode } from "../errors.js";
import { ignoreMissing, move } from "../fileSystem.js";
import {
  isFolder,
  isScratch,
  withSubject,
  readFile,
  scratchName,
  storeError,
  syncFolder,
} from "./layoutFiles.js";
import {
  EMPTY_INDEX,
  encodeLayoutIndex,
  parseLayoutIndex,
  type IndexEntry,
  type LayoutIndex,
} from "./layoutIndex.js";

/** A hundred thousand entries with a few annotations each. */
const MAX_INDEX = 16 * 1024 * 1024;

/**
 * The lock of an index.json: `.tsmanifest-lock`, a folder with one file in it, the index.json that its holder is about to
 * write. A process makes the two under a name of its own and renames the folder to `.tsmanifest-lock`, which works while
 * there is none. To take the lock from a holder that was killed is to remove its file. One that was only slow then
 * has nothing to rename to index.json, and begins again: it never overwrites what came after it.
 */
const LOCK = ".tsmanifest-lock";
/** A holder needs milliseconds. */
const DEAD_MS = 10_000;
const PATIENCE_MS = 60_000;
const LONGEST_WAIT_MS = 50;
/** How often the rename may fail while nobody has the lock. After that, something else must be wrong. */
const TRIES = 20;
/** What the system says when there is such a folder, or something else; Windows does not tell that from other refusals. */
const HELD = new Set(["ENOTEMPTY", "EEXIST", "ENOTDIR", "EPERM", "EACCES", "EBUSY"]);

type Edit = (entries: readonly IndexEntry[]) => readonly IndexEntry[];

/** The index.json of a layout on the disk. */
export class IndexFile {
  readonly #folder: string;
  #last: { readonly bytes: Buffer; readonly index: LayoutIndex } | undefined;
  #running = Promise.resolve();
  #next: { readonly edits: Edit[]; readonly done: Promise<void> } | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Undefined where there is no such file. The same object as long as the file is the same. */
  async read(): Promise<LayoutIndex | undefined> {
    const path = join(this.#folder, "index.json");
    const bytes = await readFile(path, MAX_INDEX);
    if (bytes === undefined) return undefined;
    if (this.#last?.bytes.equals(bytes) !== true) this.#last = { bytes, index: parse(path, bytes) };
    return this.#last.index;
  }

  /**
   * Changes the entries, whoever else is at it, and makes the file if there is none. What is asked for while another
   * change is under way is done in one go after it.
   */
  change(edit: Edit): Promise<void> {
    this.#next ??= this.#begin();
    this.#next.edits.push(edit);
    return this.#next.done;
  }

  #begin(): { edits: Edit[]; done: Promise<void> } {
    const edits: Edit[] = [];
    const done = this.#running.then(() => {
      this.#next = undefined;
      return withSubject(this.#folder, () => changeFile(this.#folder, edits));
    });
    this.#running = done.catch(() => undefined);
    return { edits, done };
  }
}

function parse(path: string, bytes: Buffer): LayoutIndex {
  try {
    return parseLayoutIndex(bytes);
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    const code = error.code === "LIMIT" ? "LIMIT" : "INVALID_MANIFEST";
    throw new ManifestError(code, `${path}: ${error.message}`, { subject: path, cause: error });
  }
}

async function changeFile(folder: string, edits: readonly Edit[]): Promise<void> {
  const own = join(folder, scratchName());
  const lock = join(folder, LOCK);
  const file = join(lock, basename(own));
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    await takeLock(own, lock, deadline);
    try {
      await changeLocked(folder, file, edits);
      return;
    } catch (error) {
      // Somebody took us for dead.
      if (systemCode(error) !== "ENOENT" || Date.now() > deadline) throw error;
    } finally {
      await release(file);
    }
  }
}

async function changeLocked(folder: string, file: string, edits: readonly Edit[]): Promise<void> {
  const path = join(folder, "index.json");
  const bytes = await readFile(path, MAX_INDEX);
  const index = parse(path, bytes ?? EMPTY_INDEX);
  const entries = edits.reduce((before, edit) => edit(before), index.entries);
  if (bytes !== undefined && entries === index.entries) return;
  const changed = encodeLayoutIndex({ ...index, entries });
  if (changed.byteLength > MAX_INDEX) {
    throw new ManifestError("LIMIT", `${path}: would have more than ${MAX_INDEX} bytes`, { subject: path });
  }
  const mode = (await lstat(path).catch(ignoreMissing))?.mode;
  // Not made again where it is gone.
  const handle = await open(file, "r+");
  try {
    await handle.writeFile(changed);
    if (mode !== undefined) await handle.chmod(mode & 0o777);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await move(file, path);
  await syncFolder(folder);
}

async function takeLock(own: string, lock: string, deadline: number): Promise<void> {
  await mkdir(own);
  try {
    await writeFile(join(own, basename(own)), "", { flag: "wx", mode: 0o644 });
    let last = { holder: "", since: 0 };
    let failures = 0;
    for (let wait = 2; ; wait = Math.min(LONGEST_WAIT_MS, wait * 2)) {
      try {
        await rename(own, lock);
        return;
      } catch (error) {
        if (!HELD.has(systemCode(error) ?? "") || failures === TRIES) throw error;
      }
      const holder = await holderOf(lock);
      if (holder === undefined) failures++;
      else if (holder !== last.holder) last = { holder, since: Date.now() };
      const isDead = holder !== undefined && Date.now() - last.since > DEAD_MS;
      // Windows renames to no existing folder, POSIX to an empty one. This removes none that is not empty.
      if (holder === undefined || isDead) await release(join(lock, holder ?? "none"));
      if (Date.now() > deadline)
        throw storeError(lock, "held by another process; remove it if there is none");
      if (!isDead) await sleep(wait * (0.5 + Math.random()));
    }
  } catch (error) {
    await rm(own, { recursive: true, force: true }).catch(() => undefined);
    throw error;
  }
}

async function holderOf(lock: string): Promise<string | undefined> {
  if (!(await isFolder(lock))) return undefined;
  const [holder] = (await readdir(lock).catch(ignoreMissing)) ?? [];
  if (holder !== undefined && !isScratch(holder))
    throw storeError(lock, `nothing of ours: there is "${holder}" in it`);
  return holder;
}

/** Releases the lock that this file is in, or takes it away from a dead holder. Never throws. */
async function release(file: string): Promise<void> {
  await rm(file, { force: true }).catch(() => undefined);
  await rmdir(join(file, "..")).catch(() => undefined);
}
