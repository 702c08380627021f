import {
  chown,
  mkdir,
  lstat,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { encodeEntry } from "../../src/list/entry.js";
import { openStore } from "../../src/store/store.js";
import { entryOf } from "../helpers/entries.js";
import {
  adding,
  annotating,
  changing,
  entries,
  LIST,
  mountable,
  mountMemory,
  NAMES,
  namesOf,
  place,
  removing,
  SETTINGS,
  variantsOf,
  type Place,
} from "./place.js";

let here: Place;
let outside: string;
beforeEach(async () => {
  here = await place();
  outside = join(here.home, "outside");
  await mkdir(outside);
});

const late = entryOf("x.example/late");
const changed = changing((all) => adding(late)(removing(NAMES[0]!)(annotating(NAMES[1]!, "v8")(all))));

/** A list as docker leaves it behind a link. */
async function linkList(target = outside): Promise<void> {
  await mkdir(here.root, { recursive: true });
  await symlink(target, here.folder);
  for (const [index, name] of NAMES.entries()) {
    await writeFile(here.fileOf(name), encodeEntry(entries[index]!), { mode: index === 1 ? 0o600 : 0o644 });
  }
}

async function changeAndRemove(): Promise<void> {
  expect(await here.read()).toEqual(entries);
  await here.store.change(LIST, (draft) => ({ ...changed(draft), settings: SETTINGS }));
  const draft = await here.store.read(LIST);
  expect(namesOf(draft?.entries)).toEqual([NAMES[1], NAMES[2], "x.example/late:latest"]);
  expect(variantsOf(draft?.entries)).toEqual(["v8", "", ""]);
  expect(draft?.settings).toEqual(SETTINGS);
  expect((await readdir(outside)).sort()).toEqual([
    "x.example_app-arm64",
    "x.example_app-s390x",
    "x.example_late-latest",
  ]);
  expect((await stat(here.fileOf(NAMES[1]!))).mode & 0o777).toBe(0o600);
  expect((await lstat(here.folder)).isSymbolicLink()).toBe(true);
  // As Go's os.RemoveAll does.
  await here.remove();
  expect(await readdir(here.root)).toEqual([]);
  expect(await readdir(outside)).toHaveLength(3);
}

describe.runIf(process.platform !== "win32")("a symbolic link", () => {
  it("in place of the store is worked through, as by docker", async () => {
    await symlink(outside, here.root);
    await here.make();
    expect(await here.read()).toEqual(entries);
    expect(await readdir(outside)).toContain("x.example_multi_app-v1");
  });

  it("in place of a list is worked through, and removed alone", async () => {
    await linkList();
    await changeAndRemove();
  });

  it.runIf(mountable)("in place of a list may lead to another file system (needs root)", async () => {
    await mountMemory(outside, "1m");
    await linkList();
    await chown(here.fileOf(NAMES[1]!), 12_345, 54_321);
    await changeAndRemove();
    expect(await stat(join(outside, "x.example_app-arm64"))).toMatchObject({ uid: 12_345, gid: 54_321 });
  });

  it.runIf(mountable)(
    "to a file system that gets full: what is decided is done later (needs root)",
    async () => {
      await mountMemory(outside, "64k");
      await linkList();
      const filler = join(outside, ".filler");
      await writeFile(filler, Buffer.alloc(1 << 20)).catch(() => undefined);
      await truncate(filler, (await stat(filler)).size - 12_288);
      const more = Array.from({ length: 6 }, (_, index) => entryOf(`x.example/late:${index}`));
      await expect(here.store.change(LIST, changing(adding(...more)))).rejects.toThrow(
        /manifests\/x\.example_multi_app-v1\/\S+: no space left on the disk$/,
      );
      expect(await readdir(outside)).not.toHaveLength(10);
      expect(await here.read()).toEqual([...entries, ...more]);
      await expect(here.store.change(LIST, changed)).rejects.toThrow("no space left on the disk");
      await rm(filler);
      await here.store.change(LIST, (draft) => draft);
      expect(await readdir(outside)).toHaveLength(9);
      expect(await here.read()).toEqual([...entries, ...more]);
    },
  );

  it("that leads nowhere is no list, and none is made there", async () => {
    await mkdir(here.root);
    await symlink(join(here.home, "nowhere"), here.folder);
    expect(await here.read()).toBeUndefined();
    await expect(here.make()).rejects.toThrow(`${here.folder}: a symbolic link that leads nowhere`);
    expect(await readdir(here.root)).toEqual(["x.example_multi_app-v1"]);
    expect(await readdir(here.home)).not.toContain("nowhere");
  });

  it("in place of an entry is replaced, not followed", async () => {
    const target = join(outside, "target");
    await here.make();
    await writeFile(target, encodeEntry(entries[1]!), { mode: 0o600 });
    await rm(here.fileOf(NAMES[1]!));
    await symlink(target, here.fileOf(NAMES[1]!));
    expect(await here.read()).toEqual(entries);
    await here.store.change(LIST, changing(annotating(NAMES[1]!, "v8")));
    expect(variantsOf(await here.read())).toEqual(["", "v8", ""]);
    expect(await readFile(target)).toEqual(encodeEntry(entries[1]!));
    expect((await stat(here.fileOf(NAMES[1]!))).mode & 0o777).toBe(0o600);
  });

  it("in place of an entry may lead nowhere: it is named, and writing the entry repairs it", async () => {
    await here.make(entries.slice(1));
    await symlink(join(outside, "nothing"), here.fileOf(NAMES[0]!));
    await expect(here.read()).rejects.toThrow(
      `${here.fileOf(NAMES[0]!)}: a symbolic link that leads nowhere`,
    );
    await here.store.change(LIST, changing(adding(entries[0]!)));
    expect(await here.read()).toEqual(entries);
    expect((await lstat(here.fileOf(NAMES[0]!))).mode).toBe((await stat(here.fileOf(NAMES[1]!))).mode);
    expect(await readdir(outside)).toEqual([]);
  });

  const ours = () => ({
    ".tsmanifest": join(here.root, ".tsmanifest"),
    "the list's own folder": here.work,
    "a change": join(here.work, "commit"),
    "a record": join(here.work, "record"),
    "a journal": join(here.work, "commit", "journal"),
    "a change's files": join(here.work, "commit", "files"),
  });
  it.each([
    ".tsmanifest",
    "the list's own folder",
    "a change",
    "a record",
    "a journal",
    "a change's files",
  ] as const)("in place of %s is refused", async (name) => {
    await here.make();
    const path = ours()[name];
    await rm(path, { recursive: true, force: true });
    await mkdir(dirname(path), { recursive: true });
    if (name === "a change's files") {
      await writeFile(join(here.work, "commit", "journal"), "{}");
    }
    await symlink(outside, path);
    for (const attempt of [
      () => here.store.read(LIST),
      () => here.store.readEntry(LIST, entries[0]!.ref),
      () => here.store.change(LIST, changed),
      () => here.store.change(LIST, () => undefined),
    ]) {
      await expect(attempt()).rejects.toThrow(
        /^\S+: (?:a symbolic link, which the store does not follow|not a file); remove it$/,
      );
    }
    expect(await readdir(outside)).toEqual([]);
  });
});

it.runIf(mountable)(
  "a list of a lower layer of an overlay is removed, all of it or nothing (needs root)",
  async () => {
    const { spawnSync } = await import("node:child_process");
    const [lower, upper] = [join(here.home, "lower"), join(here.home, "upper")];
    await mountMemory(upper, "1m");
    for (const folder of [lower, join(upper, "up"), join(upper, "work"), here.root]) await mkdir(folder);
    await openStore(lower).change(LIST, () => ({ name: LIST, entries, settings: SETTINGS }));
    const options = `lowerdir=${lower},upperdir=${join(upper, "up")},workdir=${join(upper, "work")}`;
    expect(String(spawnSync("mount", ["-t", "overlay", "-o", options, "test", here.root]).stderr)).toBe("");
    try {
      expect(await here.read()).toEqual(entries);
      await here.store.change(LIST, changing(annotating(NAMES[1]!, "v8")));
      expect(variantsOf(await here.read())).toEqual(["", "v8", ""]);
      await here.remove();
      expect(await here.read()).toBeUndefined();
      expect(await readdir(here.root)).toEqual([]);
    } finally {
      spawnSync("umount", [here.root]);
    }
  },
);
