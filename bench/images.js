// Images to make lists of, and a list of them all for the peers that can only copy one.
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";

export const MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
export const LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
export const INDEX = "application/vnd.oci.image.index.v1+json";
const CONFIG = "application/vnd.docker.container.image.v1+json";
const LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/**
 * Where images are put.
 * @typedef {object} Store
 * @property {(repository: string, bytes: Buffer) => unknown} putBlob
 * @property {(repository: string, mediaType: string, bytes: Buffer, tag: string) => unknown} putManifest
 */

/**
 * Puts images into repositories of their own (`n5x4/0:v1`, …), and once more all into one, with a list (`n5x4/all:v1`).
 * No two images share a blob. Layers are small, which flatters the peers that copy them.
 * @param {Store} store
 * @param {{ children: number, blobs: number }} size `blobs` of each child, config included
 */
export async function putImages(store, { children, blobs }) {
  const prefix = prefixOf({ children, blobs });
  const images = Array.from({ length: children }, (_, index) =>
    buildImage(`${prefix}-${index}`, index, blobs),
  );
  const all = `${prefix}/all`;
  const puts = images.flatMap(({ blobs, manifest }, index) =>
    [`${prefix}/${index}`, all].map((repository) => async () => {
      await Promise.all(blobs.map((blob) => store.putBlob(repository, blob)));
      await store.putManifest(repository, MANIFEST, manifest, repository === all ? `v${index}` : "v1");
    }),
  );
  for (let done = 0; done < puts.length; done += 8) {
    await Promise.all(puts.slice(done, done + 8).map((put) => put()));
  }
  const manifests = images.map(({ manifest, platform }) => ({ ...describe(MANIFEST, manifest), platform }));
  await store.putManifest(all, LIST, json({ schemaVersion: 2, mediaType: LIST, manifests }), "v1");
}

/**
 * @param {{ children: number, blobs: number }} size
 * @returns {string} what the names of its repositories begin with
 */
export function prefixOf({ children, blobs }) {
  return `n${children}x${blobs}`;
}

/**
 * @param {string} name no other image has it
 * @param {number} index among those of a list
 * @param {number} blobs config included
 */
export function buildImage(name, index, blobs) {
  const architectures = ["amd64", "arm64", "ppc64le", "s390x", "riscv64"];
  const platform = {
    architecture: architectures[index % architectures.length],
    os: "linux",
    // Some peers take two images of one platform for one image.
    variant: `v${index}`,
  };
  const files = Array.from({ length: blobs - 1 }, (_, layer) => tar(`${name}-${layer}`));
  const layers = files.map((file) => gzipSync(file));
  const config = json({
    created: "1970-01-01T00:00:00Z",
    ...platform,
    config: {},
    rootfs: { type: "layers", diff_ids: files.map(digestOf) },
    history: files.map(() => ({ created: "1970-01-01T00:00:00Z" })),
  });
  const manifest = json({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: describe(CONFIG, config),
    layers: layers.map((layer) => describe(LAYER, layer)),
  });
  return { platform, blobs: [config, ...layers], manifest };
}

/**
 * An archive of one empty file.
 * https://www.gnu.org/software/tar/manual/html_node/Standard.html
 * @param {string} name
 */
function tar(name) {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write("0000644\0" + "0000000\0" + "0000000\0" + "00000000000\0" + "00000000000\0", 100);
  header.write(" ".repeat(8) + "0", 148);
  header.write("ustar\0" + "00", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return Buffer.concat([header, Buffer.alloc(1024)]);
}

/**
 * @param {string} mediaType
 * @param {Buffer} bytes
 */
function describe(mediaType, bytes) {
  return { mediaType, size: bytes.byteLength, digest: digestOf(bytes) };
}

/** @param {Buffer} bytes */
export function digestOf(bytes) {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** @param {unknown} value */
function json(value) {
  return Buffer.from(JSON.stringify(value));
}
