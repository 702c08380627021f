import type * as Fs from "node:fs/promises";
import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import type * as Process from "node:process";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { emptyDraft, type Draft } from "../../src/list/draft.js";
import { encodeEntry } from "../../src/list/entry.js";
import { openStore } from "../../src/store/store.js";
import { entryOf } from "../helpers/entries.js";
import {
  adding,
  annotating,
  asVariant,
  changing,
  entries,
  LIST,
  mountable,
  mountMemory,
  NAMES,
  place,
  removing,
  SETTINGS,
  type Place,
} from "./place.js";

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
    copyFile: stepping(real.copyFile),
    chmod: stepping(real.chmod),
    open: stepping(real.open),
  };
});

interface Scenario {
  readonly name: string;
  readonly before?: (here: Place) => Promise<void>;
  readonly change: (draft: Draft | undefined) => Draft | undefined;
  /** Steps that are only about rights, whose failure is not one of the change. */
  readonly isMountable?: boolean;
}

const late = entryOf("x.example/late");
const everything = (draft: Draft | undefined): Draft => ({
  ...changing((all) => [
    ...removing(NAMES[0]!, "x.example/late:latest")(annotating(NAMES[1]!, "v8")(all)),
    ...[late, asVariant(late, "v2")],
  ])(draft),
  settings: SETTINGS,
});

/** As docker leaves it; behind a link, if that is given. */
async function madeByDocker(here: Place, target?: string): Promise<void> {
  await mkdir(here.root, { recursive: true });
  if (target === undefined) await mkdir(here.folder);
  else await symlink(target, here.folder);
  for (const [index, name] of NAMES.entries()) {
    await writeFile(here.fileOf(name), encodeEntry(entries[index]!));
  }
}

const scenarios: readonly Scenario[] = [
  { name: "a new list", change: () => ({ ...emptyDraft(LIST), entries, settings: SETTINGS }) },
  {
    name: "more entries",
    before: (here) => here.make(entries.slice(0, 1)),
    change: changing((all) => (all.length === 1 ? adding(...entries.slice(1))(all) : all)),
  },
  { name: "another platform", before: (here) => here.make(), change: changing(annotating(NAMES[1]!, "v8")) },
  { name: "settings alone", before: madeByDocker, change: (draft) => ({ ...draft!, settings: SETTINGS }) },
  { name: "everything at once", before: (here) => here.make(), change: everything },
  { name: "everything at once, of docker's list", before: madeByDocker, change: everything },
  {
    name: "everything at once, on another file system",
    isMountable: true,
    before: async (here) => {
      const outside = join(here.home, "outside");
      await mountMemory(outside, "1m");
      await madeByDocker(here, outside);
    },
    change: everything,
  },
  { name: "no list", before: (here) => here.make(entries, SETTINGS), change: () => undefined },
];

const KNOWN = ["x.example_app-amd64", "x.example_app-arm64", "x.example_app-s390x", "x.example_late-latest"];

async function prepared({ before }: Scenario) {
  disk.left = undefined;
  const here = await place();
  await before?.(here);
  return { here, old: await here.store.read(LIST) };
}

/** What a scenario makes of a list, and in how many steps. */
async function rehearse(scenario: Scenario) {
  const { here } = await prepared(scenario);
  disk.calls = 0;
  await here.store.change(LIST, scenario.change);
  return { steps: disk.calls, result: await here.store.read(LIST) };
}

/** docker sees nothing in the list but entries, and nothing of ours stays behind. */
async function hasOnlyEntries(here: Place): Promise<void> {
  const names = await readdir(here.folder).catch(() => []);
  expect(names.filter((name) => !KNOWN.includes(name.replace(/\+2$/, "")))).toEqual([]);
}

async function isTidy(here: Place, mayStay = /^record$/): Promise<void> {
  // Where there is no list, nobody takes the lock to find that out.
  await here.store.change(LIST, (draft) => draft ?? emptyDraft(LIST));
  const left = await readdir(here.work).catch(() => []);
  expect(left.filter((name) => !mayStay.test(name))).toEqual([]);
}

describe.each(scenarios.filter((one) => mountable || one.isMountable !== true))("$name", (scenario) => {
  const { change } = scenario;

  it(
    "killed before any of its steps changes all or nothing, and is completed by being run again",
    { timeout: 120_000 },
    async () => {
      const { steps, result } = await rehearse(scenario);
      expect(steps).toBeGreaterThan(5);
      for (let step = 0; step < steps; step++) {
        const { here, old } = await prepared(scenario);
        disk.isDead = true;
        disk.left = step;
        await here.store.change(LIST, change).catch(() => undefined);
        disk.left = undefined;
        await hasOnlyEntries(here);

        const next = openStore(here.root);
        const found = await next.read(LIST);
        expect([old, result], `killed before step ${step}`).toContainEqual(found);
        expect((await next.readEntry(LIST, entries[1]!.ref)) ?? undefined).toEqual(
          found?.entries.find(({ ref }) => ref.tag === "arm64"),
        );
        await next.change(LIST, change);
        expect(await next.read(LIST), `killed before step ${step}`).toEqual(result);
        await hasOnlyEntries(here);
        // Who was killed before it said who it is may still be alive for all that anybody knows, for an hour.
        await isTidy(here, /^record$|^\d+-\d+-\w+$/);
      }
    },
  );

  it.each(["ENOSPC", "EACCES"])(
    "that fails by %s in any of its steps changes all or nothing",
    { timeout: 120_000 },
    async (code) => {
      const { steps, result } = await rehearse(scenario);
      for (let step = 0; step < steps; step++) {
        const { here, old } = await prepared(scenario);
        disk.isDead = false;
        disk.fault = code;
        disk.left = step;
        const failure: unknown = await here.store.change(LIST, change).catch((error: unknown) => error);
        disk.left = undefined;
        const found = await here.store.read(LIST);
        expect([old, result], `${code} in step ${step}`).toContainEqual(found);
        if (failure === undefined) expect(found).toEqual(result);
        else expect(failure).toMatchObject({ code: "STORE" });
        await hasOnlyEntries(here);
        await isTidy(here);
      }
    },
  );
});
