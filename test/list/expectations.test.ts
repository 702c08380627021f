import { describe, expect, it } from "vitest";
import {
  checkExpectations,
  expectationError,
  formatDifference,
  listWarnings,
  readExpectations,
} from "../../src/list/expectations.js";
import { descriptor, type Descriptor } from "../../src/oci/descriptor.js";
import { OCI_MANIFEST } from "../../src/oci/mediaTypes.js";
import { NO_PLATFORM } from "../../src/oci/platform.js";
import { formatPlatformAll, parsePlatform } from "../../src/oci/platformName.js";

const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;
const [A, B, C] = ["a", "b", "c"].map(digest);

function image(platform: string, letter = "a"): Descriptor {
  return { ...descriptor(OCI_MANIFEST, digest(letter), 7), platform: parsePlatform(platform) };
}

function attestation(of: string | undefined, letter = "e"): Descriptor {
  const annotations = {
    "vnd.docker.reference.type": "attestation-manifest",
    ...(of !== undefined && { "vnd.docker.reference.digest": of }),
  };
  return { ...image("unknown/unknown", letter), annotations };
}

function artifact(platform?: string): Descriptor {
  const plain = { ...descriptor(OCI_MANIFEST, digest("f"), 7), artifactType: "application/example" };
  return platform === undefined ? plain : { ...plain, platform: parsePlatform(platform) };
}

/** The difference as text, empty for none. */
function difference(expected: string, descriptors: readonly Descriptor[]): string {
  const found = checkExpectations(descriptors, readExpectations([expected]));
  return found === undefined ? "" : formatDifference(found);
}

const of = (platforms: string): Descriptor[] =>
  platforms.split(" ").map((platform, index) => image(platform, "abcd"[index]));

describe("the platforms that are expected", () => {
  const read = (...texts: string[]): string[] => readExpectations(texts).map(formatPlatformAll);

  it.each([
    [["linux/amd64,linux/arm64"], ["linux/amd64", "linux/arm64"]],
    [
      ["linux/amd64", "linux/arm64"],
      ["linux/amd64", "linux/arm64"],
    ],
    [["linux/amd64, linux/arm64,\n"], ["linux/amd64", "linux/arm64"]],
    [["linux/amd64\nlinux/arm/v7\n"], ["linux/amd64", "linux/arm/v7"]],
    [["x86_64,aarch64,armv7l"], ["linux/amd64", "linux/arm64", "linux/arm/v7"]],
    [["linux/arm64/v8", "arm64,linux/aarch64"], ["linux/arm64"]],
    [["windows(10.0.17763)/amd64,windows/amd64"], ["windows(10.0.17763)/amd64", "windows/amd64"]],
  ])("are read from %j", (texts, platforms) => {
    expect(read(...texts)).toEqual(platforms);
  });

  it("are refused where one is a typo, with a suggestion", () => {
    expect(() => read("linux/amd64,linux/amr64")).toThrow(
      expect.objectContaining({
        code: "INVALID_PLATFORM",
        message: '"linux/amr64" is not a platform',
        hint: "did you mean linux/arm64?",
      }),
    );
  });

  it.each([[[""]], [[" , "]], [["linux/amd64", ""]]])("are refused where %j names none", (texts) => {
    expect(() => read(...texts)).toThrow(expect.objectContaining({ code: "USAGE" }));
  });
});

