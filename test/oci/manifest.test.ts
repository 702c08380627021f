import { describe, expect, it } from "vitest";
import { ManifestError } from "../../src/errors.js";
import { parseImageManifest, parseManifest } from "../../src/oci/manifest.js";
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from "../../src/oci/mediaTypes.js";

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const CONFIG = { mediaType: "c", size: 1, digest: "sha256:c" };
const LAYER = { mediaType: "l", size: 2, digest: "sha256:l" };
const docker = { schemaVersion: 2, mediaType: DOCKER_MANIFEST, config: CONFIG, layers: [LAYER, LAYER] };

describe("an image manifest", () => {
  it("has its config first among its blobs, then its layers, repeats included", () => {
    const manifest = parseImageManifest(DOCKER_MANIFEST, json(docker));
    expect(manifest.blobs.map(({ digest }) => digest)).toEqual(["sha256:c", "sha256:l", "sha256:l"]);
    expect(manifest.bytes).toEqual(json(docker));
  });

  it("reads null and what is missing as empty", () => {
    const { blobs } = parseImageManifest(OCI_MANIFEST, json({ config: null, layers: [null] }));
    expect(blobs.map(({ digest, size }) => ({ digest, size }))).toEqual([
      { digest: "", size: 0 },
      { digest: "", size: 0 },
    ]);
  });

  it("reads keys in any case", () => {
    expect(parseImageManifest(OCI_MANIFEST, json({ CONFIG, Layers: [] })).blobs[0]?.digest).toBe("sha256:c");
  });

  it.each([
    [
      "docker's without media type",
      DOCKER_MANIFEST,
      { config: CONFIG },
      `mediaType in manifest should be '${DOCKER_MANIFEST}' not ''`,
    ],
    [
      "docker's with OCI's media type",
      DOCKER_MANIFEST,
      { ...docker, mediaType: OCI_MANIFEST },
      `mediaType in manifest should be '${DOCKER_MANIFEST}' not '${OCI_MANIFEST}'`,
    ],
    [
      "OCI's with docker's media type",
      OCI_MANIFEST,
      docker,
      `if present, mediaType in manifest should be '${OCI_MANIFEST}' not '${DOCKER_MANIFEST}'`,
    ],
    ["a layer list that is none", OCI_MANIFEST, { layers: {} }, "manifest: layers should be an array"],
    [
      "half a byte",
      OCI_MANIFEST,
      { config: { size: 0.5 } },
      "manifest: config.size should be a whole number of 64 bits",
    ],
    [
      "a size in letters",
      OCI_MANIFEST,
      { config: { size: "1" } },
      "manifest: config.size should be a whole number of 64 bits",
    ],
  ] as const)("%s is refused", (_name, kind, manifest, message) => {
    expect(() => parseImageManifest(kind, json(manifest))).toThrow(
      new ManifestError("INVALID_MANIFEST", message),
    );
  });
});

describe("a manifest from a registry", () => {
  const oci = { config: CONFIG, layers: [] };
  const index = { manifests: [{ mediaType: OCI_MANIFEST, digest: "sha256:m", size: 3 }] };

  it.each([
    ["what the Content-Type says", DOCKER_MANIFEST, docker, DOCKER_MANIFEST],
    ["a Content-Type with parameters", `${OCI_MANIFEST}; charset=utf-8`, oci, OCI_MANIFEST],
    ["a Content-Type in capitals", OCI_INDEX.toUpperCase(), index, OCI_INDEX],
    ["its own media type where the Content-Type says nothing", "application/json", docker, DOCKER_MANIFEST],
    ["its shape where nothing says anything", "", index, OCI_INDEX],
    ["the shape of an image", "text/plain", oci, OCI_MANIFEST],
    ["docker's list", DOCKER_LIST, { ...index, mediaType: DOCKER_LIST }, DOCKER_LIST],
  ])("is %s", (_name, contentType, manifest, mediaType) => {
    expect(parseManifest(contentType, json(manifest)).mediaType).toBe(mediaType);
  });

  it.each([
    ["an index called an image", OCI_MANIFEST, index, "ocimanifest: expected manifest but found index"],
    ["an image called an index", OCI_INDEX, oci, "ociindex: expected index but found manifest"],
    ["another type", "text/html", { mediaType: "x" }, "unsupported manifest media type: text/html"],
    ["no type at all", "", {}, "unsupported manifest media type: none given"],
  ])("cannot be %s", (_name, contentType, manifest, message) => {
    expect(() => parseManifest(contentType, json(manifest))).toThrow(message);
  });
});
