import { spawnSync } from "node:child_process";
import { chmod, chown, link, mkdir, readdir, rm, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { beforeEach, describe, expect, it } from "vitest";
import { addEntries, emptyDraft } from "../../src/list/draft.js";
import { encodeEntry } from "../../src/list/entry.js";
import { parseReference } from "../../src/oci/reference.js";
import { mapEach } from "../../src/store/disk.js";
import { storeName } from "../../src/store/names.js";
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
  remount,
  removing,
  variantsOf,
  type Place,
} from "./place.js";

let here: Place;
beforeEach(async () => {
  here = await place();
});

const annotateSecond = changing(annotating(NAMES[1]!, "v8"));

describe("what else is in a list's folder", () => {
  beforeEach(() => here.make());

  it.each([".DS_Store", "._x.example_app-arm64", ".nfs000001"])("%s is passed over", async (name) => {
    await writeFile(join(here.folder, name), "not ours");
    expect(namesOf(await here.read())).toEqual(NAMES);
  });

  it("is named in one line when it is no entry", async () => {
    await writeFile(join(here.folder, "notes.txt"), "hello");
    await expect(here.read()).rejects.toMatchObject({ code: "STORE" });
    await expect(here.read()).rejects.toThrow(/^[^\n]*notes\.txt: [^\n]*$/);
  });

  it("is named when it is a folder, and what to do is said", async () => {
    const [more, first] = [join(here.folder, "more"), here.fileOf(NAMES[0]!)];
    const message = "a folder among the entries of a list; move it elsewhere";
    await mkdir(more);
    await expect(here.read()).rejects.toThrow(`${more}: ${message}`);
    await rm(first);
    await mkdir(first);
    await expect(here.read()).rejects.toThrow(`${more}: ${message}`);
    await expect(here.store.readEntry(LIST, entries[0]!.ref)).rejects.toThrow(`${first}: ${message}`);
    await expect(here.make()).rejects.toThrow(`${first}: ${message}`);
    await expect(here.remove()).rejects.toThrow(message);
    // It is in nobody else's way.
    await here.store.change(LIST, annotateSecond);
    expect(variantsOf([(await here.store.readEntry(LIST, entries[1]!.ref))!])).toEqual(["v8"]);
  });

  it("is named when it is larger than any entry, without being read", async () => {
    const large = join(here.folder, "large");
    await writeFile(large, "");
    await truncate(large, 2 ** 40);
    await expect(here.read()).rejects.toThrow("large: larger than any entry (1099511627776 bytes)");
  });

  it("is refused when it is too much", async () => {
    const one = join(here.root, "one");
    await writeFile(one, "");
    await mapEach(Array.from({ length: 10_001 }).keys(), (number) =>
      link(one, join(here.folder, `f${number}`)),
    );
    await expect(here.read()).rejects.toThrow("more than 10000 files");
  });

  it.runIf(process.platform !== "win32")("does not stop us when it is a pipe or a device", async () => {
    spawnSync("mkfifo", [join(here.folder, "pipe")]);
    await expect(here.read()).rejects.toThrow("pipe: not a file");
    await symlink("/dev/zero", join(here.folder, "endless"));
    await expect(here.read()).rejects.toThrow("endless: not a file");
  });
});

describe("an entry that cannot be read", () => {
  const broken = () => here.fileOf(NAMES[0]!);
  beforeEach(async () => {
    await here.make();
    await writeFile(broken(), "broken");
  });

  it("fails the reading of the list, as with docker, and of none of its other entries", async () => {
    await expect(here.read()).rejects.toThrow(`${broken()}: invalid JSON`);
    await expect(here.store.readEntry(LIST, entries[0]!.ref)).rejects.toThrow(`${broken()}: invalid JSON`);
    expect(await here.store.readEntry(LIST, entries[1]!.ref)).toEqual(entries[1]);
  });

  it("is the first that is broken, of several", async () => {
    await writeFile(join(here.folder, "a"), "");
    await writeFile(join(here.folder, "z"), "");
    await expect(here.read()).rejects.toThrow(join(here.folder, "a"));
  });

  it("is left alone by a change of others", async () => {
    const seen: unknown[] = [];
    await here.store.change(LIST, (draft) => {
      seen.push(namesOf(draft?.entries));
      return changing((all) => removing(NAMES[2]!)(annotating(NAMES[1]!, "v8")(all)))(draft);
    });
    expect(seen).toEqual([NAMES.slice(1)]);
    expect((await readdir(here.folder)).sort()).toEqual(["x.example_app-amd64", "x.example_app-arm64"]);
    await expect(here.read()).rejects.toThrow("invalid JSON");
  });

  it("is repaired by being written", async () => {
    await here.store.change(LIST, changing(adding(entries[0]!)));
    expect(await here.read()).toEqual(entries);
  });

  it("keeps the list from being removed, as with docker", async () => {
    await expect(here.remove()).rejects.toThrow(`${broken()}: invalid JSON`);
    expect(await readdir(here.folder)).toHaveLength(3);
    expect(await readdir(here.work)).toEqual(["record"]);
  });
});

