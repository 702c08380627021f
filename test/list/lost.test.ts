import { describe, expect, it } from "vitest";
import { hasAll, hasLost, withLost } from "../../src/list/lost.js";
import { digestOf } from "../../src/oci/digest.js";
import { parseIndex, parseManifest, type Manifest } from "../../src/oci/manifest.js";
import { DOCKER_LIST, OCI_INDEX, OCI_MANIFEST } from "../../src/oci/mediaTypes.js";

type ListType = typeof DOCKER_LIST | typeof OCI_INDEX;

/** A list of made-up images, each of its name and for an architecture of that name up to the first dot. */
function listOf(names: readonly string[], more: object = {}, mediaType: ListType = OCI_INDEX): Manifest {
  const manifests = names.map((name) => ({
    mediaType: OCI_MANIFEST,
    digest: digestOf(Buffer.from(name)),
    size: name.length,
    platform: { os: "linux", architecture: name.split(".")[0] },
    annotations: { name },
  }));
  return parseIndex(
    mediaType,
    Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests, ...more })),
  );
}

const namesIn = ({ children }: Manifest): (string | undefined)[] =>
  children.map(({ annotations }) => annotations["name"]);

const image = parseManifest(
  OCI_MANIFEST,
  Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: {
        mediaType: "application/vnd.oci.image.config.v1+json",
        digest: digestOf(Buffer.from("c")),
        size: 1,
      },
      layers: [],
    }),
  ),
);

describe("a list with what was lost", () => {
  it("has what the lost one had added, behind what is there", () => {
    const restored = withLost(listOf(["a", "c"]), listOf(["a"]), listOf(["a", "b"]));
    expect(namesIn(restored)).toEqual(["a", "c", "b"]);
  });

  it("has not what the lost one had removed or replaced", () => {
    const restored = withLost(listOf(["a", "b", "c"]), listOf(["a", "b"]), listOf(["a", "b.new"]));
    expect(namesIn(restored)).toEqual(["a", "c", "b.new"]);
  });

  it("has not what somebody else has removed", () => {
    expect(namesIn(withLost(listOf(["c"]), listOf(["a"]), listOf(["a", "b"])))).toEqual(["c", "b"]);
  });

  it("keeps its type and what it says of itself", () => {
    const more = { annotations: { of: "the list" } };
    const restored = withLost(listOf(["a"], more), listOf(["a"]), listOf(["a", "b"]));
    expect(restored.annotations).toEqual(more.annotations);
    const docker = withLost(listOf(["a"], {}, DOCKER_LIST), listOf(["a"]), listOf(["a", "b"]));
    expect(docker.mediaType).toBe(DOCKER_LIST);
  });

  it("is what it was, to the byte, where nothing is lost", () => {
    const list = listOf(["a", "b", "c"]);
    expect(withLost(list, listOf(["a"]), listOf(["a", "b"]))).toBe(list);
  });

  it("is made where there was nothing before, or an image", () => {
    expect(namesIn(withLost(listOf(["a"]), undefined, listOf(["b"])))).toEqual(["a", "b"]);
    expect(namesIn(withLost(listOf(["a"]), image, listOf(["b"])))).toEqual(["a", "b"]);
  });

  it("is not made of an image, nor for one", () => {
    const list = listOf(["a"]);
    expect(withLost(list, list, image)).toBe(list);
    expect(withLost(image, list, listOf(["a", "b"]))).toBe(image);
  });
});

describe("what is there", () => {
  const children = (...names: string[]) => listOf(names).children;

  it("is all that was added, or it is not", () => {
    expect(hasAll(children("a", "b", "c"), children("b"), children("a"), "append")).toBe(true);
    expect(hasAll(children("a", "c"), children("b"), children("a"), "append")).toBe(false);
  });

  it("counts one as there that somebody has replaced since, where images replace each other", () => {
    const now = children("a", "b.new");
    expect(hasAll(now, children("b"), children("a"), "merge")).toBe(true);
    expect(hasAll(now, children("b"), children("a"), "append")).toBe(false);
    // That was there before, and has been replaced by it.
    expect(hasAll(now, children("b"), children("a", "b.new"), "merge")).toBe(false);
  });

  it("has again what was lost, whatever has become of the rest", () => {
    expect(hasLost(children("b"), children("a"), children("a", "b"))).toBe(true);
    expect(hasLost(children("a"), children("a"), children("a", "b"))).toBe(false);
  });
});
