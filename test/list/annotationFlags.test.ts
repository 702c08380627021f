import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { messageOf } from "../../src/errors.js";
import { compactJson } from "../../src/go/json.js";
import { applyAnnotations, parseAnnotations } from "../../src/list/annotationFlags.js";
import { descriptor, type Descriptor } from "../../src/oci/descriptor.js";
import { digestOf } from "../../src/oci/digest.js";
import { parseIndex } from "../../src/oci/manifest.js";
import { OCI_INDEX, OCI_MANIFEST } from "../../src/oci/mediaTypes.js";
import { parsePlatform } from "../../src/oci/platformName.js";
import { fuzz, FUZZ_TIMEOUT_MS } from "../helpers/fuzz.js";
import { peerPath, runPeer } from "../helpers/peers.js";

function child(
  letter: string,
  platform?: string,
  annotations: Readonly<Record<string, string>> = {},
): Descriptor {
  const plain = { ...descriptor(OCI_MANIFEST, `sha256:${letter.repeat(64)}`, 7), annotations };
  return platform === undefined ? plain : { ...plain, platform: parsePlatform(platform) };
}

const CHILDREN = [
  child("a", "linux/amd64"),
  child("b", "linux/arm64", { k: "old", other: "stays" }),
  child("c", "linux/arm64/v8"),
  child("d", "linux/arm/v7"),
];

/** What annotations make of an index with these children: its own, then theirs, each in the order of the keys. */
interface Annotated {
  readonly index: Readonly<Record<string, string>>;
  readonly children: readonly Readonly<Record<string, string>>[];
}

const OLD = { k: "old", other: "stays" };
const UNCHANGED: Annotated = { index: {}, children: [{}, OLD, {}, {}] };

const TAKEN: readonly [flags: string[], annotated: Annotated][] = [
  [["index:k=v"], { ...UNCHANGED, index: { k: "v" } }],
  [["index:k=v", "index:l=w"], { ...UNCHANGED, index: { k: "v", l: "w" } }],
  [["index:k=v", "index:k=w"], { ...UNCHANGED, index: { k: "w" } }],
  [["index:k=a=b,c"], { ...UNCHANGED, index: { k: "a=b,c" } }],
  [["index:k="], { ...UNCHANGED, index: { k: "" } }],
  [["index:=v"], { ...UNCHANGED, index: { "": "v" } }],
  [["index:a:b=c"], { ...UNCHANGED, index: { "a:b": "c" } }],
  [["index:k=a:b"], { ...UNCHANGED, index: { k: "a:b" } }],
  [["index: k =v"], { ...UNCHANGED, index: { " k ": "v" } }],
  [["", "index:k=v", ""], { ...UNCHANGED, index: { k: "v" } }],
  [["index[linux/amd64]:k=v"], { ...UNCHANGED, index: { k: "v" } }],
  [
    ["manifest-descriptor:n=v"],
    { index: {}, children: [{ n: "v" }, { ...OLD, n: "v" }, { n: "v" }, { n: "v" }] },
  ],
  [
    ["manifest-descriptor:k=v"],
    { index: {}, children: [{ k: "v" }, { ...OLD, k: "v" }, { k: "v" }, { k: "v" }] },
  ],
  [["manifest-descriptor[linux/amd64]:k=v"], { index: {}, children: [{ k: "v" }, OLD, {}, {}] }],
  [["manifest-descriptor[amd64]:k=v"], { index: {}, children: [{ k: "v" }, OLD, {}, {}] }],
  [["manifest-descriptor[linux/x86_64]:k=v"], { index: {}, children: [{ k: "v" }, OLD, {}, {}] }],
  [["manifest-descriptor[linux/arm64]:k=v"], { index: {}, children: [{}, { ...OLD, k: "v" }, {}, {}] }],
  [["manifest-descriptor[linux/arm64/v8]:k=v"], { index: {}, children: [{}, OLD, { k: "v" }, {}] }],
  // By how they are written: `arm` is not for `arm/v7`.
  [["manifest-descriptor[linux/arm]:k=v"], UNCHANGED],
  [["manifest-descriptor[linux/arm/v7]:k=v"], { index: {}, children: [{}, OLD, {}, { k: "v" }] }],
  [["manifest-descriptor[linux/s390x]:k=v"], UNCHANGED],
  [
    ["index,manifest-descriptor[linux/amd64]:k=v"],
    { index: { k: "v" }, children: [{ k: "v" }, OLD, {}, {}] },
  ],
  [
    ["manifest-descriptor[linux/amd64],manifest-descriptor[linux/arm/v7]:k=v"],
    { index: {}, children: [{ k: "v" }, OLD, {}, { k: "v" }] },
  ],
];

