import { digestOf } from "../../src/oci/digest.js";
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from "../../src/oci/mediaTypes.js";
import type { SeedImage } from "../helpers/images.js";

/** What `imagetools inspect` is compared on: images, lists, attestations and oddities of all kinds, each under a tag. */

const REPOSITORY = "team/app";
const OCI_CONFIG = "application/vnd.oci.image.config.v1+json";
const DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json";
const OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip";
const IN_TOTO = "application/vnd.in-toto+json";
const DSSE = "application/vnd.in-toto.provenance+dsse";
const SPDX_DSSE = "application/vnd.in-toto.spdx+dsse";
const SPDX = "https://spdx.dev/Document";
const SLSA_1 = "https://slsa.dev/provenance/v1";
const SLSA_02 = "https://slsa.dev/provenance/v0.2";

function described(mediaType: string, bytes: Buffer, more: object = {}): object {
  return { mediaType, digest: digestOf(bytes), size: bytes.byteLength, ...more };
}

function toBytes(value: unknown): Buffer {
  return Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
}

interface ManifestOptions {
  readonly type?: typeof DOCKER_MANIFEST | typeof OCI_MANIFEST;
  readonly configType?: string;
  /** As JSON, or as a value. */
  readonly config?: unknown;
  /** What the descriptor of the config says besides. */
  readonly configMore?: object;
  readonly layers?: readonly (readonly [mediaType: string, content: unknown, more?: object])[];
  readonly more?: object;
  /** Not in the registry. */
  readonly withoutConfig?: boolean;
}

function manifest(tag: string, options: ManifestOptions = {}): SeedImage {
  const { type = OCI_MANIFEST, config = { architecture: "amd64", os: "linux" }, more = {} } = options;
  const configType = options.configType ?? (type === OCI_MANIFEST ? OCI_CONFIG : DOCKER_CONFIG);
  const layers = (options.layers ?? [[OCI_LAYER, `layer of ${tag}`]]).map(([mediaType, content, extra]) => ({
    bytes: toBytes(content),
    descriptor: described(mediaType, toBytes(content), extra),
  }));
  const configBytes = toBytes(config);
  const body = toBytes({
    schemaVersion: 2,
    mediaType: type,
    config: described(configType, configBytes, options.configMore),
    layers: layers.map(({ descriptor }) => descriptor),
    ...more,
  });
  const blobs = [
    ...(options.withoutConfig === true ? [] : [configBytes]),
    ...layers.map(({ bytes }) => bytes),
  ];
  return seeded(tag, type, body, blobs);
}

function seeded(tag: string, mediaType: string, body: Buffer, blobs: readonly Buffer[]): SeedImage {
  return {
    name: `${REPOSITORY}:${tag}`,
    repository: REPOSITORY,
    tag,
    digest: digestOf(body),
    mediaType,
    body,
    blobs,
  };
}

type Child = readonly [image: SeedImage, more?: object];

function index(
  tag: string,
  children: readonly Child[],
  { type = OCI_INDEX, more = {} }: { readonly type?: string; readonly more?: object } = {},
): SeedImage {
  const manifests = children.map(([{ mediaType, body }, extra]) => described(mediaType, body, extra));
  return seeded(tag, type, toBytes({ schemaVersion: 2, mediaType: type, manifests, ...more }), []);
}

function on(os: string, architecture: string, more: object = {}): { platform: object } {
  return { platform: { architecture, os, ...more } };
}

/** A predicate with numbers, order and characters that do not stay as they are. */
const PREDICATE = `{"z":1,"a":{"big":123456789012345678,"e":1e21,"one":1.0,"small":0.0000001,"minus":-0,"text":"<&>\\u2028\\ud800é"},
  "buildDefinition":{"buildType":"https://example.com/build","resolvedDependencies":[{"uri":"pkg:docker/alpine@3"},{"uri":"pkg:docker/busybox"}]},"list":[true,null,"x",[]],"none":{}}`;
const SBOM = {
  SPDXID: "SPDXRef-DOCUMENT",
  packages: [{ name: "musl", versionInfo: "1.2" }, { name: "busybox" }],
};

function statement(predicate: string): string {
  return `{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"x","subject":[],"predicate":${predicate}}`;
}

function enveloped(text: string): object {
  return {
    payloadType: IN_TOTO,
    payload: Buffer.from(text).toString("base64"),
    signatures: [{ sig: "AAAA" }],
  };
}

function predicateType(type: string): object {
  return { annotations: { "in-toto.io/predicate-type": type } };
}

function attestation(tag: string, layers: ManifestOptions["layers"]): SeedImage {
  return manifest(tag, {
    config: { architecture: "unknown", os: "unknown", tag },
    ...(layers && { layers }),
  });
}

function about(image: SeedImage, more: object = {}): object {
  return {
    ...on("unknown", "unknown"),
    annotations: {
      "vnd.docker.reference.digest": image.digest,
      "vnd.docker.reference.type": "attestation-manifest",
      ...more,
    },
  };
}

