import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { defineCommand, type Command, type CommandEntry } from "../../src/commands/command.js";
import { commands as realCommands } from "../../src/commands/index.js";
import { ManifestError, UsageError } from "../../src/errors.js";
import { VERSION } from "../../src/version.js";
import { cli } from "../helpers/cli.js";
import { stubCommands } from "../helpers/stubCommands.js";
import { dockersLines, expectedStderr, usageCases } from "../helpers/usageCases.js";
import { escapeControls } from "../../src/ui/text.js";

describe.each([
  { whose: "stand-ins", commands: stubCommands },
  { whose: "the real commands", commands: realCommands },
])("a command line for $whose", ({ commands }) => {
  it.each(usageCases.map((row) => ({ line: JSON.stringify(row.argv), ...row })))(
    "$line exits with $status",
    async (row) => {
      const { status, stdout, stderr } = await cli(row.argv, commands);
      expect(dockersLines(stderr)).toBe(escapeControls(expectedStderr(row)));
      expect(status).toBe(row.status);
      expect(stdout).toBe("");
    },
  );
});

describe("a command line", () => {
  it("may name docker's parent command first", async () => {
    const plain = await cli(["push", "-p", "a"], stubCommands);
    expect(await cli(["manifest", "push", "-p", "a"], stubCommands)).toEqual(plain);
    expect((await cli(["manifest", "manifest"], stubCommands)).stderr).toContain(
      "unknown command: tsmanifest manifest\n",
    );
  });

  it("without a command shows the help on stderr and succeeds", async () => {
    const { status, stdout, stderr } = await cli([], stubCommands);
    expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
    expect(stderr).toMatch(/^\nUsage: {2}tsmanifest \[OPTIONS\] COMMAND\n/);
    expect(await cli(["manifest"], stubCommands)).toEqual({ status, stdout, stderr });
  });
});

describe("--version", () => {
  it.each([["--version"], ["-v"], ["-v", "push", "a"], ["manifest", "-v"]])("%s %s", async (...argv) => {
    expect(await cli(argv, stubCommands)).toEqual({
      status: 0,
      stdout: `tsmanifest version ${VERSION}\n`,
      stderr: "",
    });
  });

  it("is the package's", () => {
    const packageJson: unknown = JSON.parse(
      readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
    );
    expect(packageJson).toHaveProperty("version", VERSION);
  });
});

describe("--help", () => {
  it.each([["--help"], ["-h"], ["help"], ["--help", "bogus"], ["bogus", "-h"], ["-Dh"]])(
    "%s %s shows the program's help",
    async (...argv) => {
      const { status, stdout, stderr } = await cli(argv, stubCommands);
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(stdout).toMatch(/^Usage: {2}tsmanifest \[OPTIONS\] COMMAND\n/);
      for (const { name, summary } of stubCommands) {
        expect(stdout).toMatch(new RegExp(`^ {2}${name} +${summary}$`, "m"));
      }
    },
  );

  it.each([
    ["push", "--help"],
    ["push", "-ph"],
    ["push", "a", "b", "c", "-h"],
    ["push", "--help=1"],
    ["--help", "push"],
    ["help", "push"],
  ])("%s %s %s shows the command's help", async (...argv) => {
    const { status, stdout, stderr } = await cli(argv, stubCommands);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^Usage: {2}tsmanifest push \[OPTIONS\] MANIFEST_LIST\n/);
    expect(stdout).toMatch(/^ {2}-p, --purge +Remove it$/m);
    expect(stdout).toMatch(/^ {6}--insecure +Allow it$/m);
    expect(stdout).toMatch(/^ {2}-D, --debug /m);
  });

  it("shows the value a flag takes, and examples", async () => {
    const { stdout } = await cli(["x", "--help"], [entryOf({ examples: ["tsmanifest x y"] })]);
    expect(stdout).toMatch(/^ {6}--os-features <list> +Some of them$/m);
    expect(stdout).toMatch(/\nExamples:\n {2}tsmanifest x y\n$/);
  });
});

