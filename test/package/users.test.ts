import { execFile, execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildPackage, nodes, type BuiltPackage } from "../helpers/package.js";

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
function tsc(cwd: string, module: string, moduleResolution: string, files: readonly string[]) {
  const config = {
    compilerOptions: {
      ...{ module, moduleResolution, outDir: module, rootDir: ".", target: "es2022", lib: ["es2024"] },
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
