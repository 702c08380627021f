import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { ManifestError } from "../../src/errors.js";
import { emptyDraft, type Draft } from "../../src/list/draft.js";
import { encodeEntry, type Entry } from "../../src/list/entry.js";
import { formatReference, parseReference } from "../../src/oci/reference.js";
import { findStored, openStore } from "../../src/store/store.js";
import { entryOf } from "../helpers/entries.js";
import {
  adding,
  annotating,
  asVariant,
  changing,
  entries,
  LIST,
  NAMES,
  namesOf,
  place,
  removing,
  variantsOf,
  type Place,
} from "./place.js";

let here: Place;
beforeEach(async () => {
  here = await place();
});

/** The identity of each file: which of them were written anew. */
async function inodes(folder: string): Promise<Record<string, number>> {
  const names = await readdir(folder);
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, (await stat(join(folder, name))).ino] as const)),
  );
}

describe("a list", () => {
  it("is written as docker writes it, and read back in the order of its file names", async () => {
    await here.make(entries.toReversed());
    expect(namesOf(await here.read())).toEqual(NAMES);
    // As many rights as the user's umask leaves.
    const [plainFile, plainFolder] = [join(here.home, "file"), join(here.home, "folder")];
    await writeFile(plainFile, "", { mode: 0o644 });
    await mkdir(plainFolder, { mode: 0o755 });
    for (const entry of entries) {
      const file = here.fileOf(formatReference(entry.ref));
      expect(await readFile(file)).toEqual(encodeEntry(entry));
      expect((await stat(file)).mode).toBe((await stat(plainFile)).mode);
    }
    expect((await stat(here.folder)).mode).toBe((await stat(plainFolder)).mode);
  });

  it("that is not there is undefined, and nothing is created to find out", async () => {
    expect(await here.store.read(LIST)).toBeUndefined();
    expect(await here.store.readEntry(LIST, LIST)).toBeUndefined();
    const seen: unknown[] = [];
    await here.store.change(LIST, (draft) => {
      seen.push(draft);
      return undefined;
    });
    expect(seen).toEqual([undefined]);
    const refuses = () => {
      throw new ManifestError("LIST_NOT_FOUND", "no such list");
    };
    await expect(here.store.change(LIST, refuses)).rejects.toThrow("no such list");
    await expect(stat(here.root)).rejects.toThrow("ENOENT");
  });

  it("is changed in one go: entries added, replaced and removed, and nothing else is written", async () => {
    await here.make();
    const before = await inodes(here.folder);
    const late = entryOf("x.example/late");
    await here.store.change(
      LIST,
      changing((all) => adding(late)(removing(NAMES[0]!)(annotating(NAMES[1]!, "v8")(all)))),
    );
    const after = await here.read();
    expect(namesOf(after)).toEqual([NAMES[1], NAMES[2], "x.example/late:latest"]);
    expect(variantsOf(after)).toEqual(["v8", "", ""]);
    expect((await inodes(here.folder))["x.example_app-s390x"]).toBe(before["x.example_app-s390x"]);
    expect((await inodes(here.folder))["x.example_app-arm64"]).not.toBe(before["x.example_app-arm64"]);
  });

  it("is not touched where the draft is the same, or says the same", async () => {
    await here.make();
    const [files, { mtimeMs }] = [await inodes(here.folder), await stat(here.folder)];
    const record = await stat(join(here.work, "record"));
    await here.store.change(LIST, (draft) => draft);
    await here.store.change(LIST, (draft) => draft && { ...draft });
    await here.make(entries.map((entry) => ({ ...entry })));
    expect(await inodes(here.folder)).toEqual(files);
    expect((await stat(here.folder)).mtimeMs).toBe(mtimeMs);
    expect((await stat(join(here.work, "record"))).ino).toBe(record.ino);
  });

  it("stays as it was when the change throws", async () => {
    await here.make();
    const fails = () => {
      throw new ManifestError("STORE", "no");
    };
    await expect(here.store.change(LIST, fails)).rejects.toThrow("no");
    expect(await here.read()).toEqual(entries);
    expect(await readdir(here.work)).toEqual(["record"]);
  });

  it("may have no entries", async () => {
    await here.make([]);
    expect(await here.read()).toEqual([]);
    await here.make();
    await here.store.change(
      LIST,
      changing(() => []),
    );
    expect(await here.read()).toEqual([]);
    expect(await readdir(here.folder)).toEqual([]);
  });

  it("is gone when it is removed, and nothing of ours is left", async () => {
    await here.make();
    await here.remove();
    expect(await here.read()).toBeUndefined();
    expect(await readdir(here.root)).toEqual([]);
    await here.make();
    expect(namesOf(await here.read())).toEqual(NAMES);
  });

  it("loses no change of several that come at the same time", async () => {
    await here.make([]);
    const many = Array.from({ length: 20 }, (_, index) => entryOf(`x.example/app:t${index}`));
    await Promise.all(many.map((entry) => openStore(here.root).change(LIST, changing(adding(entry)))));
    expect(new Set(namesOf(await here.read()))).toEqual(new Set(namesOf(many)));
  });

  it("survives being removed and made at once: it is whole or not there", async () => {
    for (let round = 0; round < 10; round++) {
      await here.make();
      const other = openStore(here.root);
      await Promise.all([
        other.change(LIST, () => undefined),
        here.make(),
        other.change(LIST, (draft) => draft ?? { ...emptyDraft(LIST), entries }),
        here.remove(),
      ]);
      const left = await here.read();
      expect([undefined, 3]).toContain(left?.length);
    }
  });

  it("is in the folder of a store with odd characters in its name", async () => {
    const odd = openStore(join(here.root, "a b'\"\\%2e\u00fc\u{1F680}\u001b[31m;$(x)", "manifests"));
    await odd.change(LIST, () => ({ ...emptyDraft(LIST), entries }));
    expect((await odd.read(LIST))?.entries).toEqual(entries);
    await odd.change(LIST, () => undefined);
    expect(await odd.read(LIST)).toBeUndefined();
  });
});

