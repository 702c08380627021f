import { DOCKER_MANIFEST, OCI_MANIFEST } from "../../src/oci/mediaTypes.js";
import { digestOf } from "../../src/oci/digest.js";
import { sources } from "./catalogue.js";

/** Files of entries as docker, old dockers, other programs and people's editors have written them, or could. */
export interface StoredEntry {
  readonly name: string;
  /** The file, with `{host}` for the registry. */
  readonly content: string | Buffer;
  /**
   * docker does not get as far as saying what is wrong (it crashes, or takes the file for a list that is not there);
   * tsmanifest names the file.
   */
  readonly isNamed?: boolean;
  /**
   * Where tsmanifest does better: it pushes the stored bytes if they have the entry's digest, however they are
   * indented; it fetches an image again when the file of its name holds another one; it refuses an entry without
   * Ref, over which docker stumbles sooner or later; what a descriptor says and docker itself never writes, it keeps, in
   * an OCI index.
   */
  readonly ours?: "pushes" | "fetches again" | "refuses" | "writes an index";
}

const image = sources[0];
const ociImage = sources.find(({ mediaType }) => mediaType === OCI_MANIFEST);
if (image === undefined || ociImage === undefined) throw new Error("the catalogue lacks an image");

/** The source that every entry here is of. */
export const ENTRY_NAME = `{host}/${image.name}`;
export const ENTRY_FILE = `{host-file}_${image.name.replaceAll("/", "_").replaceAll(":", "-")}`;

const PLATFORM = { architecture: "amd64", os: "linux" };
const MANIFEST: unknown = JSON.parse(image.body.toString());
const DESCRIPTOR = {
  mediaType: DOCKER_MANIFEST,
  digest: image.digest,
  size: image.body.byteLength,
  platform: PLATFORM,
};
const USUAL = {
  Ref: ENTRY_NAME,
  Descriptor: DESCRIPTOR,
  Raw: image.body.toString("base64"),
  SchemaV2Manifest: MANIFEST,
};
const OCI_MANIFEST_VALUE: unknown = JSON.parse(ociImage.body.toString());
const OCI_USUAL = {
  Ref: ENTRY_NAME,
  Descriptor: {
    mediaType: OCI_MANIFEST,
    digest: ociImage.digest,
    size: ociImage.body.byteLength,
    platform: PLATFORM,
  },
  Raw: ociImage.body.toString("base64"),
  OCIManifest: OCI_MANIFEST_VALUE,
};
const COMPACT = JSON.stringify(MANIFEST);
const OLD = {
  Ref: ENTRY_NAME,
  Digest: digestOf(Buffer.from(COMPACT)),
  SchemaV2Manifest: MANIFEST,
  Platform: PLATFORM,
};

const usual = (name: string, changes: object, isNamed = false): StoredEntry => ({
  name,
  content: JSON.stringify({ ...USUAL, ...changes }),
  isNamed,
});
const old = (name: string, changes: object): StoredEntry => ({
  name: `of an old docker${name}`,
  content: JSON.stringify({ ...OLD, ...changes }),
  ours: "pushes",
});
const referring = (name: string, Ref: string): StoredEntry => ({
  name: `with a Ref ${name}`,
  content: JSON.stringify({ ...USUAL, Ref }),
  ours: "fetches again",
});
const described = (name: string, changes: object, isNamed = false): StoredEntry =>
  usual(name, { Descriptor: { ...DESCRIPTOR, ...changes } }, isNamed);
const platformed = (name: string, changes: object, isNamed = false): StoredEntry =>
  described(name, { platform: { ...PLATFORM, ...changes } }, isNamed);
const manifested = (name: string, changes: object, isNamed = false): StoredEntry =>
  usual(name, { SchemaV2Manifest: { ...(JSON.parse(COMPACT) as object), ...changes } }, isNamed);
const text = (name: string, content: string | Buffer, isNamed = true): StoredEntry => ({
  name,
  content,
  isNamed,
});
const usualText = JSON.stringify(USUAL);
/** Sizes that JavaScript would round. */
const sized = (name: string, size: string, isNamed = false): StoredEntry =>
  text(name, usualText.replace(/"size":\d+,"platform"/, `"size":${size},"platform"`), isNamed);

