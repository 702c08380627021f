import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { DEFAULT_SETTINGS, type Draft } from "../../src/list/draft.js";
import { encodeEntry, type Entry } from "../../src/list/entry.js";
import { openStore, type Store } from "../../src/store/store.js";
import { entryOf } from "../helpers/entries.js";
import {
  adding,
  annotating,
  changing,
  entries,
  LIST,
  NAMES,
  place,
  removing,
  SETTINGS,
  type Place,
} from "./place.js";

let here: Place;
beforeEach(async () => {
  here = await place();
});

const record = () => join(here.work, "record");
const setting = (draft: Draft | undefined): Draft => ({
  ...changing((all) => all)(draft),
  settings: SETTINGS,
});
const settings = async () => (await here.store.read(LIST))?.settings;

/** docker's `rm` and `create`. */
async function remakeByDocker(): Promise<void> {
  await rm(here.folder, { recursive: true, force: true });
  await mkdir(here.folder, { recursive: true });
  for (const [index, name] of NAMES.entries()) {
    await writeFile(here.fileOf(name), encodeEntry(entries[index]!));
  }
}

const recordId = async (): Promise<string> =>
  z.object({ id: z.string() }).parse(JSON.parse(await readFile(record(), "utf8"))).id;

/** The store, file by file, elsewhere. */
async function copied(): Promise<Store> {
  const copy = `${here.root}-copy`;
  await cp(here.root, copy, { recursive: true });
  return openStore(copy);
}

describe("the settings of a list", () => {
  it("are the usual ones unless they are set, and set again they are the usual ones", async () => {
    await here.make();
    expect(await settings()).toEqual(DEFAULT_SETTINGS);
    await here.store.change(LIST, setting);
    expect(await settings()).toEqual(SETTINGS);
    expect(await here.read()).toEqual(entries);
    await here.make();
    expect(await settings()).toEqual(DEFAULT_SETTINGS);
  });

  it("stay when entries are added, changed and removed", async () => {
    await here.make(entries.slice(0, 2), SETTINGS);
    await here.store.change(LIST, changing(adding(entries[2]!)));
    await here.store.change(LIST, changing(annotating(NAMES[1]!, "v8")));
    await here.store.change(LIST, changing(removing(NAMES[0]!)));
    expect(await settings()).toEqual(SETTINGS);
  });

  it("are out of docker's sight, and gone with the list", async () => {
    await here.make(entries, SETTINGS);
    expect(await readdir(here.folder)).toHaveLength(3);
    expect((await stat(record())).mode & 0o133).toBe(0);
    await here.remove();
    expect(await readdir(here.root)).toEqual([]);
    await here.make();
    expect(await settings()).toEqual(DEFAULT_SETTINGS);
  });

  it("count for nothing when docker has removed the list, and made it again", async () => {
    await here.make(entries, SETTINGS);
    await rm(here.folder, { recursive: true });
    expect(await here.store.read(LIST)).toBeUndefined();
    await remakeByDocker();
    expect(await here.store.read(LIST)).toEqual({ name: LIST, entries, settings: DEFAULT_SETTINGS });
    await here.store.change(LIST, changing(annotating(NAMES[1]!, "v8")));
    expect(await settings()).toEqual(DEFAULT_SETTINGS);
  });

  it("of a list that docker made are kept from the first change that needs it on", async () => {
    await remakeByDocker();
    await here.store.change(LIST, changing(annotating(NAMES[1]!, "v8")));
    expect(await readdir(here.root)).toEqual(["x.example_multi_app-v1"]);
    await here.store.change(LIST, setting);
    expect(await settings()).toEqual(SETTINGS);
  });

  it("change no byte of docker's files but the name of their record, in one of them", async () => {
    await here.make();
    await here.store.change(LIST, setting);
    const [first, ...rest] = await Promise.all(NAMES.map((name) => readFile(here.fileOf(name), "utf8")));
    expect(first).toBe(
      encodeEntry(entries[0]!)
        .toString()
        .replace(/}$/, `,"TsmanifestRecord":"${await recordId()}"}`),
    );
    expect(rest).toEqual(entries.slice(1).map((entry) => encodeEntry(entry).toString()));
  });

  it("are those of a copy of the store too, also where docker has annotated an entry", async () => {
    await here.make(entries, SETTINGS);
    const [, annotated] = annotating(NAMES[1]!, "v8")(entries);
    await writeFile(here.fileOf(NAMES[1]!), encodeEntry(annotated!));
    const copy = await copied();
    expect((await copy.read(LIST))?.settings).toEqual(SETTINGS);
    await copy.change(LIST, changing(removing(NAMES[0]!)));
    expect((await copy.read(LIST))?.settings).toEqual(SETTINGS);
  });

  it("of a list without such settings leave docker's files as docker would write them", async () => {
    await here.make();
    await here.store.change(LIST, changing(annotating(NAMES[1]!, "v8")));
    for (const name of NAMES) expect(await readFile(here.fileOf(name), "utf8")).not.toContain("Tsmanifest");
  });
});

