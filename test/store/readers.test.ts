import { spawn } from "node:child_process";
import { once } from "node:events";
import type * as Fs from "node:fs/promises";
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type * as Timers from "node:timers/promises";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { DEFAULT_SETTINGS, emptyDraft } from "../../src/list/draft.js";
import { encodeEntry } from "../../src/list/entry.js";
import { acquireLock } from "../../src/store/lock.js";
import { carryOut } from "../../src/store/journal.js";
import { listPaths } from "../../src/store/listPaths.js";
import { planChange } from "../../src/store/change.js";
import { openStore } from "../../src/store/store.js";
import { readView } from "../../src/store/view.js";
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
  namesOf,
  place,
  remount,
  removing,
  SETTINGS,
  variantsOf,
  type Place,
} from "./place.js";

/** What happens while the store waits for somebody. */
const sleeping = vi.hoisted(() => ({ then: () => Promise.resolve() }));
vi.mock("node:timers/promises", async (original) => {
  const real = await original<typeof Timers>();
  return {
    ...real,
    setTimeout: async (...args: Parameters<typeof real.setTimeout>) => {
      await sleeping.then();
      return real.setTimeout(...args);
    },
  };
});

/** What happens just before a folder is listed. */
const listing = vi.hoisted(() => ({ before: () => Promise.resolve() }));
vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof Fs>();
  return {
    ...real,
    readdir: async (...args: Parameters<typeof real.readdir>) => {
      await listing.before();
      return real.readdir(...args);
    },
  };
});

let here: Place;
beforeEach(async () => {
  sleeping.then = listing.before = () => Promise.resolve();
  here = await place();
});

/** What a process leaves behind that is killed between the decision and the first step of carrying it out. */
async function leaveDecided(make: Parameters<Place["store"]["change"]>[1]): Promise<void> {
  const paths = listPaths(here.root, LIST);
  const view = await readView(LIST, paths);
  const before = view && {
    name: LIST,
    entries: view.stored.map(({ entry }) => entry),
    settings: DEFAULT_SETTINGS,
  };
  const { base, write, remove, record } = (await planChange(LIST, paths, view, make(before)!))!;
  const journal = { base, write: write.map(({ name }) => name), remove, drop: false };
  await mkdir(join(paths.commit, "files"), { recursive: true });
  for (const { name, encode } of write) await writeFile(join(paths.commit, "files", name), encode());
  const newRecord = record(base!)?.bytes;
  if (newRecord !== undefined) await writeFile(join(paths.commit, "record"), newRecord);
  await writeFile(join(paths.commit, "journal"), JSON.stringify(journal));
}

const change = (draft: Parameters<ReturnType<typeof changing>>[0]) => ({
  ...changing((all) =>
    adding(entryOf("x.example/late"))(removing(NAMES[0]!)(annotating(NAMES[1]!, "v8")(all))),
  )(draft),
  settings: SETTINGS,
});

async function expectChanged(): Promise<void> {
  const draft = await here.store.read(LIST);
  expect(namesOf(draft?.entries)).toEqual([NAMES[1], NAMES[2], "x.example/late:latest"]);
  expect(variantsOf(draft?.entries)).toEqual(["v8", "", ""]);
  expect(draft?.settings).toEqual(SETTINGS);
  expect(await here.store.readEntry(LIST, entries[0]!.ref)).toBeUndefined();
  expect(variantsOf([(await here.store.readEntry(LIST, entries[1]!.ref))!])).toEqual(["v8"]);
}

async function snapshot(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found.map(({ parentPath, name }) => join(parentPath, name)).sort();
}

