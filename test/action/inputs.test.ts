import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import * as z from "zod/mini";
import { ManifestError } from "../../src/errors.js";
import { readInputs, type ActionInputs } from "../../src/action/inputs.js";
import { actionFile, defaultOf } from "../helpers/action.js";

const page = readFileSync(fileURLToPath(new URL("../../docs/action.md", import.meta.url)), "utf8");

const Step = z.object({
  uses: z.string(),
  with: z.optional(z.record(z.string(), z.union([z.string(), z.boolean()]))),
});

/** The steps of the page that use the Action. */
function stepsIn(value: unknown): z.infer<typeof Step>[] {
  const step = Step.safeParse(value).data;
  if (step !== undefined) return step.uses.startsWith("tsmanifest/") ? [step] : [];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(stepsIn) : [];
}

/** What a step gives, and nothing else. */
function inputs(given: Readonly<Record<string, string>>): ActionInputs {
  return readInputs((name) => given[name] ?? "");
}

/** What GitHub makes of an expression, more or less. */
function valueOf(text: string): string {
  if (text.includes("!=")) return "true";
  return text.replace(/\$\{\{ steps\.meta\.outputs\.(\w+) \}\}/, (_all, name: string) =>
    name === "tags" ? "ghcr.io/me/app:1.2.3" : "index:a=b",
  );
}

function refusal(given: Readonly<Record<string, string>>): string {
  try {
    inputs(given);
  } catch (error) {
    if (error instanceof ManifestError) return `${error.message}\n${error.hint ?? ""}`;
    throw error;
  }
  throw new Error("it was not refused");
}

const LIST = { tags: "ghcr.io/me/app:v1", sources: "ghcr.io/me/app:v1-amd64" };

