import {
  chown,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  rmdir,
  stat,
  unlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
// The one fact about processes that a lock is made of: is the holder alive?
import { kill, pid } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod/mini";
import { systemCode, ManifestError, messageOf } from "../errors.js";
import { ignoreMissing, makeFolders, uniqueName } from "../fileSystem.js";
import { exists } from "./disk.js";

/**
 * A lock across processes that dies with its holder, made of nothing but folders, since those are all that every
 * system and file system has in common.
 *
 *     <folder>/<id>/<id>/holder   a process that would like to have the lock
 *     <folder>/lock/<id>/holder   the process that has it: its folder was renamed to `lock`, which only works while
 *                                 there is no such folder, or an empty one
 *
 * The holder works in `lock/<id>`. To take the lock from a dead holder is to remove `lock/<id>`: any number of
 * processes may do so at any time, since nobody else has that id. A holder that was only asleep finds its folder gone
 * when it wakes: what it was about to rename from there can no longer be renamed, so it cannot change what a later holder
 * works on.
 *
 * A holder on this machine is dead when its process is gone. One that cannot be asked (another machine or container
 * on the same folder, or a process that got the number of a dead one) is when its file was not touched for
 * {@link SILENCE_MS} by the waiting process's clock, so that clocks need not agree.
 */
const HEARTBEAT_MS = 2_000;
const SILENCE_MS = 10_000;
const FIRST_WAIT_MS = 2;
const LONGEST_WAIT_MS = 50;
const PREPARE_TRIES = 100;
/** How long to wait for a holder that is alive. */
const PATIENCE_MS = 60_000;
/** How often to try in vain while nobody that is alive has it. */
const VAIN_TRIES = 50;
/** What is older was left behind by a process that was killed while it waited. */
const LEFTOVER_MS = 3_600_000;

const Holder = z.object({ pid: z.int(), machine: z.string() });
type Holder = z.infer<typeof Holder>;

/** What a folder of one's own is called: see {@link uniqueName}. */
const ID = /^\d+-\d+-[0-9a-z]+$/;

/** What the system says when `lock` is there already; Windows says what may have other reasons, too. */
const HELD = new Set(["ENOTEMPTY", "EEXIST", "EPERM", "EACCES", "EBUSY"]);

export interface Lock {
  /** A folder for the holder alone; gone with the lock. */
  readonly scratch: string;
  /** Gives the lock back. Never throws: a lock that cannot be removed is taken for dead soon. */
  release(): Promise<void>;
}

/**
 * Waits for the lock of a folder, which is made if need be and removed again when nothing else is in it.
 * Throws a STORE error when a holder that is alive does not give it up within a minute, and Node's error when the
 * folder cannot be written to.
 */
export async function acquireLock(folder: string, signal?: AbortSignal): Promise<Lock> {
  const id = uniqueName();
  try {
    await waitFor(folder, id, signal);
  } catch (error) {
    await discard(join(folder, id));
    await removeEmpty(folder);
    throw error;
  }
  const lock = join(folder, "lock");
  const scratch = join(lock, id);
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(join(scratch, "holder"), now, now).catch(() => undefined);
  }, HEARTBEAT_MS);
  heartbeat.unref();
  await sweep(folder);
  return {
    scratch,
    release: async () => {
      clearInterval(heartbeat);
      await unlink(join(scratch, "holder")).catch(() => undefined);
      await rmdir(scratch).catch(() => discard(scratch));
      await rmdir(lock).catch(() => undefined);
      await removeEmpty(folder);
    },
  };
}

async function waitFor(folder: string, id: string, signal?: AbortSignal): Promise<void> {
  const own = join(folder, id);
  const lock = join(folder, "lock");
  const deadline = Date.now() + PATIENCE_MS;
  const isSilent = silenceWatch();
  let dead = "";
  let vain = 0;
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(LONGEST_WAIT_MS, wait * 2)) {
    signal?.throwIfAborted();
    await prepare(folder, id);
    const refusal = await rename(own, lock).catch((error: unknown) => ({
      error,
      code: systemCode(error) ?? "",
    }));
    if (refusal === undefined) return;
    if (!HELD.has(refusal.code)) throw refusal.error;

    const holder = await holderOf(lock);
    if (holder !== undefined && !holder.isGone && !holder.isBare && !isSilent(holder)) {
      vain = 0;
      if (Date.now() > deadline) {
        throw new ManifestError(
          "STORE",
          `${lock}: held by ${holder.name}; remove this folder if that is none of yours`,
          { subject: lock },
        );
      }
    } else {
      // Others take the lock in between, unless the file system refuses for reasons of its own, or a dead holder stays.
      if (holder === undefined || holder.folder === dead) vain++;
      if (vain > VAIN_TRIES || Date.now() > deadline) throw cannotLock(folder, refusal.error);
      dead = holder?.folder ?? "";
      if (holder !== undefined) await discard(holder.folder);
      // Windows renames to no existing folder, POSIX to an empty one. This removes none that is not empty.
      await rmdir(lock).catch(() => undefined);
      if (vain === 0) continue;
    }
    await sleep(wait * (0.5 + Math.random()), undefined, signal && { signal });
  }
}