describe("a change that is decided and not carried out", () => {
  it("is read as if it were, and reading leaves it as it is", async () => {
    await here.make();
    await leaveDecided(change);
    const before = await snapshot(here.root);
    await expectChanged();
    expect(await snapshot(here.root)).toEqual(before);
    expect(await readdir(here.folder)).toContain("x.example_app-amd64");
    // The next who changes anything carries it out.
    await here.store.change(LIST, (draft) => draft);
    await expectChanged();
    expect(await readdir(here.folder)).not.toContain("x.example_app-amd64");
    expect(await readdir(here.work)).toEqual(["record"]);
  });

  it("is read and carried out from any of its steps on", async () => {
    await here.make();
    await leaveDecided(change);
    const files = join(here.work, "commit", "files");
    await rename(join(here.work, "commit", "record"), join(here.work, "record"));
    await expectChanged();
    for (const name of await readdir(files)) {
      await rename(join(files, name), join(here.folder, name));
      await expectChanged();
    }
    await rm(here.fileOf(NAMES[0]!));
    await expectChanged();
    await here.store.change(LIST, (draft) => draft);
    await expectChanged();
    expect(await readdir(here.work)).toEqual(["record"]);
  });

  it("is void when docker has removed the list since", async () => {
    await here.make();
    await leaveDecided(change);
    await rm(here.folder, { recursive: true });
    expect(await here.store.read(LIST)).toBeUndefined();
    await here.make(entries.slice(0, 1));
    expect(await here.read()).toEqual(entries.slice(0, 1));
    expect(await readdir(here.work)).toEqual(["record"]);
  });

  it("is void when docker has made the list anew since", async () => {
    await here.make();
    await leaveDecided(change);
    await rm(here.folder, { recursive: true });
    await mkdir(here.folder);
    await writeFile(here.fileOf(NAMES[0]!), encodeEntry(entries[0]!));
    expect(await here.store.read(LIST)).toEqual({
      name: LIST,
      entries: entries.slice(0, 1),
      settings: DEFAULT_SETTINGS,
    });
    await here.store.change(LIST, changing(adding(entries[1]!)));
    expect(namesOf(await here.read())).toEqual(NAMES.slice(0, 2));
  });

  it("that cannot be carried out does not keep the list from being removed", async () => {
    await here.make();
    await leaveDecided(change);
    // What somebody has put in its way.
    await rm(here.fileOf(NAMES[1]!));
    await mkdir(join(here.fileOf(NAMES[1]!), "in the way"), { recursive: true });
    await expect(here.store.change(LIST, changing(adding(entries[0]!)))).rejects.toThrow(
      `${here.fileOf(NAMES[1]!)}: is a folder, not a file`,
    );
    await here.remove();
    expect(await readdir(here.root)).toEqual([]);
  });

  it.each([
    ["no journal", async (commit: string) => rm(join(commit, "journal"))],
    ["a journal that is none", async (commit: string) => writeFile(join(commit, "journal"), "{}")],
    [
      "a journal with a name that leads elsewhere",
      async (commit: string) => {
        const text = await readFile(join(commit, "journal"), "utf8");
        await writeFile(
          join(commit, "journal"),
          text.replace('"remove":[', '"remove":["../../../outside/keep",'),
        );
      },
    ],
  ])("with %s is refused, and named", async (_name, spoil) => {
    const outside = join(here.home, "outside");
    await mkdir(outside);
    await writeFile(join(outside, "keep"), "");
    await here.make();
    await leaveDecided(change);
    await spoil(join(here.work, "commit"));
    const message = /\/commit: not a change that this program could have begun; remove this folder$/;
    await expect(here.read()).rejects.toThrow(message);
    await expect(here.store.change(LIST, change)).rejects.toThrow(message);
    expect(await readdir(outside)).toEqual(["keep"]);
  });
});

