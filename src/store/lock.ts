import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rm, rmdir, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
// The one fact about processes that a lock is made of: is the holder alive?
import { kill, pid } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod/mini";
import { codeOf, StoreError } from "../errors.js";

/**
 * A lock across processes: a file that only one can create. It dies with its holder. A process of this machine that
 * is gone has lost it at once; one that cannot be asked (another machine or container on the same folder) when it
 * has not touched the file for {@link STALE_MS}.
 */
const HEARTBEAT_MS = 2_000;
const STALE_MS = 10_000;
const FIRST_WAIT_MS = 5;
const LONGEST_WAIT_MS = 100;
/** How long to wait for a holder that is alive. */
const PATIENCE_MS = 60_000;

const Holder = z.object({ id: z.string(), pid: z.int(), host: z.string() });

/**
 * Runs `work` while no other process runs work under the same lock. The folders above the file are made.
 * Throws a StoreError when the holder does not give up the lock within a minute.
 */
export async function withLock<Result>(
  file: string,
  work: () => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  await acquire(file, signal);
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(file, now, now).catch(() => undefined);
  }, HEARTBEAT_MS);
  heartbeat.unref();
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    await rm(file, { force: true });
    // Leaves no empty folders behind; one that is in use is not empty.
    await rmdir(dirname(file)).catch(() => undefined);
  }
}

async function acquire(file: string, signal?: AbortSignal): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(LONGEST_WAIT_MS, wait * 2)) {
    signal?.throwIfAborted();
    if (await create(file, { id: randomUUID(), pid, host: hostname() })) return;
    const stale = await staleHolder(file);
    if (stale !== undefined) {
      await takeAway(file, stale);
      continue;
    }
    if (Date.now() > deadline) {
      throw new StoreError(`${file}: another process holds this lock; remove the file if there is none`);
    }
    await sleep(wait * (0.5 + Math.random()), undefined, signal && { signal });
  }
}

/** Creates the file with the holder in it, or tells that it exists. */
async function create(file: string, holder: z.infer<typeof Holder>): Promise<boolean> {
  for (;;) {
    try {
      await mkdir(dirname(file), { recursive: true });
      const handle = await open(file, "wx");
      await handle.writeFile(JSON.stringify(holder));
      await handle.close();
      return true;
    } catch (error) {
      if (codeOf(error) === "EEXIST") return false;
      // Windows denies access to a file that is being deleted; another process may have removed the empty folder.
      if (codeOf(error) !== "ENOENT") throw error;
    }
  }
}

/** What identifies the holder, if it is dead; undefined if it lives, or if the lock is gone. */
async function staleHolder(file: string): Promise<string | undefined> {
  try {
    const text = await readFile(file, "utf8");
    const age = Date.now() - (await stat(file)).mtimeMs;
    const holder = z.safeParse(Holder, text === "" ? undefined : JSON.parse(text));
    if (age > STALE_MS) return holder.success ? holder.data.id : "unreadable";
    // Created a moment ago, not written yet.
    if (!holder.success) return undefined;
    return holder.data.host === hostname() && !isAlive(holder.data.pid) ? holder.data.id : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(other: number): boolean {
  try {
    kill(other, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== "ESRCH";
  }
}

/**
 * Removes the lock of a dead holder. Of all who saw it dead only one may, or the second would remove the lock that
 * the first has taken since; the one is who creates the file named after the dead holder.
 */
async function takeAway(file: string, holder: string): Promise<void> {
  const claim = `${file}.${holder}`;
  const handle = await open(claim, "wx").catch(() => undefined);
  if (handle === undefined) {
    // Whoever claimed it died before finishing, if this is old.
    const age = Date.now() - (await stat(claim).catch(() => ({ mtimeMs: Date.now() }))).mtimeMs;
    if (age > STALE_MS) await rm(claim, { force: true });
    await sleep(FIRST_WAIT_MS);
    return;
  }
  await handle.close();
  if ((await staleHolder(file)) === holder) await rm(file, { force: true });
  await rm(claim, { force: true });
}
