import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { run } from "../../src/cli.js";
import { commonFlags } from "../../src/commands/command.js";
import { flagText, GROUPS, groupFlags } from "../../src/commands/flagGroups.js";
import type { Flag } from "../../src/go/flags.js";
import { allCommands } from "../helpers/allCommands.js";
import { cli, recordingContext } from "../helpers/cli.js";

/** The help as a terminal of this many columns is given it. */
async function helpAt(columns: number, argv: readonly string[], env: Record<string, string> = {}) {
  let text = "";
  const write = (piece: string | Uint8Array): number => (text += String(piece)).length;
  const { context } = recordingContext({
    stdout: { write, isTTY: true, columns },
    env: { TERM: "xterm", ...env },
  });
  expect(await run([...argv, "--help"], context)).toBe(0);
  return text;
}

/** Of the lines that can be wrapped: command lines are to be copied, and a word stays whole. */
const longest = (text: string): number =>
  Math.max(
    ...text
      .replace(/^Usage: .*\n/, "")
      .replace(/\nExamples:\n(?: {2}.*\n)*/, "\n")
      .split("\n")
      .filter((line) => line.trim().includes(" ") && !/^ {2}-/.test(line))
      .map((line) => line.length),
  );

describe("the help of every command", async () => {
  const commands = await allCommands();

  it.each(commands.map((command) => ({ name: command.name, command })))(
    "$name has each flag in one group, and examples that are command lines of its own",
    ({ command }) => {
      const flags = { ...command.flags, ...commonFlags };
      const groups = groupFlags(flags);
      expect(groups.map(({ title }) => title)).not.toContain("Options");
      expect(groups.flatMap((group) => group.flags.map(([name]) => name)).sort()).toEqual(
        Object.keys(flags).sort(),
      );
      expect(command.examples).not.toHaveLength(0);
      for (const line of command.examples ?? []) expect(line).toContain(`tsmanifest ${command.name}`);
    },
  );

  it.each([
    ["rm", "entry", "What is deleted"],
    ["prune", "olderThan", "What is deleted"],
    ["apply", "file", "Many lists"],
    ["create", "wait", "What goes into the list"],
    ["push", "wait", "What is sent"],
    ["push", "purge", "Local lists"],
  ])("%s has --%s under %s", (command, flag, title) => {
    const { flags = {} } = commands.find(({ name }) => name === command) ?? {};
    const group = groupFlags(flags).find((one) => one.flags.some(([name]) => name === flag));
    expect(group?.title).toBe(title);
  });

  it("has a flag of another group in one that others have, too", () => {
    const known = new Set(GROUPS.map(([title]) => title));
    const named = commands.flatMap(({ flags }) => Object.values(flags).flatMap(({ group }) => group ?? []));
    expect(named.filter((title) => !known.has(title))).toEqual([]);
  });

  it.each(commands.map(({ name }) => name))(
    "%s is as wide as the terminal, between 40 and 100 columns",
    async (name) => {
      for (const [columns, most] of [
        [300, 100],
        [100, 100],
        [60, 60],
        [40, 40],
        [20, 40],
        [1, 40],
        [0, 80],
      ] as const) {
        expect(longest(await helpAt(columns, name.split(" "), { NO_COLOR: "1" }))).toBeLessThanOrEqual(most);
      }
      expect(longest((await cli([...name.split(" "), "-h"])).stdout)).toBeLessThanOrEqual(80);
    },
  );
});

describe("the help", () => {
  it("has flags in groups, with what they take and their defaults", async () => {
    const { stdout } = await cli(["push", "--help"]);
    expect(stdout).toContain("\nBefore anything is changed:\n      --plan ");
    expect(stdout).toMatch(/\nNetwork:\n {6}--insecure /);
    expect(stdout.replaceAll(/\s+/g, " ")).toContain("0 for never (0 to 100; default: 5)");
    expect((await cli(["prune", "--help"])).stdout).toContain("(default: 30d)");
    const create = (await cli(["imagetools", "create", "--help"])).stdout;
    expect(create.replaceAll(/\s+/g, " ")).toMatch(/--prefer-index .* \(default: true\)/);
  });

  it("has the commands in groups, in the order of work", async () => {
    const { stdout } = await cli(["--help"]);
    const commands = [...stdout.matchAll(/^(?: {2}([a-z]+) {2,}|([A-Z][a-z ]+):$)/gm)].map(
      ([, name, title]) => title ?? name,
    );
    const groups = ["All at once", "imagetools", "apply", "Local lists", "create", "annotate", "push", "ls"];
    groups.push("rm", "prune", "Looking", "inspect", "diff", "This program", "completion");
    const [first = ""] = groups;
    const from = commands.indexOf(first);
    expect(commands.slice(from, from + groups.length)).toEqual(groups);
    expect(stdout).not.toContain("buildx  ");
  });

  it.each([[["--help"]], [["imagetools", "--help"]]])(
    "has the flags of the program below the commands: %j",
    async (argv) => {
      const { stdout } = await cli(argv);
      const titles = [...stdout.matchAll(/^([A-Z][a-z ]+):/gm)].map(([, title]) => title);
      expect(titles.indexOf("General")).toBeGreaterThan(1);
      expect(titles.slice(titles.indexOf("General") + 1).join()).toMatch(/^(Examples)?$/);
      expect(stdout).toMatch(/\n\nGeneral:\n(?: .*\n)+\n(?:Examples|Run)/);
    },
  );

  it("has bold headings where there are colours, and nothing of the kind elsewhere", async () => {
    const bold = await helpAt(80, ["push"]);
    expect(bold).toContain("\u001b[1mNetwork:\u001b[22m\n");
    expect(bold).toContain("\u001b[1mExamples:\u001b[22m\n");
    const plain = await helpAt(80, ["push"], { NO_COLOR: "1" });
    expect(plain).toBe(stripVTControlCharacters(bold));
    expect((await cli(["push", "--help"])).stdout).not.toContain("\u001b");
  });

  it.each<[flag: Flag, text: string]>([
    [{ kind: "int", value: "n", default: 0, min: 1, description: "So many" }, "So many (at least 1)"],
    [{ kind: "int", value: "n", default: 2, max: 3, description: "So many" }, "So many (0 to 3; default: 2)"],
    [
      { kind: "string", value: "x", choices: ["a", "b"], default: "a", description: "How" },
      "How (one of a, b; default: a)",
    ],
    [{ kind: "string", value: "x", choices: ["a", "b"], description: "How: a or b" }, "How: a or b"],
    [{ kind: "bool", description: "So" }, "So"],
  ])("says of %j: %s", (flag, text) => {
    expect(flagText(flag)).toBe(text);
  });
});
