import { spawn } from "node:child_process";
import { once } from "node:events";
import { renameSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { carryOut } from "../../src/store/journal.js";
import { listPaths } from "../../src/store/listPaths.js";
import { acquireLock } from "../../src/store/lock.js";
import { storeName } from "../../src/store/names.js";
import { readView } from "../../src/store/view.js";
import { annotating, changing, entries, LIST, NAMES, place } from "./place.js";

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

const ID = "00000000-0000-4000-8000-000000000000";

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "lock-"));
  folders.push(folder);
  return join(folder, "private", "list");
}

/** The lock of another process, as it says itself. */
async function heldBy(folder: string, holder: string): Promise<string> {
  const file = join(folder, "lock", ID, "holder");
  await mkdir(join(folder, "lock", ID), { recursive: true });
  await writeFile(file, holder);
  return file;
}

/** A process number that belonged to somebody and belongs to nobody. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ["--version"], { stdio: "ignore" });
  await once(child, "exit");
  return child.pid ?? 0;
}

async function thisMachine(): Promise<string> {
  const folder = await newFolder();
  const lock = await acquireLock(folder);
  const holder = await readFile(join(lock.scratch, "holder"), "utf8");
  await lock.release();
  expect(holder).toContain(hostname());
  return holder;
}

/** How long it takes to get the lock; it is given back. */
async function timeToGet(folder: string): Promise<number> {
  const start = performance.now();
  await (await acquireLock(folder)).release();
  return performance.now() - start;
}

describe.concurrent("a lock", () => {
  it("is had by one at a time, and leaves nothing behind", async () => {
    const folder = await newFolder();
    let inside = 0;
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const lock = await acquireLock(folder);
        inside++;
        if (inside > 1) throw new Error("two have the lock");
        await writeFile(join(lock.scratch, "file"), "");
        inside--;
        await lock.release();
      }),
    );
    await expect(readdir(join(folder, ".."))).rejects.toThrow("ENOENT");
  });

  it("of a process of this machine that is gone is taken at once, with what it left", async () => {
    const folder = await newFolder();
    const holder = (await thisMachine()).replace(/"pid":\d+/, `"pid":${await deadPid()}`);
    await writeFile(join((await heldBy(folder, holder)).replace("holder", ""), "half-written"), "");
    // One that was killed while it waited.
    const waiting = "999999-1700000000000-x1";
    await mkdir(join(folder, waiting, waiting), { recursive: true });
    await writeFile(join(folder, waiting, waiting, "holder"), holder);
    expect(await timeToGet(folder)).toBeLessThan(2_000);
    await expect(readdir(folder)).rejects.toThrow("ENOENT");
  });

  it("whose holder was being removed, or that is empty, is taken at once", async () => {
    const folder = await newFolder();
    await mkdir(join(folder, "lock", ID, "files"), { recursive: true });
    expect(await timeToGet(folder)).toBeLessThan(2_000);
    await mkdir(join(folder, "lock"), { recursive: true });
    expect(await timeToGet(folder)).toBeLessThan(2_000);
  });

  it.each([
    ["another machine", JSON.stringify({ pid: 1, machine: "elsewhere" })],
    ["nobody knows whom", "\0\0\0"],
    ["a process that got a dead one's number", undefined],
  ])("of %s is taken when nothing was heard of it for ten seconds", async (_name, holder) => {
    const folder = await newFolder();
    await heldBy(folder, holder ?? (await thisMachine()));
    const time = await timeToGet(folder);
    expect(time).toBeGreaterThan(9_900);
    expect(time).toBeLessThan(15_000);
  });

  it("of another machine is respected as long as it is heard of, whatever its clock says", async () => {
    const folder = await newFolder();
    const file = await heldBy(folder, JSON.stringify({ pid: 1, machine: "elsewhere" }));
    let beats = 0;
    const heart = setInterval(() => {
      void utimes(file, 1, ++beats);
    }, 2_000);
    const waiting = new AbortController();
    setTimeout(() => {
      waiting.abort();
    }, 13_000);
    await expect(acquireLock(folder, waiting.signal)).rejects.toThrow("abort");
    clearInterval(heart);
    expect(await readdir(folder)).toEqual(["lock"]);
  });
});

describe("who was asleep and lost the lock", () => {
  it("changes nothing", async () => {
    const here = await place();
    await here.make();
    await expect(
      here.store.change(LIST, (draft) => {
        // What the others do to a process that sleeps too long.
        renameSync(join(here.work, "lock"), join(here.work, "stolen"));
        return changing(annotating(NAMES[0]!, "v8"))(draft);
      }),
    ).rejects.toThrow("lost its lock; nothing was changed");
    expect(await here.read()).toEqual(entries);
  });

  it("removes nothing", async () => {
    const here = await place();
    await here.make();
    await expect(
      here.store.change(LIST, () => {
        renameSync(join(here.work, "lock"), join(here.work, "stolen"));
        return undefined;
      }),
    ).rejects.toThrow("lost its lock; nothing was changed");
    expect(await here.read()).toEqual(entries);
  });

  it("while it carried out a change takes nothing away from who came after it", async () => {
    const here = await place();
    await here.make();
    const paths = listPaths(here.root, LIST);
    const lock = await acquireLock(here.work);
    const { base } = (await readView(LIST, paths))!;
    const remove = [storeName(entries[0]!.ref)];
    // Between the decision and the first step.
    const journal = { base, write: [], remove, drop: false };
    await mkdir(paths.commit);
    await writeFile(join(paths.commit, "journal"), JSON.stringify(journal));
    await rename(join(here.work, "lock"), join(here.work, "stolen"));
    await carryOut(paths, lock.scratch);
    expect(await readdir(here.folder)).toHaveLength(3);
    expect(await here.read()).toEqual(entries.slice(1));
    await lock.release();
    // Who comes after it does what was decided.
    await here.store.change(LIST, (draft) => draft);
    expect(await readdir(here.folder)).toHaveLength(2);
  });
});
