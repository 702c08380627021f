import { Readable } from "node:stream";
import { ManifestError } from "../../src/errors.js";
import type { BlobInfo, Repository } from "../../src/content/repository.js";
import { digestOf } from "../../src/oci/digest.js";
import { parseManifest, type Manifest } from "../../src/oci/manifest.js";
import { isForeignLayer } from "../../src/oci/mediaTypes.js";
import type { SeedImage } from "./images.js";

/** A repository of nothing but blobs, to copy from. */
export function blobSource(blobs: readonly Buffer[], more: Partial<Repository> = {}): Repository {
  const held = new Map(blobs.map((blob) => [digestOf(blob), blob]));
  const notAsked = (): never => {
    throw new Error("only blobs are asked for");
  };
  return {
    location: { kind: "registry", domain: "source.example", path: "team/app" },
    resolve: notAsked,
    get: notAsked,
    put: notAsked,
    statBlob: notAsked,
    getBlob: notAsked,
    ensureBlob: notAsked,
    referrers: notAsked,
    openBlob: ({ digest }, offset) => {
      const blob = held.get(digest);
      if (blob === undefined)
        return Promise.reject(new ManifestError("BLOB_UNKNOWN", `${digest} is not there`));
      return Promise.resolve({
        stream: Readable.from([blob.subarray(offset)]),
        length: blob.byteLength,
        skip: 0,
      });
    },
    ...more,
  };
}

export function manifestOf({ mediaType, body }: SeedImage): Manifest {
  return parseManifest(mediaType, body);
}

/** The blobs that a manifest names. */
export function blobsOf({ blobs }: Manifest): BlobInfo[] {
  return blobs.map(({ digest, size, mediaType }) => ({
    digest,
    size: Number(size),
    foreign: isForeignLayer(mediaType),
  }));
}

/** Writes an image with its blobs, those that it has. */
export async function writeImage(
  target: Repository,
  image: SeedImage,
  tags: readonly string[] = [],
): Promise<void> {
  const manifest = manifestOf(image);
  for (const blob of blobsOf(manifest)) {
    await target.ensureBlob(blob, [blobSource(image.blobs)], { mountOnly: false });
  }
  await target.put(manifest, tags);
}
