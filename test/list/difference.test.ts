import { describe, expect, test } from "vitest";
import { isSameList, listDifference, type ImageChange } from "../../src/list/difference.js";
import { parseManifest, type Manifest } from "../../src/oci/manifest.js";
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from "../../src/oci/mediaTypes.js";

/** How two lists differ, for who wants to know what a push would change. */

const digest = (seed: string): string => `sha256:${Buffer.from(seed).toString("hex").padEnd(64, "0")}`;

interface Child {
  readonly of: string;
  readonly platform?: string;
  readonly osVersion?: string;
  readonly attests?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly mediaType?: string;
}

function child({
  of,
  platform,
  osVersion,
  attests,
  annotations = {},
  mediaType = OCI_MANIFEST,
}: Child): object {
  const [os, architecture, variant] =
    (attests === undefined ? platform : "unknown/unknown")?.split("/") ?? [];
  const about = attests && {
    "vnd.docker.reference.type": "attestation-manifest",
    "vnd.docker.reference.digest": digest(attests),
  };
  return {
    mediaType,
    digest: digest(of),
    size: 7,
    ...(os !== undefined && { platform: { os, architecture, variant, "os.version": osVersion } }),
    annotations: { ...annotations, ...about },
  };
}

function index(children: readonly Child[], more: object = {}, mediaType: string = OCI_INDEX): Manifest {
  const json = { schemaVersion: 2, mediaType, manifests: children.map(child), ...more };
  return parseManifest(mediaType, Buffer.from(JSON.stringify(json)));
}

const image = (seed: string): Manifest => {
  const config = {
    mediaType: "application/vnd.docker.container.image.v1+json",
    digest: digest(seed),
    size: 1,
  };
  const json = { schemaVersion: 2, mediaType: DOCKER_MANIFEST, config, layers: [] };
  return parseManifest(DOCKER_MANIFEST, Buffer.from(JSON.stringify(json)));
};

/** `+ linux/amd64`, with what became of its attestation. */
const lineOf = ({ platform = "?", change, attestation }: ImageChange): string =>
  [change, platform, ...(attestation === undefined ? [] : [`(attestation ${attestation})`])].join(" ");

const AMD64: Child = { of: "amd64", platform: "linux/amd64" };
const ARM64: Child = { of: "arm64", platform: "linux/arm64" };

