import type * as Fs from "node:fs/promises";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, expect, it, vi } from "vitest";
import { acquireLock } from "../../src/store/lock.js";
import { entries, LIST, mountable, mountMemory, place, type Place } from "./place.js";

/** A file system with opinions: what it says to a rename to `lock`, and to the removal of what is in there. */
const opinion = vi.hoisted(() => ({ renaming: undefined as string | undefined, isRemoving: true }));

vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof Fs>();
  return {
    ...real,
    rename: async (from: string, to: string) => {
      if (opinion.renaming === undefined || !to.endsWith("lock")) return real.rename(from, to);
      throw Object.assign(new Error(`${opinion.renaming}: not here`), { code: opinion.renaming, path: from });
    },
    rm: async (path: string, options: object) => {
      if (opinion.isRemoving || !path.includes("lock")) return real.rm(path, options);
      throw Object.assign(new Error("EPERM: not yours"), { code: "EPERM", path });
    },
  };
});

let here: Place;
beforeEach(async () => {
  opinion.renaming = undefined;
  opinion.isRemoving = true;
  here = await place();
});

async function expectRefusal(): Promise<void> {
  const start = performance.now();
  await expect(here.make()).rejects.toThrow(`${here.work}: cannot be locked, although nobody has the lock`);
  expect(performance.now() - start).toBeLessThan(15_000);
}

it.each(["EPERM", "EACCES", "EBUSY", "EEXIST", "ENOTEMPTY"])(
  "a file system that refuses the lock's rename by %s is given up and named",
  async (code) => {
    opinion.renaming = code;
    await expectRefusal();
    expect(await readdir(here.root)).toEqual([]);
  },
);

it("a dead holder's lock that cannot be removed is given up and named", async () => {
  const id = "1-1-dead";
  await mkdir(join(here.work, "lock", id), { recursive: true });
  await writeFile(join(here.work, "lock", id, "left-behind"), "");
  opinion.isRemoving = false;
  await expectRefusal();
});

it.runIf(mountable)("a lock that is a mount point is given up and named (needs root)", async () => {
  await mountMemory(join(here.work, "lock"), "1m");
  await expectRefusal();
});

it("a refusal that passes is waited for", async () => {
  opinion.renaming = "EBUSY";
  setTimeout(() => (opinion.renaming = undefined), 300);
  await here.make();
  expect((await here.store.read(LIST))?.entries).toEqual(entries);
  await (await acquireLock(here.work)).release();
});