export const storedEntries: readonly StoredEntry[] = [
  usual("as docker writes it", {}),
  { name: "an OCI image as docker writes it", content: JSON.stringify(OCI_USUAL) },
  { name: "indented by an editor", content: JSON.stringify(USUAL, undefined, 2) + "\n" },
  usual("with a field that nobody knows", { Extra: { a: [1] }, Platform: { os: "beos" } }),
  described("with a descriptor's unknown field", { extra: 1, Size2: "x" }),
  platformed("with a platform's unknown field", { "os.nothing": 1, features: ["sse4"] }),

  // Old ones: `Digest` and `Platform` at the top.
  old("", {}),
  {
    name: "of an old docker, with another digest",
    content: JSON.stringify({ ...OLD, Digest: image.digest }),
    isNamed: true,
  },
  old(", without platform", { Platform: undefined }),
  old(", with platform null", { Platform: null }),
  old(", with a full platform", {
    Platform: { ...PLATFORM, variant: "v8", "os.version": "1", "os.features": ["a"] },
  }),
  {
    name: "of an old docker, without manifest",
    content: JSON.stringify({ ...OLD, SchemaV2Manifest: undefined }),
    isNamed: true,
  },
  {
    name: "of an old docker, with a manifest indented by three spaces",
    content: `{"Ref":"${ENTRY_NAME}","Digest":"${image.digest}","SchemaV2Manifest":${image.body.toString()},"Platform":${JSON.stringify(PLATFORM)}}`,
  },
  {
    name: "of an old docker, with a new descriptor too",
    content: JSON.stringify({ ...USUAL, Digest: OLD.Digest, Platform: { architecture: "arm", os: "linux" } }),
  },
  {
    name: "of an old docker, with a digest that is none",
    content: JSON.stringify({ ...OLD, Digest: "x" }),
    isNamed: true,
  },
  old(", of an OCI image", {
    Digest: digestOf(Buffer.from(JSON.stringify(OCI_MANIFEST_VALUE))),
    SchemaV2Manifest: undefined,
    OCIManifest: OCI_MANIFEST_VALUE,
  }),

  // Platforms.
  described("without platform", { platform: undefined }),
  described("with platform null", { platform: null }),
  described("with an empty platform", { platform: {} }),
  platformed("without os", { os: "" }),
  platformed("without architecture", { architecture: null }),
  platformed("with features that are null and repeated", { "os.features": [null, "a", "a"] }),
  platformed("with no features", { "os.features": [] }),
  platformed("with odd strings", { variant: "<\u2028>\u0000\ud83d\ude80", "os.version": '\\"' }),
  platformed("with half a surrogate pair", { variant: "a\ud800b" }),
  platformed("with an os of the wrong type", { os: 5 }, true),
  platformed("with features of the wrong type", { "os.features": "a" }, true),
  described("with a platform of the wrong type", { platform: "linux" }, true),

  // Descriptors.
  {
    name: "of an OCI image with docker's media type",
    content: JSON.stringify({
      ...OCI_USUAL,
      Descriptor: { ...OCI_USUAL.Descriptor, mediaType: DOCKER_MANIFEST },
    }),
  },
  {
    ...described("with all that a descriptor can have", {
      urls: ["https://a/?b&c"],
      annotations: { z: "<1>", a: "2", "\u00e9": "", "\ud83d\ude80": "x", "\uffff": "y", "": "e" },
      data: "YWJj",
      artifactType: "a/b",
    }),
    ours: "writes an index",
  },
  { ...described("with annotations that are null", { annotations: { a: null } }), ours: "writes an index" },
  described("with an annotation of the wrong type", { annotations: { a: 1 } }, true),
  described("with empty lists", { urls: [], annotations: {}, data: "" }),
  described("with data that is not base64", { data: "*" }, true),
  described("with a size of 0", { size: 0 }),
  described("with a negative size", { size: -5 }),
  described("with a size in letters", { size: "5" }, true),
  sized("with a size beyond 2^53", "9007199254740993"),
  sized("with the largest size", "9223372036854775807"),
  sized("with the smallest size", "-9223372036854775808"),
  sized("with a size beyond 2^63", "9223372036854775808", true),
  described("with no media type", { mediaType: "" }),
  described("with the other media type", { mediaType: OCI_MANIFEST }),
  described("with a media type that nobody knows", { mediaType: "<a/b>" }),
  described("with no digest", { digest: "" }),
  described("with a short digest", { digest: "sha256:12" }),
  described("with a digest in capitals", {
    digest: image.digest.replace(/[a-f]/g, (hex) => hex.toUpperCase()),
  }),
  described("with a digest of an unknown algorithm", { digest: `md5:${"a".repeat(32)}` }),
  described("with a digest that is none", { digest: "<a>" }),
  described("with another image's digest", { digest: ociImage.digest }),
  described("with a digest of another algorithm", { digest: `sha512:${"a".repeat(128)}` }),
  usual("without descriptor", { Descriptor: undefined }),
  usual("with descriptor null", { Descriptor: null }),
  usual("with a descriptor of the wrong type", { Descriptor: [] }, true),

  // Raw.
  usual("without Raw", { Raw: undefined }),
  usual("with Raw null", { Raw: null }),
  usual("with Raw empty", { Raw: "" }),
  usual("with Raw of other bytes", { Raw: ociImage.body.toString("base64") }),
  usual("with Raw that is not base64", { Raw: "*" }, true),
  usual("with Raw that is not padded", { Raw: Buffer.from("ab").toString("base64").replace("=", "") }, true),
  usual("with Raw that is padded too much", { Raw: "YWI==" }, true),
  usual("with Raw in base64url", { Raw: "_-8=" }, true),
  usual("with Raw with stray bits", { Raw: "YWJ=" }),
  usual("with Raw in lines", { Raw: `${USUAL.Raw.slice(0, 60)}\r\n${USUAL.Raw.slice(60)}\n` }),
  usual("with Raw of the wrong type", { Raw: 5 }, true),

  // Manifests.
  usual("with no manifest", { SchemaV2Manifest: undefined }),
  usual("with manifest null", { SchemaV2Manifest: null }),
  manifested("with a manifest of another media type", { mediaType: OCI_MANIFEST }, true),
  manifested("with a manifest without media type", { mediaType: undefined }, true),
  manifested("with a manifest of another schema version", { schemaVersion: 7 }),
  manifested("with a manifest's unknown field", { annotations: { a: "<b>" }, x: null }),
  manifested("with layers null", { layers: null }),
  manifested("with config null", { config: null }),
  manifested("without layers", { layers: undefined }),
  manifested("with layers of the wrong type", { layers: {} }, true),
  manifested("with a layer without digest", { layers: [{}] }),
  manifested("with a layer that is null", { layers: [null] }),
  manifested("with a layer whose digest is none", { layers: [{ digest: "x" }] }),
  manifested("with a config of the wrong type", { config: "x" }, true),
  usual("with a manifest of the wrong type", { SchemaV2Manifest: 5 }, true),
  {
    name: "with an OCI manifest that is an index",
    content: JSON.stringify({
      ...OCI_USUAL,
      OCIManifest: { ...(JSON.parse(ociImage.body.toString()) as object), manifests: [] },
    }),
    isNamed: true,
  },
  {
    name: "with an OCI manifest without media type",
    content: JSON.stringify({
      ...OCI_USUAL,
      OCIManifest: { ...(JSON.parse(ociImage.body.toString()) as object), mediaType: undefined },
    }),
  },
  {
    name: "with a manifest in odd spelling",
    content: usualText.replace(
      '"schemaVersion":2',
      '"x" : [ 1E3 ,"\\u00e9\\/<>" , { } ], "schemaVersion" : 2',
    ),
  },

  // Ref.
  { ...usual("without Ref", { Ref: undefined }), ours: "refuses" },
  { ...usual("with Ref null", { Ref: null }), ours: "refuses" },
  usual("with Ref of the wrong type", { Ref: 5 }, true),
  usual("with an empty Ref", { Ref: "" }, true),
  usual("with a Ref that is not normalised", { Ref: "team/app:v1" }, true),
  referring("without tag", "{host}/team/app"),
  referring("of another image", `{host}/${ociImage.name}`),
  referring("with a digest", `${ENTRY_NAME}@${image.digest}`),
  referring("of another registry", "{localhost}/team/app:v1"),
  usual("with a Ref in capitals", { Ref: "{host}/Team/app:v1" }, true),

  // Go reads keys in any case; the last one wins, objects are merged.
  { name: "with keys in other case", content: JSON.stringify(lowerKeys(USUAL)) },
  { name: "with Ref twice", content: usualText.replace("{", `{"Ref":"{host}/other/app:same",`) },
  {
    name: "with the manifest twice",
    content: usualText.replace(/}$/, `,"schemav2manifest":${COMPACT.replace('"size":', '"size":1')}}`),
  },
  { name: "with a long s in a key", content: usualText.replace('"size":', '"\u017fize":') },
  { name: "with a key escaped", content: usualText.replace('"Ref"', '"\\u0052ef"') },
  {
    name: "with a manifest's keys in other case",
    content: usualText.replaceAll('"layers"', '"LAYERS"').replaceAll('"digest"', '"Digest"'),
  },

  // What is no JSON object.
  text("empty", ""),
  text("cut off", usualText.slice(0, 400)),
  text("followed by more", `${usualText}x`),
  text("twice", usualText + usualText),
  text("behind a byte order mark", `\ufeff${usualText}`),
  { name: "null", content: "null", ours: "refuses" },
  { name: "an empty object", content: "{}", ours: "refuses" },
  text("an array", "[]"),
  text("with a trailing comma", usualText.replace(/}$/, ",}")),
  text(
    "with invalid UTF-8",
    Buffer.concat([
      Buffer.from(usualText.slice(0, -1)),
      Buffer.from(',"x":"'),
      Buffer.from([0xff]),
      Buffer.from('"}'),
    ]),
    false,
  ),
  text(
    "with invalid UTF-8 in its platform",
    Buffer.from(usualText.replace('"linux"', '"linux","variant":"\u00ff\u00c3("'), "latin1"),
    false,
  ),
  text("with control characters in a string", usualText.replace('"linux"', '"linux","variant":"\t"')),
];

function lowerKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(lowerKeys);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key.toLowerCase(), lowerKeys(member)]),
  );
}
