import type * as Fs from "node:fs/promises";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import type * as Process from "node:process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { parseReference } from "../../src/oci/reference.js";
import { storeName } from "../../src/store/names.js";
import { openStore, type Store } from "../../src/store/store.js";
import { entryOf } from "../helpers/entries.js";

/**
 * What the kill test tries at random, at every single step: before each call that changes the disk, the process "ends"
 * (that call and all after it fail), or just that call fails as on a full disk. The store's own process number is that
 * of a process that is gone, so that the next one takes its lock.
 */
const disk = vi.hoisted(() => ({
  /** Changing calls before the fault; undefined: no fault. */
  left: undefined as number | undefined,
  calls: 0,
  isDead: false,
  fault: "ENOSPC",
}));

const pid = await vi.hoisted(async () => {
  const { spawnSync } = await import("node:child_process");
  return spawnSync(process.execPath, ["--version"]).pid;
});
vi.mock("node:process", async (original) => ({
  ...(await original<typeof Process>()),
  pid,
}));

vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof Fs>();
  const step = (): void => {
    disk.calls++;
    if (disk.left === undefined) return;
    if (disk.left-- > 0) return;
    if (!disk.isDead) disk.left = undefined;
    throw Object.assign(new Error("the fault of the test"), { code: disk.isDead ? "EKILLED" : disk.fault });
  };
  const stepping =
    <Args extends unknown[], Result>(call: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      step();
      return call(...args);
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

const LIST = parseReference("x.example/multi/app:v1");
const entries = ["amd64", "arm64", "s390x", "riscv64"].map((tag) => entryOf(`x.example/app:${tag}`));
const [first, second] = [entries.slice(0, 2), entries];
const annotated = parseReference("x.example/app:arm64");

interface Scenario {
  readonly name: string;
  readonly before: (store: Store) => Promise<void>;
  readonly run: (store: Store) => Promise<void>;
}

const scenarios: readonly Scenario[] = [
  {
    name: "create",
    before: () => Promise.resolve(),
    run: (store) => store.write(LIST, second, "create"),
  },
  {
    name: "create --amend",
    before: (store) => store.write(LIST, first, "create"),
    run: (store) => store.write(LIST, second, "amend"),
  },
  {
    name: "annotate",
    before: (store) => store.write(LIST, second, "create"),
    run: (store) =>
      store.update(LIST, annotated, (entry) => ({
        ...entry,
        descriptor: { ...entry.descriptor, platform: { ...entry.descriptor.platform!, variant: "v8" } },
      })),
  },
  {
    name: "rm",
    before: (store) => store.write(LIST, second, "create"),
    run: async (store) => {
      await store.remove(LIST);
    },
  },
];

async function prepared({ before }: Scenario) {
  const root = await mkdtemp(join(tmpdir(), "crash-"));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  disk.left = undefined;
  const store = openStore(root);
  await before(store);
  const old = await store.readList(LIST);
  return { root, store, old };
}

/** What a scenario makes of a list, and in how many steps. */
async function rehearse(scenario: Scenario) {
  const { store } = await prepared(scenario);
  disk.calls = 0;
  await scenario.run(store);
  return { steps: disk.calls, result: await store.readList(LIST) };
}

async function hasOnlyEntries(root: string): Promise<void> {
  const names = await readdir(join(root, storeName(LIST))).catch(() => []);
  const expected = entries.map(({ ref }) => storeName(ref));
  expect(names.filter((name) => !expected.includes(name))).toEqual([]);
}

describe.each(scenarios)("$name", (scenario) => {
  it("killed before any of its steps changes all or nothing, and is completed by being run again", async () => {
    const { steps, result } = await rehearse(scenario);
    expect(steps).toBeGreaterThan(5);
    for (let step = 0; step < steps; step++) {
      const { root, store, old } = await prepared(scenario);
      disk.isDead = true;
      disk.left = step;
      await scenario.run(store).catch(() => undefined);
      disk.left = undefined;
      await hasOnlyEntries(root);

      const next = openStore(root);
      const found = await next.readList(LIST);
      expect([old, result], `killed before step ${step}`).toContainEqual(found);
      await scenario.run(next).catch((error: unknown) => {
        // Done already: it was killed while tidying up.
        expect(found).toEqual(result);
        expect(String(error)).toMatch(/refusing to amend|No such manifest/);
      });
      expect(await next.readList(LIST)).toEqual(result);
      await hasOnlyEntries(root);
    }
  });

  it.each(["ENOSPC", "EACCES"])(
    "that fails by %s in any of its steps changes all or nothing",
    async (code) => {
      const { steps, result } = await rehearse(scenario);
      for (let step = 0; step < steps; step++) {
        const { root, store, old } = await prepared(scenario);
        disk.isDead = false;
        disk.fault = code;
        disk.left = step;
        const failure: unknown = await scenario.run(store).catch((error: unknown) => error);
        disk.left = undefined;
        const found = await store.readList(LIST);
        expect([old, result], `${code} in step ${step}`).toContainEqual(found);
        if (failure === undefined) expect(found).toEqual(result);
        await hasOnlyEntries(root);
        // Where there is no list any more, nobody took the lock again.
        if (found === undefined) continue;
        const left = await readdir(join(root, ".tsmanifest", storeName(LIST))).catch(() => []);
        expect(left.filter((name) => name !== "name")).toEqual([]);
      }
    },
  );
});