describe.runIf(process.platform !== "win32")("the rights of files", () => {
  it("stay when an entry is changed", async () => {
    await here.make();
    await chmod(here.fileOf(NAMES[1]!), 0o600);
    await chmod(here.fileOf(NAMES[2]!), 0o666);
    await here.store.change(
      LIST,
      changing((all) => NAMES.reduce((changed, name) => annotating(name, "v8")(changed), all)),
    );
    expect(variantsOf(await here.read())).toEqual(["v8", "v8", "v8"]);
    const modes = NAMES.slice(1).map(async (name) => (await stat(here.fileOf(name))).mode & 0o777);
    expect(await Promise.all(modes)).toEqual([0o600, 0o666]);
  });

  it.runIf(process.getuid?.() === 0)("stay the user's when root changes an entry (needs root)", async () => {
    await here.make();
    await chown(here.fileOf(NAMES[1]!), 12_345, 54_321);
    await here.store.change(LIST, annotateSecond);
    expect(await stat(here.fileOf(NAMES[1]!))).toMatchObject({ uid: 12_345, gid: 54_321 });
  });
});

it.runIf(process.getuid?.() === 0)(
  "what is not docker's is the user's where root was here once (needs root)",
  async () => {
    await mkdir(here.root);
    await chown(here.root, 12_345, 54_321);
    await here.make();
    for (const folder of [join(here.work, ".."), here.work]) {
      expect(await stat(folder)).toMatchObject({ uid: 12_345, gid: 54_321 });
    }
  },
);

describe("a disk that does not take anything", () => {
  const hint = "make it accessible to this user, or pass --store DIR to keep lists elsewhere";

  it("is named where a file is in place of the store", async () => {
    await writeFile(here.root, "");
    await expect(here.read()).rejects.toThrow(`${here.root}: not a folder`);
    await expect(here.make()).rejects.toThrow("not a folder");
  });

  it("is named where a file is in place of a list", async () => {
    await mkdir(here.root);
    await writeFile(here.folder, "");
    await expect(here.read()).rejects.toThrow(`${here.folder}: not a folder`);
    await expect(here.make()).rejects.toThrow("not a folder");
    expect(await readdir(here.root)).toEqual([storeName(LIST)]);
  });

  it.runIf(mountable)(
    "is read all the same where it is read-only, and the store is named (needs root)",
    async () => {
      await mountMemory(here.root, "1m");
      await here.make();
      remount(here.root, "ro");
      expect(await here.read()).toEqual(entries);
      expect(await here.store.readEntry(LIST, entries[0]!.ref)).toEqual(entries[0]);
      const refusal = {
        code: "STORE",
        message: `${here.root}: the file system is read-only`,
        hint,
        subject: here.root,
      };
      await expect(here.store.change(LIST, changing(adding(entryOf("x.example/new"))))).rejects.toMatchObject(
        refusal,
      );
      await expect(here.store.change(LIST, annotateSecond)).rejects.toMatchObject(refusal);
      await expect(here.remove()).rejects.toMatchObject(refusal);
      const other = parseReference("x.example/multi_app:v1");
      await expect(here.store.read(other)).rejects.toThrow("share the folder");
    },
  );

  it.runIf(mountable)("is named where docker alone has been there before, too (needs root)", async () => {
    await mountMemory(here.root, "1m");
    await mkdir(here.folder);
    await writeFile(here.fileOf(NAMES[0]!), encodeEntry(entries[0]!));
    remount(here.root, "ro");
    expect(await here.read()).toEqual(entries.slice(0, 1));
    const message = `${here.root}: the file system is read-only`;
    await expect(here.store.change(LIST, changing(adding(entries[1]!)))).rejects.toThrow(message);
    await expect(here.remove()).rejects.toThrow(message);
    expect(await here.read()).toEqual(entries.slice(0, 1));
  });

  it.runIf(mountable)(
    "keeps what it has when it is full, and can be read and cleared (needs root)",
    async () => {
      await mountMemory(here.root, "256k");
      await here.make(entries.slice(0, 2));
      await writeFile(join(here.root, "filler"), Buffer.alloc(1 << 20)).catch(() => undefined);
      const message = `${here.root}: no space left on the disk`;
      await expect(here.store.change(LIST, changing(adding(entries[2]!)))).rejects.toThrow(message);
      await expect(here.store.change(LIST, annotateSecond)).rejects.toThrow(message);
      expect(await here.read()).toEqual(entries.slice(0, 2));
      expect((await readdir(here.root)).sort()).toEqual([".tsmanifest", "filler", storeName(LIST)]);
      expect(await readdir(here.work)).toEqual(["record"]);
      await here.remove();
      expect(await here.read()).toBeUndefined();
      expect((await readdir(here.root)).sort()).toEqual([".tsmanifest", "filler"]);
    },
  );

  const unprivileged = process.platform !== "win32" && process.getuid?.() !== 0;
  it.runIf(unprivileged)("is named where the user may not read or write (needs to be no root)", async () => {
    await here.make();
    await chmod(here.folder, 0);
    await expect(here.read()).rejects.toThrow(`${here.folder}: permission denied`);
    await chmod(here.folder, 0o555);
    await expect(here.store.change(LIST, annotateSecond)).rejects.toThrow(
      `${here.folder}: permission denied`,
    );
    await chmod(here.folder, 0o755);
    await chmod(here.work, 0o555);
    expect(await here.read()).toEqual(entries);
    await expect(here.store.change(LIST, annotateSecond)).rejects.toThrow(`${here.root}: permission denied`);
    await chmod(here.work, 0o755);
  });
});

