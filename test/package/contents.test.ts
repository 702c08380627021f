import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { publint } from "publint";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod/mini";
import * as library from "../../src/index.js";
import * as testing from "../../src/testing/index.js";
import { buildPackage, type BuiltPackage } from "../helpers/package.js";

/** What `npm publish` would publish. */

const root = fileURLToPath(new URL("../..", import.meta.url));

const Manifest = z.looseObject({
  files: z.array(z.string()),
  scripts: z.record(z.string(), z.string()),
  dependencies: z.record(z.string(), z.string()),
  exports: z.record(z.string(), z.unknown()),
});

let built: BuiltPackage;
let folder: string;
let installed: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "contents-"));
  built = await buildPackage();
  installed = join(built.install("user"), "node_modules/tsmanifest");
}, 240_000);

afterAll(() => {
  built.remove();
  rmSync(folder, { recursive: true });
});

const read = (path: string): string => readFileSync(join(installed, path), "utf8");
const manifest = () => Manifest.parse(JSON.parse(read("package.json")));
const inDist = (extension: string): string[] =>
  built.pack.files
    .map(({ path }) => path)
    .filter((path) => path.startsWith("dist/") && path.endsWith(extension));

describe("the package", () => {
  it("has these files, and no other", () => {
    expect(built.pack.files.map(({ path }) => path).sort()).toEqual([
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "bin/package.json",
      "bin/tsmanifest.js",
      "dist/command/THIRD-PARTY-LICENSES",
      "dist/command/chalk.cjs",
      "dist/command/commander.cjs",
      "dist/command/local.cjs",
      "dist/command/none.cjs",
      "dist/command/ora.cjs",
      "dist/command/publish.cjs",
      "dist/command/start.cjs",
      "dist/command/string-width.cjs",
      "dist/command/tsmanifest.cjs",
      "dist/command/tsmanifest.cjs.map",
      "dist/command/undici.cjs",
      "dist/command/undici.cjs.LEGAL.txt",
      "dist/command/yaml.cjs",
      "dist/index.cjs",
      "dist/index.cjs.map",
      "dist/index.d.cts",
      "dist/index.d.ts",
      "dist/index.js",
      "dist/shared.cjs",
      "dist/shared.cjs.map",
      "dist/testing/index.cjs",
      "dist/testing/index.cjs.map",
      "dist/testing/index.d.cts",
      "dist/testing/index.d.ts",
      "dist/testing/index.js",
      "man/tsmanifest.1",
      "package.json",
      "schema/lists.schema.json",
    ]);
  });

  it("is small: 1.75 MB, 6.25 MB unpacked", () => {
    expect(built.pack.size).toBeLessThan(1_750_000);
    expect(built.pack.unpackedSize).toBeLessThan(6_250_000);
  });

  it("has nothing compiled: all of it is text", () => {
    const odd = built.pack.files.filter(({ path }) => /[\0\ufffd]/.test(read(path)));
    expect(odd).toEqual([]);
  });

  it("lets the command be run, and nothing else", () => {
    const modes = built.pack.files.map(({ path, mode }) => [path, mode & 0o777] as const);
    const others = modes.filter(([path]) => path !== "bin/tsmanifest.js");
    expect(Object.fromEntries(modes)["bin/tsmanifest.js"]).toBe(0o755);
    expect(others.filter(([, mode]) => mode !== 0o644)).toEqual([]);
  });

  it("runs nothing when it is installed, and is built when it is packed", () => {
    const { scripts } = manifest();
    const atInstall = ["preinstall", "install", "postinstall", "prepare", "preprepare", "postprepare"];
    expect(Object.keys(scripts).filter((name) => atInstall.includes(name))).toEqual([]);
    expect(scripts).toMatchObject({
      prepack: "npm run build",
      pretest: "npm run build",
      predemo: "npm run build",
    });
  });

  it("asks users of the library for no more than the library loads", () => {
    const loaded = inDist(".cjs")
      .filter((path) => !path.startsWith("dist/command/"))
      .flatMap((path) => [...read(path).matchAll(/\brequire\(['"]([^.'"][^'"]*)['"]\)/g)])
      .map(([, id = ""]) => id)
      .filter((id) => !id.startsWith("node:"));
    expect([...new Set(loaded)].sort()).toEqual(["undici", "zod/mini"]);
    expect(Object.keys(manifest().dependencies)).toEqual(["undici", "zod"]);
  });

  it("has a command that needs nothing but its own files and Node", () => {
    const alone = join(folder, "alone");
    cpSync(installed, alone, { recursive: true });
    const program = join(alone, "bin/tsmanifest.js");
    const env = { PATH: process.env["PATH"], HOME: folder, XDG_CACHE_HOME: folder };
    const run = (...args: string[]) =>
      execFileSync(process.execPath, [program, ...args], { env, encoding: "utf8" });
    expect(run("--help")).toContain("Usage:");
    expect(run("ls", "--format", "json")).toContain("[]");
  });

  it("has the licence of each package that is bundled with the command", () => {
    const licenses = read("dist/command/THIRD-PARTY-LICENSES");
    for (const name of ["chalk", "commander", "ora", "undici", "yaml", "zod"])
      expect(licenses).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\((?:MIT|ISC)\\)$`, "m"));
    const packages = licenses.split(/^-{80}$/m).slice(1);
    expect(packages.length).toBeGreaterThan(15);
    for (const text of packages) expect(text).toMatch(/permission .*granted|permission to use/is);
  });

  it("has what package.json names, for each kind of program", () => {
    const paths = built.pack.files.map(({ path }) => `./${path}`);
    const named = (value: unknown): string[] =>
      typeof value === "string"
        ? [value]
        : Object.values(z.record(z.string(), z.unknown()).parse(value)).flatMap((one) => named(one));
    for (const target of named(manifest().exports)) expect(paths).toContain(target);
    // TypeScript takes the first that fits.
    for (const condition of Object.values(manifest().exports).filter((one) => typeof one !== "string")) {
      const conditions = z.record(z.string(), z.record(z.string(), z.string())).parse(condition);
      expect(Object.keys(conditions)).toEqual(["import", "require"]);
      for (const one of Object.values(conditions)) expect(Object.keys(one)).toEqual(["types", "default"]);
    }
  });
});

describe("what the package exports", () => {
  const requireFrom = createRequire(import.meta.url);

  it.each([
    ["tsmanifest", "dist/index", library],
    ["tsmanifest/testing", "dist/testing/index", testing],
  ])(
    "%s has the same names for ES modules, for CommonJS, in the types and in the sources",
    async (_, path, source) => {
      const names = Object.keys(source).sort();
      const esm: unknown = await import(pathToFileURL(join(installed, `${path}.js`)).href);
      const cjs: unknown = requireFrom(join(installed, `${path}.cjs`));
      expect(Object.keys(z.record(z.string(), z.unknown()).parse(cjs)).sort()).toEqual(names);
      expect(Object.keys(z.looseObject({}).parse({ ...(esm as object) })).sort()).toEqual(names);
      for (const types of [".d.ts", ".d.cts"]) {
        const [, list = ""] = /^export \{ (.*) \};$/m.exec(read(path + types)) ?? [];
        expect(list.split(", ").sort()).toEqual(names);
      }
    },
  );

  it("is one implementation: a class is the same, whether it was imported or required", async () => {
    const esm: unknown = await import(pathToFileURL(join(installed, "dist/index.js")).href);
    const cjs: unknown = requireFrom(join(installed, "dist/index.cjs"));
    const Exports = z.looseObject({ ManifestError: z.unknown() });
    expect(Exports.parse({ ...(esm as object) }).ManifestError).toBe(Exports.parse(cjs).ManifestError);
    const text = inDist(".cjs")
      .filter((path) => !path.startsWith("dist/command/"))
      .map(read)
      .join("\n");
    expect(text.match(/^class ManifestError\b/gm)).toHaveLength(1);
  });

  it("has source maps, by which a stack leads to a line of the sources", () => {
    const program = `
      const { parseReference } = require(${JSON.stringify(join(installed, "dist/index.cjs"))});
      try { parseReference("NO"); } catch ({ stack }) { console.log(stack); }`;
    const stack = execFileSync(process.execPath, ["--enable-source-maps", "-e", program], {
      encoding: "utf8",
    });
    const [, file = "", line] = /[\\/](src[\\/]oci[\\/]reference\.ts):(\d+):\d+/.exec(stack) ?? [];
    expect(readFileSync(join(root, file), "utf8").split("\n")[Number(line) - 1]).toMatch(/new |throw/);

    const Map = z.object({
      sources: z.array(z.string()),
      sourcesContent: z.optional(z.array(z.nullable(z.string()))),
    });
    for (const path of inDist(".map")) {
      const { sources, sourcesContent } = Map.parse(JSON.parse(read(path)));
      expect(sources.length).toBeGreaterThan(0);
      // The text of the library's sources is in its maps; the command's would be as large as the command.
      expect(sourcesContent?.every((text) => text !== null && text !== "") ?? false).toBe(
        !path.includes("command"),
      );
    }
  });
});

describe("what checks packages", () => {
  const attw = (tarball: string) => {
    const program = join(root, "node_modules/@arethetypeswrong/cli/dist/index.js");
    const args = [
      program,
      tarball,
      "--profile",
      "node16",
      "--no-definitely-typed",
      "--no-color",
      "--no-emoji",
    ];
    return spawnSync(process.execPath, args, { encoding: "utf8" });
  };
  const faultsOf = async (tarball: string): Promise<string[]> => {
    const bytes = readFileSync(tarball);
    const copy = new ArrayBuffer(bytes.byteLength);
    new Uint8Array(copy).set(bytes);
    const { messages } = await publint({ pack: { tarball: copy }, level: "suggestion" });
    return messages.map(({ code }) => code);
  };

  it("publint finds nothing", async () => {
    expect(await faultsOf(built.tarball)).toEqual([]);
  });

  it("@arethetypeswrong/cli finds nothing, for node16 and nodenext as ES module and as CommonJS, and for bundlers", () => {
    const { status, stdout } = attw(built.tarball);
    expect(stdout).toMatch(/node16 \(from CJS\)/);
    expect({ status, stdout }).toMatchObject({ status: 0 });
  }, 120_000);

  it("the one finds a file that is missing, the other types that are of the other kind", async () => {
    const wrong = join(folder, "wrong");
    cpSync(built.source, wrong, { recursive: true });
    const file = join(wrong, "package.json");
    const text = readFileSync(file, "utf8").replaceAll("index.d.cts", "index.d.ts");
    writeFileSync(file, text.replaceAll("testing/index.cjs", "testing/none.cjs"));
    const tarball = built.packAgain(wrong);
    expect(await faultsOf(tarball)).toContain("FILE_DOES_NOT_EXIST");
    expect(attw(tarball)).toMatchObject({ status: 1 });
  }, 120_000);
});
