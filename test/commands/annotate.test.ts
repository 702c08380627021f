import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { DEFAULT_SETTINGS } from "../../src/list/draft.js";
import { encodeList } from "../../src/list/encode.js";
import { encodeEntry, type Entry } from "../../src/list/entry.js";
import { descriptor } from "../../src/oci/descriptor.js";
import { formatReference, parseReference } from "../../src/oci/reference.js";
import { storeName } from "../../src/store/names.js";
import { startRegistry, type RunningRegistry } from "../../src/testing/index.js";
import { attestationOf, inIndex } from "../helpers/attestations.js";
import { docker, describeWithDocker } from "../helpers/docker.js";
import { entryOf } from "../helpers/entries.js";
import { asVariant, SETTINGS } from "../store/place.js";
import { local, type Local } from "./local.js";

let here: Local;
beforeEach(async () => {
  here = await local();
});

const LIST = "x.example/app:v1";
const AMD64 = "x.example/app:amd64";
const ARM64 = "x.example/app:arm64";
const amd64 = entryOf(AMD64);
const arm64 = entryOf(ARM64, { architecture: "arm64" });
const done = { status: 0, stdout: "", stderr: "" };

const draft = async () => (await here.store.read(parseReference(LIST)))!;
const annotationsOf = async () => (await draft()).entries.map((entry) => entry.descriptor.annotations);
const nameOf = ({ ref }: Entry) => formatReference(ref);

