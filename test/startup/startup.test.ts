import { readdirSync, readFileSync, renameSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startRegistry, type RunningRegistry } from "../../src/testing/index.js";
import { packCommand, type Packed } from "./packed.js";

/** Nothing that speaks HTTP, and nothing that takes milliseconds to load. */
const HEAVY = ["child_process", "crypto", "fs/promises", "http", "http2", "https", "net", "tls", "zlib"];

let packed: Packed;
let registry: RunningRegistry;
let list: string;
let sources: readonly string[];

beforeAll(async () => {
  [packed, registry] = await Promise.all([packCommand(), startRegistry()]);
  list = `${registry.host}/app:v1`;
  sources = ["amd64", "arm64"].map((architecture) => {
    registry.putImage(`build/${architecture}`, { tag: "v1", architecture, layers: 2 });
    return `${registry.host}/build/${architecture}:v1`;
  });
});

afterAll(async () => {
  packed.remove();
  await registry.close();
});

async function succeed(...args: string[]) {
  const ended = await packed.run(args);
  expect(ended).toMatchObject({ status: 0, stderr: "" });
  return ended.trace;
}

describe("what a command loads", () => {
  beforeAll(async () => {
    await succeed("create", "--amend", list, ...sources);
  });

  test.each([
    ["--version", () => ["--version"]],
    ["annotate", () => ["annotate", list, sources[1] ?? "", "--variant", "v8"]],
    ["inspect of a local list", () => ["inspect", list]],
    ["ls", () => ["ls"]],
    ["rm", () => ["rm", list]],
  ])("%s loads no HTTP client, no terminal library and none of Node's heavy modules", async (_, args) => {
    const { builtins, files } = await succeed(...args());
    expect(builtins.filter((name) => HEAVY.includes(name))).toEqual([]);
    expect(files.map(({ name }) => name)).toEqual(["tsmanifest.cjs"]);
  });

  test("push over plain HTTP loads neither TLS nor HTTP/2, and no terminal library where there is no terminal", async () => {
    await succeed("create", "--amend", list, ...sources);
    const { builtins, files } = await succeed("push", list);
    const unneeded = ["child_process", "fs/promises", "http", "http2", "https", "tls", "zlib"];
    expect(builtins.filter((name) => unneeded.includes(name))).toEqual([]);
    expect(files.map(({ name }) => name)).toEqual(["tsmanifest.cjs", "undici.cjs"]);
    expect(registry.manifest("app", "v1")).toBeDefined();
  });

  test("push opens its connections before it loads undici: even where there is none to load", async () => {
    await succeed("create", "--amend", list, ...sources);
    const undici = join(packed.folder, "dist", "command", "undici.cjs");
    renameSync(undici, `${undici}.away`);
    registry.resetLog();
    const { status } = await packed.run(["push", list]);
    renameSync(`${undici}.away`, undici);
    expect(status).not.toBe(0);
    expect(registry.connections).toBeGreaterThanOrEqual(3);
  });

  test("help is what loads commander", async () => {
    const { files } = await succeed("--help");
    expect(files.map(({ name }) => name)).toEqual(["tsmanifest.cjs", "commander.cjs"]);
  });
});

test("stacks lead to the lines of the sources under --debug", async () => {
  const { stderr } = await packed.run(["push", "--debug", "example.com/no/such:list"]);
  const [, line] = /[\\/]src[\\/]commands[\\/]push\.ts:(\d+):\d+/.exec(stderr) ?? [];
  const source = readFileSync(fileURLToPath(new URL("../../src/commands/push.ts", import.meta.url)), "utf8");
  expect(source.split("\n")[Number(line) - 1]).toMatch(/\(|throw/);
  expect(stderr).not.toMatch(/dist[\\/]command/);
});

test("the bundle is ASCII, as which it is read: no character in it means another", () => {
  const folder = join(packed.folder, "dist", "command");
  const files = readdirSync(folder).filter((name) => name.endsWith(".cjs"));
  expect(files).toContain("tsmanifest.cjs");
  for (const file of files) {
    const odd = [...readFileSync(join(folder, file), "utf8").matchAll(/.{0,20}[\u0080-\uffff].{0,20}/g)];
    expect(odd.map(([around]) => around)).toEqual([]);
  }
});

test("the bundled part of undici has all that the sources import of it", () => {
  const folder = fileURLToPath(new URL("../../src/registry/http/", import.meta.url));
  const values = readdirSync(folder)
    .flatMap((file) => [
      ...readFileSync(join(folder, file), "utf8").matchAll(/^import \{([^}]+)\} from "undici"/gm),
    ])
    .flatMap(([, names = ""]) => names.split(","))
    .map((name) => name.trim())
    .filter((name) => name !== "" && !name.startsWith("type "));
  expect(values).toContain("Client");
  const undici: unknown = createRequire(import.meta.url)(
    join(packed.folder, "dist", "command", "undici.cjs"),
  );
  expect(undici).toEqual(
    expect.objectContaining(
      Object.fromEntries(values.map((name) => [name.split(" as ")[0], expect.anything()])),
    ),
  );
});