describe("an error of a command", () => {
  const failing = (error: unknown) => [
    entryOf({
      run: () => {
        throw error;
      },
    }),
  ];

  it("is printed alone", async () => {
    expect(await cli(["x"], failing(new ManifestError("STORE", "one\ntwo")))).toEqual({
      status: 1,
      stdout: "",
      stderr: "one\ntwo\n",
    });
  });

  it("is followed by its hint", async () => {
    const error = new ManifestError("STORE", "no", { hint: "try it with --insecure" });
    expect((await cli(["x"], failing(error))).stderr).toBe("no\ntry it with --insecure\n");
  });

  it("cannot write to the terminal what the terminal would obey", async () => {
    const { stderr } = await cli(
      ["x"],
      failing(new ManifestError("STORE", "\u001b]0;title\u0007 \u009b31m \u202egnp.exe")),
    );
    expect(stderr).toBe("\\u001b]0;title\\u0007 \\u009b31m \\u202egnp.exe\n");
    expect((await cli(["\u001b[2J"], [])).stderr).toContain("unknown command: tsmanifest \\u001b[2J\n");
    expect((await cli(["a\nb\tc"], [])).stderr).toContain("unknown command: tsmanifest a\\nb\\tc\n");
  });

  it("about its usage is followed by the usage", async () => {
    const { status, stderr } = await cli(["x"], failing(new UsageError("no such type: y", 125)));
    expect(status).toBe(125);
    expect(stderr).toBe(
      "no such type: y\n\nUsage:  tsmanifest x [OPTIONS]\n\nRun 'tsmanifest x --help' for more information\n",
    );
  });

  it("that nobody expected is one line and a hint, without a stack", async () => {
    const { status, stderr } = await cli(["x"], failing(new TypeError("x is not a function")));
    expect(status).toBe(1);
    expect(stderr).toBe(
      "tsmanifest: internal error: x is not a function\nRun it again with --debug to see where this comes from.\n",
    );
    expect((await cli(["x"], failing("thrown"))).stderr).toMatch(/^tsmanifest: internal error: thrown\n/);
  });

  it.each([
    ["-D", "x"],
    ["x", "-D"],
    ["--debug", "manifest", "x"],
  ])("%s %s %s says where it comes from and what caused it", async (...argv) => {
    const error = new ManifestError("STORE", "cannot", { cause: new TypeError("because") });
    const { stderr } = await cli(argv, failing(error));
    expect(stderr).toMatch(/^cannot\n.*ManifestError: cannot\n +at /);
    expect(stderr).toMatch(/\ncaused by: TypeError: because\n +at /);
  });

  it("after an interruption is the interruption", async () => {
    const signal = AbortSignal.abort();
    const { status, stderr } = await cli(["x"], failing(signal.reason), { signal });
    expect({ status, stderr }).toEqual({ status: 1, stderr: "tsmanifest: interrupted\n" });
  });
});

describe("a command", () => {
  it("is given its flags by name and type, and what is left", async () => {
    const { stdout } = await cli(
      ["-D", "x", "a", "--os-features=b,c", "--", "-d"],
      [
        entryOf({
          run: (context, flags, args) => {
            context.stdout.write(JSON.stringify({ flags, args }));
            return Promise.resolve();
          },
        }),
      ],
    );
    expect(JSON.parse(stdout)).toEqual({
      flags: { osFeatures: ["b", "c"], debug: true, help: false },
      args: ["a", "-d"],
    });
  });
});

function entryOf(overrides: Partial<Command>): CommandEntry {
  const command = defineCommand({
    name: "x",
    args: "[OPTIONS]",
    description: "Does x.",
    arity: { min: 0 },
    completes: [],
    flags: { osFeatures: { kind: "stringSlice", value: "list", description: "Some of them" } },
    run: () => Promise.resolve(),
    ...overrides,
  });
  return { name: "x", summary: "Do x", load: () => Promise.resolve(command) };
}
