import { beforeEach, describe, expect, it } from "vitest";
import { cli } from "../helpers/cli.js";
import { entryOf } from "../helpers/entries.js";
import { local, type Local } from "../commands/local.js";

let here: Local;
beforeEach(async () => {
  here = await local();
});

/** The answer for words of which the last is the one at the cursor. */
async function answer(...words: string[]): Promise<string[]> {
  const last = words.at(-1) ?? "";
  const ended = await here.run("__complete", ...words.slice(0, -1), `=${last}`);
  expect(ended).toMatchObject({ status: 0, stderr: "" });
  return ended.stdout.split("\n").slice(0, -1);
}

/** The words that may stand there. */
async function wordsAt(...words: string[]): Promise<string[]> {
  const [kind, ...candidates] = await answer(...words);
  expect(kind).toBe("words");
  return candidates.map((line) => line.split("\t")[0] ?? "");
}

const LIST = "127.0.0.1:5000/team/app:v1";
const AMD64 = "127.0.0.1:5000/team/app:v1-amd64";
const ARM64 = "127.0.0.1:5000/team/app:v1-arm64";

async function makeLists(): Promise<void> {
  await here.makeList(LIST, [entryOf(AMD64), entryOf(ARM64, { architecture: "arm64" })]);
  await here.makeList("docker.io/library/web:latest", [entryOf(AMD64)]);
}

describe("the first words", () => {
  it("are the commands, each with what it does", async () => {
    const lines = await answer("");
    expect(lines).toContain("push\tSend a local list to its registry");
    expect(lines).toContain(
      "completion\tPrint the script that completes commands in bash, zsh, fish or PowerShell",
    );
    expect(lines.join("\n")).not.toContain("__complete");
    expect(lines.map((line) => line.split("\t")[0])).not.toContain("buildx");
  });

  it("begin as they are typed, behind flags, help and docker's own word, too", async () => {
    expect(await wordsAt("pu")).toEqual(["push"]);
    expect(await wordsAt("manifest", "pu")).toEqual(["push"]);
    expect(await wordsAt("help", "pu")).toEqual(["push"]);
    expect(await wordsAt("--config", "x", "-D", "pu")).toEqual(["push"]);
    expect(await wordsAt("imagetools", "")).toEqual(["create", "inspect"]);
    expect(await wordsAt("buildx", "imagetools", "in")).toEqual(["inspect"]);
    expect(await wordsAt("--ver")).toEqual(["--version"]);
    expect(await wordsAt("imagetools", "--b")).toEqual(["--builder"]);
    expect(await answer("--config", "")).toEqual(["folders"]);
    expect(await wordsAt("bogus", "")).toEqual([]);
  });
});

describe("flags", () => {
  it("are those of the command that are not there yet, with what they do", async () => {
    const lines = await answer("push", "--pur");
    expect(lines).toEqual(["words", "--purge\tDelete the local list when all is done"]);
    expect(await wordsAt("push", "--purge", "--pu")).toEqual([]);
    expect(await wordsAt("push", "--tag", "latest", "--ta")).toEqual(["--tag"]);
    expect(await wordsAt("push", "--verify")).toEqual(["--verify", "--verify=manifests", "--verify=blobs"]);
    expect(await wordsAt("imagetools", "create", "--prefer")).toEqual(["--prefer-index"]);
    expect(await wordsAt("push", "--debu")).toEqual(["--debug"]);
    expect(await wordsAt("push", "--", "--pur")).toEqual([]);
  });

  it("have the values that they take, in both ways to write them", async () => {
    expect(await wordsAt("push", "--type", "")).toEqual(["auto", "docker", "oci"]);
    expect(await wordsAt("push", "--format", "j")).toEqual(["json"]);
    expect(await wordsAt("push", "--format=j")).toEqual(["--format=json"]);
    expect(await wordsAt("push", "--purge=f")).toEqual(["--purge=false"]);
    expect(await wordsAt("annotate", "--arch", "arm")).toEqual(["arm64", "arm"]);
    expect(await wordsAt("create", "-p", "linux/arm64,linux/am")).toEqual(["linux/arm64,linux/amd64"]);
    expect(await wordsAt("create", "--platform=linux/am")).toEqual(["--platform=linux/amd64"]);
    expect(await wordsAt("push", "--tag", "")).toEqual([]);
    expect(await wordsAt("push", "--retries", "")).toEqual([]);
  });

  it("take files and folders, which the shell knows", async () => {
    expect(await answer("push", "--ca-file", "")).toEqual(["files"]);
    expect(await answer("push", "--ca-file=x")).toEqual(["files"]);
    expect(await answer("apply", "-f", "")).toEqual(["files"]);
    expect(await answer("create", "--from", "")).toEqual(["files"]);
    expect(await answer("ls", "--store", "")).toEqual(["folders"]);
  });
});

