import { chmod, chown, constants, copyFile, lstat, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as z from "zod/mini";
import { ManifestError, systemCode } from "../errors.js";
import { ignoreMissing, move } from "../fileSystem.js";
import { parseJson } from "../go/json.js";
import { checkFolder, exists, mapEach, identityOf, readOwn } from "./disk.js";
import type { ListPaths } from "./listPaths.js";
import { isFileName } from "./names.js";

/** How often to look again when others change something: docker removes and makes folders without locks. */
const TRIES = 10;

/**
 * A change of a list that takes several steps, once it is decided: in `commit` beside its new files and its new record.
 *
 *     commit/journal      this
 *     commit/files/…      the files that it adds or replaces
 *     commit/record       if the record changes
 *
 * Who finds it carries it out, by steps that may each be done again. Who only reads takes it for carried out.
 */
const Journal = z.object({
  /** Identity of the folder that it changes. It does nothing to any other: docker has removed the list, or made it anew. */
  base: z.string(),
  write: z.array(z.string().check(z.refine(isFileName))),
  remove: z.array(z.string().check(z.refine(isFileName))),
  /** It removes the list. */
  drop: z.boolean(),
});
export type Journal = z.infer<typeof Journal>;

export interface NewFile {
  readonly name: string;
  /** Called when it is written: together, a list's files may be more than memory holds. */
  readonly encode: () => Buffer;
  /** Whose place it takes, if anybody's: it keeps that file's mode and owner. */
  readonly old: FileOwner | undefined;
}

interface FileOwner {
  readonly mode: number | bigint;
  readonly uid: number | bigint;
  readonly gid: number | bigint;
}

export interface Change {
  /** Identity of the list's folder; undefined for a new list. */
  readonly base: string | undefined;
  readonly write: readonly NewFile[];
  readonly remove: readonly string[];
  readonly drop?: boolean;
  /** The new record of the folder with this identity; undefined: it stays as it is. */
  readonly record: (folder: string) => NewRecord | undefined;
}

export interface NewRecord {
  readonly bytes: Buffer;
  /** It says more than whose folder it is. */
  readonly isNeeded: boolean;
}

const journalFile = ({ commit }: ListPaths): string => join(commit, "journal");
export const newFiles = ({ commit }: ListPaths): string => join(commit, "files");
export const newRecord = ({ commit }: ListPaths): string => join(commit, "record");

/** The change that is decided and not carried out, if there is one. */
export async function readJournal(paths: ListPaths): Promise<Journal | undefined> {
  let bytes: Buffer | undefined;
  // Where there is none in it, it was carried out just now, and there may be another by now.
  for (let tries = 1; bytes === undefined && tries <= TRIES; tries++) {
    if (!(await checkFolder(paths.commit))) return undefined;
    bytes = await readOwn(journalFile(paths));
  }
  await checkFolder(newFiles(paths));
  try {
    return Journal.parse(parseJson(bytes ?? Buffer.alloc(0)));
  } catch (error) {
    throw new ManifestError(
      "STORE",
      `${paths.commit}: not a change that this program could have begun; remove this folder`,
      { cause: error, subject: paths.commit },
    );
  }
}

/**
 * Makes a change, all of it or nothing. It is written into the lock holder's folder first; one rename decides it.
 * False: docker was faster, and has made or removed the list meanwhile.
 */
export async function applyChange(change: Change, paths: ListPaths, scratch: string): Promise<boolean> {
  const fresh = join(scratch, "new");
  try {
    if (change.base === undefined) return await makeList(change, paths, fresh);
    if (await changeOneFile(change, paths, fresh)) return true;
    await rm(fresh, { recursive: true, force: true });
    await decideChange({ ...change, base: change.base }, paths, fresh);
    return await carryOut(paths, scratch);
  } catch (error) {
    if (!FASTER.has(systemCode(error) ?? "")) throw error;
    if (!(await exists(scratch))) throw lostLock(paths, error);
    await rm(fresh, { recursive: true, force: true });
    return false;
  }
}

/** What the system says of a list's folder that is not there any more, or there by now. */
const FASTER = new Set(["ENOENT", "ENOTEMPTY", "EEXIST"]);

function lostLock({ work }: ListPaths, cause: unknown): ManifestError {
  return new ManifestError(
    "STORE",
    `${work}: this process was asleep and lost its lock; nothing was changed`,
    { cause, subject: work },
  );
}

/** A new list appears whole, by the rename of its folder. */
async function makeList({ write, record }: Change, paths: ListPaths, fresh: string): Promise<true> {
  await writeFiles(fresh, write, paths);
  const made = record((await identityOf(fresh)) ?? "");
  // Before there is such a folder the record is nobody's.
  if (made !== undefined) await replace(paths.record, made, `${fresh}-record`);
  await move(fresh, paths.folder);
  return true;
}

/** Changes one file, which takes one rename. False where it takes more. */
async function changeOneFile(change: Change, { folder, record }: ListPaths, fresh: string): Promise<boolean> {
  const { base = "", write, remove, drop } = change;
  const made = change.record(base);
  if (drop === true || write.length + remove.length + Number(made !== undefined) !== 1) return false;
  const [file, gone] = [write[0], remove[0]];
  if (file !== undefined) await writeFile(fresh, file.encode(), { old: file.old });
  if ((await identityOf(folder)) !== base) return false;
  if (made !== undefined) await replace(record, made, fresh);
  if (gone !== undefined) await takeAway(join(folder, gone), dirname(fresh));
  return file === undefined || move(fresh, join(folder, file.name)).then(() => true, isElsewhere);
}

async function replace(path: string, { bytes, isNeeded }: NewRecord, fresh: string): Promise<void> {
  await writeFile(fresh, bytes, { isLasting: isNeeded });
  await rename(fresh, path);
}

async function decideChange(
  { base, write, remove, drop = false, record }: Change & { readonly base: string },
  paths: ListPaths,
  fresh: string,
): Promise<void> {
  const staged = { ...paths, commit: fresh };
  await mkdir(fresh);
  await writeFiles(newFiles(staged), write, paths);
  const made = record(base);
  if (made !== undefined) await writeFile(newRecord(staged), made.bytes, { isLasting: made.isNeeded });
  const journal: Journal = { base, write: write.map(({ name }) => name), remove: [...remove], drop };
  await writeFile(journalFile(staged), Buffer.from(JSON.stringify(journal)));
  await rename(fresh, paths.commit);
}

async function writeFiles(into: string, files: readonly NewFile[], { folder }: ListPaths): Promise<void> {
  await mkdir(into, { mode: 0o755 });
  await mapEach(files, ({ name, encode, old }) =>
    writeFile(join(into, name), encode(), { old }).catch((error: unknown) => {
      if (systemCode(error) !== "EEXIST") throw error;
      throw new ManifestError(
        "STORE",
        `${join(folder, name)}: two images of the list have this file name here; name one by its digest`,
        { cause: error, subject: join(folder, name) },
      );
    }),
  );
}

/** For `.catch`: a rename goes no further than its file system. */
function isElsewhere(error: unknown): false {
  if (systemCode(error) === "EXDEV") return false;
  throw error;
}

/**
 * Carries out the change that is decided, if there is one. False: it was void.
 *
 * What is removed is renamed into the lock holder's folder: one that was asleep and lost its lock removes nothing.
 */
export async function carryOut(paths: ListPaths, scratch: string): Promise<boolean> {
  for (let tries = 1; ; tries++) {
    const journal = await readJournal(paths);
    if (journal === undefined) return true;
    const isPending = journal.base === (await identityOf(paths.folder));
    try {
      if (isPending) await carryOutSteps(journal, paths, scratch);
      await takeAwayChange(paths, scratch);
      return isPending;
    } catch (error) {
      if (!FASTER.has(systemCode(error) ?? "") || tries === TRIES) throw error;
    }
  }
}

async function carryOutSteps(journal: Journal, paths: ListPaths, scratch: string): Promise<void> {
  const { folder, record } = paths;
  if (journal.drop) {
    await rm(folder, { recursive: true, force: true });
    await takeAway(record, scratch).catch(ignoreMissing);
    return;
  }
  await rename(newRecord(paths), record).catch(ignoreMissing);
  await mapEach(journal.write, (name) =>
    moveInto(join(newFiles(paths), name), join(folder, name)).catch(ignoreMissing),
  );
  await mapEach(journal.remove, (name) => takeAway(join(folder, name), scratch).catch(ignoreMissing));
}

/** Removes a list. It is first moved away in one step, so that nobody sees it half removed. */
export async function removeList(paths: ListPaths, base: string, scratch: string): Promise<void> {
  try {
    // Where the folder is a link this is the link, as for docker.
    await move(paths.folder, join(scratch, "removed-list"));
  } catch (error) {
    const code = systemCode(error);
    if (code === "ENOENT" && (await exists(paths.folder))) throw lostLock(paths, error);
    if (code !== "ENOENT" && code !== "EXDEV") throw error;
    // A folder of a lower layer of an overlay cannot be renamed: https://docs.kernel.org/filesystems/overlayfs.html
    const change = { base, write: [], remove: [], drop: true, record: () => undefined };
    if (code === "EXDEV") await applyChange(change, paths, scratch);
  }
  await takeAway(paths.record, scratch).catch(ignoreMissing);
  await takeAwayChange(paths, scratch);
}

/** In one step, so that nobody sees half of a change. */
async function takeAwayChange({ commit }: ListPaths, scratch: string): Promise<void> {
  const aside = join(scratch, "done");
  const isMoved = await rename(commit, aside).then(() => true, ignoreMissing);
  if (isMoved === true) await rm(aside, { recursive: true, force: true });
}

/** Removes a file by renaming it into a folder of the lock holder's. */
async function takeAway(file: string, into: string): Promise<void> {
  const isMoved = await rename(file, join(into, "removed")).then(() => true, isElsewhere);
  // The list's folder is a link to another file system.
  if (!isMoved) await rm(file, { force: true });
}

/** Moves a file. Onto another file system it is copied: docker may see half of it for a moment, as when docker writes. */
async function moveInto(from: string, to: string): Promise<void> {
  if (await move(from, to).then(() => true, isElsewhere)) return;
  const old = await lstat(from);
  await rm(to, { force: true });
  await copyFile(from, to, constants.COPYFILE_EXCL);
  await giveTo(old, to);
  const handle = await open(to, "r+");
  await handle.sync().finally(() => handle.close());
  await rm(from, { force: true });
}

/**
 * Writes a new file. A lasting one is on the disk before it gets its place: after a power failure there are either the
 * old bytes or the new ones.
 */
async function writeFile(
  path: string,
  bytes: Buffer,
  { old, isLasting = true }: { readonly old?: FileOwner | undefined; readonly isLasting?: boolean } = {},
): Promise<void> {
  const handle = await open(path, "wx", old === undefined ? 0o644 : Number(old.mode) & 0o777);
  try {
    await handle.writeFile(bytes);
    if (isLasting) await handle.sync();
  } finally {
    await handle.close();
  }
  if (old !== undefined) await giveTo(old, path);
}

/** Everybody who could read the old file can read the new one, if the file system supports that. */
async function giveTo({ mode, uid, gid }: FileOwner, path: string): Promise<void> {
  // Only root may give a file to somebody else.
  await chown(path, Number(uid), Number(gid)).catch(() => undefined);
  await chmod(path, Number(mode) & 0o777).catch(() => undefined);
}
