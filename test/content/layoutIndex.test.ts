import { describe, expect, it } from "vitest";
import {
  encodeLayoutIndex,
  namesIn,
  onlyOf,
  parseLayoutIndex,
  rootsOf,
  shown,
  withManifest,
  taggedWith,
} from "../../src/content/layoutIndex.js";
import { seedImage } from "../helpers/images.js";
import { manifestOf } from "../helpers/layouts.js";

const REF = "org.opencontainers.image.ref.name";
const NAME = "io.containerd.image.name";
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const image = manifestOf(seedImage("app:v1", { kind: "oci" }));
const other = `sha256:${"b".repeat(64)}`;
const another = `sha256:${"c".repeat(64)}`;

function entry(digest: string, annotations: object = {}, more: object = {}): object {
  return { mediaType: MANIFEST, digest, size: 2, annotations, ...more };
}

function indexOf(manifests: unknown, more: object = {}): Buffer {
  return Buffer.from(JSON.stringify({ schemaVersion: 2, ...more, manifests }, undefined, 3));
}

/** The file after `image` was put into it under these tags. */
function afterPut(file: Buffer, ...tags: string[]): string {
  const index = parseLayoutIndex(file);
  return encodeLayoutIndex({ ...index, entries: withManifest(index.entries, image, tags) }).toString();
}

function manifestsAfter(file: Buffer, ...tags: string[]): unknown {
  const parsed: unknown = JSON.parse(afterPut(file, ...tags));
  return typeof parsed === "object" && parsed !== null ? Reflect.get(parsed, "manifests") : undefined;
}

const mine = { mediaType: MANIFEST, digest: image.digest, size: image.bytes.byteLength };

describe("an index.json", () => {
  it("keeps what it does not change byte for byte, but for white space", () => {
    const file = Buffer.from(
      `{ "annotations": {"z": "1", "a": "\\u00e9"}, "x-size": 1e2, "manifests": [` +
        ` {"size":12345678901234567890, "x": [1, 2.50], "digest":"${other}"} ], "schemaVersion": 2 }`,
    );
    const added = `{"mediaType":"${MANIFEST}","digest":"${image.digest}","size":${image.bytes.byteLength},"annotations":{"${REF}":"v1"}}`;
    // Numbers that no descriptor has room for are refused rather than rounded.
    expect(() => parseLayoutIndex(file)).toThrow(/size/);
    const fit = Buffer.from(file.toString().replace("12345678901234567890", "9007199254740993"));
    expect(afterPut(fit, "v1")).toBe(
      `{"annotations":{"z":"1","a":"\\u00e9"},"x-size":1e2,"manifests":[` +
        `{"size":9007199254740993,"x":[1,2.50],"digest":"${other}"},${added}],"schemaVersion":2}`,
    );
  });

  it("is not touched where nothing changes", () => {
    const { entries } = parseLayoutIndex(indexOf([entry(image.digest, { [REF]: "v1", created: "today" })]));
    expect(withManifest(entries, image, ["v1"])).toBe(entries);
    expect(withManifest(entries, image, [])).toBe(entries);
  });

  it("moves a tag as buildx does: what had it is listed no more", () => {
    const file = indexOf([entry(other, { [REF]: "v1" }), entry(another, { [REF]: "v2" })]);
    expect(manifestsAfter(file, "v1")).toEqual([
      entry(another, { [REF]: "v2" }),
      { ...mine, annotations: { [REF]: "v1" } },
    ]);
  });

  it("keeps what had the tag where containerd's name or a subject is known of it", () => {
    const file = indexOf([
      entry(other, { [NAME]: "docker.io/library/a:v1", [REF]: "v1" }),
      entry(another, { [REF]: "v1", "io.containerd.manifest.subject": other, x: "y" }),
    ]);
    expect(manifestsAfter(file, "v1")).toEqual([
      entry(other, { [NAME]: "docker.io/library/a:v1" }),
      entry(another, { "io.containerd.manifest.subject": other, x: "y" }),
      { ...mine, annotations: { [REF]: "v1" } },
    ]);
  });

  it("gives a tag to the entry that has none, with all that is said there", () => {
    const platform = { architecture: "arm", os: "linux" };
    const file = indexOf([{ ...mine, platform, annotations: { a: "b" }, x: 1 }]);
    expect(manifestsAfter(file, "v1", "v2")).toEqual([
      { ...mine, platform, annotations: { a: "b", [REF]: "v1" }, x: 1 },
      { ...mine, annotations: { [REF]: "v2" } },
    ]);
  });

  it("has one entry a tag afterwards, also where it had several", () => {
    const file = indexOf([
      entry(other, { [REF]: "v1" }),
      { ...mine, annotations: { [REF]: "v1" } },
      entry(another, { [REF]: "v1" }),
    ]);
    expect(manifestsAfter(file, "v1")).toEqual([{ ...mine, annotations: { [REF]: "v1" } }]);
  });

  it("lists a manifest without a tag once", () => {
    expect(manifestsAfter(indexOf([entry(other)]))).toEqual([entry(other), mine]);
  });

  it("says of what has a subject what that is, and of which type it is, where buildx looks for it", () => {
    const subject = parseLayoutIndex(indexOf([entry(other)])).entries[0]!.descriptor;
    const { entries } = parseLayoutIndex(indexOf(null));
    const [added] = withManifest(entries, { ...image, subject, artifactType: "application/x" }, []);
    expect(JSON.parse(added!.json.toString())).toEqual({
      ...mine,
      annotations: { "io.containerd.manifest.subject": other },
      artifactType: "application/x",
    });
  });

  it.each([
    ["no JSON", `{"a":`, /unexpected end/],
    ["a list", "[]", /should be an object/],
    ["no list of manifests", '{"manifests":{}}', /manifests should be an array/],
    ["a manifest that is none", '{"manifests":[1]}', /manifests: /],
    ["a digest that is none", '{"manifests":[{"digest":1}]}', /manifests: digest should be a string/],
  ])("of %s is refused", (_, text, message) => {
    expect(() => parseLayoutIndex(Buffer.from(text))).toThrow(message);
  });

  it("may have no manifests at all", () => {
    expect(parseLayoutIndex(Buffer.from("{}")).entries).toEqual([]);
    expect(manifestsAfter(Buffer.from('{"manifests":null}'))).toEqual([mine]);
  });

  it("is refused with more entries than anybody has", () => {
    expect(() => parseLayoutIndex(indexOf(Array.from({ length: 100_001 }, () => ({}))))).toThrow(
      "more than 100000",
    );
  });
});