describe("a list of 3,000 entries", () => {
  it.runIf(process.platform !== "win32")(
    "is read and changed with 256 open files",
    { timeout: 120_000 },
    async () => {
      await mkdir(here.folder, { recursive: true });
      await mapEach(Array.from({ length: 3_000 }).keys(), async (number) => {
        const entry = entryOf(`x.example/app:t${number}`);
        await writeFile(join(here.folder, storeName(entry.ref)), encodeEntry(entry));
      });
      const script = join(here.home, "change.mjs");
      await build({
        stdin: {
          contents: `
          import { parseReference } from "./src/oci/reference.ts";
          import { openStore } from "./src/store/store.ts";
          const list = parseReference("x.example/multi/app:v1");
          const store = openStore(process.argv[2]);
          const draft = await store.read(list);
          const annotate = (entry) => ({ ...entry, descriptor: { ...entry.descriptor, artifactType: "a/b" } });
          await store.change(list, (draft) => ({ ...draft, entries: draft.entries.slice(10).map(annotate) }));
          const after = await store.read(list);
          const changed = after.entries.filter(({ descriptor }) => descriptor.artifactType === "a/b");
          console.log(draft.entries.length, after.entries.length, changed.length);`,
          resolveDir: fileURLToPath(new URL("../..", import.meta.url)),
          loader: "ts",
        },
        outfile: script,
        bundle: true,
        platform: "node",
        format: "esm",
        logLevel: "error",
      });
      const { stdout, stderr } = spawnSync("sh", [
        "-c",
        'ulimit -n 256; exec "$0" "$@"',
        process.execPath,
        script,
        here.root,
      ]);
      expect(String(stdout) + String(stderr)).toBe("3000 2990 2990\n");
    },
  );
});

describe("a home that is no folder", () => {
  it("has no lists, and takes none", async () => {
    const store = openStore("/dev/null/.docker/manifests");
    const list = parseReference("r.example/app:v1");
    expect(await store.read(list)).toBeUndefined();
    await expect(
      store.change(list, () => addEntries(emptyDraft(list), [entryOf("r.example/a:v1")])),
    ).rejects.toMatchObject({ code: "STORE" });
  });

  it.skipIf(process.platform !== "linux")(
    "where no folder can be made ends in an error, not never",
    async () => {
      const store = openStore("/proc/none/.docker/manifests");
      const list = parseReference("r.example/app:v1");
      await expect(
        store.change(list, () => addEntries(emptyDraft(list), [entryOf("r.example/a:v1")])),
      ).rejects.toMatchObject({ code: "STORE" });
    },
  );
});
