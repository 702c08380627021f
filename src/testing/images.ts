import { digestOf } from "../oci/digest.js";
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from "../oci/mediaTypes.js";
import type { Descriptor } from "./schemas.js";

/** What kind of manifest to build: docker's schema 2, or OCI's. */
export type Kind = "docker" | "oci";

/** An image that is made up. */
export interface ImageOptions {
  /** The tag that names the image. Default: none. */
  readonly tag?: string | undefined;
  /** `docker` by default. */
  readonly kind?: Kind | undefined;
  /** `linux` by default. */
  readonly os?: string | undefined;
  /** `amd64` by default. */
  readonly architecture?: string | undefined;
  /** The variant of the architecture, such as `v7`. Default: none. */
  readonly variant?: string | undefined;
  /** `os.version` of the config. Default: none. */
  readonly osVersion?: string | undefined;
  /** `os.features` of the config. Default: none. */
  readonly osFeatures?: readonly string[] | undefined;
  /** Contents, or how many small made-up ones; one by default. They are stored as they are. */
  readonly layers?: number | readonly (string | Uint8Array)[] | undefined;
  /** How many layers come first that have only URLs and no content here, like those of Windows. */
  readonly foreignLayers?: number | undefined;
  /** Makes made-up layers differ between images of the same platform. */
  readonly seed?: string | undefined;
  /** What the image is about, for the referrers API. */
  readonly subject?: Descriptor | undefined;
  /** What the manifest is, as a media type. Default: none. */
  readonly artifactType?: string | undefined;
  /** Annotations of the manifest. Default: none. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** A list that is made up. */
export interface ListOptions {
  /** The tag that names the list. Default: none. */
  readonly tag?: string | undefined;
  /** `docker` by default. */
  readonly kind?: Kind | undefined;
  /** The entries, in this order. */
  readonly children: readonly Built[];
  /** Annotations of the list. Default: none. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** A manifest that was built and stored. */
export interface Built extends Descriptor {
  /** The manifest's exact bytes. */
  readonly body: Buffer;
  /** Digests of config and layers, in the manifest's order, foreign layers left out. */
  readonly blobs: readonly string[];
  /** The platform, as a list has it. */
  readonly platform: Readonly<Record<string, unknown>> | undefined;
}

interface Types {
  readonly manifest: string;
  readonly list: string;
  readonly config: string;
  readonly layer: string;
  readonly foreignLayer: string;
}

const TYPES: Readonly<Record<Kind, Types>> = {
  docker: {
    manifest: DOCKER_MANIFEST,
    list: DOCKER_LIST,
    config: "application/vnd.docker.container.image.v1+json",
    layer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
    foreignLayer: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
  },
  oci: {
    manifest: OCI_MANIFEST,
    list: OCI_INDEX,
    config: "application/vnd.oci.image.config.v1+json",
    layer: "application/vnd.oci.image.layer.v1.tar+gzip",
    foreignLayer: "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
  },
};

/** An image's manifest and the contents of its blobs. */
export function buildImage(options: ImageOptions): { built: Built; contents: Buffer[] } {
  const types = TYPES[options.kind ?? "docker"];
  const platform = platformOf(options);
  const label = `${JSON.stringify(platform)} ${options.seed ?? ""}`;
  const layers = layerContents(options.layers ?? 1, label);
  const foreign = Array.from({ length: options.foreignLayers ?? 0 }, (_, index) =>
    foreignLayer(types.foreignLayer, `foreign layer ${index} of ${label}`),
  );
  const config = json({
    created: "1970-01-01T00:00:00Z",
    ...platform,
    config: {},
    rootfs: { type: "layers", diff_ids: [...foreign.map(({ digest }) => digest), ...layers.map(digestOf)] },
  });
  const body = json({
    schemaVersion: 2,
    mediaType: types.manifest,
    artifactType: options.artifactType,
    config: describe(types.config, config),
    layers: [...foreign, ...layers.map((layer) => describe(types.layer, layer))],
    subject: options.subject,
    annotations: options.annotations,
  });
  const contents = [config, ...layers];
  const built = { ...describe(types.manifest, body), body, blobs: contents.map(digestOf), platform };
  return { built, contents };
}

/** A list of manifests, with their platforms. */
export function buildList({ kind = "docker", children, annotations }: ListOptions): Built {
  const { list } = TYPES[kind];
  const manifests = children.map(({ mediaType, digest, size, platform }) => ({
    mediaType,
    digest,
    size,
    platform,
  }));
  const body = json({ schemaVersion: 2, mediaType: list, manifests, annotations });
  return { ...describe(list, body), body, blobs: [], platform: undefined };
}

function platformOf(options: ImageOptions): Record<string, unknown> {
  return {
    architecture: options.architecture ?? "amd64",
    os: options.os ?? "linux",
    ...(options.osVersion === undefined ? {} : { "os.version": options.osVersion }),
    ...(options.osFeatures === undefined ? {} : { "os.features": options.osFeatures }),
    ...(options.variant === undefined ? {} : { variant: options.variant }),
  };
}

function layerContents(layers: number | readonly (string | Uint8Array)[], label: string): Buffer[] {
  if (typeof layers !== "number") return layers.map((layer) => Buffer.from(layer));
  return Array.from({ length: layers }, (_, index) => Buffer.from(`layer ${index} of ${label}\n`));
}

function foreignLayer(mediaType: string, content: string): Descriptor {
  const descriptor = describe(mediaType, Buffer.from(content));
  return { ...descriptor, urls: [`https://layers.example/${descriptor.digest}`] };
}

function describe(mediaType: string, bytes: Uint8Array): Descriptor {
  return { mediaType, size: bytes.byteLength, digest: digestOf(bytes) };
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value, undefined, 3));
}
