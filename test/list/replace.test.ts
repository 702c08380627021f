import { describe, expect, it } from "vitest";
import { withoutReplaced } from "../../src/list/replace.js";
import { descriptor, type Descriptor } from "../../src/oci/descriptor.js";
import { digestOf } from "../../src/oci/digest.js";
import { OCI_MANIFEST } from "../../src/oci/mediaTypes.js";
import { NO_PLATFORM, type Platform } from "../../src/oci/platform.js";
import { parsePlatform } from "../../src/oci/platformName.js";

/** An image called `name`; `platform` as people write it. */
function image(name: string, platform: string | Partial<Platform> | undefined): Descriptor {
  const there = { ...descriptor(OCI_MANIFEST, digestOf(Buffer.from(name)), 100) };
  if (platform === undefined) return there;
  const parsed = typeof platform === "string" ? parsePlatform(platform) : platform;
  return { ...there, platform: { ...NO_PLATFORM, ...parsed } };
}

function attestation(of: Descriptor): Descriptor {
  return {
    ...image(`attests ${of.digest}`, { os: "unknown", architecture: "unknown" }),
    annotations: {
      "vnd.docker.reference.type": "attestation-manifest",
      "vnd.docker.reference.digest": of.digest,
    },
  };
}

const windows = (version: string): Partial<Platform> => ({
  os: "windows",
  architecture: "amd64",
  "os.version": version,
});

describe("an image that is merged into a list", () => {
  it.each([
    ["the same platform", "linux/amd64", "linux/amd64", true],
    ["arm64/v8, which is arm64", "linux/arm64/v8", "linux/arm64", true],
    ["arm, which is arm/v7", { os: "linux", architecture: "arm" }, "linux/arm/v7", true],
    ["another variant", "linux/arm/v6", "linux/arm/v7", false],
    ["another system", "linux/amd64", windows("10.0.17763.1"), false],
    ["the same version of Windows", windows("10.0.17763.1"), windows("10.0.17763.1"), true],
    ["another version of Windows", windows("10.0.17763.1"), windows("10.0.20348.1"), false],
    ["no platform", undefined, "linux/amd64", false],
    [
      "no known platform",
      { os: "unknown", architecture: "unknown" },
      { os: "unknown", architecture: "unknown" },
      false,
    ],
  ])("beside one for %s", (_name, there, added, makesRoom) => {
    const old = image("old", there);
    const other = image("other", "linux/s390x");
    const kept = withoutReplaced([old, other], [image("new", added)]);
    expect(kept).toEqual(makesRoom ? [other] : [old, other]);
  });

  it("takes the place of all that are for its platform, with their attestations", () => {
    const [one, two, other] = [
      image("1", "linux/amd64"),
      image("2", "linux/amd64"),
      image("3", "linux/arm64"),
    ];
    const there = [one, two, other, attestation(one), attestation(two), attestation(other)];
    expect(withoutReplaced(there, [image("new", "linux/amd64")])).toEqual([other, attestation(other)]);
  });

  it("is not replaced by itself", () => {
    const old = image("old", "linux/amd64");
    expect(withoutReplaced([old, attestation(old)], [old])).toEqual([old, attestation(old)]);
  });

  it("replaces nothing by its attestation", () => {
    const [old, added] = [image("old", "linux/amd64"), image("new", "linux/arm64")];
    expect(withoutReplaced([old, attestation(old)], [added, attestation(added)])).toEqual([
      old,
      attestation(old),
    ]);
  });
});
