import type * as Fs from "node:fs/promises";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { openLayout } from "../../src/content/layout.js";
import type { Repository } from "../../src/content/repository.js";
import { hasCode } from "../../src/errors.js";
import { digestOf } from "../../src/oci/digest.js";
import { seedImage, seedList } from "../helpers/images.js";
import { writeImage } from "../helpers/layouts.js";

/**
 * Before each call that changes the disk, the process "ends" (that call and all after it fail), or just that call fails
 * as on a full disk, or the process sleeps while another one is at work.
 */
const disk = vi.hoisted(() => ({
  /** Changing calls before the fault; undefined: no fault. */
  left: undefined as number | undefined,
  calls: 0,
  isDead: false,
  meanwhile: undefined as (() => Promise<unknown>) | undefined,
}));

vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof Fs>();
  const stepping =
    <Args extends unknown[], Result>(call: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      disk.calls++;
      if (disk.left === undefined || disk.left-- > 0) return call(...args);
      if (disk.meanwhile !== undefined) {
        disk.left = undefined;
        await disk.meanwhile();
        return call(...args);
      }
      if (!disk.isDead) disk.left = undefined;
      throw Object.assign(new Error("the fault of the test"), { code: disk.isDead ? "EKILLED" : "ENOSPC" });
    };
  return {
    ...real,
    mkdir: stepping(real.mkdir),
    rename: stepping(real.rename),
    rm: stepping(real.rm),
    rmdir: stepping(real.rmdir),
    writeFile: stepping(real.writeFile),
    open: stepping(real.open),
  };
});

afterEach(() => {
  disk.left = undefined;
  vi.restoreAllMocks();
});

const images = [seedImage("app:amd64", { kind: "oci" }), seedImage("app:arm64", { kind: "oci" })];
const list = seedList(
  "app:v1",
  "oci",
  images.map((image) => ({ image })),
);

async function push(target: Repository): Promise<void> {
  for (const image of images) await writeImage(target, image);
  await writeImage(target, list, ["v1", "v2"]);
}

async function place(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "layout-crash-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return join(folder, "layout");
}

/** How many changes of the disk a push makes. */
async function steps(before: boolean): Promise<number> {
  const folder = await place();
  if (before) await writeImage(openLayout(folder), images[0]!, ["v1"]);
  disk.calls = 0;
  await push(openLayout(folder));
  return disk.calls;
}

/** A layout, or nothing that calls itself one; and nothing in it is half there. */
async function check(folder: string): Promise<void> {
  const names = await readdir(folder).catch((): string[] => []);
  if (!names.includes("oci-layout")) return;
  expect(JSON.parse(await readFile(join(folder, "oci-layout"), "utf8"))).toEqual({
    imageLayoutVersion: "1.0.0",
  });
  for (const name of await readdir(join(folder, "blobs", "sha256")).catch(() => [])) {
    expect(digestOf(await readFile(join(folder, "blobs", "sha256", name)))).toBe(`sha256:${name}`);
  }
  const layout = openLayout(folder);
  for (const tag of await layout.names()) {
    const root = await layout.get(tag);
    for (const child of root.children) await layout.get(child.digest);
  }
}

/** A clock by which whoever waits for a lock waits for seconds at a time. */
function hurry(): void {
  let now = Date.now();
  vi.spyOn(Date, "now").mockImplementation(() => (now += 3000));
}

describe.each([
  ["into a new layout", false],
  ["into one that there is, moving a tag", true],
])("a push %s", (_, before) => {
  it(
    "that is killed at any step leaves a layout that is valid, and that the next push completes",
    { timeout: 240_000 },
    async () => {
      const count = await steps(before);
      let failures = 0;
      for (let step = 0; step < count; step++) {
        const folder = await place();
        if (before) await writeImage(openLayout(folder), images[0]!, ["v1"]);
        Object.assign(disk, { left: step, isDead: true });
        // What only tidies up at the end may fail without anybody noticing.
        await push(openLayout(folder)).catch(() => failures++);
        Object.assign(disk, { left: undefined, isDead: false });
        await check(folder);
        hurry();
        await push(openLayout(folder));
        vi.restoreAllMocks();
        await check(folder);
        expect((await openLayout(folder).get("v1")).bytes).toEqual(list.body);
        expect(await openLayout(folder).names()).toEqual(["v1", "v2"]);
      }
      expect(failures).toBeGreaterThan(count - 5);
    },
  );

  it(
    "for which the disk is full at any step says so, and leaves nothing half-written",
    { timeout: 240_000 },
    async () => {
      const count = await steps(before);
      let failures = 0;
      for (let step = 0; step < count; step++) {
        const folder = await place();
        if (before) await writeImage(openLayout(folder), images[0]!, ["v1"]);
        Object.assign(disk, { left: step, isDead: false });
        const error: unknown = await push(openLayout(folder)).catch((thrown: unknown) => thrown);
        Object.assign(disk, { left: undefined });
        // What only tidies up may fail without anybody noticing.
        if (error !== undefined) {
          failures++;
          expect(hasCode(error, "STORE") && error.message).toMatch(/: no space left on the disk$/);
        }
        await check(folder);
        hurry();
        await push(openLayout(folder));
        vi.restoreAllMocks();
        expect((await openLayout(folder).get("v1")).bytes).toEqual(list.body);
      }
      expect(failures).toBeGreaterThan(10);
    },
  );

  it(
    "that sleeps at any step, and is taken for dead, neither loses a tag nor has its own lost",
    { timeout: 240_000 },
    async () => {
      const count = await steps(before);
      for (let step = 0; step < count; step++) {
        const folder = await place();
        if (before) await writeImage(openLayout(folder), images[0]!, ["v1"]);
        const meanwhile = async (): Promise<void> => {
          hurry();
          await writeImage(openLayout(folder), images[1]!, ["v3"]);
        };
        Object.assign(disk, { left: step, isDead: false, meanwhile });
        await push(openLayout(folder));
        Object.assign(disk, { left: undefined, meanwhile: undefined });
        vi.restoreAllMocks();
        expect(await openLayout(folder).names(), `step ${step}`).toEqual(["v1", "v2", "v3"]);
        await check(folder);
      }
    },
  );
});
