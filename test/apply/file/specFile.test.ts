import { describe, expect, it } from "vitest";
import { formatPlace } from "../../../src/content/place.js";
import { formatPlatformAll } from "../../../src/oci/platformName.js";
import { faultsIn, readText } from "./listFiles.js";

/** In the form of manifest-tool's README. */
const SPEC = `image: myprivreg:5000/someimage:latest
tags: ["1.0.0", 1.10, "1"]
manifests:
  -
    image: myprivreg:5000/someimage:arm64
    platform:
      architecture: arm64
      os: linux
      variant: v8
  -
    image: myprivreg:5000/someimage:i386
    platform:
      architecture: 386
      os: linux
  - image: myprivreg:5000/someimage:amd64
  - image: myprivreg:5000/someimage:windows
    platform: { os: windows, architecture: amd64, osversion: 10.0.17763.2300, osfeatures: [win32k] }
`;

describe("a spec file of manifest-tool", () => {
  it("is read as it is", async () => {
    const [spec] = await readText(SPEC);
    expect(spec!.order.targets.map(formatPlace)).toEqual([
      "myprivreg:5000/someimage:latest",
      "myprivreg:5000/someimage:1.0.0",
      "myprivreg:5000/someimage:1.10",
      "myprivreg:5000/someimage:1",
    ]);
    expect(
      spec!.order.sources.map(({ text, says }) => [text, says?.platform && formatPlatformAll(says.platform)]),
    ).toEqual([
      ["myprivreg:5000/someimage:arm64", "linux/arm64/v8"],
      ["myprivreg:5000/someimage:i386", "linux/386"],
      ["myprivreg:5000/someimage:amd64", undefined],
      ["myprivreg:5000/someimage:windows", "windows(10.0.17763.2300+win32k)/amd64"],
    ]);
    expect(spec!.order).toMatchObject({ type: "docker", annotations: [], expect: [], onto: "nothing" });
    expect(spec!.at).toMatchObject({ line: 1, column: 8 });
  });

  it("makes an OCI index where it has annotations, which manifest-tool wants --type oci for", async () => {
    const [spec] = await readText(`${SPEC}annotations: { org.opencontainers.image.title: My Image }\n`);
    expect(spec!.order.type).toBe("oci");
    expect(spec!.order.annotations).toMatchObject([{ type: "index", value: "My Image" }]);
  });

  it("says no platform where it says nothing of it", async () => {
    const [spec] = await readText(
      "image: a\ntags:\nmanifests: [{image: b, platform: {os: '', architecture: , variant: v7}}]",
    );
    expect(spec!.order.sources[0]!.says).toBeUndefined();
    expect(spec!.order.targets).toHaveLength(1);
  });

  it("has what manifest-tool ignores told, and ignored", async () => {
    const warnings: string[] = [];
    const text =
      "image: a\ntag: [x]\nmanifests: [{image: b, annotations: {c: d}, platform: {os: linux, architecture: arm, features: [neon]}}]";
    const orders = await readText(text, {}, (warning) => warnings.push(warning));
    expect(orders[0]!.order.sources[0]!.says).not.toHaveProperty("annotations");
    expect(warnings).toEqual([
      '-:2:1: manifest-tool ignores "tag", and so does tsmanifest: did you mean tags?',
      '-:3:24: manifest-tool ignores "annotations", and so does tsmanifest: leave it out, or write a file of lists',
      '-:3:86: manifest-tool ignores "features", and so does tsmanifest: leave it out, or write a file of lists',
    ]);
  });

  it("has its faults told with their places", async () => {
    const text =
      "image: a/B\nmanifests:\n- image: b\n  platform: {os: linux, architecture: x86_64}\n- image: 'c d'\n- platform: {os: linux}\n";
    expect(await faultsIn(text)).toEqual([
      expect.stringMatching(/^1:8: invalid reference format: repository name \(a\/B\) must be lowercase/),
      '4:13: "linux/x86_64" is not in its normal form: write it as architecture: amd64',
      expect.stringMatching(/^5:10: "c d": invalid reference format/),
      "6:3: image is missing: a source has image, from, file or descriptor",
      "6:13: architecture is missing: write it as architecture: amd64",
    ]);
  });

  it("may stand beside lists, which may not have its name", async () => {
    const found = await faultsIn(
      `image: a:v1\nmanifests: [{image: b}]\n---\nversion: 1\nlists: [{target: a, tags: [v1], sources: [b]}]\n`,
    );
    expect(found).toEqual([
      "5:28: docker.io/library/a:v1 is also a name of the list at -:1:8: rename one of them",
    ]);
  });
});
