import { spawn } from "node:child_process";
import { once } from "node:events";
import { renameSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { parseReference } from "../../src/oci/reference.js";
import { acquireLock } from "../../src/store/lock.js";
import { openStore } from "../../src/store/store.js";
import { storeName } from "../../src/store/names.js";
import { entryOf } from "../helpers/entries.js";

const places: string[] = [];
afterAll(() => Promise.all(places.map((folder) => rm(folder, { recursive: true }))));

const ID = "00000000-0000-4000-8000-000000000000";

async function place(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "lock-"));
  places.push(folder);
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
  const folder = await place();
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
    const folder = await place();
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
    const folder = await place();
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
    const folder = await place();
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
    const folder = await place();
    await heldBy(folder, holder ?? (await thisMachine()));
    const time = await timeToGet(folder);
    expect(time).toBeGreaterThan(9_900);
    expect(time).toBeLessThan(15_000);
  });

  it("of another machine is respected as long as it is heard of, whatever its clock says", async () => {
    const folder = await place();
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

it("who was asleep and lost the lock changes nothing", async () => {
  const root = await mkdtemp(join(tmpdir(), "lock-"));
  const list = parseReference("x.example/multi/app");
  const entry = entryOf("x.example/app:a");
  const store = openStore(root);
  await store.write(list, [entry], "create");
  const work = join(root, ".tsmanifest", storeName(list));
  await expect(
    store.update(list, entry.ref, (before) => {
      // What the others do to a process that sleeps too long.
      renameSync(join(work, "lock"), join(work, "stolen"));
      return { ...before, descriptor: { ...before.descriptor, artifactType: "too/late" } };
    }),
  ).rejects.toThrow("lost its lock; nothing was changed");
  expect(await store.readList(list)).toEqual([entry]);
  await rm(root, { recursive: true });
});