describe("annotate --annotation", () => {
  it("sets an annotation of an image in the list, which makes it an OCI index", async () => {
    await here.makeList(LIST, [amd64, arm64]);
    const flags = ["--annotation", "a=1", "--annotation", "manifest-descriptor:b=x=y: z"];
    expect(await here.run("annotate", LIST, ARM64, ...flags)).toEqual(done);
    expect(await annotationsOf()).toEqual([{}, { a: "1", b: "x=y: z" }]);
    expect(encodeList(await draft()).mediaType).toBe("application/vnd.oci.image.index.v1+json");
  });

  it("sets it again, and leaves the others and the platform as they are", async () => {
    await here.makeList(LIST, [amd64]);
    await here.run("annotate", LIST, AMD64, "--annotation", "a=1", "--annotation", "b=2");
    await here.run("annotate", LIST, AMD64, "--annotation", "a=", "--variant", "v2");
    expect(await annotationsOf()).toEqual([{ a: "", b: "2" }]);
    expect((await draft()).entries[0]?.descriptor.platform).toMatchObject({
      architecture: "amd64",
      variant: "v2",
    });
  });

  it("sets it for all platforms of an image, or for those that are named", async () => {
    await here.makeList(LIST, [asVariant(arm64, "v8"), asVariant(arm64, "v9"), amd64]);
    const flags = ["--annotation", "all=1", "--annotation", "manifest-descriptor[linux/arm64]:one=1"];
    expect(await here.run("annotate", LIST, ARM64, ...flags)).toEqual(done);
    expect(await annotationsOf()).toEqual([{}, { all: "1", one: "1" }, { all: "1" }]);
  });

  it("sets it for all images of an index that the list was made of, and for no attestation", async () => {
    const origin = "x.example/build:v1";
    const images = [inIndex(origin, amd64), inIndex(origin, arm64)];
    await here.makeList(LIST, [...images, ...images.map(attestationOf), entryOf("x.example/other:v1")]);
    const flags = ["--annotation", "manifest-descriptor[linux/arm64/v8]:a=1", "--annotation", "b=2"];
    expect(await here.run("annotate", LIST, origin, ...flags)).toEqual(done);
    const annotated = (await draft()).entries.flatMap((entry) =>
      "b" in entry.descriptor.annotations ? [[nameOf(entry), entry.descriptor.annotations]] : [],
    );
    expect(annotated).toEqual([
      [nameOf(images[0]!), { b: "2" }],
      [nameOf(images[1]!), { a: "1", b: "2" }],
    ]);
  });

  it("sets one of the list itself, which needs no image", async () => {
    await here.makeList(LIST, [amd64], { annotations: { "org.example.old": "1" } });
    const flags = ["--annotation", "index:org.opencontainers.image.version=1"];
    expect(await here.run("annotate", LIST, ...flags)).toEqual(done);
    expect((await draft()).settings).toEqual({
      ...DEFAULT_SETTINGS,
      annotations: { "org.example.old": "1", "org.opencontainers.image.version": "1" },
    });
    expect(JSON.parse(encodeList(await draft()).bytes.toString())).toHaveProperty("annotations");
  });

  it("sets both with an image", async () => {
    await here.makeList(LIST, [amd64]);
    const flags = ["--annotation", "index,manifest-descriptor:a=1", "--annotation", "index:b=2"];
    expect(await here.run("annotate", LIST, AMD64, ...flags)).toEqual(done);
    expect((await draft()).settings.annotations).toEqual({ a: "1", b: "2" });
    expect(await annotationsOf()).toEqual([{ a: "1" }]);
  });

  it("writes nothing where all is as it was", async () => {
    await here.makeList(LIST, [amd64]);
    await here.run("annotate", LIST, AMD64, "--annotation", "a=1");
    await here.age(2);
    await here.run("annotate", LIST, AMD64, "--annotation", "a=1");
    expect((await here.run("ls")).stdout).toMatch(/2d\n$/);
  });

  it("is for images whose platform docker does not know, too", async () => {
    await here.makeList(LIST, [entryOf(AMD64, { architecture: "loong64" })]);
    expect(await here.run("annotate", LIST, AMD64, "--annotation", "a=1")).toEqual(done);
    expect((await here.run("annotate", LIST, AMD64)).stderr).toMatch(/unsupported os\/arch combination/);
  });

  it.each([
    [["a"], 'invalid annotation "a", expected key=value'],
    [["=1"], 'invalid annotation "=1", its key is empty'],
    [["bogus:a=1"], 'unknown annotation type "bogus"'],
    [["manifest:a=1"], '"manifest" annotations cannot be set in a list: a'],
    [["index-descriptor:a=1"], '"index-descriptor" annotations cannot be set in a list: a'],
    [
      ["manifest-descriptor[linux/s390x]:a=1"],
      "nothing of the image is for linux/s390x, where a was to be set",
    ],
    [["a=1", "manifest-descriptor[bogus]:b=2"], 'invalid platform "bogus"'],
  ])("refuses %j, and changes nothing", async (annotations, message) => {
    await here.makeList(LIST, [amd64]);
    const flags = annotations.flatMap((annotation) => ["--annotation", annotation]);
    const { status, stdout, stderr } = await here.run("annotate", LIST, AMD64, "--arch", "arm64", ...flags);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr.slice(0, message.length)).toBe(message);
    expect((await draft()).entries).toEqual([amd64]);
  });

  const NO_OTHER =
    "there is no local list docker.io/library/other:latest: tsmanifest create makes one, tsmanifest ls shows your lists\n";

  it("names what is in the list where the image is not", async () => {
    await here.makeList(LIST, [amd64]);
    expect((await here.run("annotate", LIST, "x.example/b:v1", "--annotation", "a=1")).stderr).toBe(
      `manifest for image x.example/b:v1 does not exist in ${LIST}\nit has ${AMD64}\n`,
    );
    expect((await here.run("annotate", "other", AMD64, "--annotation", "a=1")).stderr).toBe(
      `manifest for image ${AMD64} does not exist in other\n${NO_OTHER}`,
    );
    expect((await here.run("annotate", "other", "--annotation", "index:a=1")).stderr).toBe(
      `No such manifest: docker.io/library/other:latest\n${NO_OTHER}`,
    );
  });

  it.each([
    [[LIST]],
    [[LIST, "--os", "linux"]],
    [[LIST, "--annotation", "index:a=1", "--arch", "arm64"]],
    [[LIST, "--subject", "none", "--variant", "v8"]],
    [[LIST, AMD64, "b"]],
  ])("wants an image unless all is said of the list itself: %j", async (argv) => {
    const { status, stderr } = await here.run("annotate", ...argv);
    expect(status).toBe(1);
    expect(stderr).toBe(
      "tsmanifest: 'tsmanifest annotate' requires 2 arguments\n\n" +
        "Usage:  tsmanifest annotate [OPTIONS] MANIFEST_LIST MANIFEST\n\n" +
        "Run 'tsmanifest annotate --help' for more information\n",
    );
  });

  it("says in its help that the image may be left out", async () => {
    const { stdout } = await here.run("annotate", "--help");
    expect(stdout).toMatch(/^Usage: +tsmanifest annotate \[OPTIONS\] MANIFEST_LIST \[MANIFEST\]\n/);
  });

  it.each([
    [["a=1"], "a=1"],
    [["manifest-descriptor:a=1"], "manifest-descriptor:a=1"],
    [["index:a=1", "b=1"], "b=1"],
  ])("asks which image is meant by an annotation that is not the list's: %j", async (texts, named) => {
    const flags = texts.flatMap((text) => ["--annotation", text]);
    const { status, stderr } = await here.run("annotate", LIST, ...flags);
    expect(status).toBe(1);
    expect(stderr).toBe(
      `--annotation ${named}: of which image?\n` +
        "name the image after the list; write it as index:KEY=VALUE if the list itself is meant\n",
    );
  });

  it("loses none of twenty that are set at once", async () => {
    await here.makeList(LIST, [amd64, arm64]);
    const keys = Array.from({ length: 20 }, (_, index) => `k${index}`);
    const results = await Promise.all(
      keys.map((key, index) =>
        index % 2 === 0
          ? here.run("annotate", LIST, AMD64, "--annotation", `${key}=1`)
          : here.run("annotate", LIST, "--annotation", `index:${key}=1`),
      ),
    );
    expect(results).toEqual(keys.map(() => done));
    const found = { ...(await annotationsOf())[0], ...(await draft()).settings.annotations };
    expect(Object.keys(found).sort()).toEqual([...keys].sort());
  });
});

