import { mkdir, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { encodeEntry } from "../../src/list/entry.js";
import { parseReference } from "../../src/oci/reference.js";
import { storeName } from "../../src/store/names.js";
import { entryOf } from "../helpers/entries.js";
import { local, type Local } from "./local.js";

let here: Local;
beforeEach(async () => {
  here = await local();
});

const image = entryOf("x.example/app:amd64");
const folderOf = (name: string) => join(here.root, storeName(parseReference(name)));
const names = async () => (await here.run("ls", "-q")).stdout;

describe("prune", () => {
  it("deletes lists of which nothing has changed for thirty days, and shows which", async () => {
    await here.makeList("x.example/old:v1", [image]);
    await here.makeList("x.example/empty:v1", []);
    await here.age(31);
    await here.makeList("x.example/new:v1", [image]);
    expect(await here.run("prune")).toEqual({
      status: 0,
      stdout: "x.example/empty:v1\nx.example/old:v1\n",
      stderr: "2 lists deleted\n",
    });
    expect(await names()).toBe("x.example/new:v1\n");
    expect(await readdir(join(here.root, ".tsmanifest"))).toEqual(["x.example_new-v1"]);
    expect(await here.run("prune")).toEqual({ status: 0, stdout: "", stderr: "0 lists deleted\n" });
  });

  it("leaves nothing behind where all lists go", async () => {
    await here.makeList("x.example/old:v1", [image]);
    await here.age(31);
    expect(await here.run("prune")).toMatchObject({ status: 0, stderr: "1 list deleted\n" });
    expect(await readdir(here.root)).toEqual([]);
  });

  it("takes another age, in hours, days or weeks", async () => {
    await here.makeList("x.example/old:v1", [image]);
    await here.age(3);
    expect(await here.run("prune", "--older-than", "73h")).toMatchObject({ stdout: "" });
    expect(await here.run("prune", "--older-than", "1w")).toMatchObject({ stdout: "" });
    expect(await here.run("prune", "--older-than=2d12h")).toMatchObject({ stdout: "x.example/old:v1\n" });
  });

  it("deletes nothing in a dry run", async () => {
    await here.makeList("x.example/old:v1", [image]);
    await here.age(31);
    expect(await here.run("prune", "--dry-run")).toEqual({
      status: 0,
      stdout: "x.example/old:v1\n",
      stderr: "1 list would be deleted\n",
    });
    expect(await names()).toBe("x.example/old:v1\n");
  });

  it("counts from the last change: of any entry, of the settings, of which entries there are", async () => {
    for (const name of ["entry", "settings", "removed"]) await here.makeList(`x.example/${name}:v1`, [image]);
    await here.age(31);
    const now = new Date();
    await utimes(join(folderOf("x.example/entry:v1"), storeName(image.ref)), now, now);
    await here.makeList("x.example/settings:v1", [image], { annotations: { a: "b" } });
    const extra = join(folderOf("x.example/removed:v1"), "extra");
    await writeFile(extra, "");
    await rm(extra);
    expect(await here.run("prune")).toMatchObject({ status: 0, stdout: "" });
  });

  it("keeps what is no list, and says so of a list with a file that it cannot read", async () => {
    await mkdir(join(here.root, "backup"), { recursive: true });
    await writeFile(join(here.root, "notes.txt"), "");
    await mkdir(folderOf("x.example/mine:v1"));
    await writeFile(join(folderOf("x.example/mine:v1"), "diary.txt"), "Dear diary");
    await here.makeList("x.example/old:v1", [image]);
    await here.age(31);
    for (const flags of [["--dry-run"], []]) {
      const { status, stdout, stderr } = await here.run("prune", ...flags);
      expect({ status, stdout }).toEqual({ status: 1, stdout: "x.example/old:v1\n" });
      expect(stderr).toMatch(/^1 list .*deleted\n\S+\/diary\.txt: invalid JSON.*\n$/);
    }
    expect((await readdir(here.root)).sort()).toEqual(["backup", "notes.txt", "x.example_mine-v1"]);
  });

  it("deletes docker's lists as well, also where their names can only be guessed", async () => {
    const folder = folderOf("x.example/a_b/c:v1");
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, storeName(image.ref)), encodeEntry(image));
    await here.age(31);
    expect(await here.run("prune")).toMatchObject({ status: 0, stdout: "x.example/a/b/c:v1\n" });
    expect(await readdir(here.root)).toEqual([]);
  });

  it("keeps a list that is changed meanwhile", async () => {
    await here.makeList("x.example/app:v1", [image]);
    const old = Date.now() - 86_400_000;
    expect(await here.store.removeOlder(parseReference("x.example/app:v1"), old)).toBe(false);
    expect(await here.store.removeOlder(parseReference("x.example/gone:v1"), old)).toBe(false);
    expect(await names()).toBe("x.example/app:v1\n");
    await here.age(2);
    expect(await here.store.removeOlder(parseReference("x.example/app:v1"), old)).toBe(true);
    expect(await names()).toBe("");
  });

  it("cleans up after killed processes, and after lists that docker has removed", async () => {
    await here.makeList("x.example/kept:v1", [image]);
    await here.makeList("x.example/gone:v1", [image]);
    await rm(folderOf("x.example/gone:v1"), { recursive: true });
    const dead = join(here.root, ".tsmanifest", "x.example_kept-v1", "999999-1-a");
    await mkdir(join(dead, "999999-1-a"), { recursive: true });
    await here.age(1, join(here.root, ".tsmanifest"));
    expect(await here.run("prune")).toEqual({ status: 0, stdout: "", stderr: "0 lists deleted\n" });
    expect(await readdir(join(here.root, ".tsmanifest"), { recursive: true })).toEqual([
      "x.example_kept-v1",
      "x.example_kept-v1/record",
    ]);
  });

  it("does without a store", async () => {
    expect(await here.run("prune")).toEqual({ status: 0, stdout: "", stderr: "0 lists deleted\n" });
    expect(await readdir(here.home)).toEqual([]);
  });

  it.each([
    ["3", "it has no unit"],
    ["5y", '"y" is not a unit of time'],
    ["-1h", "it must not be negative"],
  ])("refuses an age of %s before anything is deleted", async (age, fault) => {
    await here.makeList("x.example/old:v1", [image]);
    await here.age(1000);
    const { status, stderr } = await here.run("prune", `--older-than=${age}`);
    expect(status).toBe(125);
    expect(stderr.split("\n")[0]).toBe(`invalid argument "${age}" for "--older-than" flag: ${fault}`);
    expect(await names()).toBe("x.example/old:v1\n");
  });
});
