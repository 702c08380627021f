import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import { putBuild, type Build } from "../helpers/builds.js";
import type { Peer } from "../helpers/peer.js";
import { changesIn, useWorkplace } from "../helpers/workplace.js";

/** What is wrong with a command line gets a line that says what to do, before anything was sent. */

const workplace = useWorkplace();
const NOBODY = "0".repeat(64);
const ESCAPE = "\u001b[31m";

let registry: Peer;
let build: Build;
let image: string;
let list: string;
let target: string;
beforeEach(async () => {
  registry = await workplace.registry();
  build = putBuild(registry, "team/app", { architecture: "amd64", tag: "a" });
  image = `${registry.host}/team/app:a`;
  list = `${registry.host}/team/list:v1`;
  target = `${registry.host}/team/app:v1`;
});

/** Fails with these words on stderr, having asked for nothing; what follows an `ERROR: ` is the same in both command lines. */
async function expectRefusal(argv: readonly string[], ...words: readonly string[]): Promise<void> {
  const before = registry.requests.length;
  const { status, stdout, stderr } = await workplace.run(...argv);
  for (const word of words) expect(stderr).toContain(word);
  expect({ status: status !== 0, stdout }).toEqual({ status: true, stdout: "" });
  expect(registry.requests.slice(before)).toEqual([]);
}

const create = (...more: string[]): string[] => ["imagetools", "create", "-t", target, ...more];

describe("platforms", () => {
  it("that are misspelt in --expect are refused with the right spelling", async () => {
    await workplace.out("create", list, image, image);
    await expectRefusal(create("--expect", "linux/amd65", image), "did you mean linux/amd64?");
    await expectRefusal(["create", `${list}x`, "--expect", "linux/arm46", image, image], "linux/arm64?");
    await expectRefusal(["push", "--expect", "linux/amd64,linux/amr64", list], "did you mean linux/arm64?");
  });

  it("that --expect leaves out are asked for: a variable may have been empty", () =>
    expectRefusal(create("--expect", "", image), "no platform is named", "linux/amd64,linux/arm64"));

  it("that are misspelt in create --platform are refused with the right spelling", () =>
    expectRefusal(["create", list, "--platform", "linux/amd65", image, image], "did you mean linux/amd64?"));

  it("that imagetools create --platform cannot be are refused in buildx's words, with the right spelling", async () => {
    await expectRefusal(
      create("--platform", "amd65", image),
      `ERROR: invalid platform "amd65": "amd65": unknown operating system or architecture`,
      "did you mean linux/amd64?",
    );
    await expectRefusal(create("--platform", "", image), `ERROR: invalid platform "": `);
  });

  it("that buildx takes and nothing has are refused with the right spelling, too, before anything changes", async () => {
    const { status, stderr } = await workplace.run(...create("--platform", "linux/amd65", image));
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: "ERROR: none of the manifests match the provided platforms\ndid you mean linux/amd64?\n",
    });
    expect(changesIn(registry)).toEqual([]);
  });
});