const full = manifest("docker", {
  type: DOCKER_MANIFEST,
  config: {
    created: "2024-01-31T12:34:56.120000Z",
    author: "A <a@example.com>",
    architecture: "amd64",
    os: "linux",
    docker_version: "20.10",
    container_config: { Cmd: ["x"] },
    config: {
      User: "1000:1000",
      Hostname: "",
      ExposedPorts: { "8080/tcp": {}, "53/udp": null },
      Env: ["PATH=/bin", "A=<b>&c"],
      Entrypoint: ["/bin/app"],
      Cmd: ["--serve", "a b"],
      Volumes: { "/data": {}, "/cache": {} },
      WorkingDir: "/work",
      Labels: {
        "org.opencontainers.image.revision": "0123456789abcdef",
        "org.opencontainers.image.title": 'a "title" \u2028 é',
        "io.example.empty": "",
      },
      StopSignal: "SIGTERM",
      ArgsEscaped: true,
      OnBuild: null,
      Healthcheck: { Test: ["CMD", "true"], Interval: 30000000000 },
    },
    rootfs: { type: "layers", diff_ids: [`sha256:${"1".repeat(64)}`, `sha256:${"2".repeat(64)}`] },
    history: [
      {
        created: "2024-01-31T12:34:56Z",
        created_by: "ADD <file> /",
        author: "x",
        comment: "buildkit.dockerfile.v0",
      },
      { created: "2024-01-31T14:34:56.123456789123+02:00", created_by: "CMD", empty_layer: true },
      {},
      null,
    ],
  },
});
const sparse = manifest("oci", {
  config: {
    os: "linux",
    Architecture: "arm64",
    variant: "v8",
    rootfs: {},
    config: { Env: null, Labels: {} },
  },
  more: { annotations: { "org.opencontainers.image.title": "x" } },
});
const windows = manifest("windows", {
  config: {
    created: "0001-01-01T00:00:00Z",
    architecture: "amd64",
    os: "windows",
    "os.version": "10.0.17763.1",
    "os.features": ["win32k", "b"],
    config: { Cmd: [] },
    rootfs: { type: "layers", diff_ids: [] },
  },
});
const arm = manifest("arm", {
  config: { architecture: "arm", os: "linux", created: "2024-02-29T00:00:00-00:00" },
});
const x86 = manifest("x86", { config: { architecture: "i386", os: "Linux" } });
const nothing = manifest("nothing", { config: "null" });
const embedded = manifest("embedded", {
  config: { architecture: "amd64", os: "linux", author: "embedded" },
  configMore: {
    data: toBytes({ architecture: "amd64", os: "linux", author: "embedded" }).toString("base64"),
  },
});
const helm = manifest("helm", {
  configType: "application/vnd.cncf.helm.config.v1+json",
  config: { name: "chart", version: "1.0.0", description: "x" },
  layers: [["application/vnd.cncf.helm.chart.content.v1.tar+gzip", "chart"]],
});
const artifact = manifest("artifact", {
  configType: "application/vnd.oci.empty.v1+json",
  config: "{}",
  configMore: { data: "e30=" },
  layers: [["text/plain", "hello"]],
  more: { artifactType: "application/vnd.example.thing", annotations: { a: "b" } },
});

const spdx = (name: string, kind = IN_TOTO): readonly [string, unknown, object] => {
  const text = statement(JSON.stringify({ ...SBOM, name }));
  return [kind, kind === IN_TOTO ? text : enveloped(text), predicateType(SPDX)];
};
const slsa = (type: string, predicate: string, kind = IN_TOTO): readonly [string, unknown, object] => {
  const text = statement(predicate);
  return [kind, kind === IN_TOTO ? text : enveloped(text), predicateType(type)];
};

const both = attestation("both", [
  spdx("one"),
  slsa(SLSA_1, PREDICATE),
  spdx("two"),
  [OCI_LAYER, "not a statement"],
]);
const old = attestation("old", [
  slsa(
    SLSA_02,
    `{"buildType":"https://mobyproject.org/buildkit@v1","materials":[{"uri":"pkg:docker/x"}],"metadata":{}}`,
  ),
  slsa(SLSA_1, `{"second":"is not shown"}`),
]);
const signed = attestation("signed", [spdx("signed", SPDX_DSSE), slsa(SLSA_1, PREDICATE, DSSE)]);
const other = attestation("other", [
  [IN_TOTO, statement(`{"x":1}`), predicateType("https://cyclonedx.org/bom")],
  ["application/json", statement(`{"x":1}`), predicateType(SPDX)],
]);
const valueless = attestation("valueless", [
  [IN_TOTO, `{"_type":"x"}`, predicateType(SPDX)],
  [IN_TOTO, statement("null"), predicateType(SLSA_1)],
]);
const broken = attestation("broken", [
  [IN_TOTO, `{"predicate": `, predicateType(SPDX)],
  [IN_TOTO, statement("1e999"), predicateType(SLSA_1)],
]);

const inner = index("inner", [
  [arm, on("linux", "arm", { variant: "v6" })],
  [sparse, on("linux", "arm64", { variant: "v8" })],
  [both, about(sparse)],
]);

