import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeEntry } from "../../src/list/entry.js";
import { entryOf } from "../helpers/entries.js";
import { buildProgram, type Program } from "../helpers/program.js";

const LIST = "home.example/app:v1";
const IMAGE = "home.example/app:v1-amd64";
const HERE = ".docker/manifests/home.example_app-v1";

/** Where the program looks for the local lists of a user with an odd home. */
describe.skipIf(process.platform === "win32")("the user's home", () => {
  let program: Program;
  let folder: string;
  beforeAll(async () => {
    program = await buildProgram();
    folder = mkdtempSync(join(tmpdir(), "home-"));
    mkdirSync(join(folder, HERE), { recursive: true });
    writeFileSync(join(folder, HERE, "home.example_app-v1-amd64"), encodeEntry(entryOf(IMAGE)));
  });
  afterAll(() => {
    program.remove();
    rmSync(folder, { recursive: true });
  });
  const inspect = (env: Readonly<Record<string, string>>) =>
    program.start(["inspect", LIST, IMAGE], env, folder).ended;

  it("is HOME, from the current folder where it is a relative path", async () => {
    expect(await inspect({ HOME: folder })).toMatchObject({ status: 0, stderr: "" });
    expect(await inspect({ HOME: "." })).toMatchObject({ status: 0, stderr: "" });
  });

  it("is what the system knows of the user where HOME is empty, not the current folder", async () => {
    expect(homedir()).not.toBe(folder);
    expect(await inspect({ HOME: "" })).toMatchObject({ status: 1, stderr: `No such manifest: ${IMAGE}\n` });
  });

  it("does not count where DOCKER_CONFIG is given, which may be a relative path, too", async () => {
    const env = { HOME: "/nowhere", DOCKER_CONFIG: ".docker" };
    expect(await inspect(env)).toMatchObject({ status: 0, stderr: "" });
  });
});