const REFUSED: readonly [flags: string[], message: string][] = [
  [["k"], 'failed to parse annotations: invalid annotation "k", expected key=value'],
  [["index:k"], 'failed to parse annotations: invalid annotation "index:k", expected key=value'],
  [["index:k=v", "\u00e9\t"], 'failed to parse annotations: invalid annotation "é\\t", expected key=value'],
  [["foo:k=v"], 'failed to parse annotations: unknown annotation type "foo"'],
  [["index,foo:k=v"], 'failed to parse annotations: unknown annotation type "foo"'],
  [
    ["org.example/a:b=c"],
    'failed to parse annotations: invalid annotation type "org.example/a", expected type and optional platform in square brackets',
  ],
  [
    ["index,:k=v"],
    'failed to parse annotations: invalid annotation type "", expected type and optional platform in square brackets',
  ],
  [
    ["Index:k=v"],
    'failed to parse annotations: invalid annotation type "Index", expected type and optional platform in square brackets',
  ],
  [
    ["manifest-descriptor[]:k=v"],
    'failed to parse annotations: invalid annotation type "manifest-descriptor[]", expected type and optional platform in square brackets',
  ],
  [
    ["manifest-descriptor[linux/amd64,linux/arm64]:k=v"],
    'failed to parse annotations: invalid annotation type "manifest-descriptor[linux/amd64", expected type and optional platform in square brackets',
  ],
  [
    ["manifest-descriptor[bogus]:k=v"],
    'failed to parse annotations: invalid platform "bogus": "bogus": unknown operating system or architecture: invalid argument',
  ],
  [
    ["manifest-descriptor[a/b/c/d]:k=v"],
    'failed to parse annotations: invalid platform "a/b/c/d": "a/b/c/d": cannot parse platform specifier: invalid argument',
  ],
  [["manifest:k=v"], '"manifest" annotations are not supported yet'],
  [["manifest[linux/amd64]:k=v"], '"manifest" annotations are not supported yet'],
  [["k=v"], '"" annotations are not supported yet'],
  [["=v"], '"" annotations are not supported yet'],
  [["index-descriptor:k=v"], '"index-descriptor" annotations are invalid while creating an image'],
];

function annotate(flags: readonly string[], children: readonly Descriptor[] = CHILDREN): Annotated {
  const { annotations, descriptors } = applyAnnotations(children, parseAnnotations(flags));
  return { index: annotations, children: descriptors.map((one) => one.annotations) };
}

function faultOf(flags: readonly string[]): string {
  let parsed;
  try {
    parsed = parseAnnotations(flags);
  } catch (error) {
    return `failed to parse annotations: ${messageOf(error)}`;
  }
  try {
    applyAnnotations(CHILDREN, parsed);
    return "taken";
  } catch (error) {
    return messageOf(error);
  }
}

