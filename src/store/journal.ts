import { chmod, chown, constants, copyFile, lstat, mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import { ManifestError, systemCode } from "../errors.js";
import { parseJson } from "../go/json.js";
import { checkFolder, exists, mapEach, identityOf, ignoreMissing, move, readOwn } from "./disk.js";
import type { ListPaths } from "./listPaths.js";
import { isFileName } from "./names.js";

/** How often a change is carried out again because docker, which knows no locks, made or removed the folder meanwhile. */
const TRIES = 10;

/**
 * A change of a list that is decided, in `commit` beside its new files and its new record:
 *
 *     commit/journal      this
 *     commit/files/…      the files that it adds or replaces; where the list is new, the folder to be
 *     commit/record       if the record changes
 *
 * Who finds it carries it out, by steps that may each be done again. Who only reads takes it for carried out.
 */
const Journal = z.object({
  /** Identity of the folder that it changes; null for a list that is new. It does nothing to any other folder. */
  base: z.nullable(z.string()),
  write: z.array(z.string().check(z.refine(isFileName))),
  remove: z.array(z.string().check(z.refine(isFileName))),
  /** It removes the list. */
  drop: z.boolean(),
});
export type Journal = z.infer<typeof Journal>;

export interface NewFile {
  readonly name: string;
  readonly bytes: Buffer;
  /** Whose place it takes, if anybody's: it keeps that file's mode and owner. */
  readonly old: FileOwner | undefined;
}

interface FileOwner {
  readonly mode: number | bigint;
  readonly uid: number | bigint;
  readonly gid: number | bigint;
}

export interface Change {
  readonly base: string | undefined;
  readonly write: readonly NewFile[];
  readonly remove: readonly string[];
  readonly drop?: boolean;
  /** The new record of the folder with this identity; undefined: it stays as it is. */
  readonly record: (folder: string) => Buffer | undefined;
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

/** Writes a change into the lock holder's folder; the rename at the end decides it. */
export async function decideChange(change: Change, paths: ListPaths, scratch: string): Promise<void> {
  const staged = { ...paths, commit: join(scratch, "commit") };
  try {
    await mkdir(staged.commit);
    await mkdir(newFiles(staged), { mode: 0o755 });
    await mapEach(change.write, ({ name, bytes, old }) =>
      writeFile(join(newFiles(staged), name), bytes, old).catch((error: unknown) => {
        if (systemCode(error) !== "EEXIST") throw error;
        throw new ManifestError(
          "STORE",
          `${join(paths.folder, name)}: two images of the list have this file name here; name one by its digest`,
          { cause: error },
        );
      }),
    );
    const record = change.record(change.base ?? (await identityOf(newFiles(staged))) ?? "");
    if (record !== undefined) await writeFile(newRecord(staged), record);
    const { base = null, write, remove, drop = false } = change;
    const journal: Journal = { base, write: write.map(({ name }) => name), remove: [...remove], drop };
    await writeFile(journalFile(staged), Buffer.from(JSON.stringify(journal)));
    await rename(staged.commit, paths.commit);
  } catch (error) {
    throw systemCode(error) === "ENOENT" ? lostLock(paths, error) : error;
  }
}

function lostLock({ work }: ListPaths, cause: unknown): ManifestError {
  return new ManifestError(
    "STORE",
    `${work}: this process was asleep and lost its lock; nothing was changed`,
    { cause, subject: work },
  );
}

/**
 * Carries out the change that is decided, if there is one. False: it has become void, since docker has removed the list
 * meanwhile, or made it.
 *
 * What is removed is renamed into the lock holder's folder: one that was asleep and lost its lock removes nothing.
 */
export async function carryOut(paths: ListPaths, scratch: string): Promise<boolean> {
  for (let tries = 1; ; tries++) {
    const journal = await readJournal(paths);
    if (journal === undefined) return true;
    const folder = (await identityOf(paths.folder)) ?? null;
    const isPending = journal.base === folder;
    try {
      if (isPending) await carryOutSteps(journal, paths, scratch);
      // A new list that has its place already is not void.
      const isDone = isPending || (journal.base === null && !(await exists(newFiles(paths))));
      await takeAwayChange(paths, scratch);
      return isDone;
    } catch (error) {
      // docker made or removed the folder just now: look again.
      if (!["ENOENT", "ENOTEMPTY", "EEXIST"].includes(systemCode(error) ?? "") || tries === TRIES)
        throw error;
    }
  }
}

async function carryOutSteps(journal: Journal, paths: ListPaths, scratch: string): Promise<void> {
  const { folder, record } = paths;
  if (journal.drop) {
    await rm(folder, { recursive: true, force: true });
    await takeAway(record, scratch);
    return;
  }
  await rename(newRecord(paths), record).catch(ignoreMissing);
  if (journal.base === null) {
    await move(newFiles(paths), folder);
    return;
  }
  await mapEach(journal.write, (name) =>
    moveInto(join(newFiles(paths), name), join(folder, name)).catch(ignoreMissing),
  );
  await mapEach(journal.remove, (name) => takeAway(join(folder, name), scratch));
}

/** Removes a list, out of sight first and in one step: nobody meets one that is half removed. */
export async function removeList(paths: ListPaths, base: string | undefined, scratch: string): Promise<void> {
  try {
    // Where the folder is a link this is the link, as for docker.
    if (base !== undefined) await move(paths.folder, join(scratch, "removed-list"));
  } catch (error) {
    const code = systemCode(error);
    if (code === "ENOENT" && (await exists(paths.folder))) throw lostLock(paths, error);
    if (code !== "ENOENT" && code !== "EXDEV") throw error;
    // A folder of a lower layer of an overlay cannot be renamed: https://docs.kernel.org/filesystems/overlayfs.html
    if (code === "EXDEV") {
      await decideChange(
        { base, write: [], remove: [], drop: true, record: () => undefined },
        paths,
        scratch,
      );
      await carryOut(paths, scratch);
    }
  }
  await takeAway(paths.record, scratch);
  await takeAwayChange(paths, scratch);
}

/** In one step, so that nobody finds half of a change. */
async function takeAwayChange({ commit }: ListPaths, scratch: string): Promise<void> {
  const aside = join(scratch, "done");
  await rename(commit, aside).catch(ignoreMissing);
  await rm(aside, { recursive: true, force: true });
}

/** Removes a file by renaming it into the lock holder's folder. */
async function takeAway(file: string, scratch: string): Promise<void> {
  try {
    await rename(file, join(scratch, "removed"));
  } catch (error) {
    // The list's folder is a link to another file system.
    if (systemCode(error) === "EXDEV") await rm(file, { force: true });
    else ignoreMissing(error);
  }
}

/** Moves a file. Onto another file system it is copied: docker may see half of it for a moment, as when docker writes. */
async function moveInto(from: string, to: string): Promise<void> {
  try {
    await move(from, to);
  } catch (error) {
    if (systemCode(error) !== "EXDEV") throw error;
    const old = await lstat(from);
    await rm(to, { force: true });
    await copyFile(from, to, constants.COPYFILE_EXCL);
    await giveTo(old, to);
    const handle = await open(to, "r+");
    await handle.sync().finally(() => handle.close());
    await rm(from, { force: true });
  }
}

/**
 * Writes a new file. It is on the disk before it gets its place: after a power failure the list has either the old
 * bytes or the new ones.
 */
async function writeFile(path: string, bytes: Buffer, old?: FileOwner): Promise<void> {
  const handle = await open(path, "wx", old === undefined ? 0o644 : Number(old.mode) & 0o777);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
  if (old !== undefined) await giveTo(old, path);
}

/** Whoever could read the file before can read it now, where the file system knows of such things. */
async function giveTo({ mode, uid, gid }: FileOwner, path: string): Promise<void> {
  // Only root may give a file to somebody else.
  await chown(path, Number(uid), Number(gid)).catch(() => undefined);
  await chmod(path, Number(mode) & 0o777).catch(() => undefined);
}
