import { execFile, execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startRegistry, type RunningRegistry } from "../../src/testing/index.js";
import { buildPackage, nodes, type BuiltPackage } from "../helpers/package.js";
import { blocksOfPage } from "../helpers/pages/blocks.js";

/** Programs of users who have installed the package, in each way in which a program can be written, on each Node. */

const root = fileURLToPath(new URL("../..", import.meta.url));

/** A push with the library to the registry for tests. What it imports comes before, in each language's way. */
const PROGRAM = `
async function main(version) {
  const registry = await startRegistry();
  const sources = ["amd64", "arm64"].map((architecture) => {
    registry.putImage("build/" + architecture, { tag: "v1", os: "linux", architecture, layers: 2 });
    return registry.host + "/build/" + architecture + ":v1";
  });
  const target = parseReference(registry.host + "/app:v1");
  const client = await createRegistry({ domain: target.domain });
  const read = client.session({ access: [] });
  const reader = new SourceReader();
  const entries = await Promise.all(
    sources.map((source) => {
      const ref = parseReference(source);
      return reader.entries(registrySource(ref, read.repository(ref.path)));
    }),
  );
  const planned = plan(addEntries(emptyDraft(target), entries.flat()));
  const access = accessesOf(planned).map(({ location, actions }) => ({ path: pathOf(location), actions }));
  const session = client.session({ access });
  const { digest } = await execute(planned, (location) => session.repository(pathOf(location)));
  const platforms = entries.flat().map(({ descriptor: { platform } }) => platform && formatPlatform(platform));
  let thrown;
  try {
    parseReference("NOT a reference");
  } catch (error) {
    thrown = error;
  }
  const isOurs = thrown instanceof ManifestError;
  const isThere = registry.manifest("app", "v1")?.digest === digest;
  await client.close();
  await registry.close();
  console.log(JSON.stringify({ version, isOurs, isThere, platforms }));
}
main(process.version).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
`;
const NAMES = [
  ...[
    "accessesOf",
    "addEntries",
    "createRegistry",
    "emptyDraft",
    "execute",
    "formatPlatform",
    "ManifestError",
  ],
  ...["parseReference", "plan", "registrySource", "SourceReader"],
].join(", ");
const PATH_OF = `const pathOf = (location) => location.path;`;

const IMPORTS = `
import { ${NAMES} } from "tsmanifest";
import { startRegistry } from "tsmanifest/testing";
${PATH_OF}`;
const REQUIRES = `
const { ${NAMES} } = require("tsmanifest");
const { startRegistry } = require("tsmanifest/testing");
${PATH_OF}`;
/** Types of the library, and of the registry for tests, in places where another would be an error. */
const TYPED = `
import { ${NAMES}, PlanReport, type Descriptor, type Draft, type Location, type Platform, type PushResult, type Reference } from "tsmanifest";
import { startRegistry, type RunningRegistry } from "tsmanifest/testing";
const pathOf = (location: Location): string => (location.kind === "registry" ? location.path : "");
export type Used = [Draft, Platform, Reference, RunningRegistry];
export const size = (descriptor: Descriptor): number | bigint => descriptor.size;
export const schema: typeof PlanReport = PlanReport;
// @ts-expect-error a digest is text
export const wrong = (result: PushResult): number => result.digest;
// @ts-expect-error there is no such name
import type { Nothing } from "tsmanifest";
export type None = Nothing;
${PROGRAM.replace("main(version)", "main(version: string)").replace("let thrown;", "let thrown: unknown;")}`;

const MODULES = [
  ["node16", "node16", ["program.mts", "program.cts"]],
  ["nodenext", "nodenext", ["program.mts", "program.cts"]],
  ["preserve", "bundler", ["program.mts"]],
] as const;