describe("--from", () => {
  it.each([
    ["nothing", () => "", "no such file or folder"],
    ["a path where nothing is", () => workplace.path("nowhere"), "nowhere: no such file or folder"],
    ["an empty folder", () => folderWith(), "an empty folder"],
    ["a file that is named by no digest", () => folderWith("amd64"), "amd64: its name is not a digest"],
    ["a digest that was cut", () => folderWith(NOBODY.slice(1)), "63 hex digits, which are no sha256 digest"],
    ["a broken file", () => metadata("{"), "not the metadata of a build: invalid JSON"],
    ["a file that is no metadata", () => metadata("[]"), "not the metadata of a build: not a JSON object"],
    ["a build that pushed nothing", () => metadata("{}"), "the build made no image"],
    [
      "a digest that is none",
      () => metadata(`{"containerimage.digest":"sha256:xyz"}`),
      '"sha256:xyz": invalid',
    ],
    [
      "a name that is none",
      () => metadata(`{"containerimage.digest":"sha256:${NOBODY}","image.name":"registry.example/A"}`),
      "must be lowercase",
    ],
    ["a file without end", () => "/dev/zero", "more than 16777216 bytes"],
    ["nothing at all", () => "/dev/null", "not the metadata of a build"],
  ])("that is %s is refused in both command lines, and named", async (_, path, words) => {
    const from = path();
    await expectRefusal(create("--from", from), words, from);
    await expectRefusal(["create", list, "--from", from], words, from);
  });

  it("that names no repository needs a tag to have one", () =>
    expectRefusal(
      ["imagetools", "create", "--dry-run", "--from", workplace.touch([build.index.digest])],
      "says no repository, and there is no --tag",
    ));

  it("that has a digest which is not in the repository is refused before anything changes, with its file", async () => {
    const folder = workplace.touch([build.index.digest, `sha256:${NOBODY}`]);
    for (const argv of [
      create("--from", folder),
      ["create", `${registry.host}/team/app:list`, "--from", folder],
    ]) {
      const { status, stderr } = await workplace.run(...argv);
      expect({ argv, status }).toEqual({ argv, status: 1 });
      expect(stderr).toContain(`${registry.host}/team/app@sha256:${NOBODY}`);
      expect(stderr).toContain(`${folder}/${NOBODY} names it: it may be the digest of another image`);
    }
    expect(changesIn(registry)).toEqual([]);
  });

  function folderWith(...names: string[]): string {
    const folder = workplace.path("digests");
    mkdirSync(folder, { recursive: true });
    for (const name of names) writeFileSync(`${folder}/${name}`, "");
    return folder;
  }

  function metadata(content: string): string {
    return workplace.write("metadata.json", content);
  }
});

describe("a source", () => {
  it.each([
    ["a digest of 63 digits", () => `sha256:${NOBODY.slice(1)}`],
    ["a digest of nothing", () => "sha256:"],
    ["a descriptor without digest", () => `{"digest":""}`],
    ["broken JSON", () => "{"],
    ["a manifest in place of a descriptor", () => build.index.body.toString()],
    ["nothing", () => ""],
  ])("that is %s is refused in buildx's words", (_, source) =>
    expectRefusal(
      create(source()),
      "ERROR: failed to parse source ",
      "valid sources are digests, references and descriptors: ",
    ),
  );

  it("that is a digest in one of several repositories has to say in which", () =>
    expectRefusal(
      create("-t", `${registry.host}/other/app:v1`, build.index.digest),
      `multiple repositories specified, cannot infer repository for "${build.index.digest}"`,
    ));

  it("in a file that is not there, is a folder or has no end is refused, and the file is named", async () => {
    await expectRefusal(
      create("-f", workplace.path("nowhere")),
      `${workplace.path("nowhere")}: no such file`,
    );
    await expectRefusal(create("-f", workplace.folder), `${workplace.folder}: is a directory`);
    await expectRefusal(create("-f", "/dev/zero"), "/dev/zero: larger than 4194304 bytes");
    const large = workplace.write("large", Buffer.alloc(5 * 1024 * 1024, "x"));
    await expectRefusal(create("-f", large), "larger than 4194304 bytes");
    await expectRefusal(create("-f", ""), `"": no such file`);
  });

  it.runIf(process.platform !== "win32")("in a pipe is read to its end", async () => {
    const pipe = workplace.path("pipe");
    execFileSync("mkfifo", [pipe]);
    const writeLate = (text: string): void => {
      spawn("sh", ["-c", `sleep 0.1; printf %s "$1" > "$2"`, "sh", text, pipe], { stdio: "ignore" });
    };
    writeLate(image);
    await workplace.out(...create("-f", pipe));
    expect(registry.manifest("team/app", "v1")?.digest).toBe(build.index.digest);
    writeLate(`{"containerimage.digest":"${build.index.digest}"}`);
    await workplace.out("imagetools", "create", "-t", `${registry.host}/team/app:v2`, "--from", pipe);
    expect(registry.manifest("team/app", "v2")?.digest).toBe(build.index.digest);
  });
});

