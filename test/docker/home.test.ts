import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundleCommand } from "../../scripts/bundle.js";
import { encodeEntry } from "../../src/list/entry.js";
import { entryOf } from "../helpers/entries.js";
import { startPeer } from "../helpers/peer.js";
import { buildProgram, programAt, type Program } from "../helpers/program.js";

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
    const { status, stderr } = await inspect({ HOME: "" });
    expect(status).toBe(1);
    expect(stderr.split("\n")[0]).toBe(`No such manifest: ${IMAGE}`);
  });

  it("may be none (/dev/null), of which the shipped program warns once, in docker's words", async () => {
    const peer = await startPeer();
    peer.putImage("src/a", { tag: "v1" });
    const dist = join(folder, "dist");
    await bundleCommand(fileURLToPath(new URL("../..", import.meta.url)), dist);
    const shipped = programAt(join(dist, "tsmanifest.cjs"));
    const ended = await shipped.start(["inspect", `${peer.host}/src/a:v1`], { HOME: "/dev/null" }).ended;
    await peer.close();
    expect(ended).toMatchObject({
      status: 0,
      stderr: "WARNING: Error loading config file: open /dev/null/.docker/config.json: not a directory\n",
    });
  });

  it("does not count where DOCKER_CONFIG is given, which may be a relative path, too", async () => {
    const env = { HOME: "/nowhere", DOCKER_CONFIG: ".docker" };
    expect(await inspect(env)).toMatchObject({ status: 0, stderr: "" });
  });

  it("is refused where nothing may be written: each command that writes says what to do", () => {
    const store = join(folder, ".docker", "manifests");
    for (const path of [dirname(program.file), folder]) chmodSync(path, 0o755);
    chmodSync(store, 0o555);
    for (const args of [
      ["rm", LIST],
      ["rm", "home.example/none:v1", LIST],
      ["annotate", LIST, IMAGE, "--variant", "v8"],
    ]) {
      // Root may write everywhere.
      const { status, stderr } = spawnSync(process.execPath, [program.file, ...args], {
        env: { HOME: folder },
        encoding: "utf8",
        ...(process.getuid?.() === 0 && { uid: 65_534 }),
      });
      expect(status).toBe(1);
      expect(stderr).toContain(
        `${store}: permission denied\nmake it accessible to this user, or pass --store DIR to keep lists elsewhere\n`,
      );
    }
    chmodSync(store, 0o755);
  });
});
