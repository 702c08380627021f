import { digestOf } from "../../src/oci/digest.js";
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from "../../src/oci/mediaTypes.js";

/** Content for registries that tests compare: the same bytes in each, whatever their host and port. */
export interface SeedImage {
  /** `repository:tag` */
  readonly name: string;
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
  readonly mediaType: string;
  readonly body: Buffer;
  readonly blobs: readonly Buffer[];
}

const DOCKER_CONFIG_TYPE = "application/vnd.docker.container.image.v1+json";
const DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip";
const FOREIGN_LAYER = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
const OCI_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json";
const OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip";

interface Sizes {
  readonly mediaType: string;
  readonly size: number;
  readonly digest: string;
}

/** The parts of a manifest, for those who write one by hand. */
export interface Parts {
  readonly config: Sizes;
  readonly layers: readonly Sizes[];
}

function describeBytes(mediaType: string, bytes: Buffer): Sizes {
  return { mediaType, size: bytes.byteLength, digest: digestOf(bytes) };
}

export interface SeedOptions {
  readonly kind?: "docker" | "oci";
  /** The image config, as an object or as text. */
  readonly config?: object | string;
  readonly layers?: readonly string[];
  /** Writes the manifest's bytes; pretty-printed JSON by default. */
  readonly write?: (parts: Parts) => string | Buffer;
  readonly foreignLayers?: number;
}

/** An image of made-up layers. */
export function seedImage(name: string, options: SeedOptions = {}): SeedImage {
  const { kind = "docker", config = { architecture: "amd64", os: "linux" }, foreignLayers = 0 } = options;
  const layers = (options.layers ?? [`layer of ${name}\n`, "a layer that many images share\n"]).map((text) =>
    Buffer.from(text),
  );
  const configBytes = Buffer.from(typeof config === "string" ? config : JSON.stringify(config));
  const isDocker = kind === "docker";
  const foreign = Array.from({ length: foreignLayers }, (_, index) => {
    const layer = describeBytes(FOREIGN_LAYER, Buffer.from(`foreign layer ${index}`));
    return { ...layer, urls: [`https://layers.example/${layer.digest}?a=1&b=<2>`] };
  });
  const parts: Parts = {
    config: describeBytes(isDocker ? DOCKER_CONFIG_TYPE : OCI_CONFIG_TYPE, configBytes),
    layers: [...foreign, ...layers.map((layer) => describeBytes(isDocker ? DOCKER_LAYER : OCI_LAYER, layer))],
  };
  const mediaType = isDocker ? DOCKER_MANIFEST : OCI_MANIFEST;
  const write =
    options.write ??
    (({ config, layers }) => JSON.stringify({ schemaVersion: 2, mediaType, config, layers }, undefined, 3));
  return named(name, mediaType, Buffer.from(write(parts)), [configBytes, ...layers]);
}

/** A list of images of the same repository. */
export function seedList(
  name: string,
  kind: "docker" | "oci",
  children: readonly {
    readonly image: SeedImage;
    readonly platform?: object;
    readonly annotations?: object;
  }[],
  more: object = {},
): SeedImage {
  const mediaType = kind === "docker" ? DOCKER_LIST : OCI_INDEX;
  const manifests = children.map(({ image, platform, annotations }) => ({
    mediaType: image.mediaType,
    size: image.body.byteLength,
    digest: image.digest,
    platform,
    annotations,
  }));
  return named(
    name,
    mediaType,
    Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests, ...more }, undefined, 2)),
    [],
  );
}

function named(name: string, mediaType: string, body: Buffer, blobs: readonly Buffer[]): SeedImage {
  const colon = name.lastIndexOf(":");
  return {
    name,
    repository: name.slice(0, colon),
    tag: name.slice(colon + 1),
    digest: digestOf(body),
    mediaType,
    body,
    blobs,
  };
}

/** Like `fetch`. */
export type Send = (url: string | URL, init: RequestInit) => Promise<Response>;

/** Puts content into a registry. `send` may add what the registry wants to see. */
export async function seed(url: string, images: readonly SeedImage[], send: Send = fetch): Promise<void> {
  for (const { repository, tag, mediaType, body, blobs } of images) {
    for (const blob of blobs) {
      const opened = await send(`${url}/v2/${repository}/blobs/uploads/`, { method: "POST" });
      const location = new URL(opened.headers.get("location") ?? "", url);
      location.searchParams.set("digest", digestOf(blob));
      await expectCreated(await send(location, { method: "PUT", body: new Uint8Array(blob) }), tag);
    }
    const answer = await send(`${url}/v2/${repository}/manifests/${tag}`, {
      method: "PUT",
      headers: { "content-type": mediaType },
      body: new Uint8Array(body),
    });
    await expectCreated(answer, `${repository}:${tag}`);
  }
}

async function expectCreated(response: Response, what: string): Promise<void> {
  if (response.status !== 201) {
    throw new Error(`cannot seed ${what}: ${response.status} ${await response.text()}`);
  }
}