describe("one image for two platforms", () => {
  const [arm] = entries;
  const both = ["v6", "v7"].map((variant) => asVariant(arm!, variant));

  it("is two entries, in docker's file and one beside it", async () => {
    await here.make([...both, entries[2]!]);
    expect(await readdir(here.folder)).toEqual(
      expect.arrayContaining(["x.example_app-amd64", "x.example_app-amd64+2", "x.example_app-s390x"]),
    );
    expect(variantsOf(await here.read())).toEqual(["v6", "v7", ""]);
    expect(variantsOf([(await here.store.readEntry(LIST, arm!.ref))!])).toEqual(["v6"]);
  });

  it("can be told apart: either is changed and removed for itself", async () => {
    await here.make(both);
    await here.store.change(
      LIST,
      changing(([first, second]) => [first!, asVariant(second!, "v8")]),
    );
    expect(variantsOf(await here.read())).toEqual(["v6", "v8"]);
    await here.store.change(
      LIST,
      changing(([, second]) => [second!]),
    );
    expect(variantsOf(await here.read())).toEqual(["v8"]);
    expect(await readdir(here.folder)).toEqual(["x.example_app-amd64"]);
  });
});

describe("two lists with one folder", () => {
  const other = parseReference("x.example/multi_app:v1");

  it("are not mixed up: the second is refused, and both are named", async () => {
    await here.make();
    const message = "x.example/multi_app:v1 and x.example/multi/app:v1 share the folder";
    await expect(here.store.read(other)).rejects.toThrow(message);
    await expect(here.store.readEntry(other, entries[0]!.ref)).rejects.toThrow(message);
    await expect(here.store.change(other, () => emptyDraft(other))).rejects.toThrow(message);
    await expect(here.store.change(other, () => undefined)).rejects.toThrow(message);
    expect(await here.read()).toEqual(entries);
  });

  it("are anybody's when docker made the folder, also where ours was before", async () => {
    await here.make();
    await rename(here.folder, `${here.folder}.kept`);
    await mkdir(here.folder);
    await writeFile(here.fileOf(NAMES[0]!), encodeEntry(entries[0]!));
    expect((await here.store.read(other))?.entries).toEqual(entries.slice(0, 1));
  });

  it("can take turns", async () => {
    await here.make();
    await here.remove();
    await here.store.change(other, () => ({ ...emptyDraft(other), entries }));
    await expect(here.store.read(LIST)).rejects.toThrow("which holds x.example/multi_app:v1");
  });

  it("do not get into each other's way as entries either", async () => {
    const [one, two] = [entryOf("x.example/a/b:1"), entryOf("x.example/a_b:1")];
    const message = "x.example/a_b:1 and x.example/a/b:1 have the same file name";
    await expect(here.make([one, two])).rejects.toThrow(message);
    expect(await here.read()).toBeUndefined();
    await here.make([one]);
    await expect(here.store.change(LIST, changing(adding(two)))).rejects.toThrow(message);
    expect(await here.read()).toEqual([one]);
  });
});

