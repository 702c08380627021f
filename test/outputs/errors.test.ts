import { beforeEach, describe, expect, it } from "vitest";
import { defineCommand, type CommandEntry } from "../../src/commands/command.js";
import { outputFlags } from "../../src/commands/outputFlags.js";
import { ManifestError } from "../../src/errors.js";
import { ErrorResult } from "../../src/index.js";
import { cli } from "../helpers/cli.js";
import type { Peer } from "../helpers/peer.js";
import { withScene } from "../helpers/scene.js";
import { useWorkplace } from "../helpers/workplace.js";

/** What is on stdout under `--format json` when something fails. stderr and the exit status are what they are without it. */

const workplace = useWorkplace();

let hub: Peer;
beforeEach(async () => {
  hub = await workplace.registry();
  hub.putImage("me/app", { tag: "v1" });
});

const list = (): string => `${hub.host}/me/list:v1`;
const missing = (): string => `${hub.host}/me/app:none`;
const image = (): string => `${hub.host}/me/app:v1`;

/** All of stdout, which has to be one such document. */
function errorIn(stdout: string): ErrorResult["error"] {
  const value: unknown = JSON.parse(stdout);
  const result = ErrorResult.parse(value);
  expect(result).toEqual(value);
  return result.error;
}

interface Failing {
  readonly what: string;
  readonly command: readonly string[];
  readonly argv: () => readonly string[];
  readonly code: string;
  readonly message?: RegExp;
  readonly hint?: RegExp;
}

const FAILING: readonly Failing[] = [
  {
    what: "an image that is not there",
    command: ["create"],
    argv: () => [list(), missing()],
    code: "MANIFEST_UNKNOWN",
    message: /^no such manifest: \S+\/me\/app:none$/,
  },
  {
    what: "flags that do not go together",
    command: ["create"],
    argv: () => ["--amend", "--replace", list(), image()],
    code: "USAGE",
  },
  {
    what: "an entry that is not there",
    command: ["annotate"],
    argv: () => [list(), image(), "--arch", "arm64"],
    code: "ENTRY_NOT_FOUND",
  },
  {
    what: "a name that is not there",
    command: ["inspect"],
    argv: () => [missing()],
    code: "MANIFEST_UNKNOWN",
  },
  { what: "a name that is none", command: ["inspect"], argv: () => ["NO"], code: "INVALID_REFERENCE" },
  { what: "a list that is not there", command: ["push"], argv: () => [list()], code: "LIST_NOT_FOUND" },
  {
    what: "a list that is not there",
    command: ["rm"],
    argv: () => [list(), "--entry", image()],
    code: "LIST_NOT_FOUND",
  },
  { what: "--entry with two lists", command: ["rm"], argv: () => ["a", "b", "--entry", "c"], code: "USAGE" },
  {
    what: "a store that is a file",
    command: ["ls"],
    argv: () => ["--store", workplace.write("f", "")],
    code: "STORE",
  },
  {
    what: "a store that is a file",
    command: ["prune"],
    argv: () => ["--store", workplace.write("f", "")],
    code: "STORE",
  },
  { what: "an age that is none", command: ["prune"], argv: () => ["--older-than", "x"], code: "USAGE" },
  {
    what: "an image that is not there",
    command: ["imagetools", "create"],
    argv: () => ["-t", list(), missing()],
    code: "MANIFEST_UNKNOWN",
    message: /^\S+\/me\/app:none: not found$/,
  },
  {
    what: "a platform that is missing",
    command: ["imagetools", "create"],
    argv: () => ["-t", list(), "--expect", "linux/amd64,linux/arm64", image()],
    code: "EXPECTATION",
    message: /missing linux\/arm64$/,
    hint: /^nothing was changed$/,
  },
  { what: "no sources", command: ["imagetools", "create"], argv: () => ["-t", list()], code: "USAGE" },
  {
    what: "a flag that is unknown",
    command: ["push"],
    argv: () => ["--bogus", list()],
    code: "USAGE",
    message: /^unknown flag: --bogus$/,
  },
  {
    what: "a value that is none",
    command: ["push"],
    argv: () => ["--type", "x", list()],
    code: "USAGE",
    message: /^invalid argument "x"/,
  },
  {
    what: "no argument",
    command: ["push"],
    argv: () => [],
    code: "USAGE",
    message: /^'tsmanifest push' requires 1 argument$/,
  },
  {
    what: "too few arguments",
    command: ["create"],
    argv: () => [list()],
    code: "USAGE",
    message: /requires at least 2 arguments$/,
  },
  {
    what: "an unknown flag",
    command: ["imagetools", "create"],
    argv: () => ["--bogus"],
    code: "USAGE",
    message: /^unknown flag: --bogus$/,
  },
];

