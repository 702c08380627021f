import { readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import * as z from "zod/mini";
import { readLists } from "../../src/apply/file/readLists.js";
import type { Block } from "../helpers/ci/page.js";
import { blocksOfPage, commandsIn, isShown } from "../helpers/pages/blocks.js";
import { openPageSite, type PageSite } from "../helpers/pages/pageSite.js";
import { bundle, isPartOf, typeFaultsIn } from "../helpers/pages/programs.js";
import { buildProgram, type Program } from "../helpers/program.js";
import { scenes, TESTED_PROGRAMS, type Scene } from "./scenes.js";

/**
 * Every fenced block of README.md and of the pages in docs/; ci.test.ts runs those in docs/ci, and docs/api is made of comments in
 * src, with their examples. What is done with a block depends on its language:
 *
 * - `sh`: a real bash runs it, with `tsmanifest` and `npx tsmanifest`; the first command that fails is a failure of the test.
 * - `console`: its commands, behind `$ `, are run one after the other, and have to print what stands below them. `…` stands
 *   for anything in a line, and alone in a line for any number of lines.
 * - `ts`, `js`: it is run as it stands, as a program (or a suite for Vitest) of somebody who has installed tsmanifest, and
 *   TypeScript is type-checked; or it is a piece of one of TESTED_PROGRAMS.
 * - `yaml`: a file of lists is read as `apply` reads it; `uses:` of our Action may only have inputs that the Action has.
 * - `json` is parsed. `text`, `markdown`, and blocks without a language may be anything but commands behind `$ `.
 *
 * Each host that a page names (`registry.example`, `ghcr.io`) is a registry in memory. The blocks of a page run in their order,
 * in one folder. Blocks of YAML, JSON or text whose first line is a comment with the name of a file are written there, files
 * of lists to `lists.yaml` otherwise. What else a page needs, its scene in scenes.ts provides: images, files, variables,
 * stand-ins for programs. A new page needs a scene only if it needs any of that. A block that cannot be run is named there with
 * the reason.
 */

const root = fileURLToPath(new URL("../..", import.meta.url));
const pages = ["README.md", ...markdownIn("docs")];
const blocks = new Map(pages.map((page) => [page, blocksOfPage(readFileSync(join(root, page), "utf8"))]));

/** Dozens of processes a page: a machine that has other tests to run takes its time. */
const SLOW = { timeout: 120_000 };

function markdownIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".md") && !/^(?:api|ci)\//.test(path))
    .map((path) => `${folder}/${path}`)
    .sort();
}

const isTestedElsewhere = ({ text }: Block): boolean => TESTED_PROGRAMS.some((path) => isPartOf(text, path));
const reasonIn = ({ notRun = {} }: Scene, { text }: Block): string | undefined =>
  Object.entries(notRun).find(([first]) => text.startsWith(first))?.[1];

let tsmanifest: Program;
beforeAll(async () => {
  tsmanifest = await buildProgram();
});
afterAll(() => {
  tsmanifest.remove();
});

describe.each(pages.filter((page) => blocks.get(page)?.length !== 0))("%s", (page) => {
  const scene = scenes[page] ?? {};
  let site: PageSite;
  beforeAll(async () => {
    site = openPageSite(tsmanifest.file);
    for (const [name, value] of Object.entries(scene.env ?? {})) site.set(name, value);
    await scene.set?.(site);
  });
  afterAll(() => site.close());

  for (const block of blocks.get(page) ?? []) {
    const [first = ""] = block.text.split("\n");
    const reason = reasonIn(scene, block);
    if (reason !== undefined) {
      it.skip(`line ${block.line}: ${first} (not run: ${reason})`, () => undefined);
    } else {
      it(`line ${block.line}: ${first}`, SLOW, async () => {
        for (const [text, act] of Object.entries(scene.before ?? {})) {
          if (block.text.includes(text)) await act(site);
        }
        await tryBlock(block, site, scene);
      });
    }
  }

  it("has a reason for no block that it does not have", () => {
    const texts = (blocks.get(page) ?? []).map(({ text }) => text);
    const unused = (
      record: Readonly<Record<string, unknown>> = {},
      is: (text: string, key: string) => boolean,
    ) => Object.keys(record).filter((key) => !texts.some((text) => is(text, key)));
    expect(unused(scene.notRun, (text, key) => text.startsWith(key))).toEqual([]);
    expect(unused(scene.before, (text, key) => text.includes(key))).toEqual([]);
    expect(unused(scene.around, (text, key) => text.includes(key))).toEqual([]);
    expect((scene.fails ?? []).filter((command) => !texts.some((text) => text.includes(command)))).toEqual(
      [],
    );
  });
});

describe("the programs of all pages", () => {
  const programs = [...blocks].flatMap(([page, ofPage]) =>
    ofPage
      .filter((block) => block.language === "ts" && !isTestedElsewhere(block))
      .filter((block) => reasonIn(scenes[page] ?? {}, block) === undefined)
      .map((block) => [`${page}:${block.line}`, wholeProgram(block, scenes[page] ?? {})] as const),
  );

  it("are what the type checker takes", SLOW, () => {
    expect(typeFaultsIn(new Map(programs))).toEqual([]);
  });

  it("would not pass with a fault", SLOW, () => {
    const wrong = 'import { parseReference } from "tsmanifest";\nparseReference(1);\n';
    expect(typeFaultsIn(new Map([["wrong", wrong]]))).toEqual([
      expect.stringMatching(/^wrong, line 2 of it: .*'number'/),
    ]);
  });
});

