import { gzipSync } from "node:zlib";
import { digestOf } from "../../src/oci/digest.js";
import { OCI_INDEX, OCI_MANIFEST } from "../../src/oci/mediaTypes.js";
import type { SeedImage } from "./images.js";

/**
 * Images as BuildKit makes them, with layers that can be unpacked: for programs that look at more than digests.
 * https://docs.docker.com/build/metadata/attestations/attestation-storage/
 */

const CONFIG = "application/vnd.oci.image.config.v1+json";
const LAYER = "application/vnd.oci.image.layer.v1.tar+gzip";
const FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
const IN_TOTO = "application/vnd.in-toto+json";
const PROVENANCE = "https://slsa.dev/provenance/v1";

interface Content {
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly more?: object;
}

/** An image with one layer, and with another one that its registry does not have, if that is wanted. */
export function realImage(
  name: string,
  architecture: string,
  options: { readonly foreign?: boolean } = {},
): SeedImage {
  const tar = tarOf("etc/name", `${name}\n`);
  const absent = tarOf("etc/foreign", "not to be distributed\n");
  const layers = options.foreign === true ? [absent, tar] : [tar];
  const config = {
    architecture,
    os: "linux",
    config: {},
    rootfs: { type: "layers", diff_ids: layers.map(digestOf) },
  };
  const urls = { urls: ["https://layers.example/absent"] };
  const contents = layers.map((bytes): Content =>
    bytes === absent
      ? { mediaType: FOREIGN, bytes: gzipSync(bytes), more: urls }
      : { mediaType: LAYER, bytes: gzipSync(bytes) },
  );
  return imageOf(name, { mediaType: CONFIG, bytes: json(config) }, contents);
}

/** What BuildKit says of how an image was made. */
export function attestationOf(image: SeedImage): SeedImage {
  const statement = json({
    _type: "https://in-toto.io/Statement/v0.1",
    predicateType: PROVENANCE,
    subject: [{ name: "_", digest: { sha256: image.digest.slice("sha256:".length) } }],
    predicate: { buildDefinition: { externalParameters: { of: image.name } } },
  });
  const config = json({
    architecture: "unknown",
    os: "unknown",
    rootfs: { type: "layers", diff_ids: [digestOf(statement)] },
  });
  const more = { annotations: { "in-toto.io/predicate-type": PROVENANCE } };
  return imageOf(`${image.name}-attestation`, { mediaType: CONFIG, bytes: config }, [
    { mediaType: IN_TOTO, bytes: statement, more },
  ]);
}

/** The index of images and of what attests them, as `docker buildx build` pushes it. */
export function realIndex(
  name: string,
  images: readonly (readonly [architecture: string, image: SeedImage])[],
): SeedImage {
  const attested = images.map(([, image]) => ({ image, attestation: attestationOf(image) }));
  return seeded(name, OCI_INDEX, [], {
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: [
      ...images.map(([architecture, image]) => ({
        ...described(image),
        platform: { architecture, os: "linux" },
      })),
      ...attested.map(({ image, attestation }) => ({
        ...described(attestation),
        annotations: {
          "vnd.docker.reference.digest": image.digest,
          "vnd.docker.reference.type": "attestation-manifest",
        },
        platform: { architecture: "unknown", os: "unknown" },
      })),
    ],
  });
}

function imageOf(name: string, config: Content, layers: readonly Content[]): SeedImage {
  const blobs = [config, ...layers]
    .filter(({ mediaType }) => mediaType !== FOREIGN)
    .map(({ bytes }) => bytes);
  const [first, ...others] = [config, ...layers].map(({ mediaType, bytes, more }) => ({
    mediaType,
    digest: digestOf(bytes),
    size: bytes.byteLength,
    ...more,
  }));
  return seeded(name, OCI_MANIFEST, blobs, {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: first,
    layers: others,
  });
}

function seeded(name: string, mediaType: string, blobs: readonly Buffer[], manifest: object): SeedImage {
  const body = Buffer.from(JSON.stringify(manifest, undefined, 2));
  const [repository = "", tag = ""] = name.split(":");
  return { name, repository, tag, digest: digestOf(body), mediaType, body, blobs };
}

function described({ mediaType, digest, body }: SeedImage): object {
  return { mediaType, digest, size: body.byteLength };
}

function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** An archive of one file. https://www.gnu.org/software/tar/manual/html_node/Standard.html */
function tarOf(path: string, text: string): Buffer {
  const header = Buffer.alloc(512);
  header.write(path, 0);
  header.write("0000644\0" + "0000000\0".repeat(2), 100);
  header.write(`${text.length.toString(8).padStart(11, "0")}\0${"0".repeat(11)}\0${" ".repeat(8)}0`, 124);
  header.write("ustar\0" + "00", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  const content = Buffer.alloc(Math.ceil(text.length / 512) * 512);
  content.write(text);
  return Buffer.concat([header, content, Buffer.alloc(1024)]);
}