describe("the inputs of the Action", () => {
  it("are the same in the code, in action.yml and in the docs", () => {
    const read = new Set<string>();
    readInputs((name) => {
      read.add(name);
      return name === "tags" || name === "sources" ? LIST[name] : "";
    });
    const documented = (heading: string): string[] => {
      const section = page.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
      const cells = [...section.matchAll(/^\| (`[^|]+`) +\|/gm)].map(([, cell = ""]) => cell);
      return cells.flatMap((cell) => cell.replaceAll("`", "").split(", ")).sort();
    };
    expect([...read].sort()).toEqual(Object.keys(actionFile.inputs).sort());
    expect(documented("Inputs")).toEqual(Object.keys(actionFile.inputs).sort());
    expect(documented("Outputs")).toEqual(Object.keys(actionFile.outputs).sort());
  });

  it("of the examples can be read, and the outputs that they use are there", () => {
    const blocks = [...page.matchAll(/^```yaml\n([^]*?)^```$/gm)].map(([, block = ""]) => block);
    const steps = blocks.flatMap((block) => stepsIn(parse(block)));
    expect(steps.length).toBeGreaterThan(3);
    for (const { with: given = {} } of steps) {
      expect(Object.keys(given).filter((name) => !(name in actionFile.inputs))).toEqual([]);
      const values = Object.entries(given).map(([name, value]) => [name, valueOf(String(value))] as const);
      // The last shows how the Action is named, and nothing else.
      if (values.length > 0) expect(() => inputs(Object.fromEntries(values))).not.toThrow();
    }
    const used = [...page.matchAll(/steps\.list\.outputs\.([a-z-]+)/g)].map(([, name]) => name);
    expect(used.filter((name) => !(String(name) in actionFile.outputs))).toEqual([]);
    expect(used).not.toEqual([]);
  });

  it("have the defaults that action.yml says, whether GitHub passes them or nothing", () => {
    const defaults = Object.fromEntries(
      Object.keys(actionFile.inputs).map((name) => [name, defaultOf(name)]),
    );
    expect(inputs({ ...defaults, ...LIST })).toEqual(inputs(LIST));
  });

  it("have lists with an item a line, without comments and blank lines", () => {
    const sources = "\r\n  ghcr.io/me/app:1  \r\n\n# not that one\n  # nor that\nsha256:abc\n";
    expect(inputs({ ...LIST, sources }).sources).toEqual(["ghcr.io/me/app:1", "sha256:abc"]);
  });

  it("have tags and platforms that may be separated by commas, too", () => {
    const { tags, expect: expected } = inputs({
      ...LIST,
      tags: "ghcr.io/me/app:1,ghcr.io/me/app:2\nghcr.io/me/app:3, ghcr.io/me/app:4,",
      expect: "linux/amd64,linux/arm64",
    });
    expect(tags).toEqual(["1", "2", "3", "4"].map((tag) => `ghcr.io/me/app:${tag}`));
    expect(expected).toEqual(["linux/amd64", "linux/arm64"]);
  });

  it("have annotations with commas, quotes, `=` and `#` in them", () => {
    const annotations = 'index:a=1, 2\nindex:b=x=y # z\nindex:c="quoted"';
    expect(inputs({ ...LIST, annotations }).annotations).toEqual(annotations.split("\n"));
  });

  it("have a shard for each job of a matrix, whose numbers begin at 0", () => {
    const shard = (given: Readonly<Record<string, string>>): string =>
      inputs({ file: "a.yaml", ...given }).shard;
    expect(shard({ shard: "auto", "job-index": "0", "job-total": "16" })).toBe("1/16");
    expect(shard({ shard: "auto", "job-index": "15", "job-total": "16" })).toBe("16/16");
    expect(shard({ shard: "3/4", "job-index": "0", "job-total": "16" })).toBe("3/4");
    expect(shard({ "job-index": "0", "job-total": "16" })).toBe("");
    // The program may know from the environment.
    expect(shard({ shard: "auto" })).toBe("auto");
  });

  it("take the registry of docker/login-action as it is written there", () => {
    const login = { username: "me", password: "x" };
    expect(inputs({ ...LIST, ...login }).credentials).toEqual({ registry: "docker.io", ...login });
    expect(inputs({ ...LIST, ...login, registry: "https://ghcr.io/" }).credentials?.registry).toBe("ghcr.io");
  });

  it.each([
    ["nothing to make a list of", { tags: "a/b:1" }, /^input sources: .*\nset sources, from or file/],
    ["no name for it", { sources: "a/b:1" }, /^input tags: the list has no name\n.*steps\.meta/],
    [
      "a tag without repository",
      { ...LIST, tags: "v1" },
      /^input tags: "v1" is a tag without a repository\n.*images/,
    ],
    [
      "something else",
      { ...LIST, tags: "bad tag" },
      /^input tags: "bad tag" is not a reference\nwrite whole references/,
    ],
    ["two ways to add", { ...LIST, append: "true", merge: "true" }, /^input append: .*merge/],
    ["no boolean", { ...LIST, push: "yes" }, /^input push: "yes" is not true or false\n$/],
    ["no way to verify", { ...LIST, verify: "all" }, /^input verify: "all" is not true, false or blobs\n$/],
    ["a shard of one list", { ...LIST, shard: "1/2" }, /^input shard: .*\nset file as well/],
    ["jobs for one list", { ...LIST, jobs: "2" }, /^input jobs: .*\nset file as well/],
    [
      "a list beside a file of them",
      { ...LIST, file: "lists.yaml" },
      /^input tags: .*\nmove it into the file/,
    ],
    ["a flag beside a file", { file: "a.yaml", "cross-registry": "false" }, /^input cross-registry: /],
    ["a user without password", { ...LIST, username: "me" }, /^input password: it is empty/],
    ["a password without user", { ...LIST, password: "x" }, /^input username: it is empty/],
    ["a registry without user", { ...LIST, registry: "ghcr.io" }, /^input registry: /],
  ])("are refused where there is %s, with the way out", (_what, given, words) => {
    expect(refusal(given)).toMatch(words);
  });
});
