import { mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { encodeEntry } from "../../src/list/entry.js";
import { parseReference } from "../../src/oci/reference.js";
import { identityOf } from "../../src/store/disk.js";
import { storeName } from "../../src/store/names.js";
import { entryOf } from "../helpers/entries.js";
import { changing, entries, LIST, NAMES, place, removing, type Place } from "./place.js";

let here: Place;
beforeEach(async () => {
  here = await place();
});

/** What a process that is killed leaves of a change that it had decided: without one entry, and with another. */
async function leaveDecided(): Promise<void> {
  const commit = join(here.work, "commit");
  const added = entryOf("x.example/app:riscv64", { architecture: "riscv64" });
  await mkdir(join(commit, "files"), { recursive: true });
  await writeFile(join(commit, "files", storeName(added.ref)), encodeEntry(added));
  const journal = {
    base: await identityOf(here.folder),
    write: [storeName(added.ref)],
    remove: [storeName(parseReference(NAMES[0]!))],
    drop: false,
  };
  await writeFile(join(commit, "journal"), JSON.stringify(journal));
}

describe("the lists of a store", () => {
  it("are known by name, of whatever form, where we made them", async () => {
    const names = [
      "x.example/a_b/c-d:v1-e_f",
      "x.example/a/b__c:v1",
      `y/z@sha256:${"a".repeat(64)}`,
      "a_b.c/d",
    ];
    for (const name of names) {
      const list = parseReference(name);
      await here.store.change(list, () => ({
        name: list,
        entries,
        settings: { type: "auto", annotations: {}, artifactType: "" },
      }));
    }
    const lists = await here.store.list();
    expect(lists.map(({ isGuessed }) => isGuessed)).toEqual([false, false, false, false]);
    const byText = (one: unknown, other: unknown) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1);
    expect(lists.map(({ name }) => name).sort(byText)).toEqual(names.map(parseReference).sort(byText));
  });

  it("are as a change that is decided leaves them, whoever carries it out", async () => {
    await here.make();
    await leaveDecided();
    const summary = { entries: 3, platforms: ["linux/amd64", "linux/riscv64"], problems: [] };
    expect(await here.store.list()).toMatchObject([summary]);
    expect(await readdir(here.folder)).toHaveLength(3);
    await here.store.sweep();
    expect(await here.store.list()).toMatchObject([summary]);
    expect(await readdir(here.work)).toEqual(["record"]);
    expect(await readdir(here.folder)).toContain("x.example_app-riscv64");
  });

  it("can be listed while others make, change and remove them", async () => {
    await here.make();
    const rounds = new Set(Array.from({ length: 30 }, (_, round) => round));
    const changes = (async () => {
      for (const round of rounds) {
        await here.store.change(LIST, changing(removing(NAMES[0]!)));
        await here.remove();
        await here.make();
        rounds.delete(round);
      }
    })();
    let looks = 0;
    for (; rounds.size > 0; looks++) {
      for (const { entries: count, problems } of await here.store.list()) {
        expect(problems).toEqual([]);
        expect([2, 3]).toContain(count);
      }
    }
    await changes;
    expect(looks).toBeGreaterThan(0);
  });
});

describe("a sweep", () => {
  it("removes what is left of lists that docker has removed, and nothing of others", async () => {
    await here.make();
    const other = parseReference("x.example/other:v1");
    await here.store.change(other, () => ({
      name: other,
      entries,
      settings: { type: "oci", annotations: {}, artifactType: "" },
    }));
    await rm(here.folder, { recursive: true });
    await here.store.sweep();
    expect(await readdir(join(here.root, ".tsmanifest"), { recursive: true })).toEqual([
      "x.example_other-v1",
      "x.example_other-v1/record",
    ]);
    expect((await here.store.read(other))?.settings.type).toBe("oci");
  });

  it("follows no link out of the store", async () => {
    const outside = join(here.home, "outside");
    await mkdir(join(outside, "commit"), { recursive: true });
    await writeFile(join(outside, "record"), "");
    await mkdir(join(here.root, ".tsmanifest"), { recursive: true });
    await symlink(outside, join(here.root, ".tsmanifest", "x.example_app-v1"));
    await here.store.sweep();
    await rm(join(here.root, ".tsmanifest"), { recursive: true });
    await symlink(outside, join(here.root, ".tsmanifest"));
    await here.store.sweep();
    expect((await readdir(outside)).sort()).toEqual(["commit", "record"]);
  });
});
