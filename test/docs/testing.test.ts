import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { blocksOfPage } from "../helpers/pages/blocks.js";
import { bundle, typeFaultsIn } from "../helpers/pages/programs.js";

/** The examples of docs/testing.md for test runners, run by these as they stand. */

const root = fileURLToPath(new URL("../..", import.meta.url));
const blocks = blocksOfPage(readFileSync(join(root, "docs/testing.md"), "utf8"));

function example(file: string): string {
  return blocks.find(({ text }) => text.startsWith(`// ${file}\n`))?.text ?? expect.unreachable();
}

describe("the examples of docs/testing.md", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "testing-page-"));
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("pass in Vitest", { timeout: 120_000 }, () => {
    const text = example("release.test.ts");
    expect(typeFaultsIn(new Map([["release.test.ts", text]]))).toEqual([]);
    writeFileSync(join(folder, "release.test.ts"), text);
    const alias = [
      { find: /^tsmanifest\/testing$/, replacement: join(root, "src/testing/index.ts") },
      { find: /^tsmanifest$/, replacement: join(root, "src/index.ts") },
    ];
    const config = alias.map(
      ({ find, replacement }) => `{ find: ${String(find)}, replacement: ${JSON.stringify(replacement)} }`,
    );
    writeFileSync(
      join(folder, "vitest.config.mjs"),
      `export default { resolve: { alias: [${config.join(", ")}] }, test: { include: ["*.test.ts"] } };\n`,
    );
    const ran = run(join(root, "node_modules/vitest/vitest.mjs"), "run", "--root", folder);
    expect(ran.status, ran.output).toBe(0);
    expect(ran.output).toMatch(/Tests\s+2 passed/);
  });

  it("pass in node --test", { timeout: 120_000 }, async () => {
    await bundle(example("mirror.test.mjs"), join(folder, "mirror.test.mjs"));
    const ran = run("--test", "--test-reporter=tap", join(folder, "mirror.test.mjs"));
    expect(ran.status, ran.output).toBe(0);
    expect(ran.output).toMatch(/^# pass 2$/m);
  });

  function run(...args: readonly string[]): { readonly status: number | null; readonly output: string } {
    const env: NodeJS.ProcessEnv = { PATH: process.env["PATH"], NO_COLOR: "1" };
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      cwd: folder,
      env,
      encoding: "utf8",
    });
    return { status, output: `${stdout}${stderr}` };
  }
});