describe("reading", () => {
  it("waits for no lock", async () => {
    await here.make();
    const lock = await acquireLock(here.work);
    const start = performance.now();
    expect(await here.read()).toEqual(entries);
    expect(performance.now() - start).toBeLessThan(1_000);
    await lock.release();
  });

  it("tells a file that is half written by docker from one that is broken", async () => {
    await here.make();
    const file = here.fileOf(NAMES[1]!);
    await writeFile(file, "");
    sleeping.then = () => writeFile(file, encodeEntry(asVariant(entries[1]!, "v8")));
    expect(variantsOf(await here.read())).toEqual(["", "v8", ""]);
  });

  it("is not misled by what is removed while it looks", async () => {
    await here.make();
    let looks = 0;
    listing.before = async () => {
      if (++looks !== 2) return;
      // Somebody has decided to remove two entries since, and removed one of them.
      await leaveDecided(changing(removing(NAMES[0]!, NAMES[1]!)));
      await rm(here.fileOf(NAMES[0]!));
    };
    expect(namesOf(await here.read())).toEqual([NAMES[2]]);
  });

  it(
    "sees one state of a list or the next, never a mixture, while others change it all the time",
    { timeout: 60_000 },
    async () => {
      const many = Array.from({ length: 12 }, (_, index) => entryOf(`x.example/app:t${index}`));
      const generation = (number: number) => many.map((entry) => asVariant(entry, `v${number}`));
      await here.make(generation(0));
      let writes = 0;
      let isOver = false;
      const writer = async () => {
        const store = openStore(here.root);
        while (!isOver) {
          const number = ++writes;
          const settings = { ...DEFAULT_SETTINGS, annotations: { generation: String(number) } };
          // Every third is another list altogether.
          const all = number % 3 === 0 ? generation(number).slice(6) : generation(number);
          await store.change(LIST, () => ({ ...emptyDraft(LIST), entries: all, settings }));
        }
      };
      const writers = [writer(), writer()];
      let reads = 0;
      try {
        while (reads < 300) {
          const draft = await here.store.read(LIST);
          const variants = new Set(variantsOf(draft?.entries));
          expect(variants.size).toBe(1);
          const number = draft?.settings.annotations["generation"] ?? "0";
          expect(variants).toEqual(new Set([`v${number}`]));
          expect(draft?.entries).toHaveLength(number !== "0" && Number(number) % 3 === 0 ? 6 : 12);
          reads++;
        }
      } finally {
        isOver = true;
        await Promise.all(writers);
      }
      expect(writes).toBeGreaterThan(10);
    },
  );
});

describe("a store that this process cannot write to", () => {
  it.runIf(mountable)("is read all the same, a change included that waits there (needs root)", async () => {
    await mountMemory(here.root, "1m");
    await here.make();
    await leaveDecided(change);
    remount(here.root, "ro");
    await expectChanged();
    remount(here.root, "rw");
    await here.store.change(LIST, (draft) => draft);
    await expectChanged();
  });

  it.runIf(process.getuid?.() === 0)("may be another user's (needs root)", async () => {
    await here.make(entries, SETTINGS);
    await chmod(here.home, 0o755);
    const script = join(here.home, "read.mjs");
    const { build } = await import("esbuild");
    await build({
      stdin: {
        contents: `
          import { openStore, parseReference } from "./src/index.js";
          const draft = await openStore(process.argv[2]).read(parseReference("x.example/multi/app:v1"));
          console.log(draft.entries.length, draft.settings.artifactType);`,
        resolveDir: process.cwd(),
        loader: "ts",
      },
      outfile: script,
      bundle: true,
      platform: "node",
      format: "esm",
      banner: {
        js: `import { createRequire } from "node:module"; const require = createRequire(import.meta.url);`,
      },
      logLevel: "error",
    });
    const node = join(here.home, "node");
    await copyFile(process.execPath, node);
    const child = spawn(node, [script, here.root], { uid: 65534, gid: 65534 });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk) => (output += String(chunk)));
    await once(child, "close");
    expect(output).toBe(`3 ${SETTINGS.artifactType}\n`);
  });
});

it("carrying out what nobody has decided does nothing", async () => {
  await here.make();
  const lock = await acquireLock(here.work);
  expect(await carryOut(listPaths(here.root, LIST), lock.scratch)).toBe(true);
  await lock.release();
  expect(await here.read()).toEqual(entries);
});
