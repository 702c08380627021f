import { chmod, mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { encodeEntry } from "../../src/list/entry.js";
import { parseReference } from "../../src/oci/reference.js";
import { storeName } from "../../src/store/names.js";
import { LsResult } from "../../src/ui/lsResult.js";
import { entryOf } from "../helpers/entries.js";
import { asVariant } from "../store/place.js";
import { local, type Local } from "./local.js";

let here: Local;
beforeEach(async () => {
  here = await local();
});

const amd64 = entryOf("x.example/app:amd64");
const arm64 = entryOf("x.example/app:arm64", { architecture: "arm64" });

/** What `docker manifest create` leaves. */
async function makeByDocker(
  name: string,
  ...entries: readonly ReturnType<typeof entryOf>[]
): Promise<string> {
  const folder = join(here.root, storeName(parseReference(name)));
  await mkdir(folder, { recursive: true });
  for (const entry of entries) await writeFile(join(folder, storeName(entry.ref)), encodeEntry(entry));
  return folder;
}

async function json(): Promise<LsResult> {
  const { status, stdout, stderr } = await here.run("ls", "--format", "json");
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return LsResult.parse(JSON.parse(stdout));
}

describe("ls", () => {
  it("shows nothing where there is no store, and makes none", async () => {
    expect(await here.run("ls")).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(await here.run("ls", "-q")).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(await json()).toEqual({ version: 1, lists: [] });
    expect(await readdir(here.home)).toEqual([]);
  });

  it("shows each list by its name, sorted, with what is in it and since when", async () => {
    await here.makeList("x.example/team_b/app:v1-rc", [amd64, arm64]);
    await here.makeList("x.example/team/a:v1", [asVariant(arm64, "v7"), asVariant(arm64, "v8"), amd64]);
    await here.age(3);
    await here.makeList("a", []);
    expect(await here.run("ls")).toEqual({
      status: 0,
      stderr: "",
      stdout: `\
NAME                         ENTRIES   PLATFORMS                                   AGE
docker.io/library/a:latest   0         -                                           0s
x.example/team/a:v1          3         linux/amd64,linux/arm64/v7,linux/arm64/v8   3d
x.example/team_b/app:v1-rc   2         linux/amd64,linux/arm64                     3d
`,
    });
  });

  it("shows names alone that rm takes, one a line", async () => {
    await here.makeList("x.example/team_b/app:v1-rc", [amd64]);
    await here.makeList("a", [amd64]);
    const { stdout } = await here.run("ls", "--quiet");
    expect(stdout).toBe("docker.io/library/a:latest\nx.example/team_b/app:v1-rc\n");
    expect(await here.run("rm", ...stdout.trim().split("\n"))).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(await here.run("ls")).toMatchObject({ stdout: "" });
  });

  it("guesses the names of docker's lists by their entries, says so, and leads rm to them all the same", async () => {
    await makeByDocker("x.example/team_b/app:v1-rc", entryOf("x.example/team_b/app:v1-rc-amd64"));
    await makeByDocker("x.example/c/d:v2", amd64);
    await makeByDocker("busybox", amd64);
    const { status, stdout, stderr } = await here.run("ls", "-q");
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: "docker.io/library/busybox:latest\nx.example/c/d:v2\nx.example/team_b/app:v1-rc\n",
    });
    expect(stderr).toBe(
      "NOTE: 2 names (x.example/c/d:v2, …) are guessed: docker, which made the list, keeps no difference between / and _, : and -\n",
    );
    expect((await json()).lists.map(({ guessed }) => guessed)).toEqual([false, true, true]);
    expect((await here.run("rm", ...stdout.trim().split("\n"))).status).toBe(0);
    expect(await readdir(here.root)).toEqual([]);
  });

  it("knows the name again when docker has removed one of ours and made it anew", async () => {
    await here.makeList("x.example/a_b/c:v1", [amd64]);
    const [folder = ""] = (await readdir(here.root)).filter((name) => !name.startsWith("."));
    await rm(join(here.root, folder), { recursive: true });
    expect(await json()).toEqual({ version: 1, lists: [] });
    await makeByDocker("x.example/a/b/c:v1", amd64);
    expect((await json()).lists).toMatchObject([{ name: "x.example/a/b/c:v1", guessed: true }]);
  });

  it("shows all other lists where files are broken, and says what is wrong with these", async () => {
    await here.makeList("x.example/good:v1", [amd64]);
    const bad = await makeByDocker("x.example/bad:v1", amd64, arm64);
    await writeFile(join(bad, "broken"), "{");
    await writeFile(join(bad, "empty"), "");
    await symlink(join(here.home, "nowhere"), join(bad, "link"));
    await here.makeList("x.example/worse:v1", [amd64], { type: "oci" });
    await writeFile(join(here.root, ".tsmanifest", "x.example_worse-v1", "record"), "no JSON");
    const { status, stdout, stderr } = await here.run("ls");
    expect(status).toBe(0);
    expect(stdout.split("\n").map((line) => line.split(/ {2,}/).slice(0, 3))).toEqual([
      ["NAME", "ENTRIES", "PLATFORMS"],
      ["x.example/bad:v1", "5", "linux/amd64,linux/arm64"],
      ["x.example/good:v1", "1", "linux/amd64"],
      ["x.example/worse:v1", "?", "-"],
      [""],
    ]);
    expect(stderr.split("\n").slice(0, 4)).toEqual([
      expect.stringMatching(/^WARNING: \S+\/broken: /),
      expect.stringMatching(/^WARNING: \S+\/empty: /),
      expect.stringMatching(/^WARNING: \S+\/link: a symbolic link that leads nowhere$/),
      expect.stringMatching(
        /^WARNING: \S+\/record: .*; remove this file, and the settings of the list with it$/,
      ),
    ]);
    expect((await json()).lists.map(({ entries, problems }) => [entries, problems.length])).toEqual([
      [5, 3],
      [1, 0],
      [null, 1],
    ]);
  });

  it("shows nothing that is no list: files, links to nowhere, folders that docker gives no such name", async () => {
    await mkdir(join(here.root, "backup"), { recursive: true });
    await mkdir(join(here.root, "x.example_App-v1"));
    await mkdir(join(here.root, ".hidden"));
    await writeFile(join(here.root, "x.example_file-v1"), "");
    await symlink(join(here.home, "nowhere"), join(here.root, "x.example_link-v1"));
    expect((await here.run("ls")).stdout).toBe("");
    await symlink(join(here.root, "backup"), join(here.root, "x.example_linked-v1"));
    expect((await here.run("ls", "-q")).stdout).toBe("x.example/linked:v1\n");
  });

  it("needs no right to write", async () => {
    await here.makeList("x.example/app:v1", [amd64]);
    await chmod(here.root, 0o555);
    try {
      expect((await here.run("ls", "-q")).stdout).toBe("x.example/app:v1\n");
    } finally {
      await chmod(here.root, 0o755);
    }
  });

  it("spells out what a terminal would obey", async () => {
    const evil = { ...amd64.descriptor.platform!, os: "li\u001b[2Jnux\n", variant: "\u202e\t" };
    await makeByDocker("x.example/app:v1", { ...amd64, descriptor: { ...amd64.descriptor, platform: evil } });
    expect((await here.run("ls")).stdout).toContain("li\\u001b[2Jnux_/amd64/\\u202e_");
    const { stdout } = await here.run("ls", "--format", "json");
    expect(["\u001b", "\u202e"].filter((character) => stdout.includes(character))).toEqual([]);
    expect((await json()).lists[0]?.platforms).toEqual(["li\u001b[2Jnux\n/amd64/\u202e\t"]);
  });

  it("counts platforms of images, and no attestation's", async () => {
    const attestation = entryOf("x.example/app:att", { architecture: "unknown" });
    const annotations = {
      "vnd.docker.reference.type": "attestation-manifest",
      "vnd.docker.reference.digest": amd64.descriptor.digest,
    };
    const attesting = { ...attestation, descriptor: { ...attestation.descriptor, annotations } };
    await here.makeList("x.example/app:v1", [amd64, attesting]);
    expect((await json()).lists).toMatchObject([{ entries: 2, platforms: ["linux/amd64"] }]);
  });

  it("shows two thousand lists", { timeout: 60_000 }, async () => {
    for (let index = 0; index < 2_000; index++) await makeByDocker(`x.example/app:v${index}`, amd64, arm64);
    expect((await json()).lists).toHaveLength(2_000);
  });

  it("refuses another format, and arguments", async () => {
    const { status, stderr } = await here.run("ls", "--format", "yaml");
    expect(status).toBe(125);
    expect(stderr).toMatch(
      /^invalid argument "yaml" for "--format" flag: must be one of table, json, markdown\n\nUsage: {2}tsmanifest ls \[OPTIONS\]\n/,
    );
    expect(await here.run("ls", "x")).toMatchObject({ status: 1 });
  });
});
