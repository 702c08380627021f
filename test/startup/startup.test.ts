import { execFile } from "node:child_process";
import { readdirSync, readFileSync, renameSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PARTS } from "../../scripts/bundle.js";
import { run } from "../../src/cli.js";
import type { CommandEntry, CommandOrGroup } from "../../src/commands/command.js";
import { commands } from "../../src/commands/index.js";
import type { Context } from "../../src/context.js";
import { UsageError } from "../../src/errors.js";
import { partFor } from "../../src/startup/start.js";
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
    ["--version", () => ["--version"], "none.cjs"],
    ["annotate", () => ["annotate", list, sources[1] ?? "", "--variant", "v8"], "local.cjs"],
    ["inspect of a local list", () => ["inspect", list], "tsmanifest.cjs"],
    ["ls", () => ["ls"], "local.cjs"],
    ["rm", () => ["rm", list], "local.cjs"],
  ])(
    "%s loads no HTTP client, no terminal library and none of Node's heavy modules",
    async (_, args, bundle) => {
      const { builtins, files } = await succeed(...args());
      expect(builtins.filter((name) => HEAVY.includes(name))).toEqual([]);
      expect(files.map(({ name }) => name)).toEqual([bundle]);
    },
  );

  test("push over plain HTTP loads neither TLS nor HTTP/2, and no terminal library where there is no terminal", async () => {
    await succeed("create", "--amend", list, ...sources);
    const { builtins, files } = await succeed("push", list);
    const unneeded = ["child_process", "fs/promises", "http", "http2", "https", "tls", "zlib"];
    expect(builtins.filter((name) => unneeded.includes(name))).toEqual([]);
    expect(files.map(({ name }) => name)).toEqual(["publish.cjs", "undici.cjs"]);
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
    expect(files.map(({ name }) => name)).toEqual(["none.cjs", "commander.cjs"]);
  });
});

describe("the smaller bundle that arguments lead to", () => {
  test.each([
    ["--version", "none"],
    ["", "none"],
    ["manifest", "none"],
    ["push app:v1", "publish"],
    ["push --help", "publish"],
    ["manifest push --tag ls app:v1", "publish"],
    ["imagetools create -t app:v1 a b", "publish"],
    ["create app:v1 a b", "publish"],
    ["annotate app:v1 a --arch arm64", "local"],
    ["ls", "local"],
    ["manifest rm app:v1", "local"],
    ["inspect app:v1", undefined],
    ["imagetools inspect app:v1", undefined],
    ["imagetools", undefined],
    ["--config push create app:v1 a", undefined],
    ["--config ls", undefined],
    ["manifest --config push", undefined],
    ["help push", undefined],
    ["__complete push", undefined],
    ["pusch", undefined],
  ])("%s: %s", (line, part) => {
    expect(partFor(line === "" ? [] : line.split(" "), PARTS)).toBe(part);
  });

  test("has the command that they name, whatever they are: up to three of these words", async () => {
    const flags = [
      "-h",
      "--help",
      "-D",
      "-v",
      "--version",
      "--config",
      "--config=push",
      "--builder",
      "-",
      "--",
      "-hv",
    ];
    const words = ["manifest", "imagetools", "help", "buildx", "__complete", "__proto__", "x", ""];
    const names = ["create", "push", "ls", "rm", "annotate", "inspect", "apply", "completion"];
    const all = [...flags, ...words, ...names];
    const pairs = all.flatMap((first) => [[first], ...all.map((second) => [first, second])]);
    const longest = all.flatMap((first) => pairs.map((rest) => [first, ...rest]));
    const found = new Map(Object.keys(PARTS).map((part) => [part, 0]));
    for (const args of [[], ...all.map((one) => [one]), ...longest]) {
      const part = partFor(args, PARTS);
      if (part === undefined) continue;
      found.set(part, (found.get(part) ?? 0) + 1);
      const loaded: string[] = [];
      await run(args, NOWHERE, spied(commands, loaded));
      expect(PARTS[part], args.join(" ")).toEqual(expect.arrayContaining(loaded));
      expect(loaded.length, args.join(" ")).toBe(part === "none" ? 0 : 1);
    }
    expect(found.get("none")).toBeGreaterThan(10);
    expect(found.get("local")).toBeGreaterThan(2000);
    expect(found.get("publish")).toBeGreaterThan(1000);
  });

  test("has all of each of its commands: its help is that of the whole bundle", async () => {
    const help = (args: readonly string[], env: Readonly<Record<string, string>>) =>
      promisify(execFile)(
        process.execPath,
        [join(packed.folder, "bin", "tsmanifest.js"), ...args, "--help"],
        {
          env: { PATH: process.env["PATH"], XDG_CACHE_HOME: packed.cache, ...env },
        },
      );
    for (const [part, names] of Object.entries(PARTS)) {
      expect(names.every((name) => partFor(name.split(" "), PARTS) === part)).toBe(true);
      for (const args of names.length === 0 ? [[]] : names.map((name) => name.split(" "))) {
        const [own, whole] = await Promise.all([
          help(args, {}),
          help(args, { NODE_OPTIONS: "--enable-source-maps" }),
        ]);
        expect(own).toEqual(whole);
      }
    }
  });
});

const NOWHERE: Context = {
  stdout: { write: () => true },
  stderr: { write: () => true },
  env: {},
  home: "",
  platform: process.platform,
  signal: new AbortController().signal,
};

/** The same tree, whose commands do nothing but note that they are loaded, by the names that bundles have for them. */
function spied(tree: readonly CommandOrGroup[], loaded: string[], group = ""): CommandOrGroup[] {
  return tree.map((node) =>
    "commands" in node
      ? { ...node, commands: spied(node.commands, loaded, `${node.name} `) }
      : spiedCommand(node, loaded, group),
  );
}

function spiedCommand(entry: CommandEntry, loaded: string[], group: string): CommandEntry {
  return {
    ...entry,
    load: () => {
      loaded.push(group + entry.name);
      return Promise.reject(new UsageError("noted", 1));
    },
  };
}

test.each(["--debug", "--debug=true", "-D"])(
  "stacks lead to the lines of the sources under %s",
  async (flag) => {
    const { stderr } = await packed.run(["push", flag, "example.com/no/such:list"]);
    const [, line] = /[\\/]src[\\/]commands[\\/]push\.ts:(\d+):\d+/.exec(stderr) ?? [];
    const source = readFileSync(
      fileURLToPath(new URL("../../src/commands/push.ts", import.meta.url)),
      "utf8",
    );
    expect(source.split("\n")[Number(line) - 1]).toMatch(/\(|throw/);
    expect(stderr).not.toMatch(/dist[\\/]command/);
  },
);

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
