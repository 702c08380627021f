import { OCI_INDEX, OCI_MANIFEST } from "../../src/oci/mediaTypes.js";
import { digestOf } from "../../src/oci/digest.js";
import type { Built, ImageOptions, TestRegistry } from "../../src/testing/index.js";

/** Lists to look at: images on a common base, with attestations and signatures. */

const SLSA = "https://slsa.dev/provenance/v1";
const SPDX = "https://spdx.dev/Document";

/** A layer of so many bytes that no compression could make. */
export const layerOf = (name: string, size: number): string => `${name} `.padEnd(size, ".");

const LAYER = "application/vnd.oci.image.layer.v1.tar+gzip";
const BASE = layerOf("base", 3000);

interface Listed {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: Readonly<Record<string, unknown>> | undefined;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Stores an image whose lowest layer is the same in all of them. */
export function putOnBase(registry: TestRegistry, path: string, options: ImageOptions): Built {
  const { architecture = "amd64", seed = "" } = options;
  const own = layerOf(`app ${architecture} ${seed}`, 500);
  return registry.putImage(path, { kind: "oci", layers: [BASE, own], ...options });
}

/** Stores an artifact: a manifest whose layers have annotations. */
export function putArtifact(
  registry: TestRegistry,
  path: string,
  layers: readonly { readonly content: string; readonly type: string; readonly annotations?: object }[],
  more: object = {},
  tag?: string,
): Listed {
  const config = registry.putBlob(path, "{}", "application/vnd.oci.image.config.v1+json");
  const json = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config,
    layers: layers.map(({ content, type, annotations }) => ({
      ...registry.putBlob(path, content, type),
      ...(annotations && { annotations }),
    })),
    ...more,
  };
  return registry.putManifest(path, OCI_MANIFEST, JSON.stringify(json), tag);
}

/** An entry of an index, as BuildKit attests an image. */
export function putAttestation(registry: TestRegistry, path: string, image: Pick<Listed, "digest">): Listed {
  const statement = (predicateType: string) => ({
    content: JSON.stringify({ predicateType, about: image.digest }),
    type: "application/vnd.in-toto+json",
    annotations: { "in-toto.io/predicate-type": predicateType },
  });
  return {
    ...putArtifact(registry, path, [statement(SPDX), statement(SLSA)]),
    platform: { os: "unknown", architecture: "unknown" },
    annotations: {
      "vnd.docker.reference.type": "attestation-manifest",
      "vnd.docker.reference.digest": image.digest,
    },
  };
}

export function putIndex(
  registry: TestRegistry,
  path: string,
  manifests: readonly Listed[],
  { tag, ...more }: { readonly tag?: string; readonly annotations?: object } = {},
): Listed {
  const listed = manifests.map(({ mediaType, digest, size, platform, annotations }) => ({
    mediaType,
    digest,
    size,
    platform,
    annotations,
  }));
  const json = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: listed, ...more };
  return registry.putManifest(path, OCI_INDEX, JSON.stringify(json), tag);
}

export interface AttestedList {
  readonly amd64: Built;
  readonly arm64: Built;
  readonly attestation: Listed;
  /** By its subject. */
  readonly signature: Listed;
  /** By cosign's tag. */
  readonly tagged: Listed;
  readonly list: Listed;
}

/** `team/app:v1`: two images on one base; one is attested in the list and signed, the other signed by cosign's tag. */
export function putAttestedList(registry: TestRegistry, path = "team/app"): AttestedList {
  const amd64 = putOnBase(registry, path, { architecture: "amd64" });
  const arm64 = putOnBase(registry, path, { architecture: "arm64" });
  const attestation = putAttestation(registry, path, amd64);
  const { mediaType, digest, size } = amd64;
  const signature = putArtifact(
    registry,
    path,
    [{ content: "signed", type: "application/vnd.cncf.notary.envelope" }],
    { artifactType: "application/vnd.cncf.notary.signature", subject: { mediaType, digest, size } },
  );
  const tagged = putArtifact(
    registry,
    path,
    [{ content: "also signed", type: "application/vnd.dev.cosign.simplesigning.v1+json" }],
    {},
    `${arm64.digest.replace(":", "-")}.sig`,
  );
  const list = putIndex(registry, path, [amd64, arm64, attestation], {
    tag: "v1",
    annotations: { "org.opencontainers.image.version": "1.0" },
  });
  return { amd64, arm64, attestation, signature, tagged, list };
}

