import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseBuildMetadata } from "../../src/content/buildMetadata.js";
import { ManifestError } from "../../src/errors.js";
import { fuzz, FUZZ_TIMEOUT_MS } from "../helpers/fuzz.js";
import { anyJson } from "../helpers/generators/jsonTexts.js";

const [A, B, C] = ["a", "b", "c"].map((digit) => `sha256:${digit.repeat(64)}`) as [string, string, string];

const parse = (metadata: unknown): unknown =>
  parseBuildMetadata(Buffer.from(JSON.stringify(metadata)), "metadata.json");

/** The fields that buildx 0.38 writes, of an image pushed under its tags. */
const BUILD = {
  "buildx.build.provenance": { builder: { id: "" }, buildType: "https://mobyproject.org/buildkit@v1" },
  "buildx.build.ref": "builder/builder0/0fjb6ubs52xx3vygf6fgdl611",
  "containerimage.config.digest": C,
  "containerimage.descriptor": {
    mediaType: "application/vnd.oci.image.index.v1+json",
    digest: A,
    size: 856,
    annotations: { "org.opencontainers.image.created": "2026-02-08T21:28:03Z" },
  },
  "containerimage.digest": A,
  "image.name": "docker.io/team/app:v1,ghcr.io/team/app:v1,docker.io/team/app:latest",
};

describe("the metadata of a build", () => {
  it("names the image and the repositories that it was pushed to, each once", () => {
    expect(parse(BUILD)).toEqual([{ digest: A, repositories: ["docker.io/team/app", "ghcr.io/team/app"] }]);
  });

  it.each([
    ["team/app", ["docker.io/team/app"]],
    ["app", ["docker.io/library/app"]],
    ["localhost:5000/app:v1", ["localhost:5000/app"]],
    [`registry.example/app@${B}`, ["registry.example/app"]],
    ["registry.example/app:v1, registry.example/app:v2,", ["registry.example/app"]],
    ["", []],
    [undefined, []],
  ])("has the name %s, of the repositories %j", (name, repositories) => {
    expect(parse({ "containerimage.digest": A, "image.name": name })).toEqual([{ digest: A, repositories }]);
  });

  it("may be of buildx imagetools create, which writes the descriptor alone", () => {
    const { "containerimage.descriptor": descriptor } = BUILD;
    expect(parse({ "containerimage.descriptor": descriptor, "image.name": "registry.example/app" })).toEqual([
      { digest: A, repositories: ["registry.example/app"] },
    ]);
  });

  it("may be of bake: an image a target, in their order", () => {
    const web = { "containerimage.digest": B, "image.name": "registry.example/web:v1" };
    expect(parse({ "buildx.build.warnings": [{ vertex: "x" }], web, app: BUILD })).toEqual([
      { digest: B, repositories: ["registry.example/web"] },
      { digest: A, repositories: ["docker.io/team/app", "ghcr.io/team/app"] },
    ]);
  });

  it.each<[metadata: unknown, message: string]>([
    [{}, "the build made no image: it has no containerimage.digest"],
    [{ "buildx.build.ref": "a/b/c" }, "the build made no image: it has no containerimage.digest"],
    [{ "buildx.build.warnings": [] }, "the build made no image: it has no containerimage.digest"],
    [
      { app: BUILD, docs: { "buildx.build.ref": "a/b/c" } },
      'target "docs": the build made no image: it has no containerimage.digest',
    ],
    [
      { ...BUILD, "containerimage.config.digest": A },
      `the image was not pushed: ${A} is the digest of its config`,
    ],
    [
      { "containerimage.digest": "latest" },
      'not the metadata of a build: containerimage.digest "latest": invalid checksum digest format',
    ],
    [
      { app: { "containerimage.digest": A.slice(0, -1) } },
      `target "app": not the metadata of a build: containerimage.digest "${A.slice(0, -1)}": invalid checksum digest length`,
    ],
    [{ "containerimage.digest": 7 }, "not the metadata of a build: containerimage.digest should be a string"],
    [
      { "containerimage.digest": A, "image.name": ["a"] },
      "not the metadata of a build: image.name should be a string",
    ],
    [
      { "containerimage.digest": A, "image.name": "Team/App" },
      'not the metadata of a build: image.name "Team/App": invalid reference format',
    ],
    // Of docker/metadata-action.
    [{ tags: ["team/app:v1"], labels: {} }, 'not the metadata of a build: "tags" is no target'],
    [{ app: null }, 'not the metadata of a build: "app" is no target'],
    [[BUILD], "not the metadata of a build: not a JSON object"],
    ["text", "not the metadata of a build: not a JSON object"],
    [null, "not the metadata of a build: not a JSON object"],
  ])("%j is refused in a line", (metadata, message) => {
    expect(() => parse(metadata)).toThrow(
      expect.objectContaining({
        code: "INVALID_SOURCE",
        message: expect.stringMatching(/^metadata\.json: /) as string,
        hint: expect.stringMatching(/^(build with --push|give it the file that)/) as string,
      }),
    );
    expect(() => parse(metadata)).toThrow(message);
  });

  it.each([
    ["", "not the metadata of a build: unexpected end of JSON input"],
    ["{", "not the metadata of a build: invalid JSON"],
    [A, "not the metadata of a build: invalid JSON"],
    ["[".repeat(100_000), "not the metadata of a build: JSON is nested more than 1000 deep"],
  ])("no JSON is refused, such as this: %.0s%s", (text, message) => {
    expect(() => parseBuildMetadata(Buffer.from(text), "metadata.json")).toThrow(`metadata.json: ${message}`);
  });

  it("is not repeated at length in what is said of it", () => {
    const long = "x".repeat(1_000_000);
    for (const metadata of [
      { "containerimage.digest": long },
      { ...BUILD, "image.name": long },
      { [long]: 1 },
      { [long]: {} },
    ]) {
      expect(() => parse(metadata)).toThrow(/^.{1,1000}$/);
    }
  });

  it("of any bytes is read or refused in a line", { timeout: FUZZ_TIMEOUT_MS }, () => {
    const key = fc.constantFrom(...Object.keys(BUILD), "app", "docs", "__proto__");
    const near = fc.dictionary(
      key,
      fc.oneof(
        fc.jsonValue({ maxDepth: 2 }),
        fc.constantFrom(...Object.values(BUILD)),
        fc.dictionary(key, fc.constant(A)),
      ),
      { maxKeys: 4 },
    );
    fuzz(
      fc.oneof(
        anyJson,
        near.map((value) => Buffer.from(JSON.stringify(value))),
      ),
      (bytes) => {
        try {
          for (const { digest } of parseBuildMetadata(bytes, "metadata.json"))
            expect(digest).toMatch(/^sha\d+:[0-9a-f]+$/);
        } catch (error) {
          if (!(error instanceof ManifestError)) throw error;
          expect(error.message).toMatch(/^metadata\.json: [^\n]+$/);
        }
      },
    );
  });
});