describe("a layout", () => {
  const FIRST_SIZE = /"size":\d+/;

  beforeEach(async () => {
    await workplace.out("imagetools", "create", "-t", `oci-layout://${workplace.path("good")}:v1`, image);
  });

  /** A copy of a good layout with something wrong in it. */
  function broken(name: string, damage: (path: (file: string) => string) => void): string {
    cpSync(workplace.path("good"), workplace.path(name), { recursive: true });
    damage((file) => workplace.path(name, file));
    return `oci-layout://${workplace.path(name)}:v1`;
  }

  const fileOf = (digest: string): string => `blobs/${digest.replace(":", "/")}`;
  const replaceIn = (file: string, what: string | RegExp, by: string): void => {
    writeFileSync(file, readFileSync(file, "utf8").replace(what, by));
  };

  it.each<[string, (path: (file: string) => string) => void, string]>([
    [
      "is not there",
      (path) => {
        rmSync(path("."), { recursive: true });
      },
      "there is no such folder",
    ],
    [
      "is any folder",
      (path) => {
        rmSync(path("oci-layout"));
      },
      "it has no file oci-layout",
    ],
    [
      "is of another version",
      (path) => {
        writeFileSync(path("oci-layout"), `{"imageLayoutVersion":"9.0.0"}`);
      },
      "oci-layout: not of an OCI image layout of version 1",
    ],
    [
      "has a broken index",
      (path) => {
        writeFileSync(path("index.json"), "{");
      },
      "index.json: invalid JSON",
    ],
    [
      "names what is not there",
      (path) => {
        rmSync(path(fileOf(build.index.digest)));
      },
      `which is missing`,
    ],
    [
      "has an index that names what is not there",
      (path) => {
        rmSync(path(fileOf(build.image.digest)));
      },
      "names it, but it is not in oci-layout://",
    ],
    [
      "has an index with other bytes",
      (path) => {
        replaceIn(path(fileOf(build.index.digest)), "schema", "Schema");
      },
      "its content has the digest sha256:",
    ],
    [
      "has an image with other bytes",
      (path) => {
        replaceIn(path(fileOf(build.image.digest)), "schema", "Schema");
      },
      "its content has the digest sha256:",
    ],
    [
      "has no digest for its name",
      (path) => {
        replaceIn(path("index.json"), /sha256:[0-9a-f]{64}/, "sha256:../../../etc/passwd");
      },
      "index.json",
    ],
    [
      "has other tags, with characters that a terminal obeys",
      (path) => {
        replaceIn(path("index.json"), '"v1"', JSON.stringify(`v1${ESCAPE}`));
      },
      "there are: v1\\u001b[31m",
    ],
  ])("that %s is refused before anything is sent", async (_, damage, words) => {
    const source = broken("bad", damage);
    await expectRefusal(create(source), words);
    await expectRefusal(["create", list, source], words);
  });

  it.each(["3", "100000", "-3", "0"])(
    "that says %s of an image's size is refused before anything is sent",
    async (size) => {
      const one = `oci-layout://${workplace.path("one")}:v1`;
      const single = `${registry.host}/team/app@${build.image.digest}`;
      await workplace.out("imagetools", "create", "--prefer-index=false", "-t", one, single);
      replaceIn(workplace.path("one", "index.json"), FIRST_SIZE, `"size":${size}`);
      await expectRefusal(create(one), `says that it has ${size} bytes`);
      await expectRefusal(create("--prefer-index=false", one), `says that it has ${size} bytes`);
    },
  );

  it.each<[string, (path: (file: string) => string) => void, string]>([
    [
      "other bytes",
      (path) => {
        replaceIn(path(layer()), /./, "X");
      },
      "the source sent content with digest sha256:",
    ],
    [
      "too few bytes",
      (path) => {
        writeFileSync(path(layer()), "x");
      },
      "the source sent 1 bytes instead of",
    ],
    [
      "too many bytes",
      (path) => {
        replaceIn(path(layer()), /$/, "more");
      },
      "bytes instead of",
    ],
    [
      "none",
      (path) => {
        rmSync(path(layer()));
      },
      "is not there",
    ],
    [
      "a folder",
      (path) => {
        rmSync(path(layer()));
        mkdirSync(path(layer()));
      },
      "is no file",
    ],
  ])(
    "that has %s for a layer moves no tag, puts no manifest, and leaves no upload behind",
    async (_, damage, words) => {
      const source = broken("bad", damage);
      const created = await workplace.run(
        "imagetools",
        "create",
        "-t",
        `${registry.host}/team/new:v1`,
        source,
      );
      await workplace.out("create", list, source);
      const pushed = await workplace.run("push", "--cross-registry", list);
      for (const { status, stderr } of [created, pushed]) {
        expect(status).toBe(1);
        expect(stderr).toContain(words);
      }
      for (const repository of ["team/new", "team/list"]) {
        expect(registry.tags(repository)).toEqual([]);
        expect(registry.manifests(repository)).not.toContain(build.image.digest);
      }
      expect(registry.openUploads()).toBe(0);
      expect(registry.tags("team/app")).toEqual(["a"]);
    },
  );

  function layer(): string {
    return fileOf(build.image.blobs[1] ?? "");
  }
});