describe("where an entry came from", () => {
  const ref = entryOf("x.example/multi/app:layout").ref;
  const fromLayout: Entry = {
    ...entryOf("x.example/multi/app:layout"),
    source: { kind: "layout", folder: "/work/out : ü" },
  };
  const fromIndex: Entry = { ...entries[0]!, origins: ["x.example/index:v1"] };
  const fromElsewhere: Entry = {
    ...entries[1]!,
    source: { kind: "registry", domain: "127.0.0.1:5000", path: "team/app" },
    origins: ["oci-layout:///work/out:v1"],
  };

  it("is remembered where docker's file does not say it", async () => {
    const all = [fromIndex, fromElsewhere, entries[2]!, fromLayout];
    await here.make(all);
    expect(await here.read()).toEqual(all);
    expect(await here.store.readEntry(LIST, ref)).toEqual(fromLayout);
    expect((await (await copied()).read(LIST))?.entries).toEqual(all);
  });

  it("is remembered of a list that docker made, and of what it adds", async () => {
    await remakeByDocker();
    await here.store.change(LIST, changing(adding(fromLayout)));
    expect(await here.read()).toEqual([...entries, fromLayout]);
  });

  it("stays when docker annotates the entry, and goes when its file holds another image", async () => {
    await here.make([fromIndex]);
    const [annotated] = annotating(NAMES[0]!, "v8")(entries);
    await writeFile(here.fileOf(NAMES[0]!), encodeEntry(annotated!));
    expect(await here.read()).toEqual([{ ...annotated, origins: ["x.example/index:v1"] }]);
    const rebuilt = entryOf(NAMES[0]!, { seed: "rebuilt" });
    await writeFile(here.fileOf(NAMES[0]!), encodeEntry(rebuilt));
    expect(await here.read()).toEqual([rebuilt]);
  });

  it("can change alone, without a file being written", async () => {
    await here.make(entries, SETTINGS);
    const { ino } = await stat(here.fileOf(NAMES[0]!));
    await here.store.change(
      LIST,
      changing(([, ...rest]) => [fromIndex, ...rest]),
    );
    expect(await here.read()).toEqual([fromIndex, ...entries.slice(1)]);
    expect((await stat(here.fileOf(NAMES[0]!))).ino).toBe(ino);
  });

  it("is kept for an entry that cannot be read at the moment", async () => {
    await here.make([fromIndex, entries[1]!]);
    await writeFile(here.fileOf(NAMES[0]!), "broken");
    await here.store.change(LIST, changing(annotating(NAMES[1]!, "v8")));
    await here.store.change(LIST, setting);
    await writeFile(here.fileOf(NAMES[0]!), encodeEntry(fromIndex));
    expect((await here.read())?.[0]).toEqual(fromIndex);
  });
});

it("a record that a power failure left empty said nothing that counts", async () => {
  await here.make();
  await writeFile(record(), "");
  expect(await here.read()).toEqual(entries);
  await here.store.change(LIST, setting);
  expect(await settings()).toEqual(SETTINGS);
});

describe("a record that nobody can have written", () => {
  it.each([
    ["no JSON", () => "{"],
    ["no record", () => "[]"],
    ["of another type", (text: string) => text.replace('"oci"', '"exotic"')],
    [
      "with a source that is none",
      (text: string) => text.replace('"files":{', '"files":{"x":{"digest":"","source":"../.."},'),
    ],
  ])("%s: an error that names it and says what to do", async (_name, spoil) => {
    await here.make(entries, SETTINGS);
    await writeFile(record(), spoil(await readFile(record(), "utf8")));
    const message = /^\S+\/record: [^\n]+; remove this file, and the settings of the list with it$/;
    await expect(here.read()).rejects.toThrow(message);
    await expect(here.store.change(LIST, setting)).rejects.toThrow(message);
    await rm(record());
    expect(await here.read()).toEqual(entries);
  });
});