describe("annotate --subject and --artifact-type", () => {
  let registry: RunningRegistry;
  beforeEach(async () => {
    registry = await startRegistry();
    onTestFinished(() => registry.close());
  });

  it("take the subject as the registry describes it, and give it to the list", async () => {
    const image = registry.putImage("team/base", { tag: "v1" });
    await here.makeList(LIST, [amd64], { annotations: { a: "1" } });
    const flags = [
      "--subject",
      `${registry.host}/team/base:v1`,
      "--artifact-type",
      "application/vnd.example+json",
    ];
    expect(await here.run("annotate", LIST, ...flags)).toEqual(done);
    const subject = descriptor(image.mediaType, image.digest, image.size);
    expect((await draft()).settings).toEqual({
      ...DEFAULT_SETTINGS,
      annotations: { a: "1" },
      artifactType: "application/vnd.example+json",
      subject,
    });
    expect(encodeList(await draft()).subject).toEqual(subject);
  });

  it("take a digest for one in the list's own repository", async () => {
    const { digest } = registry.putImage("team/app", { tag: "v1" });
    const list = `${registry.host}/team/app:list`;
    await here.makeList(list, [amd64]);
    expect(await here.run("annotate", list, "--subject", digest)).toEqual(done);
    expect((await here.store.read(parseReference(list)))?.settings.subject?.digest).toBe(digest);
  });

  it("can be taken away again, without a registry", async () => {
    await here.makeList(LIST, [amd64], SETTINGS);
    expect(await here.run("annotate", LIST, "--subject", "none", "--artifact-type", "none")).toEqual(done);
    const { settings } = await draft();
    expect(settings).toEqual({ ...DEFAULT_SETTINGS, type: SETTINGS.type, annotations: SETTINGS.annotations });
  });

  it("change nothing where the subject is not there, or the type is none", async () => {
    await here.makeList(LIST, [amd64]);
    expect(await here.run("annotate", LIST, "--subject", `${registry.host}/team/base:v1`)).toMatchObject({
      status: 1,
      stderr:
        `no such manifest: ${registry.host}/team/base:v1\n` +
        `${registry.host} has no tag v1 in team/base: check the name, and whether it was pushed\n`,
    });
    expect(await here.run("annotate", LIST, "--artifact-type", "sbom")).toEqual({
      status: 1,
      stdout: "",
      stderr:
        "--artifact-type: sbom is not a media type\n" +
        "write it as application/vnd.example.thing, or none for none\n",
    });
    expect((await draft()).settings).toEqual(DEFAULT_SETTINGS);
  });
});

describe("annotate with a platform that docker does not know", () => {
  const refusal = (os: string, arch: string) =>
    `manifest entry for image has unsupported os/arch combination: ${os}/${arch}\n`;

  it.each([
    ["", "x86_64", "--arch amd64"],
    ["linux", "x86_64", "--os linux --arch amd64"],
    ["linux", "aarch64", "--os linux --arch arm64"],
    ["", "armv7l", "--arch arm --variant v7"],
    ["Linux", "amd64", "--os linux --arch amd64"],
    ["macos", "", "--os darwin"],
  ])("fails as docker does, and says what was meant: %s/%s", async (os, arch, meant) => {
    await here.makeList(LIST, [amd64]);
    const flags = [...(os === "" ? [] : ["--os", os]), ...(arch === "" ? [] : ["--arch", arch])];
    expect(await here.run("annotate", LIST, AMD64, ...flags)).toEqual({
      status: 1,
      stdout: "",
      stderr: `${refusal(os, arch)}did you mean ${meant}?\n`,
    });
  });

  it("says no more where nothing comes to mind", async () => {
    await here.makeList(LIST, [amd64]);
    expect((await here.run("annotate", LIST, AMD64, "--arch", "quantum")).stderr).toBe(
      refusal("", "quantum"),
    );
  });
});

describeWithDocker("docker, where annotations are", () => {
  it("shows, annotates and removes the list, and its files say nothing new but the annotations", async () => {
    await here.makeList(LIST, [amd64, arm64]);
    await here.run("annotate", LIST, ARM64, "--annotation", "a=1", "--annotation", "index:b=2");
    const stored = await readFile(join(here.root, "x.example_app-v1", storeName(arm64.ref)), "utf8");
    const annotated = { ...arm64, descriptor: { ...arm64.descriptor, annotations: { a: "1" } } };
    expect(stored.replace(/,"TsmanifestRecord":"[^"]*"/, "")).toBe(encodeEntry(annotated).toString());
    const run = (...args: string[]) => docker(["manifest", ...args], { config: here.home });
    expect(await run("annotate", LIST, ARM64, "--variant", "v8")).toMatchObject(done);
    expect((await run("inspect", LIST)).stdout).toContain('"variant": "v8"');
    expect(await annotationsOf()).toEqual([{}, { a: "1" }]);
    expect((await draft()).settings.annotations).toEqual({ b: "2" });
    expect(await run("rm", LIST)).toMatchObject(done);
  });
});
