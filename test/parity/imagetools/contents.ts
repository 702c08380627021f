import { digestOf } from "../../../src/oci/digest.js";
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from "../../../src/oci/mediaTypes.js";
import type { Random } from "../generator.js";
import { CONFIG_PLATFORMS, ENTRY_PLATFORMS } from "./platforms.js";
import { spell } from "./spelling.js";

/** A manifest with all that comes with it. */
export interface Content {
  readonly kind: "image" | "index" | "artifact" | "referrer" | "broken" | "blob";
  readonly mediaType: string;
  readonly body: Buffer;
  readonly digest: string;
  readonly blobs: readonly Buffer[];
  readonly children: readonly Content[];
  /** What refers to it, in every repository that has it. */
  readonly referrers: Content[];
  /** As its config has it; undefined for an index. */
  readonly platform?: object | undefined;
}

export const ATTESTATION = "application/vnd.docker.attestation.manifest.v1+json";
export const COSIGN = "application/vnd.dev.cosign.artifact.sig.v1+json";
export const SIGSTORE = "application/vnd.dev.sigstore.bundle.v0.3+json";
/** Of which buildx takes no notice. */
const OTHER_TYPES = ["application/spdx+json", "application/vnd.example.report.v1+json"];

const DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json";
const DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip";
const OCI_CONFIG = "application/vnd.oci.image.config.v1+json";
const OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip";
const EMPTY = { mediaType: "application/vnd.oci.empty.v1+json", bytes: Buffer.from("{}") };
const INTOTO = "application/vnd.in-toto+json";
const LAYER_TYPES = new Map([
  [ATTESTATION, INTOTO],
  [COSIGN, "application/vnd.dev.cosign.simplesigning.v1+json"],
]);

const TEXTS = [
  "plain",
  "",
  '<a href="x">&amp;</a>',
  "\u2028\u2029 \u0007\u007f \u00fc \u{1f680} '\\",
  "2024-01-01T00:00:00Z",
  "a\tb\nc",
  "null",
];
const ANNOTATIONS = [
  "org.opencontainers.image.title",
  "org.opencontainers.image.created",
  "com.example.<key>",
  "Z",
  "a",
  "",
  "\u00e9\u2028",
];

/** A descriptor, with members that no descriptor has where a caller adds them. */
function describe(mediaType: string, bytes: Buffer, more: object = {}): object {
  return { mediaType, digest: digestOf(bytes), size: bytes.byteLength, ...more };
}

function contentOf(
  content: Pick<Content, "kind" | "mediaType"> &
    Partial<Pick<Content, "blobs" | "children" | "platform">> & { readonly text: string },
): Content {
  const { text, ...rest } = content;
  const body = Buffer.from(text);
  return { blobs: [], children: [], referrers: [], ...rest, body, digest: digestOf(body) };
}

export function someAnnotations(random: Random): Record<string, string> {
  return Object.fromEntries(random.some(ANNOTATIONS, 0.25).map((key) => [key, random.pick(TEXTS)]));
}

/** An image of docker's or of OCI's; its layers are small, and some are those of other images. */
export function anImage(random: Random): Content {
  const isDocker = random.chance(0.45);
  const platform = random.weighted(CONFIG_PLATFORMS);
  const layers = Array.from({ length: 1 + random.below(3) }, () =>
    Buffer.from(random.chance(0.5) ? `layer ${random.next()}\n` : `shared layer ${random.below(4)}\n`),
  );
  // As in images that repeat an instruction.
  if (random.chance(0.1)) layers.push(...layers);
  const config = Buffer.from(
    spell(random, {
      created: "2024-01-01T00:00:00.120Z",
      ...platform,
      config: { Env: ["PATH=/bin"], Labels: someAnnotations(random) },
      rootfs: { type: "layers", diff_ids: layers.map(digestOf) },
    }),
  );
  const mediaType = isDocker ? DOCKER_MANIFEST : OCI_MANIFEST;
  const configType = isDocker ? DOCKER_CONFIG : OCI_CONFIG;
  const text = spell(random, {
    schemaVersion: 2,
    // Optional for OCI's, and left out by some programs.
    ...((isDocker || random.chance(0.8)) && { mediaType }),
    config: describe(configType, config, random.chance(0.05) ? { data: config.toString("base64") } : {}),
    layers: layers.map((layer) => {
      const type = isDocker ? DOCKER_LAYER : OCI_LAYER;
      const annotations = random.chance(0.1) ? someAnnotations(random) : undefined;
      return describe(type, layer, annotations && { annotations });
    }),
    ...(random.chance(0.3) && { annotations: someAnnotations(random) }),
    ...(random.chance(0.1) && { "x-unknown": [1e21, { "<": null }] }),
  });
  return contentOf({ kind: "image", mediaType, text, blobs: [config, ...layers], platform });
}

