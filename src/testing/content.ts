import { digestOf, isDigest } from "../oci/digest.js";
import { buildImage, buildList, type Built, type ImageOptions, type ListOptions } from "./images.js";
import { checkName } from "./names.js";
import type { Descriptor } from "./schemas.js";
import { removeManifest, resolveManifest, type RegistryState, type Repository } from "./state.js";

/** Looking into a registry and filling it past HTTP: neither shows in the log, neither is checked. */
export interface Content {
  /** Stores a blob; says what a manifest would call it. */
  putBlob(repository: string, bytes: string | Uint8Array, mediaType?: string): Descriptor;
  /** Stores a manifest's bytes under their digest, and under a tag if one is given. */
  putManifest(repository: string, mediaType: string, body: string | Uint8Array, tag?: string): Descriptor;
  /** Builds and stores an image: config, layers and manifest. The same options make the same bytes. */
  putImage(repository: string, options?: ImageOptions): Built;
  /** Builds and stores an index (or docker list) of manifests that the repository has. */
  putList(repository: string, options: ListOptions): Built;
  /** What a tag or digest stands for. */
  manifest(
    repository: string,
    reference: string,
  ): { mediaType: string; body: Buffer; digest: string } | undefined;
  /** The digests of every manifest, in the order they came. */
  manifests(repository: string): string[];
  /** Sorted. */
  tags(repository: string): string[];
  hasBlob(repository: string, digest: string): boolean;
  /** A blob's contents, unless they were discarded. */
  blob(repository: string, digest: string): Buffer | undefined;
  /** The digests of every blob, in the order they came. */
  blobs(repository: string): string[];
  /** Sorted names of every repository that something was put into. */
  repositories(): string[];
  /** Was it there? A manifest takes its tags along. */
  deleteManifest(repository: string, reference: string): boolean;
  /** Was it there? */
  deleteBlob(repository: string, digest: string): boolean;
  /** How many uploads are open: begun and neither finished nor cancelled. */
  openUploads(): number;
}

/** The functions of `Content` over a state. */
export function createContent(state: RegistryState): Content {
  const find = (repository: string): Repository | undefined => state.repositories.get(repository);
  const open = (repository: string): Repository => {
    checkName(repository);
    return state.open(repository);
  };

  const putBlob: Content["putBlob"] = (repository, content, mediaType = "application/octet-stream") => {
    const bytes = Buffer.from(content);
    const digest = digestOf(bytes);
    open(repository).blobs.set(digest, { size: bytes.byteLength, bytes });
    return { mediaType, digest, size: bytes.byteLength };
  };

  const putManifest: Content["putManifest"] = (repository, mediaType, content, tag) => {
    const body = Buffer.from(content);
    const digest = digestOf(body);
    const { manifests, tags } = open(repository);
    manifests.set(digest, { mediaType, body });
    if (tag !== undefined) tags.set(tag, digest);
    return { mediaType, digest, size: body.byteLength };
  };

  return {
    putBlob,
    putManifest,
    putImage: (repository, options = {}) => {
      const image = buildImage(options);
      for (const bytes of image.contents) putBlob(repository, bytes);
      putManifest(repository, image.built.mediaType, image.built.body, options.tag);
      return image.built;
    },
    putList: (repository, options) => {
      const built = buildList(options);
      putManifest(repository, built.mediaType, built.body, options.tag);
      return built;
    },
    manifest: (repository, reference) => resolveManifest(find(repository), reference),
    manifests: (repository) => [...(find(repository)?.manifests.keys() ?? [])],
    tags: (repository) => [...(find(repository)?.tags.keys() ?? [])].sort(),
    hasBlob: (repository, digest) => find(repository)?.blobs.has(digest) ?? false,
    blob: (repository, digest) => find(repository)?.blobs.get(digest)?.bytes,
    blobs: (repository) => [...(find(repository)?.blobs.keys() ?? [])],
    repositories: () => [...state.repositories.keys()].sort(),
    deleteManifest: (name, reference) => {
      const repository = find(name);
      if (repository === undefined) return false;
      const digest = isDigest(reference) ? reference : repository.tags.get(reference);
      return digest !== undefined && removeManifest(repository, digest);
    },
    deleteBlob: (repository, digest) => find(repository)?.blobs.delete(digest) ?? false,
    openUploads: () => state.uploads.size,
  };
}