describe("the difference of two lists", () => {
  test("is all of the new one where there was none", () => {
    const found = listDifference(undefined, index([AMD64, ARM64], { annotations: { a: "1" } }));
    expect(found.images.map(lineOf)).toEqual(["added linux/amd64", "added linux/arm64"]);
    expect(found).toMatchObject({ unchanged: 0, fields: [] });
    expect(found.annotations).toEqual([{ name: "a", from: undefined, to: "1" }]);
    expect(isSameList(found)).toBe(false);
  });

  test("is nothing for the same list, also in another order", () => {
    const found = listDifference(index([AMD64, ARM64]), index([ARM64, AMD64]));
    expect(found).toEqual({ images: [], unchanged: 2, others: [], annotations: [], fields: [] });
    expect(isSameList(found)).toBe(true);
  });

  test("is by platform: added, removed, changed", () => {
    const before = index([
      AMD64,
      { of: "old", platform: "linux/s390x" },
      { of: "old6", platform: "linux/arm/v6" },
    ]);
    const after = index([AMD64, ARM64, { of: "new6", platform: "linux/arm/v6" }]);
    const found = listDifference(before, after);
    expect(found.images).toEqual([
      {
        platform: "linux/arm64",
        change: "added",
        from: undefined,
        to: digest("arm64"),
        attestation: undefined,
      },
      {
        platform: "linux/arm/v6",
        change: "changed",
        from: digest("old6"),
        to: digest("new6"),
        attestation: undefined,
      },
      {
        platform: "linux/s390x",
        change: "removed",
        from: digest("old"),
        to: undefined,
        attestation: undefined,
      },
    ]);
    expect(found.unchanged).toBe(1);
  });

  test("takes platforms for equal as containerd does", () => {
    const before = index([
      { of: "a", platform: "linux/arm64/v8" },
      { of: "b", platform: "linux/arm" },
    ]);
    const after = index([
      { of: "c", platform: "linux/arm64" },
      { of: "d", platform: "linux/arm/v7" },
    ]);
    const found = listDifference(before, after);
    expect(found.images.map(lineOf)).toEqual(["changed linux/arm64", "changed linux/arm/v7"]);
  });

  test("takes a monthly update of Windows for a change, another Windows for another platform", () => {
    const of = (osVersion: string): Child => ({ of: osVersion, platform: "windows/amd64", osVersion });
    const found = listDifference(
      index([of("10.0.17763.1"), of("10.0.20348.1")]),
      index([of("10.0.26100.1"), of("10.0.20348.2")]),
    );
    expect(found.images.map(lineOf)).toEqual([
      "added windows(10.0.26100.1)/amd64",
      "changed windows(10.0.20348.2)/amd64",
      "removed windows(10.0.17763.1)/amd64",
    ]);
  });

  test("keeps apart two images of one platform, and one image of two", () => {
    const other = { of: "other", platform: "linux/amd64" };
    const found = listDifference(
      index([AMD64, other]),
      index([other, { of: "new", platform: "linux/amd64" }]),
    );
    expect(found.images.map(({ from, to }) => [from, to])).toEqual([[digest("amd64"), digest("new")]]);
    const twice = listDifference(index([AMD64]), index([AMD64, { ...AMD64, platform: "linux/amd64/v2" }]));
    expect(twice.images.map(lineOf)).toEqual(["added linux/amd64/v2"]);
  });

  test("says of the same image that something else is said of it", () => {
    const found = listDifference(index([AMD64]), index([{ ...AMD64, annotations: { a: "1" } }]));
    expect(found.images.map(lineOf)).toEqual(["described linux/amd64"]);
  });

  test.each([
    ["added", [AMD64], [AMD64, { of: "new", attests: "amd64" }]],
    ["removed", [AMD64, { of: "old", attests: "amd64" }], [AMD64]],
    ["changed", [AMD64, { of: "old", attests: "amd64" }], [AMD64, { of: "new", attests: "amd64" }]],
  ] as const)("counts an attestation with its image: %s", (change, before, after) => {
    const found = listDifference(index(before), index(after));
    expect(found.images.map(lineOf)).toEqual([`unchanged linux/amd64 (attestation ${change})`]);
    expect(found).toMatchObject({ unchanged: 0, others: [] });
  });

  test("has an image come, change and go with its attestation", () => {
    const before = index([AMD64, ARM64, { of: "a", attests: "amd64" }, { of: "b", attests: "arm64" }]);
    const after = index([
      { of: "new", platform: "linux/amd64" },
      { of: "s", platform: "linux/s390x" },
      { of: "c", attests: "new" },
      { of: "d", attests: "s" },
    ]);
    expect(listDifference(before, after).images.map(lineOf)).toEqual([
      "changed linux/amd64 (attestation changed)",
      "added linux/s390x (attestation added)",
      "removed linux/arm64 (attestation removed)",
    ]);
  });

  test("tells what is no image, or an attestation of none, by digest", () => {
    const nested = { of: "nested", mediaType: OCI_INDEX, platform: "linux/amd64" };
    const orphan = { of: "orphan", attests: "nobody" };
    const chart = { of: "chart" };
    const found = listDifference(
      index([nested, chart]),
      index([{ ...chart, annotations: { a: "1" } }, orphan]),
    );
    expect(found.images).toEqual([]);
    expect(found.others.map(({ change, digest: name }) => [change, name])).toEqual([
      ["described", digest("chart")],
      ["added", digest("orphan")],
      ["removed", digest("nested")],
    ]);
  });

  test("knows the annotations and the type of the index itself", () => {
    const before = index([AMD64], { annotations: { gone: "1", same: "2", other: "3" } }, DOCKER_LIST);
    const subject = { mediaType: OCI_MANIFEST, digest: digest("subject"), size: 1 };
    const after = index([AMD64], {
      annotations: { same: "2", other: "4", new: "5" },
      artifactType: "a/b",
      subject,
    });
    const found = listDifference(before, after);
    expect(found.annotations).toEqual([
      { name: "gone", from: "1", to: undefined },
      { name: "new", from: undefined, to: "5" },
      { name: "other", from: "3", to: "4" },
    ]);
    expect(found.fields).toEqual([
      { name: "artifactType", from: undefined, to: "a/b" },
      { name: "mediaType", from: DOCKER_LIST, to: OCI_INDEX },
      { name: "subject", from: undefined, to: digest("subject") },
    ]);
  });

  test("has an image by itself for a list of one", () => {
    const [one, other] = [image("one"), image("other")];
    expect(listDifference(one, other).images).toEqual([
      { platform: undefined, change: "changed", from: one.digest, to: other.digest, attestation: undefined },
    ]);
    const entry = { mediaType: DOCKER_MANIFEST, digest: one.digest, size: 1 };
    const list = index([], {
      manifests: [{ ...entry, platform: { os: "linux", architecture: "amd64" } }, child(ARM64)],
    });
    const wrapped = listDifference(one, list);
    expect(wrapped.images.map(lineOf)).toEqual(["added linux/arm64"]);
    expect(wrapped.unchanged).toBe(1);
    expect(listDifference(list, one).images.map(lineOf)).toEqual(["removed linux/arm64"]);
  });

  test("takes no time to speak of for lists that nobody has", () => {
    const many = (seed: string): Child[] =>
      Array.from({ length: 10_000 }, (_, at) => ({ of: `${seed}${at}`, platform: "linux/amd64" }));
    const found = listDifference(index(many("a")), index(many("b")));
    expect(found.images).toHaveLength(10_000);
  });
});