describe("annotations", () => {
  it.each([
    ["index:a", `invalid annotation "index:a", expected key=value`],
    ["box:a=b", `unknown annotation type "box"`],
    ["manifest-descriptor[bogus]:a=b", `invalid platform "bogus"`],
    ["manifest-descriptor[linux/amd64:a=b", "invalid annotation type"],
  ])("like %s are refused in both command lines", async (annotation, words) => {
    await workplace.out("create", list, image, image);
    await expectRefusal(create("--annotation", annotation, image), "failed to parse annotations: ", words);
    await expectRefusal(["annotate", "--annotation", annotation, list, image], words);
  });

  it("without a key are refused where they are our own, and warned of where buildx takes them", async () => {
    await workplace.out("create", list, image, image);
    await expectRefusal(
      ["annotate", "--annotation", "index:=x", list],
      "its key is empty",
      "write it as index:KEY=VALUE",
    );
    const { status, stderr } = await workplace.run(...create("--annotation", "index:=x", image));
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: `WARNING: --annotation "index:=x" has no key: write it as index:KEY=VALUE\n`,
    });
  });

  it.each(["a=b", "=b", "manifest:a=b", "index-descriptor:a=b"])(
    "like %s, which an index cannot have, are refused before anything changes",
    async (annotation) => {
      const { status, stderr } = await workplace.run(...create("--annotation", annotation, image));
      expect(status).toBe(1);
      expect(stderr).toMatch(/annotations are (?:not supported yet|invalid)/);
      expect(changesIn(registry)).toEqual([]);
    },
  );
});

