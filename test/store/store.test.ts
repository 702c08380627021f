import {
  chmod,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { ManifestError } from "../../src/errors.js";
import { encodeEntry } from "../../src/list/entry.js";
import { formatReference, parseReference } from "../../src/oci/reference.js";
import { storeName } from "../../src/store/names.js";
import { openStore, type Store } from "../../src/store/store.js";
import { entryOf } from "../helpers/entries.js";

const LIST = parseReference("x.example/multi/app:v1");
const NAMES = ["x.example/app:amd64", "x.example/app:arm64", "x.example/app:s390x"];
const entries = NAMES.map((name) => entryOf(name));

let root: string;
let store: Store;
beforeEach(async () => {
  const home = await mkdtemp(join(tmpdir(), "store-"));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  root = join(home, "manifests");
  store = openStore(root);
});

const folder = () => join(root, storeName(LIST));
const fileOf = (name: string) => join(folder(), storeName(parseReference(name)));
const names = (list: { ref: Parameters<typeof formatReference>[0] }[] | undefined) =>
  list?.map(({ ref }) => formatReference(ref));

async function readWith(change: (entry: (typeof entries)[0]) => (typeof entries)[0]) {
  await store.update(LIST, parseReference(NAMES[1]!), change);
  return store.readEntry(LIST, parseReference(NAMES[1]!));
}

const asVariant =
  (variant: string) =>
  (entry: (typeof entries)[0]): (typeof entries)[0] => ({
    ...entry,
    descriptor: { ...entry.descriptor, platform: { ...entry.descriptor.platform!, variant } },
  });

describe("a list", () => {
  it("is written as docker writes it, and read back in the order of its file names", async () => {
    await store.write(LIST, entries.toReversed(), "create");
    expect(names(await store.readList(LIST))).toEqual(NAMES);
    // As many rights as the user's umask leaves.
    const [plainFile, plainFolder] = [join(root, "file"), join(root, "folder")];
    await writeFile(plainFile, "", { mode: 0o644 });
    await mkdir(plainFolder, { mode: 0o755 });
    for (const entry of entries) {
      const file = fileOf(formatReference(entry.ref));
      expect(await readFile(file)).toEqual(encodeEntry(entry));
      expect((await stat(file)).mode).toBe((await stat(plainFile)).mode);
    }
    expect((await stat(folder())).mode).toBe((await stat(plainFolder)).mode);
  });

  it("that is not there is undefined, and nothing is created to find out", async () => {
    expect(await store.readList(LIST)).toBeUndefined();
    expect(await store.readEntry(LIST, LIST)).toBeUndefined();
    await expect(store.remove(LIST)).rejects.toMatchObject({ code: "LIST_NOT_FOUND" });
    await expect(store.update(LIST, LIST, (entry) => entry)).rejects.toMatchObject({
      code: "LIST_NOT_FOUND",
    });
    await expect(stat(root)).rejects.toThrow("ENOENT");
  });

  it("is not created twice", async () => {
    await store.write(LIST, entries.slice(0, 1), "create");
    await expect(store.write(LIST, entries, "create")).rejects.toThrow("refusing to amend");
    expect(await readdir(folder())).toHaveLength(1);
  });

  it("keeps what was annotated when the same images are added again", async () => {
    await store.write(LIST, entries, "create");
    await readWith(asVariant("v8"));
    await store.write(LIST, entries, "amend");
    expect((await store.readEntry(LIST, parseReference(NAMES[1]!)))?.descriptor.platform?.variant).toBe("v8");
  });

  it("takes an image that is given twice once", async () => {
    await store.write(LIST, [...entries, ...entries], "create");
    expect(await readdir(folder())).toHaveLength(3);
  });

  it("refuses an image that is given for two platforms, instead of losing one of them", async () => {
    const [arm] = entries;
    const variants = ["v6", "v7"].map((variant) => asVariant(variant)(arm!));
    await expect(store.write(LIST, variants, "create")).rejects.toThrow(
      `${NAMES[0]} comes twice, for different platforms`,
    );
    expect(await store.readList(LIST)).toBeUndefined();
  });

  it("loses nothing when an update fails", async () => {
    await store.write(LIST, entries, "create");
    const fails = () => {
      throw new ManifestError("STORE", "no");
    };
    await expect(readWith(fails)).rejects.toThrow("no");
    expect(await store.readList(LIST)).toEqual(entries);
  });

  it("is gone when it is removed, and nothing of ours is left", async () => {
    await store.write(LIST, entries, "create");
    await store.remove(LIST);
    expect(await readdir(root)).toEqual([]);
    await store.write(LIST, entries, "create");
    expect(names(await store.readList(LIST))).toEqual(NAMES);
  });

  it("survives rm and create at once: it is whole or not there", async () => {
    for (let round = 0; round < 10; round++) {
      await store.write(LIST, entries, "create");
      const other = openStore(root);
      await Promise.allSettled([
        other.remove(LIST),
        store.write(LIST, entries, "create"),
        other.write(LIST, entries, "amend"),
        store.remove(LIST),
      ]);
      const left = await store.readList(LIST);
      expect([undefined, 3]).toContain(left?.length);
      if (left !== undefined) await store.remove(LIST);
    }
  });
});

describe("two lists with one folder", () => {
  const other = parseReference("x.example/multi_app:v1");

  it("are not mixed up: the second is refused, and both are named", async () => {
    await store.write(LIST, entries, "create");
    const message = "x.example/multi_app:v1 and x.example/multi/app:v1 share the folder";
    await expect(store.readList(other)).rejects.toThrow(message);
    await expect(store.readEntry(other, entries[0]!.ref)).rejects.toThrow(message);
    await expect(store.write(other, entries, "amend")).rejects.toThrow(message);
    await expect(store.write(other, entries, "create")).rejects.toThrow(message);
    await expect(store.update(other, entries[0]!.ref, (entry) => entry)).rejects.toThrow(message);
    await expect(store.remove(other)).rejects.toThrow(message);
    expect(await store.readList(LIST)).toEqual(entries);
  });

  it("are anybody's when docker made the folder, also where ours was before", async () => {
    await store.write(LIST, entries, "create");
    const kept = `${folder()}.kept`;
    await rename(folder(), kept);
    await mkdir(folder());
    await writeFile(fileOf(NAMES[0]!), encodeEntry(entries[0]!));
    expect(await store.readList(other)).toEqual(entries.slice(0, 1));
  });

  it("can take turns", async () => {
    await store.write(LIST, entries, "create");
    await store.remove(LIST);
    await store.write(other, entries, "create");
    await expect(store.readList(LIST)).rejects.toThrow("which holds x.example/multi_app:v1");
  });

  it("do not get into each other's way as entries either", async () => {
    const [one, two] = [entryOf("x.example/a/b:1"), entryOf("x.example/a_b:1")];
    await expect(store.write(LIST, [one, two], "create")).rejects.toThrow("same file name");
    expect(await store.readList(LIST)).toBeUndefined();
    await store.write(LIST, [one], "create");
    await expect(store.write(LIST, [two], "amend")).rejects.toThrow(
      "x.example/a_b:1 and x.example/a/b:1 have the same file name",
    );
    expect(await store.readList(LIST)).toEqual([one]);
  });
});

describe("what else is in a list's folder", () => {
  beforeEach(() => store.write(LIST, entries, "create"));

  it.each([".DS_Store", "._x.example_app-arm64", ".nfs000001"])("%s is passed over", async (name) => {
    await writeFile(join(folder(), name), "not ours");
    expect(names(await store.readList(LIST))).toEqual(NAMES);
  });

  it("is named in one line when it is no entry", async () => {
    await writeFile(join(folder(), "notes.txt"), "hello");
    await expect(store.readList(LIST)).rejects.toMatchObject({ code: "STORE" });
    await expect(store.readList(LIST)).rejects.toThrow(/^[^\n]*notes\.txt: [^\n]*$/);
  });

  it("is named when it is a folder", async () => {
    await mkdir(join(folder(), "more"));
    await expect(store.readList(LIST)).rejects.toThrow("is a folder, not a file");
    await rm(fileOf(NAMES[0]!));
    await mkdir(fileOf(NAMES[0]!));
    await expect(store.write(LIST, entries, "amend")).rejects.toThrow(`${fileOf(NAMES[0]!)}: not a file`);
  });

  it("is named when it is larger than any entry, without being read", async () => {
    const large = join(folder(), "large");
    await writeFile(large, "");
    await truncate(large, 2 ** 40);
    await expect(store.readList(LIST)).rejects.toThrow("large: larger than any entry (1099511627776 bytes)");
  });

  it("is refused when it is too much", async () => {
    await rm(folder(), { recursive: true });
    await mkdir(folder());
    await writeFile(join(root, "one"), "");
    await Promise.all(
      Array.from({ length: 10_001 }, (_, n) => link(join(root, "one"), join(folder(), `f${n}`))),
    );
    await expect(store.readList(LIST)).rejects.toThrow("more than 10000 files");
  });

  it.runIf(process.platform !== "win32")("does not stop us when it is a pipe", async () => {
    spawnSync("mkfifo", [join(folder(), "pipe")]);
    await expect(store.readList(LIST)).rejects.toThrow("pipe: not a file");
    await symlink("/dev/zero", join(folder(), "endless"));
    await expect(store.readList(LIST)).rejects.toThrow("endless: not a file");
  });
});

describe.runIf(process.platform !== "win32")("symbolic links", () => {
  let outside: string;
  beforeEach(async () => {
    await store.write(LIST, entries, "create");
    outside = join(root, "..", "outside");
    await mkdir(outside);
  });
  const nothingOutside = async () => {
    expect(await readdir(outside)).toEqual([]);
  };

  it("in place of a list are not written through", async () => {
    await store.remove(LIST);
    await symlink(outside, folder());
    await expect(store.write(LIST, entries, "amend")).rejects.toThrow("is a symbolic link");
    await nothingOutside();
    await writeFile(join(outside, "keep"), "");
    await rm(join(outside, "keep"));
    await store.remove(LIST);
    expect(await readdir(root)).toEqual([]);
    await nothingOutside();
  });

  it("in place of an entry are replaced, not followed", async () => {
    const target = join(outside, "target");
    await writeFile(target, encodeEntry(entries[1]!));
    await rm(fileOf(NAMES[1]!));
    await symlink(target, fileOf(NAMES[1]!));
    expect((await readWith(asVariant("v8")))?.descriptor.platform?.variant).toBe("v8");
    expect(await readFile(target)).toEqual(encodeEntry(entries[1]!));
  });

  it.each([".tsmanifest", join(".tsmanifest", storeName(LIST))])(
    "in place of %s are refused",
    async (name) => {
      await rm(join(root, name), { recursive: true });
      await symlink(outside, join(root, name));
      for (const attempt of [
        () => store.readList(LIST),
        () => store.write(LIST, entries, "amend"),
        () => store.remove(LIST),
      ]) {
        await expect(attempt()).rejects.toThrow("is a symbolic link");
      }
      await nothingOutside();
    },
  );
});

describe("a disk that does not take anything", () => {
  it("is named where a file is in place of the store", async () => {
    await writeFile(root, "");
    await expect(store.write(LIST, entries, "create")).rejects.toMatchObject({ code: "STORE" });
    await expect(store.readList(LIST)).rejects.toThrow("not a folder");
  });

  it("is named where a file is in place of a list", async () => {
    await mkdir(root);
    await writeFile(folder(), "");
    await expect(store.readList(LIST)).rejects.toThrow(`${folder()}: not a folder`);
    await expect(store.write(LIST, entries, "amend")).rejects.toThrow("not a folder");
    expect(await readdir(root)).toEqual([storeName(LIST)]);
  });

  const mountable =
    process.platform === "linux" && process.getuid?.() === 0
      ? spawnSync("unshare", ["--mount", "true"]).status === 0
      : false;

  /** A small file system of its own on the store's place. Without root there is none: skipped visibly. */
  async function mount(size: string) {
    await mkdir(root, { recursive: true });
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tsmanifest-test", root]);
    expect(String(mounted.stderr)).toBe("");
    onTestFinished(() => {
      spawnSync("umount", [root]);
    });
  }

  it.runIf(mountable)("is read all the same where it is read-only (needs root)", async () => {
    await mount("1m");
    await store.write(LIST, entries, "create");
    spawnSync("mount", ["-o", "remount,ro", root]);
    expect(await store.readList(LIST)).toEqual(entries);
    expect(await store.readEntry(LIST, entries[0]!.ref)).toEqual(entries[0]);
    await expect(store.write(LIST, [entryOf("x.example/new")], "amend")).rejects.toThrow(
      "the file system is read-only",
    );
    await expect(store.remove(LIST)).rejects.toThrow("the file system is read-only");
    await expect(readWith(asVariant("v8"))).rejects.toThrow("the file system is read-only");
    await expect(store.readList(parseReference("x.example/multi_app:v1"))).rejects.toThrow(
      "share the folder",
    );
  });

  it.runIf(mountable)("does not show half of a change that was interrupted (needs root)", async () => {
    await mount("1m");
    await store.write(LIST, entries.slice(0, 1), "create");
    const commit = join(root, ".tsmanifest", storeName(LIST), "commit");
    await mkdir(commit);
    await writeFile(join(commit, storeName(entries[1]!.ref)), encodeEntry(entries[1]!));
    spawnSync("mount", ["-o", "remount,ro", root]);
    await expect(store.readList(LIST)).rejects.toThrow("a change that was interrupted waits here");
    spawnSync("mount", ["-o", "remount,rw", root]);
    expect(await store.readList(LIST)).toEqual(entries.slice(0, 2));
  });

  it.runIf(mountable)(
    "keeps what it has when it is full, and can be read and cleared (needs root)",
    async () => {
      await mount("256k");
      await store.write(LIST, entries.slice(0, 2), "create");
      await writeFile(join(root, "filler"), Buffer.alloc(1 << 20)).catch(() => undefined);
      await expect(store.write(LIST, entries, "amend")).rejects.toThrow("no space left on the disk");
      await expect(readWith(asVariant("v8"))).rejects.toThrow("no space left on the disk");
      expect(await store.readList(LIST)).toEqual(entries.slice(0, 2));
      expect((await readdir(root)).sort()).toEqual([".tsmanifest", "filler", storeName(LIST)]);
      expect(await readdir(join(root, ".tsmanifest", storeName(LIST)))).toEqual(["name"]);
      await store.remove(LIST);
      expect(await store.readList(LIST)).toBeUndefined();
    },
  );

  const unprivileged = process.platform !== "win32" && process.getuid?.() !== 0;
  it.runIf(unprivileged)("is named where the user may not read (needs to be no root)", async () => {
    await store.write(LIST, entries, "create");
    await chmod(folder(), 0);
    await expect(store.readList(LIST)).rejects.toThrow("permission denied");
    await chmod(folder(), 0o755);
    await chmod(root, 0o555);
    expect(await store.readList(LIST)).toEqual(entries);
    await chmod(root, 0o755);
  });
});

it("a folder with odd characters in its name is a folder like any other", async () => {
  const odd = openStore(join(root, "a b'\"\\%2e\u00fc\u{1F680}\u001b[31m;$(x)", "manifests"));
  await odd.write(LIST, entries, "create");
  expect(await odd.readList(LIST)).toEqual(entries);
  await odd.remove(LIST);
});
