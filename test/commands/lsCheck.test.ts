import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { run } from "../../src/cli.js";
import { startRegistry, type RunningRegistry, type ServerOptions } from "../../src/testing/index.js";
import { LsResult } from "../../src/ui/lsResult.js";
import { displayWidth } from "../../src/ui/terminal/width.js";
import { recordingContext } from "../helpers/cli.js";
import { entryOf } from "../helpers/entries.js";
import { putOnBase } from "../helpers/lookedAt.js";
import { local, type Local } from "./local.js";

let here: Local;
let registry: RunningRegistry;
beforeEach(async () => {
  [here, registry] = await Promise.all([local(), startRegistry()]);
});
afterEach(() => registry.close());

async function start(options: ServerOptions): Promise<RunningRegistry> {
  const other = await startRegistry(options);
  onTestFinished(() => other.close());
  return other;
}

/** Four lists of one repository: one pushed, one pushed and then changed, and two that were never pushed. */
async function makeLists(): Promise<string> {
  const app = `${registry.host}/app`;
  for (const architecture of ["amd64", "arm64"])
    putOnBase(registry, "app", { architecture, tag: architecture });
  for (const tag of ["same", "differs", "new", "other"])
    await here.run("create", `${app}:${tag}`, `${app}:amd64`);
  for (const tag of ["same", "differs"]) await here.run("push", `${app}:${tag}`);
  await here.run("create", "--amend", `${app}:differs`, `${app}:arm64`);
  registry.resetLog();
  return app;
}

async function checked(...args: string[]): Promise<LsResult["lists"]> {
  const { status, stdout } = await here.run("ls", "--check", "--format", "json", ...args);
  expect(status).toBe(0);
  return LsResult.parse(JSON.parse(stdout)).lists;
}

describe("ls --check", () => {
  it("shows whether the registry has each list, by one HEAD a list, side by side", async () => {
    const app = await makeLists();
    const { status, stdout, stderr } = await here.run("ls", "--check");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout.split("\n").map((line) => line.replace(app, "app").split(/ {2,}/))).toEqual([
      ["NAME", "ENTRIES", "PLATFORMS", "AGE", "REGISTRY"],
      ["app:differs", "2", "linux/amd64,linux/arm64", "0s", "differs"],
      ["app:new", "1", "linux/amd64", "0s", "missing"],
      ["app:other", "1", "linux/amd64", "0s", "missing"],
      ["app:same", "1", "linux/amd64", "0s", "same"],
      [""],
    ]);
    expect(registry.log.map(({ method }) => method)).toEqual(["HEAD", "HEAD", "HEAD", "HEAD"]);
  });

  it("has digests in JSON, and is not asked for without the flag", async () => {
    await makeLists();
    const [differs, missing] = await checked();
    expect(differs?.registry).toEqual({
      state: "differs",
      digest: registry.manifest("app", "differs")?.digest,
    });
    expect(missing?.registry).toEqual({ state: "missing" });
    registry.resetLog();
    const { stdout } = await here.run("ls", "--format", "json");
    expect(LsResult.parse(JSON.parse(stdout)).lists[0]?.registry).toBeUndefined();
    expect((await here.run("ls")).stdout).not.toContain("REGISTRY");
    expect(registry.log).toEqual([]);
  });

  it("has one token for all lists of a registry, and says where none is given", async () => {
    const guarded = await start({ auth: { kind: "bearer", users: { me: "secret" } } });
    for (const path of ["a", "b", "c"]) {
      await here.makeList(`${guarded.host}/${path}:v1`, [entryOf("x.example/a:1")]);
    }
    const denied = await checked("--retries", "0");
    expect(denied.map((list) => list.registry?.state)).toEqual(["denied", "denied", "denied"]);
    const auths = { [guarded.host]: { auth: Buffer.from("me:secret").toString("base64") } };
    await writeFile(join(here.home, "config.json"), JSON.stringify({ auths }));
    guarded.resetLog();
    const missing = await checked();
    expect(missing.map((list) => list.registry?.state)).toEqual(["missing", "missing", "missing"]);
    expect(guarded.log.filter(({ path }) => path.startsWith("/token"))).toHaveLength(1);
  });

  it("tells of a registry that does not answer, or refuses, beside those that do", async () => {
    const app = await makeLists();
    const closed = await startRegistry();
    await closed.close();
    const forbidding = await start({ onRequest: () => ({ status: 403, body: "{}" }) });
    const broken = await start({ onRequest: () => ({ status: 500, body: "" }) });
    for (const { host } of [closed, forbidding, broken])
      await here.makeList(`${host}/x:v1`, [entryOf("x.example/a:1")]);
    const states = Object.fromEntries(
      (await checked("--retries", "0")).map(({ name, registry: found }) => [name, found?.state]),
    );
    expect(states).toEqual({
      [`${closed.host}/x:v1`]: "silent",
      [`${forbidding.host}/x:v1`]: "denied",
      [`${broken.host}/x:v1`]: "failed",
      [`${app}:same`]: "same",
      [`${app}:differs`]: "differs",
      [`${app}:new`]: "missing",
      [`${app}:other`]: "missing",
    });
    const { status, stdout, stderr } = await here.run("ls", "--check", "--retries", "0");
    expect(status).toBe(0);
    expect(stdout).toMatch(/\/x:v1 .* no answer\n/);
    expect(stderr.match(/^WARNING: /gm)).toHaveLength(3);
  });

  it(
    "does not wait long for a registry that takes the request and never answers",
    { timeout: 20_000 },
    async () => {
      const app = await makeLists();
      const sockets = new Set<{ destroy: () => void }>();
      const mute = createServer((socket) => sockets.add(socket));
      await new Promise<void>((done) => mute.listen(0, "127.0.0.1", done));
      onTestFinished(() => {
        for (const socket of sockets) socket.destroy();
        mute.close();
      });
      const host = `127.0.0.1:${(mute.address() as AddressInfo).port}`;
      await here.makeList(`${host}/x:v1`, [entryOf("x.example/a:1")]);
      const recording = recordingContext({
        env: { DOCKER_CONFIG: here.home },
        home: here.home,
        waits: { timeouts: { headers: 300 } },
      });
      const begun = performance.now();
      expect(await run(["ls", "--check"], recording.context)).toBe(0);
      expect(performance.now() - begun).toBeLessThan(5_000);
      expect(recording.stdout()).toMatch(/\/x:v1 .* no answer\n/);
      expect(recording.stdout()).toMatch(/:same .* same\n/);
      expect(recording.stderr()).toBe(`WARNING: ${host} does not answer\n`);
      expect(app).not.toBe("");
    },
  );

  it("does not go with --quiet", async () => {
    expect(await here.run("ls", "--check", "-q")).toMatchObject({
      status: 1,
      stderr: "--check and --quiet: choose one of them\n",
    });
  });
});