it("no scene is for a page that there is not", () => {
  expect(Object.keys(scenes).filter((page) => !pages.includes(page))).toEqual([]);
});

describe("what a page shows", () => {
  it.each([
    ["a b", "a   b\n", true],
    ["a … c", "a b c\n", true],
    ["a\n…\nd", "a\nb\nc\nd\n", true],
    ["a\n…", "a\n", true],
    ["a", "b\n", false],
    ["a", "a\nb\n", false],
    ["a … c", "a b\nc\n", false],
    ["", "a\n", false],
    ["", "", true],
  ])("is compared with what is printed: %j, %j", (shown, printed, is) => {
    expect(isShown(shown, printed)).toBe(is);
  });
});

async function tryBlock(block: Block, site: PageSite, scene: Scene): Promise<void> {
  const { language, text, title } = block;
  switch (language) {
    case "sh":
      for (const command of scene.eachLine === undefined ? [text] : text.split("\n")) {
        await scene.eachLine?.(site, command);
        await runCommand(command, undefined, site, scene);
      }
      return;
    case "console":
      for (const { command, output } of commandsIn(text)) await runCommand(command, output, site, scene);
      return;
    case "ts":
    case "js":
    case "mjs":
    case "cjs":
      if (!isTestedElsewhere(block)) await runProgram(block, site, scene);
      return;
    case "yaml":
      await tryYaml(block, site, scene);
      return;
    case "json":
      expect(JSON.parse(text.replace(/^\/\/.*\n/, ""))).toBeDefined();
      await writeTitled(block, site);
      return;
    case "text":
    case "markdown":
    case "":
      expect(text).not.toMatch(/^\$ /m);
      await writeTitled(block, site);
      return;
    default:
      throw new Error(`nobody knows what to do with a block of ${language}: ${title}`);
  }
}

async function runCommand(
  command: string,
  output: string | undefined,
  site: PageSite,
  { fails = [] }: Scene,
): Promise<void> {
  const ran = await site.run(["bash", "-euo", "pipefail", "-c", await site.here(command)]);
  const all = site.there(ran.all);
  const shouldFail = fails.includes(command);
  expect(ran.status === 0, `${command}\nexit status ${ran.status}\n${all}`).toBe(!shouldFail);
  if (output !== undefined && !isShown(output, all))
    expect(`$ ${command}\n${all}`).toBe(`$ ${command}\n${output}`);
}

/** With what the page does not show of it. */
function wholeProgram({ text }: Block, { around = {} }: Scene): string {
  const parts = Object.entries(around).filter(([part]) => text.includes(part));
  return [...parts.map(([, code]) => code), text].join("\n");
}

async function runProgram(block: Block, site: PageSite, scene: Scene): Promise<void> {
  const text = wholeProgram(block, scene);
  const isSuite = text.includes('from "vitest"');
  const name = `program-${block.line}${isSuite ? ".test" : ""}.mjs`;
  await bundle(await site.here(text), join(site.folder, name));
  if (isSuite) symlinkSync(join(root, "node_modules"), join(site.folder, "node_modules"));
  const suite = [join(root, "node_modules/vitest/vitest.mjs"), "run", "--root", site.folder, name];
  const ran = await site.run([process.execPath, ...(isSuite ? suite : [name])]);
  expect(ran.status, site.there(ran.all)).toBe(0);
}

const FILE = /^[\w./-]+\.(?:ya?ml|json|txt)$/;

async function writeTitled(
  { title, text }: Block,
  site: PageSite,
  otherwise?: string,
): Promise<string | undefined> {
  const name = FILE.test(title) ? title : otherwise;
  if (name === undefined) return undefined;
  const content = name.endsWith(".yaml") ? text : text.slice(text.indexOf("\n") + 1);
  site.write(name, await site.here(content));
  return name;
}

async function tryYaml(block: Block, site: PageSite, { env = {} }: Scene): Promise<void> {
  // What files of lists may have in them, `${VERSION}` between brackets, is not YAML yet.
  if (/^(?:lists|manifests):/m.test(block.text)) {
    const name = (await writeTitled(block, site, "lists.yaml")) ?? "";
    const lists = await readLists([name], { env, stdin: () => process.stdin, cwd: site.folder });
    expect(lists.length).toBeGreaterThan(0);
    return;
  }
  const calls = callsIn(parse(block.text));
  expect(calls.length, "neither lists nor a call of the Action").toBeGreaterThan(0);
  expect(calls.flat().filter((name) => !ACTION_INPUTS.includes(name))).toEqual([]);
}

const Action = z.looseObject({ inputs: z.record(z.string(), z.unknown()) });
const ACTION_INPUTS = Object.keys(Action.parse(parse(readFileSync(join(root, "action.yml"), "utf8"))).inputs);

const Call = z.looseObject({
  uses: z.string().check(z.startsWith("tsmanifest/tsmanifest@")),
  with: z.optional(z.record(z.string(), z.unknown())),
});

/** The names of the inputs of each call of our Action, wherever it stands. */
function callsIn(value: unknown): string[][] {
  const call = Call.safeParse(value);
  if (call.success) return [Object.keys(call.data.with ?? {})];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(callsIn) : [];
}
