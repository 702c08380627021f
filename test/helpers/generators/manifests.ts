import fc from "fast-check";
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from "../../../src/oci/mediaTypes.js";
import { anyJson, damaged } from "./jsonTexts.js";

/** Manifests, lists and store entries: sound ones, wrong types in every place, and damaged bytes. */

export const contentType: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(DOCKER_MANIFEST, DOCKER_LIST, OCI_MANIFEST, OCI_INDEX),
  fc.constantFrom("", "application/json", `${OCI_INDEX}; charset=utf-8`, DOCKER_MANIFEST.toUpperCase()),
  fc.string({ maxLength: 40, unit: "binary" }),
);

const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom(null, -1, 1e300, 2 ** 53, 0.5, "", [], {}),
);
const or = (arbitrary: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 12, arbitrary }, { weight: 1, arbitrary: anything });
const text = or(
  fc.oneof(fc.string({ maxLength: 10 }), fc.constantFrom("linux", "amd64", "\u001b[2J\u202e", "__proto__")),
);
const digest = or(
  fc.oneof(
    fc.stringMatching(/^[0-9a-f]{64}$/).map((hex) => `sha256:${hex}`),
    fc.constantFrom("sha256:0", "md5:00", "", "sha512:"),
  ),
);

const platform = fc.record(
  {
    architecture: text,
    os: text,
    "os.version": text,
    "os.features": or(fc.array(text, { maxLength: 3 })),
    variant: text,
    ["__proto__"]: anything,
  },
  { requiredKeys: [] },
);

const descriptor = fc.record(
  {
    mediaType: text,
    digest,
    size: or(fc.oneof(fc.nat(), fc.constantFrom(-1, 2 ** 53 - 1))),
    urls: or(fc.array(text, { maxLength: 2 })),
    annotations: or(fc.dictionary(fc.string({ maxLength: 5 }), text, { maxKeys: 3 })),
    data: or(fc.base64String({ maxLength: 12 })),
    platform: or(platform),
    artifactType: text,
    SIZE: or(fc.nat()),
  },
  { requiredKeys: [] },
);

const imageOf = (mediaType: fc.Arbitrary<unknown>) =>
  fc.record(
    {
      schemaVersion: or(fc.constant(2)),
      mediaType,
      config: or(descriptor),
      layers: or(fc.array(or(descriptor), { maxLength: 4 })),
      annotations: or(fc.dictionary(fc.string({ maxLength: 5 }), text, { maxKeys: 2 })),
      constructor: anything,
    },
    { requiredKeys: ["mediaType"] },
  );

const image = imageOf(or(fc.constantFrom(DOCKER_MANIFEST, OCI_MANIFEST)));
const list = fc.record(
  {
    schemaVersion: or(fc.constant(2)),
    mediaType: or(fc.constantFrom(DOCKER_LIST, OCI_INDEX)),
    manifests: or(fc.array(or(descriptor), { maxLength: 6 })),
  },
  { requiredKeys: ["manifests"] },
);

const spelled = (value: fc.Arbitrary<unknown>) =>
  fc
    .tuple(value, fc.constantFrom(undefined, 1, 3, "\t"))
    .map(([object, indent]) => Buffer.from(JSON.stringify(object, undefined, indent)));
const orWorse = (sound: fc.Arbitrary<Buffer>) =>
  fc.oneof(
    { weight: 6, arbitrary: sound },
    { weight: 3, arbitrary: damaged(sound) },
    { weight: 1, arbitrary: anyJson },
  );

export const manifestBytes: fc.Arbitrary<Buffer> = orWorse(spelled(fc.oneof(image, list)));

const ref = or(
  fc.oneof(
    fc.constantFrom(
      "docker.io/library/a:latest",
      "x.example/a/b:v1",
      "x.example/a/b",
      "a",
      "../../x",
      "x.example/A",
    ),
    fc.string({ maxLength: 12 }),
  ),
);
const entry = fc.record(
  {
    Ref: ref,
    Descriptor: or(descriptor),
    Raw: or(fc.base64String({ maxLength: 40 })),
    SchemaV2Manifest: or(imageOf(fc.constant(DOCKER_MANIFEST))),
    OCIManifest: or(imageOf(fc.constant(OCI_MANIFEST))),
    Digest: digest,
    Platform: or(platform),
    raw: anything,
    ["__proto__"]: anything,
  },
  { requiredKeys: ["Ref"] },
);
const usualEntry = fc.record(
  {
    Ref: fc.constantFrom("docker.io/library/a:latest", "x.example/a/b:v1", "x.example/a/b"),
    Descriptor: descriptor,
    Raw: fc.base64String({ maxLength: 40 }),
    SchemaV2Manifest: imageOf(fc.constant(DOCKER_MANIFEST)),
  },
  { requiredKeys: ["Ref"] },
);

/** What could be in the file of an entry. */
export const entryBytes: fc.Arbitrary<Buffer> = orWorse(spelled(fc.oneof(usualEntry, entry)));