interface ConfiguredImage {
  readonly architecture?: string;
  /** Contents, or only how large they would be by their names; lowest first. */
  readonly layers: readonly (string | { readonly name: string; readonly size: number })[];
  /** Of the config: `Env`, `Entrypoint`, `Labels`. */
  readonly config?: object;
  readonly created?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Stores an image that says more of itself than its platform. */
export function putConfigured(registry: TestRegistry, path: string, image: ConfiguredImage): Listed {
  const {
    architecture = "amd64",
    layers,
    config = {},
    created = "2026-01-01T00:00:00Z",
    annotations,
  } = image;
  const platform = { os: "linux", architecture };
  const json = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: registry.putBlob(
      path,
      JSON.stringify({ created, ...platform, config, rootfs: { type: "layers", diff_ids: [] } }),
      "application/vnd.oci.image.config.v1+json",
    ),
    layers: layers.map((layer) =>
      typeof layer === "string"
        ? registry.putBlob(path, layer, LAYER)
        : { mediaType: LAYER, digest: digestOf(Buffer.from(layer.name)), size: layer.size },
    ),
    annotations,
  };
  return { ...registry.putManifest(path, OCI_MANIFEST, JSON.stringify(json)), platform };
}

export interface ChangedLists {
  /** `v1`: amd64 and arm64. `v2`: another amd64, the same arm64, and s390x. */
  readonly before: readonly Listed[];
  readonly after: readonly Listed[];
}

export function putChangedLists(registry: TestRegistry, path = "team/app"): ChangedLists {
  const before = putConfigured(registry, path, {
    layers: [BASE, layerOf("app 1", 700)],
    config: {
      Env: ["PATH=/bin", "OLD=1"],
      Entrypoint: ["/app"],
      Labels: { "org.example.a": "1" },
      User: "app",
    },
  });
  const after = putConfigured(registry, path, {
    layers: [BASE, layerOf("app 2", 900), layerOf("more", 100)],
    config: {
      Env: ["PATH=/usr/bin:/bin"],
      Entrypoint: ["/app", "--serve"],
      Labels: { "org.example.a": "1", "org.example.b": "2" },
      User: "app",
      ExposedPorts: { "80/tcp": {} },
    },
    created: "2026-02-01T00:00:00Z",
    annotations: { "org.example.note": "new" },
  });
  const arm64 = putConfigured(registry, path, { architecture: "arm64", layers: [BASE] });
  const s390x = putConfigured(registry, path, { architecture: "s390x", layers: [BASE] });
  const lists = { before: [before, arm64], after: [s390x, arm64, after] };
  putIndex(registry, path, lists.before, {
    tag: "v1",
    annotations: { "org.opencontainers.image.version": "1" },
  });
  putIndex(registry, path, lists.after, {
    tag: "v2",
    annotations: { "org.opencontainers.image.version": "2" },
  });
  return lists;
}

/** What docs/looking.md shows: `v1` and `v2` of an application, each for two platforms, attested; `v2` is signed. */
export function putReleases(registry: TestRegistry, path: string): void {
  const assets = { name: "assets", size: 12_600_000 };
  const imageOf = (architecture: string, version: string): Listed =>
    putConfigured(registry, path, {
      architecture,
      layers: [
        { name: `base ${architecture}`, size: 29_300_000 },
        assets,
        { name: `app ${architecture} ${version}`, size: version === "1" ? 4_100_000 : 4_400_000 },
      ],
      config: {
        Entrypoint: version === "1" ? ["/app"] : ["/app", "--serve"],
        Env: ["PATH=/usr/bin:/bin", ...(version === "1" ? ["MODE=slow"] : [])],
        Labels: { "org.opencontainers.image.version": version },
      },
      created: `2026-0${version}-01T00:00:00Z`,
    });
  const arm64 = imageOf("arm64", "1");
  for (const version of ["1", "2"]) {
    const images = [imageOf("amd64", version), arm64];
    const attestations = images.map((image) => putAttestation(registry, path, image));
    const { mediaType, digest, size } = putIndex(registry, path, [...images, ...attestations], {
      tag: `v${version}`,
    });
    if (version === "1") continue;
    putArtifact(
      registry,
      path,
      [{ content: "signed", type: "application/vnd.dev.cosign.simplesigning.v1+json" }],
      {},
      `${digest.replace(":", "-")}.sig`,
    );
    const subject = { mediaType, digest, size };
    const sbom = [{ content: "{}", type: "application/spdx+json" }];
    putArtifact(registry, path, sbom, { artifactType: "application/spdx+json", subject });
  }
}
