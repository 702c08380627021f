import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { openStore } from "../../src/store/store.js";
import { emptyDraft } from "../../src/list/draft.js";
import { parseReference } from "../../src/oci/reference.js";
import { entryOf } from "../helpers/entries.js";
import { local, type Local } from "./local.js";

let here: Local;
beforeEach(async () => {
  here = await local();
});

const LIST = parseReference("x.example/elsewhere:v1");

async function elsewhere(): Promise<string> {
  const folder = join(here.home, "deep", "elsewhere");
  const draft = { ...emptyDraft(LIST), entries: [entryOf("x.example/app:amd64")] };
  await openStore(folder).change(LIST, () => draft);
  return folder;
}

describe("another store", () => {
  it("is a folder in which lists lie directly, made when it is needed", async () => {
    const folder = await elsewhere();
    expect((await readdir(folder)).sort()).toEqual([".tsmanifest", "x.example_elsewhere-v1"]);
    expect(await here.run("ls", "-q", "--store", folder)).toMatchObject({
      stdout: "x.example/elsewhere:v1\n",
    });
    expect(await here.run("ls", "-q")).toMatchObject({ stdout: "" });
    expect(await here.run("inspect", "--store", folder, "x.example/elsewhere:v1")).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('"schemaVersion": 2') as string,
    });
    expect(await here.run("rm", "--store", folder, "x.example/elsewhere:v1")).toMatchObject({ status: 0 });
    expect(await readdir(folder)).toEqual([]);
    expect(await readdir(here.home)).toEqual(["deep"]);
  });

  it("can be chosen by TSMANIFEST_STORE, over which the flag wins", async () => {
    const folder = await elsewhere();
    await here.makeList("x.example/docker:v1", []);
    const env = { TSMANIFEST_STORE: folder };
    expect(await here.runWith(env, "ls", "-q")).toMatchObject({ stdout: "x.example/elsewhere:v1\n" });
    expect(await here.runWith(env, "ls", "-q", "--store", here.root)).toMatchObject({
      stdout: "x.example/docker:v1\n",
    });
    expect(await here.runWith({ TSMANIFEST_STORE: "" }, "ls", "-q")).toMatchObject({
      stdout: "x.example/docker:v1\n",
    });
  });

  it("is refused where a file is in its place", async () => {
    const file = join(here.home, "file");
    await writeFile(file, "");
    for (const argv of [["ls"], ["prune"], ["rm", "a"], ["annotate", "a", "b", "--os", "linux"]]) {
      expect(await here.run(...argv, "--store", file)).toEqual({
        status: 1,
        stdout: "",
        stderr: `${file}: not a folder\npass --store DIR to keep lists elsewhere\n`,
      });
    }
  });

  it("that does not exist is empty, and stays so", async () => {
    const folder = join(here.home, "none");
    expect(await here.run("ls", "--store", folder)).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(await here.run("prune", "--store", folder)).toMatchObject({ status: 0 });
    expect(await here.run("rm", "a", "--store", folder)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(
        /^No such manifest: docker\.io\/library\/a:latest\nthere is no local list /,
      ) as string,
    });
    await mkdir(join(folder));
    expect(await readdir(folder)).toEqual([]);
  });
});
