import { OCI_MANIFEST } from "../../src/oci/mediaTypes.js";
import { type Parts, seedImage, seedList, type SeedImage } from "../helpers/images.js";

/** What both registries hold before the sessions begin: usual images, and ones that are hard to copy faithfully. */

const MODERN = { architecture: "arm64", os: "linux", variant: "v8" };
const AWKWARD = '<a href="x">&amp;</a> \u2028\u2029 \u0007 \u00fc \ud83d\ude80 \'\\';

const oci = (more: object) => (parts: Parts) =>
  JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, ...parts, ...more });

const plain = seedImage("team/app:v1-amd64");
const arm = seedImage("team/app:v1-arm", {
  config: { os: "linux", architecture: "arm", variant: "v7", "os.version": "5.4", "os.features": ["a", "b"] },
});

export const sources: readonly SeedImage[] = [
  plain,
  arm,
  { ...plain, name: "other/app:same", repository: "other/app", tag: "same" },
  seedImage("team/app:v1-arm64", { kind: "oci", config: MODERN }),
  seedImage("other/app:oci", { kind: "oci", config: { ...MODERN, created: "2020-01-01T00:00:00Z" } }),
  // In the repositories that lists are pushed to: neither mounted nor put.
  seedImage("multi/app:base", { config: { os: "linux", architecture: "s390x" } }),
  seedImage("multi/other:base", { kind: "oci", config: { os: "linux", architecture: "riscv64" } }),
  seedImage("win/core:ltsc", {
    config: {
      os: "windows",
      architecture: "amd64",
      "os.version": "10.0.20348.2227",
      "os.features": ["win32k"],
    },
    foreignLayers: 2,
  }),
  seedImage("win/nano:ltsc", {
    config: { os: "windows", architecture: "amd64", "os.version": "10.0.17763.1" },
    foreignLayers: 1,
    layers: [],
  }),
  // Manifests whose bytes say more than their parsed form.
  seedImage("odd/annotated:1", { kind: "oci", write: oci({ annotations: { [AWKWARD]: AWKWARD, "": "" } }) }),
  seedImage("odd/unknown:1", {
    kind: "oci",
    write: oci({ artifactType: "a/b", x: [1e21, { "<": null }], annotations: {} }),
  }),
  seedImage("odd/keys:1", {
    kind: "oci",
    write: ({ config, layers }) =>
      ` {\n\t"layers" : ${JSON.stringify(layers, undefined, "\t")},\r\n "zero": 1e3, "num": -0.0E+2, "x": "\\u00e9\\/\\u003c<", "empty": [ ],"none":{ }, "config":${JSON.stringify(config)}, "schemaVersion":2 }\n`,
  }),
  seedImage("odd/bytes:1", {
    kind: "oci",
    write: ({ config, layers }) =>
      Buffer.concat([
        Buffer.from('{"schemaVersion":2,"annotations":{"a":"'),
        Buffer.from([0xff, 0xfe, 0xe2, 0x80, 0x3c, 0xc3]),
        Buffer.from(`","a":"b"},"config":${JSON.stringify(config)},"layers":${JSON.stringify(layers)}}`),
      ]),
  }),
  seedImage("odd/cased:1", {
    kind: "oci",
    write: ({ config, layers }) =>
      JSON.stringify({ SchemaVersion: 2, Config: config, LAYERS: layers, mediatype: OCI_MANIFEST }),
  }),
  seedImage("odd/layers:1", { layers: ["same\n", "same\n", "other\n"] }),
  // Configs that say little, or odd things.
  seedImage("odd/silent:1", { config: {} }),
  seedImage("odd/artifact:1", { kind: "oci", config: { architecture: "unknown", os: "unknown" } }),
  seedImage("odd/platform:1", {
    kind: "oci",
    config: { architecture: AWKWARD, os: "linux", variant: AWKWARD, "os.features": ["", AWKWARD, "a", "a"] },
  }),
  seedImage("odd/nulls:1", {
    config: `{"OS":"linux","architecture":"386","ARCHITECTURE":"amd64","variant":null,"os.features":null}`,
  }),
  seedImage("a-b/c_d.e:T_1.x-2", { config: { os: "freebsd", architecture: "arm" } }),
];

/** Images of which docker makes no entry. */
export const brokenSources: readonly SeedImage[] = [
  seedImage("broken/config:text", { config: "no JSON at all" }),
  seedImage("broken/config:type", { config: { os: 5, architecture: "amd64" } }),
  seedImage("broken/config:list", { kind: "oci", config: "[]" }),
  seedImage("broken/config:empty", { kind: "oci", config: "" }),
];

const armOfOther = { ...arm, name: "other/app:arm", repository: "other/app", tag: "arm" };

export const lists: readonly SeedImage[] = [
  seedList("team/app:list", "docker", [
    { image: plain, platform: { architecture: "amd64", os: "linux" } },
    { image: arm, platform: { architecture: "arm", os: "linux", variant: "v6", "os.features": ["<"] } },
  ]),
  seedList(
    "other/app:index",
    "oci",
    [
      { image: armOfOther, platform: { architecture: "arm", os: "linux" }, annotations: { a: "<b>" } },
      { image: plain, annotations: {} },
    ],
    { annotations: { x: "y" } },
  ),
  seedList("other/app:empty", "docker", []),
];

/** Everything, in an order in which a registry takes it. */
export const everything: readonly SeedImage[] = [...sources, ...brokenSources, armOfOther, ...lists];