describe("annotations on the command line", () => {
  it.each(TAKEN)("%j are put where buildx puts them", (flags, annotated) => {
    expect(annotate(flags)).toEqual(annotated);
  });

  it.each(REFUSED)("%j are refused in buildx's words", (flags, message) => {
    expect(faultOf(flags)).toBe(message);
  });

  it("are refused with a word on how to write them", () => {
    const hint = "write it as index:KEY=VALUE or manifest-descriptor[PLATFORM]:KEY=VALUE";
    expect(() => parseAnnotations(["org.example/a:b=c"])).toThrow(
      expect.objectContaining({ code: "USAGE", hint }),
    );
    expect(() => applyAnnotations(CHILDREN, parseAnnotations(["k=v"]))).toThrow(
      expect.objectContaining({ hint }),
    );
  });

  it("without a key are refused where a key is wanted", () => {
    for (const flag of ["index:=v", "=v", "index,manifest-descriptor:=v"]) {
      expect(() => parseAnnotations([flag], { requireKey: true })).toThrow(
        `invalid annotation "${flag}", its key is empty`,
      );
    }
    expect(parseAnnotations(["index:k="], { requireKey: true })).toHaveLength(1);
  });

  it("for a platform pass over an entry without one, where buildx panics", () => {
    const children = [child("a"), child("b", "linux/amd64")];
    expect(annotate(["manifest-descriptor[linux/amd64]:k=v"], children).children).toEqual([{}, { k: "v" }]);
    expect(annotate(["manifest-descriptor:k=v"], children).children).toEqual([{ k: "v" }, { k: "v" }]);
  });

  it("of all entries and of one are put in the order in which they are given", () => {
    const [all, one] = ["manifest-descriptor:k=all", "manifest-descriptor[linux/amd64]:k=one"];
    const ofFirst = (flags: string[]): string | undefined => annotate(flags).children[0]?.["k"];
    expect(ofFirst([all, one])).toBe("one");
    expect(ofFirst([one, all])).toBe("all");
    expect(ofFirst([one, all, one])).toBe("one");
    expect(parseAnnotations([one, all, one])).toHaveLength(2);
  });

  it("may have any key", () => {
    expect(Object.entries(annotate(["index:__proto__=v"]).index)).toEqual([["__proto__", "v"]]);
  });

  it("leave an entry as it is that they are not for", () => {
    const { descriptors } = applyAnnotations(
      CHILDREN,
      parseAnnotations(["manifest-descriptor[linux/amd64]:k=v"]),
    );
    expect(descriptors.slice(1)).toEqual(CHILDREN.slice(1));
    expect(descriptors[1]).toBe(CHILDREN[1]);
  });

  it("of any text are taken or refused in a line", { timeout: FUZZ_TIMEOUT_MS }, () => {
    const piece = fc.constantFrom(
      "index",
      "manifest-descriptor",
      "[",
      "]",
      ":",
      "=",
      ",",
      "linux/amd64",
      "k",
      " ",
      "\n",
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(piece, { maxLength: 9 }).map((pieces) => pieces.join("")),
    );
    fuzz(fc.array(text, { maxLength: 3 }), (flags) => {
      expect(faultOf(flags)).not.toMatch(/\n/);
    });
  });
});

const hasBuildx = peerPath("buildx") !== "buildx" || process.env["CI"] === "true";

describe.skipIf(!hasBuildx)("annotations beside buildx (skipped where it is not installed)", () => {
  const folder = mkdtempSync(join(tmpdir(), "annotations-"));
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });
  const layout = join(folder, "layout");
  const digest = writeIndex(layout);
  const create = (flags: readonly string[]): Promise<string> => {
    const annotations = flags.flatMap((flag) => ["--annotation", flag]);
    const source = `oci-layout://${layout}@${digest}`;
    return runPeer("buildx", ["imagetools", "create", "--dry-run", ...annotations, source], { home: folder });
  };

  it.each(TAKEN)("%j give the same index", async (flags) => {
    const index = parseIndex(OCI_INDEX, Buffer.from(await create(flags)));
    const ours = annotate(flags);
    expect({ index: index.annotations, children: index.children.map((one) => one.annotations) }).toEqual(
      ours,
    );
  });

  it.each(REFUSED)("%j are refused alike", async (flags, message) => {
    await expect(create(flags)).rejects.toThrow(`ERROR: ${message}\n`);
  });
});

/** A layout of nothing but an index. */
function writeIndex(folder: string): string {
  const manifests = CHILDREN.map(({ mediaType, digest, size, annotations, platform }) => ({
    ...{ mediaType, digest, size, annotations },
    platform: { os: platform?.os, architecture: platform?.architecture, variant: platform?.variant },
  }));
  const index = compactJson(
    Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests })),
  );
  const digest = digestOf(index);
  mkdirSync(join(folder, "blobs", "sha256"), { recursive: true });
  writeFileSync(join(folder, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  writeFileSync(join(folder, "blobs", "sha256", digest.replace("sha256:", "")), index);
  writeFileSync(
    join(folder, "index.json"),
    JSON.stringify({
      schemaVersion: 2,
      manifests: [{ mediaType: OCI_INDEX, digest, size: index.byteLength }],
    }),
  );
  return digest;
}