describe("arguments", () => {
  it("are local lists, each once, with their platforms", async () => {
    await makeLists();
    expect(await answer("push", "127")).toEqual(["words", `${LIST}\tlinux/amd64, linux/arm64`]);
    expect(await wordsAt("push", "")).toEqual([LIST, "docker.io/library/web:latest"]);
    expect(await wordsAt("push", LIST, "")).toEqual([]);
    expect(await wordsAt("rm", LIST, "")).toEqual(["docker.io/library/web:latest"]);
    expect(await wordsAt("push", "we")).toEqual(["web:latest"]);
    expect(await wordsAt("push", "docker.io/")).toEqual(["docker.io/library/web:latest"]);
    expect(await wordsAt("manifest", "inspect", "-v", "127")).toEqual([LIST]);
  });

  it("are the images of the list", async () => {
    await makeLists();
    expect(await wordsAt("annotate", LIST, "")).toEqual([AMD64, ARM64]);
    expect(await wordsAt("annotate", LIST, "--os", "linux", `${LIST}-arm`)).toEqual([ARM64]);
    expect(await wordsAt("inspect", LIST, "")).toEqual([AMD64, ARM64]);
    expect(await wordsAt("rm", LIST, "--entry", "")).toEqual([AMD64, ARM64]);
    expect(await wordsAt("rm", LIST, `--entry=${AMD64.slice(0, -1)}`)).toEqual([`--entry=${AMD64}`]);
    expect(await wordsAt("annotate", "other", "")).toEqual([]);
  });

  it("are those of the store that the line names", async () => {
    await makeLists();
    expect(await wordsAt("push", "--store", here.root, "127")).toEqual([LIST]);
    expect(await wordsAt("push", "--store=/nowhere", "127")).toEqual([]);
    expect(await wordsAt("--config", "/nowhere", "push", "127")).toEqual([]);
  });

  it("are nothing where only a registry could tell", async () => {
    expect(await wordsAt("imagetools", "create", "-t", "")).toEqual([]);
    expect(await wordsAt("imagetools", "inspect", "")).toEqual([]);
    expect(await wordsAt("create", "a", "")).toEqual([]);
    expect(await wordsAt("completion", "")).toEqual(["bash", "zsh", "fish", "powershell"]);
  });
});

describe("what others have written", () => {
  /** Begins another candidate, which a shell would run; is obeyed by terminals; begins a description. */
  const EVIL = `amd64\n${LIST};touch\${IFS}ran\u001b]0;title\u0007\u202e\tx\r`;

  it("is one line with the list whose platform it is, and spelled out", async () => {
    await here.makeList(LIST, [entryOf(AMD64, { architecture: EVIL })]);
    expect(await answer("push", "")).toEqual([
      "words",
      `${LIST}\tlinux/amd64\\n${LIST};touch\${IFS}ran\\u001b]0;title\\u0007\\u202e\\tx\\u000d`,
    ]);
  });

  it("is cut where it is long", async () => {
    await here.makeList(LIST, [entryOf(AMD64, { architecture: "x".repeat(10_000) })]);
    expect((await answer("push", ""))[1]).toHaveLength(LIST.length + 1 + 200);
  });

  it("is a word only where no shell does anything with it", async () => {
    for (const typed of ["$(touch ran)", "a;b", "`a`", "a b", "~a", "{a,b}", "a|b", "a>b", "a&b", "*", "é"]) {
      expect(await wordsAt("create", "--platform", `${typed},`)).toEqual([]);
    }
    await here.makeList(LIST, [entryOf("[::1]:5000/app:v1")]);
    expect(await wordsAt("annotate", LIST, "")).toEqual(["[::1]:5000/app:v1"]);
  });
});

describe("what is wrong", () => {
  it.each([
    [["push", "--bogus", ""]],
    [["push", "--retries", "x", ""]],
    [["annotate", "A B", ""]],
    [["push", "--store", "\u0000", ""]],
    [["---", ""]],
    [[""]],
  ])("%j is no error", async (words) => {
    expect((await answer(...words))[0]).toBe("words");
  });

  it("has no answer, not even an error", async () => {
    expect(await here.run("__complete")).toMatchObject({ status: 0, stderr: "" });
    expect((await here.run("completion", "tcsh")).stderr).toBe(
      'there is no completion for "tcsh"\nthere is one for bash, zsh, fish, powershell\n',
    );
    expect((await cli(["completion", "bash"])).stdout).toContain("complete -F _tsmanifest tsmanifest\n");
  });
});