describe("--format json", () => {
  it.each(FAILING)(
    "of $command says $code for $what",
    async ({ command, argv, code, message = /./, hint }) => {
      const given = argv();
      const text = await workplace.run(...command, ...given);
      expect(text.stdout).toBe("");
      expect(text.status).not.toBe(0);
      const { status, stdout, stderr } = await workplace.run(...command, "--format", "json", ...given);
      expect({ status, stderr }).toEqual({ status: text.status, stderr: text.stderr });
      const error = errorIn(stdout);
      expect(error.code).toBe(code);
      expect(error.message).toMatch(message);
      expect(stderr).toContain(error.message);
      if (hint !== undefined) expect(error.hint).toMatch(hint);
      if (error.hint !== undefined) expect(stderr).toContain(`\n${error.hint}\n`);
    },
  );

  it("says what a registry answered, and to which request", async () => {
    const onRequest = ({ method }: { readonly method: string }) =>
      method === "PUT" ? { status: 403 } : undefined;
    await withScene({ onRequest }, async (scene) => {
      const { status, stdout, stderr } = await scene.push("--format", "json");
      expect(status).toBe(1);
      const { code, message, hint } = errorIn(stdout);
      expect(code).toBe("MANIFEST_NOT_PUSHED");
      expect(message).toMatch(/^failed to put manifest /);
      expect(hint).toMatch(/PUT http:\S+ answered 403/);
      expect(stderr).toBe(`${message}\n${hint ?? ""}\n`);
    });
  });

  it("says that it was interrupted", async () => {
    let interrupt: () => void = () => undefined;
    const onRequest = ({ method }: { readonly method: string }) => {
      if (method === "PUT") interrupt();
      return undefined;
    };
    await withScene({ onRequest }, async (scene) => {
      interrupt = () => {
        scene.interrupt();
      };
      const { status, stdout, stderr } = await scene.push("--format", "json");
      expect(status).toBe(1);
      expect(errorIn(stdout)).toEqual({ code: "INTERRUPTED", message: "interrupted" });
      expect(stderr).toMatch(/was not changed\n.*tsmanifest: interrupted\n$/s);
    });
  });

  it("counts where it stands before what is wrong, and not behind it", async () => {
    const before = await workplace.run("push", "--format=json", "--bogus");
    expect(errorIn(before.stdout)).toEqual({ code: "USAGE", message: "unknown flag: --bogus" });
    const behind = await workplace.run("push", "--bogus", "--format", "json");
    expect(behind).toEqual({ status: 125, stdout: "", stderr: before.stderr });
    expect(await workplace.run("push", "--format", "yaml")).toMatchObject({ status: 125, stdout: "" });
    // The last one counts.
    expect(await workplace.run("push", "--format", "json", "--format", "text", list())).toMatchObject({
      stdout: "",
    });
  });

  it("is a template of buildx's for imagetools inspect", async () => {
    expect(await workplace.run("imagetools", "inspect", "--format", "json", image())).toMatchObject({
      status: 0,
      stdout: "json",
    });
    expect(await workplace.run("imagetools", "inspect", "--format", "json", missing())).toMatchObject({
      status: 1,
      stdout: "",
    });
  });

  it("escapes what a terminal would obey", async () => {
    const evil = "\u001b[2J\u009b31m\u202e";
    const { stdout } = await workplace.run("rm", "--format", "json", "x.example/app:v1", "--entry", evil);
    // eslint-disable-next-line no-control-regex -- that there is none is the point
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(errorIn(stdout).message).toContain(evil);
  });

  describe("of a command", () => {
    const throwing = (error: unknown): CommandEntry[] => {
      const command = defineCommand({
        name: "x",
        args: "[OPTIONS]",
        description: "Fails",
        arity: { min: 0 },
        completes: [],
        flags: outputFlags,
        run: () => {
          throw error;
        },
      });
      return [{ name: "x", summary: "", load: () => Promise.resolve(command) }];
    };
    const run = (error: unknown, ...more: string[]) =>
      cli(["x", "--format", "json", ...more], throwing(error));

    it("that has a fault of its own says INTERNAL", async () => {
      const { status, stdout, stderr } = await run(new TypeError("x is not a function"));
      const message = "internal error: x is not a function";
      expect(status).toBe(1);
      expect(errorIn(stdout)).toEqual({ code: "INTERNAL", message });
      expect(stderr).toContain(`tsmanifest: ${message}\n`);
      expect(errorIn((await run("thrown")).stdout).message).toBe("internal error: thrown");
    });

    it("has no stack in it, with --debug neither", async () => {
      const error = new ManifestError("STORE", "no", { hint: "way out", cause: new Error("because") });
      const { stdout, stderr } = await run(error, "--debug");
      expect(errorIn(stdout)).toEqual({ code: "STORE", message: "no", hint: "way out" });
      expect(stderr).toContain("caused by");
    });

    it("shows the help alone where that is asked for", async () => {
      expect(await run(new Error("not run"), "--help")).toMatchObject({
        status: 0,
        stdout: expect.stringMatching(/^Usage: /) as string,
        stderr: "",
      });
    });
  });
});
