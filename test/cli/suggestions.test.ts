import { describe, expect, it } from "vitest";
import { cli } from "../helpers/cli.js";

const stderrOf = async (...argv: string[]) => (await cli(argv)).stderr;

describe("a command that is not known", () => {
  it.each([
    ["pus", "push"],
    ["psuh", "push"],
    ["PUSH", "push"],
    ["anotate", "annotate"],
    ["inspct", "inspect"],
    ["imagetool", "imagetools"],
    ["delete", "rm"],
    ["list", "ls"],
    ["copy", "imagetools create"],
  ])("%s may be %s, which is said in the line behind docker's", async (word, meant) => {
    const { status, stderr } = await cli([word, "a"]);
    expect(status).toBe(1);
    expect(stderr).toBe(
      `tsmanifest: unknown command: tsmanifest ${word}\ndid you mean ${meant}?\n` +
        "\nUsage:  tsmanifest COMMAND\n\nRun 'tsmanifest --help' for more information\n",
    );
  });

  it.each([
    ["login", "docker login does that: its logins are used here"],
    ["logout", "docker logout does that: its logins are used here"],
    ["version", "did you mean tsmanifest --version?"],
  ])("%s is done elsewhere, which is said", async (word, text) => {
    expect(await stderrOf(word)).toContain(
      `tsmanifest: unknown command: tsmanifest ${word}\n${text}\n\nUsage:`,
    );
  });

  it("may be one of the group it stands in", async () => {
    expect(await stderrOf("imagetools", "creat")).toBe(
      `ERROR: unknown command: "creat"\ndid you mean create?\nRun 'tsmanifest imagetools --help' for more information\n`,
    );
    expect(await stderrOf("imagetools", "show")).toContain("\ndid you mean inspect?\n");
    expect(await stderrOf("imagetools", "delete")).not.toContain("did you mean");
  });

  it.each([
    [
      ["imagetools", "crate", "-t", "x"],
      "ERROR: unknown shorthand flag: 't' in -t",
      "tsmanifest imagetools create",
    ],
    [["imagetools", "crate", "--tag", "x"], "ERROR: unknown flag: --tag", "tsmanifest imagetools create"],
    [["psuh", "-p", "x"], "unknown shorthand flag: 'p' in -p", "tsmanifest push"],
    [["psuh", "--format", "json"], "unknown flag: --format", "tsmanifest push"],
  ])("%j is told below what is said of its flags", async (argv, first, meant) => {
    expect((await stderrOf(...argv)).split("\n").slice(0, 2)).toEqual([first, `did you mean ${meant}?`]);
  });

  it("is told below the help that is asked for", async () => {
    for (const argv of [
      ["--help", "puhs"],
      ["help", "puhs"],
      ["puhs", "--help"],
    ]) {
      const { status, stdout, stderr } = await cli(argv);
      expect({ status, stderr }).toEqual({ status: 0, stderr: "did you mean tsmanifest push?\n" });
      expect(stdout).toContain("Usage:  tsmanifest ");
    }
    expect((await cli(["imagetools", "--help", "creat"])).stderr).toBe(
      "did you mean tsmanifest imagetools create?\n",
    );
    for (const argv of [["--help"], ["help", "push"], ["--help", "bogus"]]) {
      expect((await cli(argv)).stderr).toBe("");
    }
  });

  it.each(["bogus", "x", "", "-", "buildy", "__complet"])("%j is like none", async (word) => {
    expect(await stderrOf(word)).not.toContain("did you mean");
  });
});

describe("a flag that is not known", () => {
  it.each([
    ["push", "--pur", "--purge"],
    ["push", "--Purge", "--purge"],
    ["push", "--mount_only", "--mount-only"],
    ["push", "--cross-registy=true", "--cross-registry"],
    ["create", "--ammend", "--amend"],
    ["annotate", "--osFeatures", "--os-features"],
    ["ls", "--quite", "--quiet"],
  ])("%s %s may be %s, which is said before the usage", async (command, flag, meant) => {
    const { status, stderr } = await cli([command, flag, "a"]);
    expect(status).toBe(125);
    const [unknown] = flag.split("=");
    expect(stderr).toMatch(
      new RegExp(
        `^unknown flag: ${unknown ?? ""}\\ndid you mean ${meant}\\?\\n\\nUsage:  tsmanifest ${command} `,
      ),
    );
  });

  it("of another program is told by what is here in its place", async () => {
    for (const command of ["push", "apply"]) {
      expect(await stderrOf(command, "--dry-run", "a")).toContain(
        "unknown flag: --dry-run\ndid you mean --plan?\n",
      );
    }
    expect(await stderrOf("rm", "--dry-run", "a")).not.toContain("--plan");
    expect(await stderrOf("inspect", "--platform", "linux/arm64", "a")).toContain(
      "unknown flag: --platform\n--tree shows each platform's digest: inspect NAME@DIGEST shows that image alone\n",
    );
  });

  it("is told in buildx's words, too", async () => {
    expect(await stderrOf("imagetools", "create", "--tagg", "a")).toBe(
      "ERROR: unknown flag: --tagg\ndid you mean --tag?\n",
    );
  });

  it("may belong before the command", async () => {
    expect(await stderrOf("push", "--config", "x", "a")).toContain(
      "unknown flag: --config\n--config goes before the command: tsmanifest --config …\n",
    );
    expect(await stderrOf("--debgu")).toContain("\ndid you mean --debug?\n");
  });

  it.each(["--bogus", "--constructor", "--p", "--no-such-flag-at-all-and-very-very-long"])(
    "%s is like none",
    async (flag) => {
      expect(await stderrOf("push", flag)).not.toContain("did you mean");
    },
  );

  it("is in the JSON of a command that prints JSON", async () => {
    const { stdout } = await cli(["push", "--format", "json", "--pur", "a"]);
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: "USAGE", message: "unknown flag: --pur", hint: "did you mean --purge?" },
    });
  });
});

describe("a value that a flag of ours does not take", () => {
  it.each([
    ["push", "--retries", "x", "must be a whole number from 0 to 100"],
    ["push", "--retries", "-1", "must be a whole number from 0 to 100"],
    ["push", "--retries", "9999999999999999999", "must be a whole number from 0 to 100"],
    ["push", "--concurrency", "0", "must be a whole number from 1 to 1000"],
    ["push", "--format", "yaml", "must be one of text, json, markdown"],
    [
      "prune",
      "--older-than",
      "30",
      "it has no unit\nwrite a number and a unit: 30s, 5m, 72h, 30d, 2w or 1h30m",
    ],
  ])("%s %s %s is told in plain English", async (command, flag, value, fault) => {
    const { status, stderr } = await cli([command, flag, value, ...(command === "push" ? ["a"] : [])]);
    expect(status).toBe(125);
    expect(stderr).toContain(`invalid argument "${value}" for "${flag}" flag: ${fault}\n`);
  });

  it("--wait is told in plain English", async () => {
    expect(await stderrOf("create", "--wait", "30", "a", "b")).toBe(
      "--wait 30: it has no unit\nwrite a number and a unit: 30s, 2m or 1h\n",
    );
  });
});