describe("the table of ls", () => {
  const withPlatform = (os: string, architecture: string) => {
    const entry = entryOf(`x.example/app:${architecture}`, { architecture });
    const platform = { ...entry.descriptor.platform!, os };
    return { ...entry, descriptor: { ...entry.descriptor, platform } };
  };

  async function on(columns: number, ...flags: string[]): Promise<string[]> {
    const recording = recordingContext({ env: { DOCKER_CONFIG: here.home }, home: here.home });
    const stdout = { ...recording.context.stdout, isTTY: true, columns };
    expect(await run(["ls", ...flags], { ...recording.context, stdout })).toBe(0);
    return recording.stdout().split("\n").slice(0, -1);
  }

  it("keeps what registries have where there is little room: other columns are left out, then names are cut", async () => {
    const registry = await startRegistry();
    onTestFinished(() => registry.close());
    await here.makeList(`${registry.host}/team/app:v1`, [withPlatform("linux", "amd64")]);
    const name = `${registry.host}/team/app:v1`.padEnd(27);
    for (const [columns, lines] of [
      [70, [/^NAME +ENTRIES +PLATFORMS +AGE +REGISTRY$/, /^\S+ +1 +linux\/amd64 +\ds +missing$/]],
      [62, [/^NAME +ENTRIES +PLATFORMS +REGISTRY$/, /^\S+ +1 +\S+ +missing$/]],
      [52, [/^NAME +PLATFORMS +REGISTRY$/, /^\S+ +\S+ +missing$/]],
      [40, [/^NAME +REGISTRY$/, new RegExp(`^${name.trim()} +missing$`)]],
      [30, [/^NAME +REGISTRY$/, /^127\.0\.0\.1:\d+\S* +missing$/]],
    ] as const) {
      const shown = await on(columns, "--check");
      expect(shown).toEqual(lines.map((line) => expect.stringMatching(line) as string));
      expect(shown.filter((line) => displayWidth(line) > columns)).toEqual([]);
    }
  });

  it("fits a terminal: platforms are left out first, and no line is wrapped", async () => {
    const architectures = ["amd64", "arm64", "arm", "386", "s390x", "ppc64le"];
    await here.makeList(
      "x.example/app:v1",
      architectures.map((one) => withPlatform("linux", one)),
    );
    await here.makeList("x.example/b:v1", [withPlatform("linux", "amd64")]);
    expect(await on(60)).toEqual([
      "NAME               ENTRIES   PLATFORMS                  AGE",
      "x.example/app:v1   6         linux/386,linux/amd64,+4   0s",
      "x.example/b:v1     1         linux/amd64                0s",
    ]);
    for (const columns of [1, 20, 40, 60, 80, 200]) {
      expect((await on(columns)).filter((line) => displayWidth(line) > columns)).toEqual([]);
    }
    expect((await on(0))[1]).toBe((await here.run("ls")).stdout.split("\n")[1]);
    expect((await on(200))[1]).toContain(
      "linux/386,linux/amd64,linux/arm,linux/arm64,linux/ppc64le,linux/s390x",
    );
  });

  it("is aligned by what characters take on a terminal", async () => {
    await here.makeList("x.example/a:v1", [withPlatform("日本語", "amd64")]);
    await here.makeList("x.example/b:v1", [withPlatform("linux", "amd64")]);
    const { stdout } = await here.run("ls");
    const [, wide = "", plain = ""] = stdout.split("\n");
    expect(displayWidth(wide)).toBe(displayWidth(plain.trimEnd()));
    expect((await on(45)).filter((line) => displayWidth(line) > 45)).toEqual([]);
  });

  it("is Markdown with --format markdown, as text that means nothing there", async () => {
    await here.makeList("x.example/a:v1", [withPlatform("a|b`<c>", "amd64")]);
    const { stdout } = await here.run("ls", "--format", "markdown");
    expect(stdout).toBe(
      [
        "| List | Entries | Platforms | Age |",
        "| --- | ---: | --- | ---: |",
        "| <code>x.example/a:v1</code> | 1 | a&#124;b&#96;&#60;c&#62;/amd64 | 0s |",
        "",
      ].join("\n"),
    );
  });
});