describe("the tags of a layout", () => {
  const found = (annotations: object[], tag: string): string[] => {
    const digests = [image.digest, other, another];
    const { entries } = parseLayoutIndex(
      indexOf(annotations.map((one, index) => entry(digests[index]!, one))),
    );
    return taggedWith(entries, tag).map(({ descriptor: { digest } }) => digest);
  };

  it("are what an entry is called", () => {
    expect(found([{ [REF]: "v2" }, { [REF]: "v1" }], "v1")).toEqual([other]);
    expect(found([{ [REF]: "v1" }, { [REF]: "v1" }], "v1")).toEqual([image.digest]);
    expect(found([{ [REF]: "v1" }], "v")).toEqual([]);
  });

  it("are at the end of whole references, too", () => {
    expect(found([{ [REF]: "localhost:5000/a" }, { [REF]: "docker.io/library/a:v1" }], "v1")).toEqual([
      other,
    ]);
    expect(found([{ [NAME]: "docker.io/library/a:v1" }], "v1")).toEqual([image.digest]);
    expect(found([{ [REF]: `docker.io/library/a@${other}` }], "b".repeat(64))).toEqual([]);
    expect(found([{ [REF]: "x/a:v1" }, { [REF]: "x/b:v1" }], "v1")).toEqual([image.digest, other]);
    expect(found([{ [REF]: "x/a:v1" }, { [REF]: "v1" }], "v1")).toEqual([other]);
  });

  it("are shown each once, and not all where there are many", () => {
    const { entries } = parseLayoutIndex(
      indexOf([
        entry(other, { [REF]: "b", [NAME]: "x/a:b" }),
        entry(other, { [REF]: "b" }),
        entry(other),
        entry(other, { [REF]: "a" }),
      ]),
    );
    expect(namesIn(entries)).toEqual(["a", "b"]);
    expect(shown(entries)).toBe("a, b");
    const many = parseLayoutIndex(
      indexOf(Array.from({ length: 12 }, (_, at) => entry(other, { [REF]: `v${at}` }))),
    );
    expect(shown(many.entries)).toBe("v0, v1, v10, v11, v2, v3, v4, v5, v6, v7, 2 more");
  });

  it("need not be asked for where there is one manifest only, whatever refers to it", () => {
    const subject = { "io.containerd.manifest.subject": other };
    const { entries } = parseLayoutIndex(
      indexOf([entry(other, { [REF]: "a" }), entry(other), entry(another, subject)]),
    );
    expect(onlyOf(rootsOf(entries))?.descriptor.digest).toBe(other);
    expect(onlyOf(entries)).toBeUndefined();
    expect(onlyOf([])).toBeUndefined();
  });
});