describe("a file that somebody made by hand", () => {
  const byHand = () => join(here.folder, "by-hand");
  beforeEach(async () => {
    await here.make(entries.slice(0, 1));
    // docker finds this under the name of the file, and keeps it there.
    await writeFile(byHand(), encodeEntry(entries[1]!));
  });

  it("is listed by its name, and stays where it is when others are changed", async () => {
    expect(namesOf(await here.read())).toEqual([NAMES[1], NAMES[0]]);
    await here.store.change(LIST, changing(adding(entries[2]!)));
    expect((await readdir(here.folder)).sort()).toEqual([
      "by-hand",
      "x.example_app-amd64",
      "x.example_app-s390x",
    ]);
  });

  it("with another's name is found by the name of the file, as by docker", async () => {
    await rename(byHand(), here.fileOf(NAMES[2]!));
    const ref = parseReference(NAMES[2]!);
    expect(namesOf([(await here.store.readEntry(LIST, ref))!])).toEqual([NAMES[1]]);
    await here.store.change(LIST, (draft) => {
      const found = findStored(draft!, ref);
      const replace = (all: readonly (typeof entries)[0][]) =>
        all.map((entry) => (entry === found ? asVariant(entry, "v8") : entry));
      return changing(replace)(draft);
    });
    expect(variantsOf([(await here.store.readEntry(LIST, ref))!])).toEqual(["v8"]);
    expect(await readdir(here.folder)).toHaveLength(2);
    await expect(here.store.change(LIST, changing(adding(entries[2]!)))).rejects.toThrow(
      `${NAMES[2]} and ${NAMES[1]} have the same file name`,
    );
  });

  it("is not made like docker's unless it is changed", async () => {
    const indented = JSON.stringify(JSON.parse(String(encodeEntry(entries[1]!))), undefined, 2);
    await writeFile(byHand(), indented);
    await here.store.change(LIST, changing(adding(entries[2]!)));
    expect(await readFile(byHand(), "utf8")).toBe(indented);
    await here.store.change(LIST, changing(annotating(NAMES[1]!, "v8")));
    expect(await readFile(byHand(), "utf8")).not.toContain("\n");
  });
});

describe("the draft that a change gets", () => {
  it("is that of the lock: it is asked once", async () => {
    await here.make();
    const drafts: (Draft | undefined)[] = [];
    await here.store.change(LIST, (draft) => {
      drafts.push(draft);
      return changing(adding(entryOf("x.example/late")))(draft);
    });
    expect(drafts.map((draft) => draft?.entries.length)).toEqual([3]);
  });

  it("is asked for again when docker makes the list at the same time", async () => {
    const drafts: (number | undefined)[] = [];
    await here.store.change(LIST, (draft) => {
      drafts.push(draft?.entries.length);
      if (drafts.length === 1) {
        mkdirSync(here.folder, { recursive: true });
        writeFileSync(here.fileOf(NAMES[0]!), encodeEntry(entries[0]!));
      }
      return { ...(draft ?? emptyDraft(LIST)), entries: adding(entries[1]!)(draft?.entries ?? []) };
    });
    expect(drafts).toEqual([undefined, 1]);
    expect(namesOf(await here.read())).toEqual(NAMES.slice(0, 2));
  });

  it.each([
    ["one entry", annotating(NAMES[0]!, "v8")],
    ["several", (all: readonly Entry[]) => removing(NAMES[1]!)(annotating(NAMES[0]!, "v8")(all))],
  ])("is asked for again when docker has made the list anew since: %s", async (_name, edit) => {
    await here.make();
    const drafts: (readonly string[] | undefined)[] = [];
    await here.store.change(LIST, (draft) => {
      drafts.push(namesOf(draft?.entries));
      if (drafts.length === 1) {
        renameSync(here.folder, `${here.folder}.old`);
        mkdirSync(here.folder);
        writeFileSync(here.fileOf(NAMES[2]!), encodeEntry(entries[2]!));
      }
      return changing(edit)(draft);
    });
    expect(drafts).toEqual([NAMES, NAMES.slice(2)]);
    expect(await here.read()).toEqual(entries.slice(2));
  });

  it("is asked for again when docker has removed the list since", async () => {
    await here.make();
    let calls = 0;
    await here.store.change(LIST, (draft) => {
      // docker is faster, once.
      if (++calls === 1) rmSync(here.folder, { recursive: true });
      return draft && changing(annotating(NAMES[0]!, "v8"))(draft);
    });
    expect(calls).toBeGreaterThan(1);
    expect(await here.read()).toBeUndefined();
  });
});