/** A Helm chart, an SBOM, …: a manifest whose config says nothing of a platform. */
export function anArtifact(random: Random): Content {
  const layer = Buffer.from(`artifact ${random.next()}`);
  const data = random.chance(0.5) ? { data: "e30=" } : {};
  const [config, more] = random.pick([
    [describe(EMPTY.mediaType, EMPTY.bytes, data), { artifactType: "application/vnd.example.thing" }],
    [describe("application/vnd.cncf.helm.config.v1+json", EMPTY.bytes), {}],
  ]);
  const text = spell(random, {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    ...more,
    config,
    layers: [describe("text/plain", layer)],
  });
  return contentOf({
    kind: "artifact",
    mediaType: OCI_MANIFEST,
    text,
    blobs: [EMPTY.bytes, layer],
    platform: {},
  });
}

/** What refers to another manifest, as the programs that write such things have it. */
export function aReferrer(random: Random, subject: Content, artifactType: string): Content {
  const layer = Buffer.from(`{"about":"${subject.digest}","nonce":${random.next()}}`);
  const isByConfig = artifactType !== ATTESTATION && random.chance(0.3);
  const config = Buffer.from(isByConfig ? `{"nonce":${random.next()}}` : EMPTY.bytes);
  const text = spell(random, {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    ...(!isByConfig && { artifactType }),
    config: describe(isByConfig ? artifactType : EMPTY.mediaType, config),
    layers: [
      describe(LAYER_TYPES.get(artifactType) ?? artifactType, layer, { annotations: { kind: "test" } }),
    ],
    subject: describe(subject.mediaType, subject.body),
    ...(random.chance(0.5) && { annotations: someAnnotations(random) }),
  });
  return contentOf({
    kind: "referrer",
    mediaType: OCI_MANIFEST,
    text,
    blobs: [config, layer],
    platform: {},
  });
}

/** Attaches attestations, signatures and things that are neither. */
export function attachReferrers(random: Random, subject: Content): void {
  const types = [
    ...(random.chance(0.35) ? [ATTESTATION] : []),
    ...(random.chance(0.3) ? [COSIGN] : []),
    ...(random.chance(0.2) ? [SIGSTORE] : []),
    ...(random.chance(0.2) ? [random.pick(OTHER_TYPES)] : []),
  ];
  for (const type of types) {
    const referrer = aReferrer(random, subject, type);
    // A signature of an attestation.
    if (random.chance(0.1)) referrer.referrers.push(aReferrer(random, referrer, COSIGN));
    subject.referrers.push(referrer);
  }
}

/** BuildKit's attestation of an image, as an entry beside it. */
function attestationOf(random: Random, image: Content): { content: Content; entry: object } {
  const config = Buffer.from(spell(random, { architecture: "unknown", os: "unknown", nonce: random.next() }));
  const layer = Buffer.from(`{"_type":"https://in-toto.io/Statement/v0.1","nonce":${random.next()}}`);
  // BuildKit's `oci-artifact=true`: it is a referrer as well.
  const isReferrer = random.chance(0.25);
  const text = spell(random, {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    ...(isReferrer && { artifactType: ATTESTATION, subject: describe(image.mediaType, image.body) }),
    config: describe(OCI_CONFIG, config),
    layers: [
      describe(INTOTO, layer, {
        annotations: { "in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2" },
      }),
    ],
  });
  const platform = { architecture: "unknown", os: "unknown" };
  const content = contentOf({
    kind: "referrer",
    mediaType: OCI_MANIFEST,
    text,
    blobs: [config, layer],
    platform,
  });
  const about = random.weighted<string | undefined>([
    [20, image.digest],
    [1, "sha256:1234"],
    [1, `sha256:${"0".repeat(64)}`],
    [1, undefined],
  ]);
  const entry = describe(OCI_MANIFEST, content.body, {
    annotations: {
      ...(about !== undefined && { "vnd.docker.reference.digest": about }),
      "vnd.docker.reference.type": random.chance(0.95) ? "attestation-manifest" : "something-else",
      ...(random.chance(0.2) && someAnnotations(random)),
    },
    platform,
  });
  return { content, entry };
}

