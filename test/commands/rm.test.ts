import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { Entry } from "../../src/list/entry.js";
import { formatReference, parseReference } from "../../src/oci/reference.js";
import { storeName } from "../../src/store/names.js";
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
const done = { status: 0, stderr: "" };

const left = async (): Promise<string[] | undefined> => {
  const draft = await here.store.read(parseReference(LIST));
  return draft?.entries.map(({ ref }) => formatReference(ref));
};
const fileOf = (name: string) => join(here.root, "x.example_app-v1", storeName(parseReference(name)));
const nameOf = ({ ref }: Entry) => formatReference(ref);

/** What `create` makes of an index of two images, each with its attestation. */
function fromIndex(origin: string): Entry[] {
  const images = ["amd64", "arm64"].map((architecture) =>
    inIndex(origin, entryOf(origin, { seed: `${origin} ${architecture}`, architecture })),
  );
  return [...images, ...images.map(attestationOf)];
}

describe("rm --entry", () => {
  it("takes images out of a list, and shows which", async () => {
    await here.makeList(LIST, [amd64, arm64, entryOf("x.example/app:s390x", { architecture: "s390x" })]);
    expect(await here.run("rm", LIST, "--entry", AMD64, "--entry", "x.example/app:s390x")).toEqual({
      ...done,
      stdout: `${AMD64} linux/amd64\nx.example/app:s390x linux/s390x\n`,
    });
    expect(await left()).toEqual([ARM64]);
  });

  it("removes none where one of them is not in the list, and names what is", async () => {
    await here.makeList(LIST, [amd64, arm64]);
    expect(await here.run("rm", LIST, "--entry", AMD64, "--entry", "x.example/app:arm")).toEqual({
      status: 1,
      stdout: "",
      stderr: `manifest for image x.example/app:arm does not exist in ${LIST}\nit has ${AMD64}, ${ARM64}; did you mean ${ARM64}?\n`,
    });
    expect(await left()).toEqual([AMD64, ARM64]);
  });

  it("names some of what is in a long list", async () => {
    const entries = Array.from({ length: 50 }, (_, index) => entryOf(`x.example/app:${index + 10}`));
    await here.makeList(LIST, entries);
    const { stderr } = await here.run("rm", LIST, "--entry", "b");
    expect(stderr).toMatch(/\nit has x\.example\/app:10, .*, x\.example\/app:19 and 40 more\n$/);
  });

  it("takes an image for several platforms out with all of them", async () => {
    await here.makeList(LIST, [asVariant(arm64, "v8"), asVariant(arm64, "v9"), amd64]);
    const stdout = `${ARM64} linux/arm64/v8\n${ARM64} linux/arm64/v9\n`;
    expect(await here.run("rm", LIST, "--entry", arm64.descriptor.digest)).toEqual({ ...done, stdout });
    expect(await left()).toEqual([AMD64]);
  });

  it("takes the attestation of an image along", async () => {
    const entries = fromIndex("x.example/build:v1");
    await here.makeList(LIST, entries);
    const [first, , attestation] = entries;
    const { digest } = first!.descriptor;
    expect((await here.run("rm", LIST, "--entry", digest)).stdout.split("\n").sort()).toEqual(
      ["", `${nameOf(first!)} linux/amd64`, `${nameOf(attestation!)} attestation of ${digest}`].sort(),
    );
    expect(await left()).toHaveLength(2);
  });

  it("takes all that came from an index out, but what came from elsewhere too", async () => {
    const [shared, other, ...attestations] = fromIndex("x.example/build:v1");
    const origins = ["x.example/build:v1", "x.example/build:v2"];
    const entries = [{ ...shared!, origins }, other!, ...attestations, arm64];
    await here.makeList(LIST, entries);
    expect((await here.run("rm", LIST, "--entry", "x.example/build:v1")).stdout).toContain(nameOf(other!));
    expect(await left()).toEqual([ARM64, nameOf(shared!)].sort());
    expect((await here.run("rm", LIST, "--entry", "x.example/build:v2")).stdout).toBe(
      `${nameOf(shared!)} linux/amd64\n`,
    );
    expect(await left()).toEqual([ARM64]);
  });

  it("takes what came from a layout out, wherever it is run", async () => {
    const origin = `oci-layout://${process.cwd()}/out:v1`;
    await here.makeList(LIST, [inIndex(origin, amd64), arm64]);
    expect((await here.run("rm", LIST, "--entry", "oci-layout://out:v1")).status).toBe(0);
    expect(await left()).toEqual([ARM64]);
  });

  it("refuses a digest of images that are called differently", async () => {
    const twin = { ...entryOf("x.example/app:twin"), descriptor: amd64.descriptor, raw: amd64.raw };
    await here.makeList(LIST, [amd64, { ...twin, manifest: amd64.manifest }, arm64]);
    expect(await here.run("rm", LIST, "--entry", amd64.descriptor.digest)).toEqual({
      status: 1,
      stdout: "",
      stderr:
        `${amd64.descriptor.digest} has several names in ${LIST}: ${AMD64}, x.example/app:twin\n` +
        "name the one that is meant\n",
    });
    expect(await left()).toHaveLength(3);
  });

  it("does not empty a list, which is what rm of the list is for", async () => {
    await here.makeList(LIST, [amd64]);
    expect(await here.run("rm", LIST, "--entry", AMD64)).toEqual({
      status: 1,
      stdout: "",
      stderr: `nothing would be left in ${LIST}\ntsmanifest rm ${LIST} deletes the list itself\n`,
    });
    expect(await left()).toEqual([AMD64]);
  });

  it("keeps the settings of the list, and what it knows of the entries that stay", async () => {
    const entries = fromIndex("x.example/build:v1");
    await here.makeList(LIST, [...entries, amd64], SETTINGS);
    await here.run("rm", LIST, "--entry", AMD64);
    const draft = await here.store.read(parseReference(LIST));
    expect(draft?.settings).toEqual(SETTINGS);
    expect(draft?.entries.map(({ origins }) => origins)).toEqual(entries.map(({ origins }) => origins));
  });

  it.each([
    [
      ["--entry", AMD64],
      /^No such manifest: x\.example\/app:v1\nthere is no local list x\.example\/app:v1: /,
      1,
    ],
    [
      ["other", "--entry", AMD64],
      /^--entry is for one list, and here are 2\n\nUsage: {2}tsmanifest rm /,
      125,
    ],
    [
      ["--entry", ""],
      /^error parsing name for manifest : invalid reference format\n"": the name is empty: was a variable not set\?\n$/,
      1,
    ],
    [
      ["--entry", "A"],
      /^error parsing name for manifest A: .* must be lowercase\n"A": write it in lower-case letters\n$/,
      1,
    ],
    [["--entry", "oci-layout://"], /^oci-layout:\/\/: the folder is missing\n$/, 1],
  ])("refuses %j", async (argv, stderr, status) => {
    const result = await here.run("rm", LIST, ...argv);
    expect(result.stderr).toMatch(stderr);
    expect(result).toMatchObject({ status, stdout: "" });
  });

  it("says of a broken file what is wrong with it, and leaves it alone where others are meant", async () => {
    await here.makeList(LIST, [amd64, arm64, entryOf("x.example/app:s390x")]);
    await writeFile(fileOf(ARM64), "{");
    const { status, stderr } = await here.run("rm", LIST, "--entry", ARM64);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^\S+-arm64: invalid JSON/);
    expect(await here.run("rm", LIST, "--entry", AMD64)).toMatchObject({ status: 0 });
    expect((await readdir(join(here.root, "x.example_app-v1"))).sort()).toEqual([
      "x.example_app-arm64",
      "x.example_app-s390x",
    ]);
  });

  it("of twenty at once each does what it was told", async () => {
    const names = Array.from({ length: 21 }, (_, index) => `x.example/app:${index + 10}`);
    await here.makeList(
      LIST,
      names.map((name) => entryOf(name)),
    );
    const results = await Promise.all(names.slice(1).map((name) => here.run("rm", LIST, "--entry", name)));
    expect(results.map(({ stdout }) => stdout)).toEqual(
      names.slice(1).map((name) => `${name} linux/amd64\n`),
    );
    expect(await left()).toEqual(names.slice(0, 1));
  });
});

describeWithDocker("docker, where rm --entry was", () => {
  it("sees what is left, and can go on with it", async () => {
    await here.makeList(LIST, [
      asVariant(arm64, "v8"),
      asVariant(arm64, "v9"),
      amd64,
      ...fromIndex("x.example/b:v1"),
    ]);
    await here.run("rm", LIST, "--entry", "x.example/b:v1", "--entry", ARM64);
    const shown = await docker(["manifest", "inspect", LIST], { config: here.home });
    expect(shown).toMatchObject(done);
    expect(shown.stdout).toContain(amd64.descriptor.digest);
    expect(shown.stdout).not.toContain(arm64.descriptor.digest);
    await docker(["manifest", "annotate", LIST, AMD64, "--variant", "v2"], { config: here.home });
    expect((await here.run("ls")).stdout).toContain("linux/amd64/v2");
    expect(await docker(["manifest", "rm", LIST], { config: here.home })).toMatchObject(done);
    expect((await here.run("ls")).stdout).toBe("");
  });
});