function cannotLock(folder: string, cause: unknown): ManifestError {
  return new ManifestError(
    "STORE",
    `${folder}: cannot be locked, although nobody has the lock (${messageOf(cause)}); remove this folder, ` +
      "or pass --store DIR to keep lists on another file system",
    { cause, subject: folder },
  );
}

/** Makes `<folder>/<id>/<id>/holder`. Whoever releases the lock may remove the folder above it in between. */
async function prepare(folder: string, id: string): Promise<void> {
  const own = join(folder, id);
  if (await exists(join(own, id, "holder"))) return;
  for (let tries = 1; ; tries++) {
    try {
      const isNew = await makeFolders(folder);
      if (isNew) await giveToUser(folder);
      await mkdir(own);
      break;
    } catch (error) {
      if (systemCode(error) !== "ENOENT" || tries === PREPARE_TRIES) throw error;
    }
  }
  await mkdir(join(own, id));
  await writeFile(join(own, id, "holder"), JSON.stringify({ pid, machine: await machineName() }));
}

/** Gives what root makes in a user's store to that user, who could not change it otherwise. Only root can do that. */
async function giveToUser(folder: string): Promise<void> {
  const { uid, gid } = await stat(join(folder, "..", ".."));
  for (const path of [dirname(folder), folder]) await chown(path, uid, gid).catch(() => undefined);
}

interface FoundHolder {
  readonly folder: string;
  readonly name: string;
  /** Its process does not exist any more. */
  readonly isGone: boolean;
  /** It has no file: not yet, in a folder of its own; not any more, in `lock`, where it is being removed. */
  readonly isBare: boolean;
  /** Changes as long as it lives. */
  readonly pulse: string;
}

/** Who holds a lock, or wants to; undefined when nobody is in that folder. */
async function holderOf(lock: string): Promise<FoundHolder | undefined> {
  const [id] = (await readdir(lock).catch(ignoreMissing)) ?? [];
  if (id === undefined) return undefined;
  const file = join(lock, id, "holder");
  const text = await readFile(file, "utf8").catch(() => undefined);
  const touched = await stat(file).catch(() => undefined);
  const holder = parseHolder(text ?? "");
  return {
    folder: join(lock, id),
    name: holder === undefined ? "an unknown process" : `process ${holder.pid} of ${holder.machine}`,
    isGone: holder !== undefined && (await isGone(holder)),
    isBare: touched === undefined,
    pulse: `${id} ${touched?.mtimeMs}`,
  };
}

function parseHolder(text: string): Holder | undefined {
  try {
    return z.safeParse(Holder, JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Tells whether a holder has given no sign of life since it was first seen. */
function silenceWatch(): (holder: FoundHolder) => boolean {
  let last = { pulse: "", since: 0 };
  return ({ pulse }) => {
    const now = performance.now();
    if (pulse !== last.pulse) last = { pulse, since: now };
    return now - last.since > SILENCE_MS;
  };
}

async function isGone(holder: Holder): Promise<boolean> {
  if (holder.machine !== (await machineName())) return false;
  try {
    kill(holder.pid, 0);
    return false;
  } catch (error) {
    return systemCode(error) === "ESRCH";
  }
}

/**
 * Where a process number means the same process: containers may share a host name and not its processes.
 * https://man7.org/linux/man-pages/man7/pid_namespaces.7.html
 */
async function machineName(): Promise<string> {
  const namespace = await readlink("/proc/self/ns/pid").catch(() => "");
  return `${hostname()} ${namespace}`.trim();
}

/** Removes what was left by processes that were killed while they waited for the lock. */
async function sweep(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((one) => ID.test(one))) {
    const path = join(folder, name);
    const holder = await holderOf(path).catch(() => undefined);
    const made = await stat(path).catch(() => undefined);
    const isOld = made !== undefined && Date.now() - made.mtimeMs > LEFTOVER_MS;
    if (isOld || holder?.isGone === true) await discard(path);
  }
}

async function discard(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true }).catch(() => undefined);
}

/** Leaves no empty folders behind: neither a list's, nor the one for all of them. */
async function removeEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch(() => undefined);
  await rmdir(dirname(folder)).catch(() => undefined);
}