/** The first programs of docs/library.md, by their headings, and what they print. */
const SHA = "sha256:[0-9a-f]{64}";
const PAGE_PROGRAMS: Readonly<Record<string, RegExp>> = {
  "Push a list": new RegExp(`^${SHA} is for linux/amd64 and linux/arm64\n$`),
  "Copy a list": /^mirror\.example\/app:v1, mirror\.example\/app:latest: [1-9]\d* blobs, [1-9]\d* bytes\n$/,
  "Look at a list": new RegExp(
    `^linux/amd64 ${SHA}: \\d+ bytes\nlinux/arm64 ${SHA}: \\d+ bytes\n2 images, \\d+ bytes\n$`,
  ),
  "Add to a list": /^registry\.example\/app:v1 is for linux\/amd64, linux\/arm64, linux\/s390x\n$/,
  // It has `await using`.
  "Mirror to a layout": new RegExp(`^v1: ${SHA}\nv1-arm64: ${SHA}\n$`),
};
const page = readFileSync(join(root, "docs/library.md"), "utf8");

/** The program below a heading of the page. */
function programOf(heading: string): string {
  const [, section = ""] = page.split(`\n## ${heading}\n`);
  const block = blocksOfPage(section).find(({ language }) => language === "ts");
  if (block === undefined) throw new Error(`docs/library.md has no program below ${heading}`);
  return block.text;
}
const fileOf = (heading: string, extension: string): string =>
  `${heading.toLowerCase().replaceAll(" ", "-")}.${extension}`;

let built: BuiltPackage;
let user: string;

beforeAll(async () => {
  built = await buildPackage();
  // TypeScript's users have Node's types, which need undici-types.
  user = built.install("programs", ["@types/node", "undici-types"]);
}, 240_000);

afterAll(() => {
  built.remove();
});

it.each(MODULES)(
  "a program in TypeScript compiles, module %s, resolution %s, with all declarations checked",
  (module, resolution, files) => {
    for (const file of files) writeFileSync(join(user, file), TYPED);
    const { status, stdout } = tsc(user, module, resolution, files);
    expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
  },
  120_000,
);

it("the programs of docs/library.md compile", () => {
  const files = Object.keys(PAGE_PROGRAMS).map((heading) => {
    const file = fileOf(heading, "mts");
    writeFileSync(join(user, file), programOf(heading));
    return file;
  });
  expect(tsc(user, "nodenext", "nodenext", files, "pages")).toMatchObject({ status: 0, stdout: "" });
}, 120_000);