describe("a list that is held against what is expected", () => {
  it.each([
    ["linux/amd64,linux/arm64", "linux/amd64 linux/arm64"],
    ["linux/arm64,linux/amd64", "linux/amd64 linux/arm64"],
    ["linux/arm64", "linux/arm64/v8"],
    ["linux/arm64/v8", "linux/arm64"],
    ["linux/arm", "linux/arm/v7"],
    ["linux/arm/v7", "linux/arm"],
    ["linux/amd64", "linux/amd64/v1"],
    ["windows/amd64", "windows(10.0.17763.1234)/amd64"],
    ["windows/amd64", "windows(10.0.17763.1234)/amd64 windows(10.0.20348.1)/amd64"],
    ["windows(10.0.17763)/amd64", "windows(10.0.17763.1234)/amd64"],
    [
      "windows(10.0.17763)/amd64,windows(10.0.20348)/amd64",
      "windows(10.0.20348.1)/amd64 windows(10.0.17763.2)/amd64",
    ],
    ["linux(6.1)/amd64", "linux/amd64"],
  ])("has exactly %s: %s", (expected, platforms) => {
    expect(difference(expected, of(platforms))).toBe("");
  });

  it.each([
    ["linux/amd64,linux/arm64", "linux/amd64", "missing linux/arm64"],
    ["linux/amd64", "linux/amd64 linux/arm64", "unexpected linux/arm64"],
    ["linux/amd64", "linux/amd64 linux/amd64", "linux/amd64 twice"],
    ["linux/arm64", "linux/arm64 linux/arm64/v8 linux/aarch64", "linux/arm64 3 times"],
    [
      "linux/amd64,linux/arm64",
      "linux/amd64 linux/s390x linux/amd64",
      "missing linux/arm64; unexpected linux/s390x; linux/amd64 twice",
    ],
    ["linux/arm/v7", "linux/arm/v6", "missing linux/arm/v7; unexpected linux/arm/v6"],
    ["linux/amd64", "linux/amd64/v3", "missing linux/amd64; unexpected linux/amd64/v3"],
    [
      "linux/amd64,linux/arm64",
      "windows/amd64",
      "missing linux/amd64, linux/arm64; unexpected windows/amd64",
    ],
    [
      "windows(10.0.17763)/amd64",
      "windows(10.0.177630)/amd64",
      "missing windows(10.0.17763)/amd64; unexpected windows(10.0.177630)/amd64",
    ],
    [
      "windows/amd64",
      "windows(10.0.17763.1)/amd64 windows(10.0.17763.1)/amd64",
      "windows(10.0.17763.1)/amd64 twice",
    ],
    ["linux/amd64", "linux/amd64 unknown/unknown", `unexpected ${String(B)} (no platform)`],
  ])("has not %s but %s: %s", (expected, platforms, text) => {
    expect(difference(expected, of(platforms))).toBe(text);
  });

  it("may have attestations and artifacts, which run on no machine", () => {
    const others = [attestation(A), attestation(digest("9")), artifact(), artifact("unknown/unknown")];
    expect(difference("linux/amd64", [image("linux/amd64"), ...others])).toBe("");
  });

  it("counts an artifact that says what it runs on", () => {
    expect(difference("linux/amd64", [image("linux/amd64"), artifact("wasi/wasm")])).toBe(
      "unexpected wasi/wasm",
    );
  });

  it("may have nothing that does not say what it runs on", () => {
    const nested = descriptor("application/vnd.oci.image.index.v1+json", digest("c"), 7);
    const empty = { ...image("linux/amd64", "b"), platform: NO_PLATFORM };
    expect(difference("linux/amd64", [image("linux/amd64"), nested, empty])).toBe(
      `unexpected ${String(C)} (no platform), ${String(B)} (no platform)`,
    );
  });

  it("is not there at all", () => {
    expect(difference("linux/amd64", [])).toBe("missing linux/amd64");
  });

  it("of thousands of entries is shown in a line", () => {
    const entries = Array.from({ length: 5_000 }, (_, index) => image(`linux/x${index}`));
    expect(difference("linux/amd64", entries)).toMatch(
      /^missing linux\/amd64; unexpected linux\/x0, .* and 4990 more$/,
    );
  });

  it("is refused by an error with the difference in it", () => {
    const found = checkExpectations([image("linux/amd64")], readExpectations(["linux/amd64,linux/arm64"]));
    expect(found).toEqual({ missing: ["linux/arm64"], unexpected: [], duplicates: [] });
    expect(expectationError("registry.example/app:v1", found!)).toMatchObject({
      code: "EXPECTATION",
      message: "registry.example/app:v1 would not have the expected platforms: missing linux/arm64",
      subject: "registry.example/app:v1",
      hint: "nothing was changed",
    });
  });
});

// danny-avila/LibreChat#15444, ConduitPlatform/Conduit#1496
describe("the merge job", () => {
  const expected = "linux/amd64,linux/arm64";

  it("that took another image's digests as well does not publish four platforms", () => {
    const both = [
      image("linux/amd64", "a"),
      image("linux/arm64", "b"),
      image("linux/amd64", "c"),
      image("linux/arm64", "d"),
    ];
    expect(difference(expected, both)).toBe("linux/amd64 twice, linux/arm64 twice");
  });

  it("that one of the builds did not reach does not publish one platform", () => {
    expect(difference(expected, [image("linux/amd64"), attestation(A)])).toBe("missing linux/arm64");
  });
});

describe("what is odd about a list", () => {
  it("is nothing where each platform is there once", () => {
    const entries = [
      image("linux/amd64", "a"),
      image("linux/arm64", "b"),
      attestation(A),
      artifact(),
      artifact(),
    ];
    expect(listWarnings(entries)).toEqual([]);
    expect(listWarnings(of("windows(10.0.17763)/amd64 windows(10.0.20348)/amd64"))).toEqual([]);
  });

  it("is two entries of one platform", () => {
    expect(listWarnings(of("linux/arm64 linux/amd64 linux/arm64/v8"))).toEqual([
      `linux/arm64 is in the list twice, as ${String(A)}, ${String(C)}; clients take only one`,
    ]);
  });

  it("is an attestation without its image", () => {
    expect(
      listWarnings([image("linux/amd64"), attestation(B), attestation(undefined, "d"), attestation(A)]),
    ).toEqual([
      `the attestation ${digest("e")} is for ${String(B)}, which is not in the list`,
      `the attestation ${digest("d")} is for no image`,
    ]);
  });
});