describe("values and flags", () => {
  beforeEach(() => workplace.out("create", list, image, image));

  it.each([
    ["soon", "it is not a length of time"],
    ["5", "it has no unit"],
    ["5 minutes", `" minutes" is not a unit of time`],
    ["-1s", "it must not be negative"],
  ])("--wait %s is refused", async (wait, words) => {
    await expectRefusal(create("--wait", wait, image), words);
    await expectRefusal(["create", "--wait", wait, `${list}x`, image, image], words);
    await expectRefusal(["push", "--wait", wait, list], words);
  });

  it.each([
    [["push", "--type", "helm"], "must be one of auto, docker, oci"],
    [["push", "--verify=everything"], "must be one of manifests, blobs"],
    [["push", "--plan", "--format", "yaml"], "must be one of text, json"],
    [["push", "--plan", "--quiet"], "--plan and --quiet: choose one of them"],
    [["push", "--tag", "bad tag"], `--tag "bad tag": invalid reference format`],
    [["push", "--tag", ""], `--tag "": invalid reference format`],
    [["push", "--to", "nowhere"], "does not begin with oci-layout://"],
    [["push", "--to", "oci-layout://"], "the folder is missing"],
  ])("%j is refused", async (argv, words) => {
    await expectRefusal([...argv, list], words);
  });

  it.each([
    [["--append", "--merge"], "choose one of them"],
    [["--plan", "--dry-run"], "choose one of them"],
    [["--dry-run", "--quiet"], "--dry-run and --quiet: choose one of them"],
    [["--attestations", "some"], "must be one of keep, drop"],
    [["--progress", "loud"], "must be one of auto"],
    [["--concurrency", "0"], "must be a whole number from 1 to 1000"],
    [["--ca-file", "/nowhere/ca.crt"], "no such file"],
  ])("imagetools create %j is refused", async (flags, words) => {
    await expectRefusal(create(...flags, image), words);
  });

  it.each([
    [["--amend", "--replace"], "choose one of them"],
    [["--refresh"], "--refresh goes with --amend"],
    [["--append", "--merge"], "choose one of them"],
    [["--amend", "--append"], "use --replace in place of --amend"],
    [["--subject", "bad subject"], `--subject "bad subject": invalid reference format`],
    [["--artifact-type", "signature"], "signature is not a media type"],
  ])("create %j is refused", async (flags, words) => {
    await expectRefusal(["create", ...flags, `${list}x`, image, image], words);
  });

  it("--store with a file is refused by every command", async () => {
    const file = workplace.write("store", "");
    for (const argv of [
      ["create", list, image, image],
      ["push", list],
      ["annotate", "--arch", "arm64", list, image],
      ["inspect", list, image],
      ["rm", list],
      ["ls"],
      ["prune", "--older-than", "30d"],
    ]) {
      const [command = "", ...args] = argv;
      await expectRefusal([command, "--store", file, ...args], `${file}: not a folder`);
    }
  });

  it("--metadata-file where no file can be is refused before the tag moves", async () => {
    await expectRefusal(
      create("--metadata-file", workplace.path("no", "folder", "f"), image),
      "no such folder",
    );
    await expectRefusal(create("--metadata-file", workplace.folder, image), "is a folder, not a file");
    const file = workplace.write("file", "");
    await expectRefusal(create("--metadata-file", `${file}/f`, image), "not a folder");
    expect(registry.tags("team/app")).toEqual(["a"]);
  });

  it.each(["-t", "--tag"])(
    "control characters in the name after %s are not shown as they are",
    async (flag) => {
      await expectRefusal(["imagetools", "create", flag, `a${ESCAPE}b`, image], "invalid reference format");
      await expectRefusal(create(`a${ESCAPE}b`), "failed to parse source");
      const { stderr } = await workplace.run("imagetools", "create", flag, `a${ESCAPE}b`, `b${ESCAPE}c`);
      expect(stderr).not.toContain("\u001b");
      const pushed = await workplace.run("push", flag === "-t" ? "--tag" : flag, `a${ESCAPE}b`, list);
      expect(pushed.stderr).toContain("\\x1b[31m");
      expect(pushed.stderr).not.toContain("\u001b");
    },
  );

  it("a file of a folder that has control characters in its name is named without them", async () => {
    const folder = workplace.path("digests");
    workplace.write(`digests/a${ESCAPE}b`, "");
    const { stderr } = await workplace.run(...create("--from", folder));
    expect(stderr).toContain("a\\u001b[31mb: its name is not a digest");
  });
});