describe.each([...nodes()])("on Node %s", (major, node) => {
  const test = it.skipIf(node === undefined);
  const run = async (file: string): Promise<unknown> => {
    const args = node === undefined ? [] : [file];
    const { stdout } = await promisify(execFile)(node ?? "", args, { cwd: user });
    return JSON.parse(stdout);
  };
  const done = {
    version: expect.stringMatching(new RegExp(`^v${major}\\.`)) as string,
    isOurs: true,
    isThere: true,
    platforms: ["linux/amd64", "linux/arm64"],
  };
  const skipped = node === undefined ? " (skipped: no such Node here; OTHER_NODES=1 gets it)" : "";

  test.each([
    ["an ES module", "program.mjs", IMPORTS + PROGRAM],
    ["CommonJS", "program.cjs", REQUIRES + PROGRAM],
  ])(`a program in JavaScript, %s, runs${skipped}`, async (_, file, text) => {
    writeFileSync(join(user, file), text);
    expect(await run(file)).toEqual(done);
  });

  describe.each([
    [
      "compiled of TypeScript",
      (heading: string) => readFileSync(join(user, "pages", fileOf(heading, "mjs")), "utf8"),
    ],
    ["in JavaScript, as they stand there", programOf],
  ])("the programs of docs/library.md, %s,", (way, textOf) => {
    const registries: Record<string, RunningRegistry> = {};
    let folder = "";
    beforeAll(async () => {
      for (const host of ["registry.example", "mirror.example"]) registries[host] = await startRegistry();
      for (const architecture of ["amd64", "arm64", "s390x"]) {
        registries["registry.example"]?.putImage("app", {
          tag: `v1-${architecture}`,
          os: "linux",
          architecture,
        });
      }
      folder = join(user, `${major}-${way.split(" ", 1)[0] ?? ""}`);
      mkdirSync(folder);
    });
    afterAll(async () => {
      for (const registry of Object.values(registries)) await registry.close();
    });

    it.each(Object.entries(PAGE_PROGRAMS))(`run: %s${skipped}`, async (heading, printed) => {
      const text = textOf(heading);
      // Only Node 24 knows it.
      if (node === undefined || (text.includes("await using") && major < 24)) return;
      const here = (one: string): string =>
        Object.entries(registries).reduce((all, [name, { host }]) => all.replaceAll(name, host), one);
      const there = (one: string): string =>
        Object.entries(registries).reduce((all, [name, { host }]) => all.replaceAll(host, name), one);
      const file = join(folder, fileOf(heading, "mjs"));
      writeFileSync(file, here(text));
      const env = { DOCKER_CONFIG: folder, HOME: folder };
      const { stdout } = await promisify(execFile)(node, [file], { cwd: folder, env });
      expect(there(stdout)).toMatch(printed);
    });

    test(`have done what they say${skipped}`, () => {
      const digestAt = (host: string, tag: string) => registries[host]?.manifest("app", tag)?.digest;
      expect(digestAt("mirror.example", "latest")).toMatch(/^sha256:/);
      expect(digestAt("mirror.example", "v1")).toBe(digestAt("mirror.example", "latest"));
      expect(digestAt("registry.example", "v1")).not.toBe(digestAt("mirror.example", "v1"));
    });
  });

  test(`a program that both imports and requires has each class once${skipped}`, async () => {
    const text = `
      import { createRequire } from "node:module";
      import * as imported from "tsmanifest";
      import * as testing from "tsmanifest/testing";
      const require = createRequire(import.meta.url);
      const names = (one) => Object.keys(one).filter((name) => !/^(?:default|module\\.exports)$/.test(name)).sort().join();
      const required = require("tsmanifest");
      console.log(JSON.stringify([
        imported.ManifestError === required.ManifestError,
        names(imported) === names(required),
        names(testing) === names(require("tsmanifest/testing")),
      ]));`;
    writeFileSync(join(user, "both.mjs"), text);
    expect(await run("both.mjs")).toEqual([true, true, true]);
  });

  test.each(MODULES)(
    `what was compiled of TypeScript runs, module %s${skipped}`,
    async (module, _, files) => {
      for (const file of files) expect(await run(join(module, file.replace("ts", "js")))).toEqual(done);
    },
  );
});

it("the types are wrong for no one who checks what is in packages, and say what is missing without Node's types", () => {
  const without = built.install("without-types");
  writeFileSync(
    join(without, "program.mts"),
    `import { plan } from "tsmanifest";\nexport const made = plan;\n`,
  );
  const { status, stdout } = tsc(without, "nodenext", "nodenext", ["program.mts"]);
  expect(status).not.toBe(0);
  expect(stdout).toContain("Cannot find type definition file for 'node'");
}, 120_000);

it("the command is there as npm makes it, and says its version", () => {
  const program = join(user, "node_modules/tsmanifest/bin/tsmanifest.js");
  const env = { PATH: process.env["PATH"], XDG_CACHE_HOME: user };
  const said = execFileSync(process.execPath, [program, "--version"], { env, encoding: "utf8" });
  expect(said).toMatch(/^tsmanifest version \d+\.\d+\.\d+\n$/);
});

/** TypeScript as strict as it gets, which also checks the declarations of the package and of what they import. */
function tsc(
  cwd: string,
  module: string,
  moduleResolution: string,
  files: readonly string[],
  outDir = module,
) {
  const config = {
    compilerOptions: {
      ...{ module, moduleResolution, outDir, rootDir: ".", target: "es2022", lib: ["es2024"] },
      ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true },
      ...{ skipLibCheck: false, verbatimModuleSyntax: false, types: [], declaration: true },
    },
    files,
  };
  const file = join(cwd, `tsconfig.${module}.json`);
  writeFileSync(file, JSON.stringify(config));
  const args = [join(root, "node_modules/typescript/bin/tsc"), "-p", file];
  return spawnSync(process.execPath, args, { cwd, encoding: "utf8" });
}