/** An index or docker's list of some of these. */
export function anIndex(random: Random, pool: readonly Content[]): Content {
  const count = random.weighted([
    [1, 0],
    [3, 1],
    [6, 2],
    [5, 3],
    [3, 5],
  ]);
  const chosen = Array.from({ length: count }, () => random.pick(pool));
  const children: Content[] = [...chosen];
  const entries = chosen.map((child) => entryOf(random, child));
  const isDocker = chosen.every(({ mediaType }) => mediaType.includes("docker"))
    ? random.chance(0.8)
    : random.chance(0.05);
  const images = chosen.filter(({ kind }) => kind === "image");
  const attested = random.chance(isDocker ? 0.1 : 0.5) ? random.some(images, 0.8) : [];
  for (const { content, entry } of attested.map((image) => attestationOf(random, image))) {
    children.push(content);
    // BuildKit puts them behind the images; others do not.
    entries.splice(random.chance(0.9) ? entries.length : random.below(entries.length + 1), 0, entry);
  }
  if (random.chance(0.05)) {
    // A build cache: an index of blobs.
    const layer = Buffer.from(`cached ${random.next()}`);
    entries.push(describe(OCI_LAYER, layer));
    children.push(cached(layer));
  }
  const mediaType = isDocker ? DOCKER_LIST : OCI_INDEX;
  const text = spell(random, {
    schemaVersion: 2,
    ...((isDocker || random.chance(0.85)) && { mediaType }),
    ...(random.chance(0.05) && { artifactType: "application/vnd.example.list" }),
    manifests: entries,
    ...(random.chance(0.35) && { annotations: someAnnotations(random) }),
    ...(random.chance(0.05) && { "x-unknown": {} }),
  });
  return contentOf({ kind: "index", mediaType, text, children });
}

/** Nothing but a blob, where a child is expected. */
function cached(layer: Buffer): Content {
  return contentOf({ kind: "blob", mediaType: OCI_LAYER, text: layer.toString(), blobs: [layer] });
}

function entryOf(random: Random, child: Content): object {
  const platform = random.weighted<object | null | undefined>([
    [10, child.platform],
    [5, random.pick(ENTRY_PLATFORMS)],
    [1, undefined],
    [0.3, null],
  ]);
  return describe(child.mediaType, child.body, {
    ...(random.chance(0.2) && { annotations: someAnnotations(random) }),
    // Nothing that buildx fetches from: it passes over what is neither http nor https.
    ...(random.chance(0.08) && { urls: ["ftp://mirror.example/a?b&c", "ipfs://x"] }),
    ...(random.chance(0.08) && { data: child.body.toString("base64") }),
    ...(random.chance(0.03) && { data: "" }),
    ...(random.chance(0.08) && { artifactType: "application/vnd.example.child" }),
    ...(random.chance(0.05) && { "x-unknown": "dropped" }),
    ...(platform !== undefined && { platform }),
  });
}

/** Manifests of which nothing can be made. */
export function aBrokenOne(random: Random): Content {
  const config = Buffer.from(
    random.pick(["no JSON", '{"os":5,"architecture":"amd64"}', "[]", '{"os":"linux"']),
  );
  return contentOf({
    kind: "broken",
    mediaType: OCI_MANIFEST,
    text: spell(random, {
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: describe(OCI_CONFIG, config),
      layers: [],
    }),
    blobs: [config],
  });
}