/** In the order in which a registry takes them: what an index names is there before it. */
export const contents: readonly SeedImage[] = [
  ...[full, sparse, windows, arm, x86, nothing, embedded, helm, artifact],
  ...[both, old, signed, other, valueless, broken, inner],
  index("single", [
    [full, on("linux", "amd64")],
    [both, about(full)],
  ]),
  index("single-old", [
    [full, on("linux", "amd64")],
    [old, about(full)],
  ]),
  index("single-plain", [[sparse, on("linux", "arm64")]]),
  index("single-other", [
    [full, on("linux", "amd64")],
    [other, about(full)],
  ]),
  index("single-valueless", [
    [full, on("linux", "amd64")],
    [valueless, about(full)],
  ]),
  index("single-broken", [
    [full, on("linux", "amd64")],
    [broken, about(full)],
  ]),
  index(
    "multi",
    [
      [full, on("linux", "amd64")],
      [sparse, on("linux", "arm64")],
      [arm, on("linux", "arm")],
      [both, about(full)],
      [signed, about(sparse)],
    ],
    { more: { annotations: { "org.opencontainers.image.version": "1 <2>", b: "" } } },
  ),
  index("multi-plain", [
    [full, on("linux", "amd64")],
    [sparse, on("linux", "arm64", { variant: "v8" })],
  ]),
  index("multi-valueless", [
    [full, on("linux", "amd64")],
    [sparse, on("linux", "arm64")],
    [valueless, about(full)],
  ]),
  index("old-reference", [
    [full, on("linux", "amd64")],
    [sparse, on("linux", "arm64")],
    [both, { ...on("unknown", "unknown"), annotations: { "com.docker.reference.digest": full.digest } }],
    [old, about(arm)],
  ]),
  index(
    "docker-list",
    [
      [full, on("linux", "amd64")],
      [windows, on("windows", "amd64", { "os.version": "10.0.17763.1", "os.features": ["win32k", "x"] })],
      [sparse, { annotations: { "not.shown": "x" } }],
      [
        arm,
        {
          ...on("linux", "arm", { variant: "v7" }),
          annotations: { z: "tab\there", a: "", "long.key.that.is.wide": "é\u{1f680}" },
        },
      ],
      // Alone: buildx has several in any order.
      [arm, { ...on("linux", "arm", { variant: "v6" }), annotations: { a: "two\nlines" } }],
      [arm, { ...on("linux", "arm", { variant: "v5" }), annotations: { m: "\u000b\f|\tx" } }],
      [x86, on("linux", "386", { features: ["sse4"] })],
    ],
    { type: DOCKER_LIST },
  ),
  index("annotated", [
    [full, { ...on("linux", "amd64"), annotations: { b: "1", a: "2" } }],
    [sparse, { ...on("linux", "arm64"), annotations: { key: "value" }, artifactType: "a/b" }],
    [windows, { ...on("windows", "amd64"), data: windows.body.toString("base64") }],
  ]),
  index("unsaid", [[full], [sparse], [arm], [x86]]),
  index("artifacts", [
    [helm],
    [artifact, { artifactType: "application/vnd.example.thing" }],
    [full, on("linux", "amd64")],
  ]),
  index("names", [
    [full, on("", "amd64")],
    [sparse, on("linux", "")],
    [arm, on("Linux", "ARMHF")],
    [windows, on("macos", "aarch64", { variant: "v9.0" })],
    [x86, on("a/../b", "c//d")],
  ]),
  index("null-config", [
    [nothing, on("linux", "amd64")],
    [sparse, on("linux", "arm64")],
  ]),
  index("nested", [
    [inner, { annotations: { a: "b" } }],
    [full, on("linux", "amd64")],
    [old, about(full)],
  ]),
  index("empty", []),
  seeded("bare", OCI_INDEX, toBytes(`{"schemaVersion":2,"manifests":[]}`), []),
  seeded(
    "null-list",
    OCI_INDEX,
    toBytes(`{"schemaVersion":2,"mediaType":"${OCI_INDEX}","manifests":null}\n`),
    [],
  ),
  index("referring", [[full, on("linux", "amd64")]], {
    more: {
      artifactType: "application/vnd.example.list",
      subject: described(full.mediaType, full.body),
      annotations: { a: "b" },
      unknown: { x: 1 },
    },
  }),
];

/** With manifests that are said to be elsewhere, too: buildx asks there first. */
export const elsewhere = index("elsewhere", [
  [full, { ...on("linux", "amd64"), urls: ["https://a.invalid/x", "https://b.invalid/y"] }],
  [sparse, { urls: ["https://a.invalid/"] }],
]);

/** By its digest alone: a blob that is no manifest. */
export const configDigest = digestOf(full.blobs[0] ?? Buffer.alloc(0));

/** buildx's text with the lines of annotations in the order of their keys, for it has them in any. */
export function inKeyOrder(text: string): string {
  if (!text.startsWith("Name:")) return text;
  return text.replace(
    /(?:^ {4}\S.*\n)+/gm,
    (lines) => `${lines.slice(0, -1).split("\n").sort().join("\n")}\n`,
  );
}
