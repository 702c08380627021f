import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startRegistry, type RunningRegistry } from "../../src/testing/index.js";
import { buildProgram, type Program } from "../helpers/program.js";
import { describeWithPrograms } from "../helpers/registryServer.js";
import { onScreen, type Screen } from "../helpers/screen.js";

/** Longer than what is too quick to be shown. */
const SLOW_MS = 1_500;

/** Each command that talks to a registry, on a line on which an answer takes a while: what it says meanwhile. */
const COMMANDS: readonly {
  readonly name: string;
  readonly args: (host: string, folder: string) => readonly string[];
  /** On a terminal. */
  readonly shows: RegExp;
  /** In a log, the first line. */
  readonly logs: RegExp;
}[] = [
  {
    name: "create",
    args: (host) => ["create", "--replace", `${host}/new:v1`, `${host}/src/a:v1`, `${host}/src/b:v1`],
    shows: /reading sources: \d of 2 sources \(\d+s\)/,
    logs: /^reading sources: 0 of 2 sources$/,
  },
  {
    name: "annotate --subject",
    args: (host) => ["annotate", `${host}/app:v1`, "--subject", `${host}/src/a:v1`],
    shows: /reading 127\.0\.0\.1:\d+\/src\/a:v1 \(\d+s\)/,
    logs: /^reading 127\.0\.0\.1:\d+\/src\/a:v1$/,
  },
  {
    name: "inspect",
    args: (host) => ["inspect", `${host}/src/a:v1`],
    shows: /reading 127\.0\.0\.1:\d+\/src\/a:v1 \(\d+s\)/,
    logs: /^reading 127\.0\.0\.1:\d+\/src\/a:v1$/,
  },
  {
    name: "inspect --format json",
    args: (host) => ["inspect", "--format", "json", `${host}/src/a:v1`],
    shows: /reading 127\.0\.0\.1:\d+\/src\/a:v1 \(\d+s\)/,
    logs: /^reading 127\.0\.0\.1:\d+\/src\/a:v1$/,
  },
  {
    name: "push",
    args: (host) => ["push", `${host}/app:v1`],
    shows: /pushing 127\.0\.0\.1:\d+\/app:v1: \d of 1 image, \d of 2 blobs \(\d+s\)/,
    logs: /^pushing 127\.0\.0\.1:\d+\/app:v1$/,
  },
  {
    name: "push --plan",
    args: (host) => ["push", "--plan", `${host}/app:v1`],
    shows: /asking what 127\.0\.0\.1:\d+\/app has: \d of 2 manifests \(\d+s\)/,
    logs: /^asking what 127\.0\.0\.1:\d+\/app has: 0 of 2 manifests$/,
  },
  {
    name: "push --verify",
    args: (host) => ["push", "--verify", `${host}/app:v1`],
    shows: /reading back what was pushed \(\d+s\)/,
    logs: /^pushing 127\.0\.0\.1:\d+\/app:v1$/,
  },
  {
    name: "imagetools create",
    args: (host) => ["imagetools", "create", "-t", `${host}/tools:v1`, `${host}/src/a:v1`],
    shows: /reading sources: 0 of 1 source \(\d+s\)/,
    logs: /^reading sources: 0 of 1 source$/,
  },
  {
    name: "imagetools create --append",
    args: (host) => ["imagetools", "create", "--append", "-t", `${host}/list:v1`, `${host}/src/a:v1`],
    shows: /reading 127\.0\.0\.1:\d+\/list:v1 \(\d+s\)/,
    // What is added is read beside the list.
    logs: /^reading sources: 0 of 1 source$/,
  },
  {
    name: "imagetools create --plan",
    args: (host) => ["imagetools", "create", "--plan", "-t", `${host}/tools:v2`, `${host}/src/a:v1`],
    shows: /asking what 127\.0\.0\.1:\d+\/tools has: \d of 2 manifests \(\d+s\)/,
    logs: /^reading sources: 0 of 1 source$/,
  },
  {
    name: "imagetools inspect",
    args: (host) => ["imagetools", "inspect", `${host}/src/a:v1`],
    shows: /reading 127\.0\.0\.1:\d+\/src\/a:v1 \(\d+s\)/,
    logs: /^reading 127\.0\.0\.1:\d+\/src\/a:v1$/,
  },
  {
    name: "apply",
    args: (_, folder) => ["apply", "-f", join(folder, "lists.json")],
    shows: /applying: 0 of 1 list \(\d+s\)/,
    logs: /^reading the file of lists$/,
  },
  {
    name: "apply --plan",
    args: (_, folder) => ["apply", "--plan", "-f", join(folder, "lists.json")],
    shows: /asking what is there: 0 of 1 list \(\d+s\)/,
    logs: /^reading the file of lists$/,
  },
];

describeWithPrograms("what commands say of their work", ["script"], () => {
  let program: Program;
  let registry: RunningRegistry;
  let home: string;
  let delayMs = 0;
  let screen: Screen | undefined;

  beforeAll(async () => {
    const started = await Promise.all([
      buildProgram(),
      startRegistry({
        onRequest: async () => {
          await sleep(delayMs);
          return undefined;
        },
      }),
    ]);
    [program, registry] = started;
    home = mkdtempSync(join(tmpdir(), "progress-"));
    const image = registry.putImage("src/a", { tag: "v1" });
    registry.putImage("src/b", { tag: "v1", architecture: "arm64" });
    registry.putImage("list", {});
    registry.putList("list", { tag: "v1", children: [registry.putImage("list", { architecture: "s390x" })] });
    expect(image.digest).toMatch(/^sha256:/);
    const list = { target: `${registry.host}/lists:v1`, sources: [`${registry.host}/src/a:v1`] };
    writeFileSync(join(home, "lists.json"), JSON.stringify({ version: 1, lists: [list] }));
    await makeDraft();
  });
  afterEach(() => {
    screen?.end();
    screen = undefined;
    delayMs = 0;
  });
  afterAll(async () => {
    program.remove();
    await registry.close();
    rmSync(home, { recursive: true });
  });

  async function makeDraft(): Promise<void> {
    const args = ["create", "--replace", `${registry.host}/app:v1`, `${registry.host}/src/a:v1`];
    expect(await program.start(args, { DOCKER_CONFIG: home }).ended).toMatchObject({ status: 0 });
  }

  describe.each(COMMANDS)("$name", ({ args, shows, logs }) => {
    it("on a terminal, and nothing of it is left", async () => {
      delayMs = SLOW_MS;
      screen = onScreen(program, args(registry.host, home), { columns: 120, env: { DOCKER_CONFIG: home } });
      await screen.shows(shows);
      delayMs = 0;
      expect(await screen.ended).toMatchObject({ status: 0 });
      expect(await screen.text()).not.toMatch(/\(\d+s\)/);
    });

    it("in a log where that is asked for, and nothing unless", async () => {
      const run = async (...flags: string[]) =>
        program.start([...args(registry.host, home), ...flags], { DOCKER_CONFIG: home, CI: "true" }).ended;
      const plain = await run("--progress", "plain");
      const [first = "", ...lines] = plain.stderr.trimEnd().split("\n");
      expect(first).toMatch(/^\d\.\ds /);
      expect(first.replace(/^\S+ /, "")).toMatch(logs);
      for (const line of lines) expect(line).toMatch(/^\d+\.\ds \S/);
      for (const flags of [[], ["--progress=auto"], ["--progress=none"]]) {
        expect(await run(...flags)).toMatchObject({ status: plain.status, stdout: plain.stdout, stderr: "" });
      }
    });
  });
});
