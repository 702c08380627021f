import { ManifestError } from "../errors.js";
import { chooseChildren, type Choice } from "../list/choose.js";
import type { Entry } from "../list/entry.js";
import { descriptor, type Descriptor } from "../oci/descriptor.js";
import { checkDigest, digestLike, isDigest } from "../oci/digest.js";
import { formatLocation } from "../oci/location.js";
import type { Manifest } from "../oci/manifest.js";
import { formatReference, withDigest, type Reference } from "../oci/reference.js";
import { MAX_NESTING } from "./bounds.js";
import type { Layout } from "./layout.js";
import type { LayoutReference } from "./layoutReference.js";
import { ManifestCache, type ManifestCacheOptions } from "./manifestCache.js";
import type { Repository } from "./repository.js";

/** An image or an index that a list is made of, and what its manifests are called in the list. */
export interface Source {
  /** In full: `registry.example/app:v1`, `oci-layout:///work/out:v1`. */
  readonly name: string;
  /** As it was given, in full: the same for the same source, whatever it holds by now. */
  readonly origin: string;
  /** Where it is read. */
  readonly repository: Repository;
  /** The tag or digest to ask for. */
  readonly reference: string;
  /** The digest that it must have, if it was named with one. */
  readonly digest: string | undefined;
  /** The name of an image in the list; the manifests of an index get their digest behind it. */
  readonly ref: Reference;
  /** Is an image itself called by its digest? In a layout it has no name that docker would take. */
  readonly byDigest: boolean;
}

/**
 * A source in a registry. By tag where it has both tag and digest, as docker does.
 * @example
 * const source = registrySource(parseReference("registry.example/app:v1"), repository);
 * console.log((await new SourceReader().entries(source)).length);
 */
export function registrySource(ref: Reference, repository: Repository): Source {
  const { tag, digest } = ref;
  const name = formatReference(ref);
  const reference = tag ?? digest ?? "latest";
  return { name, origin: name, repository, reference, digest, ref, byDigest: false };
}

/**
 * A source in an OCI layout. In the list it is called by its digest in the list's own repository.
 * @example
 * const source = await layoutSource(parseReference("registry.example/app:v1"), openLayout("out"), { tag: "v1" });
 * console.log((await new SourceReader().entries(source)).length);
 */
export async function layoutSource(
  list: Reference,
  layout: Layout,
  { tag, digest }: Pick<LayoutReference, "tag" | "digest">,
): Promise<Source> {
  const reference = digest ?? tag ?? (await layout.defaultReference());
  const { domain, path } = list;
  const folder = formatLocation(layout.location);
  return {
    name: `${folder}${isDigest(reference) ? "@" : ":"}${reference}`,
    origin: `${folder}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`,
    repository: layout,
    reference,
    digest,
    ref: { domain, path },
    byDigest: true,
  };
}

const EVERYTHING: Choice = { platforms: [], attestations: "keep" };

/** What is taken of sources, and how much of it is held. */
export interface SourceReaderOptions extends ManifestCacheOptions {
  /** What is taken of the sources. Default: everything. */
  readonly choice?: Choice;
}

/**
 * Reads sources for one list: what several of them share is read once, and what all of them make us hold is bounded.
 * @example
 * const reader = new SourceReader({ choice: { platforms: [parsePlatform("linux/arm64")], attestations: "drop" } });
 * const entries = await reader.entries(registrySource(parseReference("registry.example/app:v1"), repository));
 */
export class SourceReader {
  readonly #cache: ManifestCache;
  readonly #choice: Choice;

  constructor({ choice = EVERYTHING, ...options }: SourceReaderOptions = {}) {
    this.#cache = new ManifestCache(options);
    this.#choice = choice;
  }

  /**
   * What a source names, checked against its digest.
   * @throws MANIFEST_UNKNOWN if it is not there
   */
  async manifest(source: Source): Promise<Manifest> {
    const manifest = await this.#cache.manifest(source.repository, source.reference, source.name);
    const { digest } = source;
    if (digest !== undefined && digestLike(digest, manifest.bytes) !== digest)
      throw mismatch(source.name, digest);
    return manifest;
  }

  /**
   * The entries that a source stands for: one for an image; for an index one a manifest, in its order, with all that the
   * index says of it. None where nothing of it is chosen.
   * @throws MANIFEST_UNKNOWN, naming the one that is not there
   */
  async entries(source: Source, manifest?: Manifest): Promise<Entry[]> {
    const found = manifest ?? (await this.manifest(source));
    if (found.kind === "index") return this.#childEntries(source, found, 1);
    const ref = source.byDigest ? withDigest(source.ref, found.digest) : source.ref;
    const entry = await this.#entry(source.repository, ref, found);
    if (chooseChildren([entry.descriptor], this.#choice).length === 0) return [];
    return [source.byDigest ? { ...entry, origins: [source.origin] } : entry];
  }

  async #childEntries(source: Source, index: Manifest, depth: number): Promise<Entry[]> {
    const { repository, name } = source;
    if (index.children.length === 0) {
      throw new ManifestError("INVALID_MANIFEST", `${name} is an index without manifests`, { subject: name });
    }
    if (depth > MAX_NESTING) throw limit(name, `indexes are nested more than ${MAX_NESTING} deep`);
    this.#cache.expect(index.children.length, name);
    const children = chooseChildren(index.children, this.#choice);
    for (const { digest } of children) checkDigest(digest);
    const entries = await Promise.all(
      children.map(async (child) => {
        const ref = withDigest(source.ref, child.digest);
        const manifest = await this.#cache.manifest(repository, child.digest, formatReference(ref), name);
        if (manifest.kind === "index") return this.#childEntries(source, manifest, depth + 1);
        return [{ ...(await this.#entry(repository, ref, manifest, child)), origins: [source.origin] }];
      }),
    );
    return entries.flat();
  }

  async #entry(
    repository: Repository,
    ref: Reference,
    manifest: Manifest,
    child?: Descriptor,
  ): Promise<Entry> {
    const { mediaType, digest, bytes, kind } = manifest;
    const platform =
      child?.platform ??
      (child !== undefined && kind === "artifact"
        ? undefined
        : await this.#cache.platform(repository, manifest));
    const { urls, annotations, data, artifactType } = child ?? descriptor("", "", 0);
    return {
      ref,
      source: repository.location,
      descriptor: {
        ...descriptor(mediaType, digest, bytes.byteLength),
        urls,
        annotations,
        data,
        ...(platform && { platform }),
        artifactType,
      },
      raw: bytes,
      manifest,
    };
  }
}

function mismatch(name: string, digest: string): ManifestError {
  return new ManifestError("MANIFEST_MISMATCH", `${name}: it does not have the digest ${digest}`, {
    subject: digest,
  });
}

function limit(subject: string, why: string): ManifestError {
  return new ManifestError("LIMIT", `${subject}: ${why}`, { subject });
}
