import { lstat, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { inspect, userDocker } from "../../src/index.js";
import { certificate, certificateFile } from "../helpers/certificates.js";
import { cli, type CliResult } from "../helpers/cli.js";
import { startPeer, type Peer } from "../helpers/peer.js";
import { expectNoSecrets, SECRETS } from "../helpers/secrets.js";

/** What commands and the library leave in the user's cache folder for the next run, and what that does with it. */

let home: string;
let peer: Peer;
let image: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "recollection-"));
  peer = await startPeer({ speaks: "tls", auth: { kind: "bearer", users: { me: SECRETS.password } } });
  peer.putImage("team/app", { tag: "v1" });
  image = `${peer.host}/team/app:v1`;
  const auth = Buffer.from(`me:${SECRETS.password}`).toString("base64");
  await mkdir(join(home, ".docker"));
  await writeFile(join(home, ".docker", "config.json"), JSON.stringify({ auths: { [peer.host]: { auth } } }));
});
afterEach(async () => {
  await peer.close();
  await rm(home, { recursive: true, force: true });
});

const folder = (): string => join(home, ".cache", "tsmanifest");
const challenges = async (): Promise<string[]> =>
  (await readdir(folder()).catch(() => [])).filter((name) => name.startsWith("challenge-"));
const run = (...argv: string[]): Promise<CliResult> =>
  cli(["inspect", ...argv, image], undefined, { home, env: {} });
const SAYS = /named https:\/\/127\.0\.0\.1:\d+\/token for its tokens in an earlier run/;

describe("a command", () => {
  test("asks for the token ahead where an earlier command was told of its server, which --debug shows", async () => {
    const first = await run("--ca-file", certificateFile("ca"), "--debug");
    const second = await run("--ca-file", certificateFile("ca"), "--debug");
    expect(first.stderr).not.toMatch(SAYS);
    expect(second.stderr).toMatch(SAYS);
    expect(second.stdout).toBe(first.stdout);
    expect([first.status, second.status]).toEqual([0, 0]);
    expectNoSecrets(second.stderr);
  });

  test("says nothing of it without --debug", async () => {
    await run("--ca-file", certificateFile("ca"));
    expect(await run("--ca-file", certificateFile("ca"))).toMatchObject({ status: 0, stderr: "" });
  });

  test("keeps it where only the user can read it, in CI as well", async () => {
    await cli(["inspect", "--ca-file", certificateFile("ca"), image], undefined, {
      home,
      env: { CI: "true" },
    });
    const [name = ""] = await challenges();
    expect((await lstat(join(folder(), name))).mode & 0o777).toBe(0o600);
  });

  test("leaves nothing with --insecure", async () => {
    expect((await run("--insecure")).status).toBe(0);
    expect(await challenges()).toEqual([]);
  });

  test("does without where there is no folder for it", async () => {
    await writeFile(join(home, ".cache"), "");
    for (let time = 0; time < 2; time++) {
      expect(await run("--ca-file", certificateFile("ca"))).toMatchObject({ status: 0, stderr: "" });
    }
  });
});

describe("the library", () => {
  const ca = certificate("ca");

  test("recalls for who brings the user's set-up of docker", async () => {
    const kinds: string[] = [];
    const docker = userDocker({ env: {}, home, platform: "linux" });
    await inspect(image, { docker, ca });
    await inspect(image, { docker, ca, onRequest: ({ kind }) => kinds.push(kind) });
    expect(kinds[0]).toBe("recalled");
    expect(await challenges()).toHaveLength(1);
  });

  test("touches no folder of the user's for anybody else", async () => {
    const credentials = () =>
      Promise.resolve({ kind: "basic", username: "me", password: SECRETS.password } as const);
    await inspect(image, { ca, credentials });
    expect(await challenges()).toEqual([]);
  });
});
