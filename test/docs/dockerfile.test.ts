import { execFileSync, execSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { VERSION } from "../../src/version.js";

/**
 * The tool's image, as far as that goes without a base image: the Dockerfile's instructions, and what its first stage does, run
 * here with nothing but what .dockerignore lets through. .ci/run installs a package as the second stage does.
 */

const root = fileURLToPath(new URL("../..", import.meta.url));
const lines = (path: string): string[] =>
  readFileSync(join(root, path), "utf8")
    .replace(/\\\n/g, " ")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));

interface Instruction {
  readonly verb: string;
  readonly rest: string;
}

/** The instructions of each stage, without its FROM. */
function stages(): { readonly base: string; readonly instructions: Instruction[] }[] {
  const all: { base: string; instructions: Instruction[] }[] = [];
  for (const line of lines("Dockerfile")) {
    const [, verb = "", rest = ""] = /^([A-Z]+)\s+(.+)$/.exec(line) ?? [];
    if (verb === "FROM") all.push({ base: rest.replace(/ AS .*/, ""), instructions: [] });
    else all.at(-1)?.instructions.push({ verb, rest });
  }
  return all;
}

const [build, image] = stages();

const ofImage = (verb: string): string[] =>
  (image?.instructions ?? []).filter((one) => one.verb === verb).map(({ rest }) => rest);

describe("the Dockerfile", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "image-"));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it("runs the tool, with no rights, on the Node that it was built with", () => {
    expect(stages()).toHaveLength(2);
    expect(image?.base).toBe(build?.base);
    expect(build?.base).toMatch(/^node:\d+-alpine$/);
    // A kubelet cannot tell whether a name is root's: with runAsNonRoot it starts nothing but a number.
    expect(ofImage("USER")).toEqual([expect.stringMatching(/^[1-9]\d*$/)]);
    expect(ofImage("ENTRYPOINT")).toEqual(['["tsmanifest"]']);
    // Whatever comes behind USER has none.
    expect(image?.instructions.map(({ verb }) => verb)).toEqual([
      ...["RUN", "USER", "RUN", "WORKDIR", "ENTRYPOINT"],
    ]);
  });

  it("builds the package of what .dockerignore lets through", { timeout: 240_000 }, () => {
    const [everything, ...allowed] = lines(".dockerignore");
    expect(everything).toBe("*");
    const context = allowed.map((line) => /^!([\w.-]+)$/.exec(line)?.[1] ?? line);
    const missing = context.filter((path) => !readdirSync(root).includes(path));
    expect(missing).toEqual([]);

    const src = join(folder, "src");
    const target = join(folder, "packed");
    mkdirSync(src);
    for (const { verb, rest } of build?.instructions ?? []) {
      if (verb === "COPY") {
        const from = rest.split(/\s+/).slice(0, -1);
        for (const path of from.includes(".") ? context : from) {
          expect(context).toContain(path);
          cpSync(join(root, path), join(src, path), { recursive: true });
        }
      } else if (verb === "RUN" && rest.startsWith("npm ci")) {
        symlinkSync(join(root, "node_modules"), join(src, "node_modules"));
      } else if (verb === "RUN") {
        execSync(rest.replaceAll("/package", target), { cwd: src, stdio: "pipe" });
      }
    }

    const [tarball, ...more] = readdirSync(target);
    expect(more).toEqual([]);
    execFileSync("tar", ["-xzf", join(target, tarball ?? ""), "-C", folder]);
    const program = join(folder, "package", "bin", "tsmanifest.js");
    expect(execFileSync(process.execPath, [program, "--version"], { encoding: "utf8" })).toContain(VERSION);
    expect(ofImage("RUN").join()).toContain("/package/*.tgz");
  });
});
