import { isDigest } from "../oci/digest.js";
import { formatLocation, type Location } from "../oci/location.js";
import type { Manifest } from "../oci/manifest.js";
import type { Platform } from "../oci/platform.js";
import type { Repository } from "./repository.js";

/** Of all manifests that are kept; the least recently used is dropped first. */
const MAX_BYTES = 16 * 1024 * 1024;
/** What is made of a manifest takes about as much as this, and three times its bytes. */
const PARSED_BYTES = 4 * 1024;
/** Of the small things that are kept: what a tag named, what a config says. */
const MAX_KEPT = 200_000;

/**
 * What several pieces of work read of the same repositories, each once: manifests, what the tags of sources name, and
 * the platforms that configs tell. A tag that has been read names the same for all that follow, so that all lists of one
 * run are made of the same images.
 * @example
 * const shared = new SharedManifests();
 * const caches = [new ManifestCache({ shared }), new ManifestCache({ shared })]; // of two pieces of work
 */
export class SharedManifests {
  readonly #manifests = new Map<string, Manifest>();
  readonly #reading = new Map<string, Promise<Manifest>>();
  readonly #tags = new Map<string, string>();
  readonly #platforms = new Map<string, Platform>();
  readonly #readingPlatforms = new Map<string, Promise<Platform>>();
  #bytes = 0;

  /** A manifest by its tag or its digest; `read` is called for one that is not known. */
  async manifest(
    { location }: Repository,
    reference: string,
    read: (reference: string) => Promise<Manifest>,
  ): Promise<Manifest> {
    const place = formatLocation(location);
    const name = isDigest(reference) ? reference : (this.#tags.get(`${place}:${reference}`) ?? reference);
    const key = `${place}@${name}`;
    const known = this.#manifests.get(key);
    if (known !== undefined) {
      this.#manifests.delete(key);
      this.#manifests.set(key, known);
      return known;
    }
    const running = this.#reading.get(key);
    // What went wrong for somebody else may have been that it was interrupted.
    if (running !== undefined) return running.catch(() => this.#read(place, name, read));
    return this.#read(place, name, read);
  }

  /** Forgets what tags named: they have been moved. */
  forget(location: Location, tags: readonly string[]): void {
    for (const tag of tags) this.#tags.delete(`${formatLocation(location)}:${tag}`);
  }

  async #read(
    place: string,
    name: string,
    read: (reference: string) => Promise<Manifest>,
  ): Promise<Manifest> {
    const key = `${place}@${name}`;
    const asked = read(name);
    this.#reading.set(key, asked);
    try {
      const manifest = await asked;
      if (!isDigest(name)) keep(this.#tags, `${place}:${name}`, manifest.digest);
      this.#keep(`${place}@${manifest.digest}`, manifest);
      return manifest;
    } finally {
      if (this.#reading.get(key) === asked) this.#reading.delete(key);
    }
  }

  #keep(key: string, manifest: Manifest): void {
    if (this.#manifests.has(key)) return;
    this.#manifests.set(key, manifest);
    this.#bytes += sizeOf(manifest);
    for (const [oldest, other] of this.#manifests) {
      if (this.#bytes <= MAX_BYTES) return;
      this.#manifests.delete(oldest);
      this.#bytes -= sizeOf(other);
    }
  }

  /** What the config of this digest says; `read` is called for one that is not known. */
  async platform(digest: string, read: () => Promise<Platform>): Promise<Platform> {
    const known = this.#platforms.get(digest);
    if (known !== undefined) return known;
    const running = this.#readingPlatforms.get(digest);
    if (running !== undefined) return running.catch(() => this.#readPlatform(digest, read));
    return this.#readPlatform(digest, read);
  }

  async #readPlatform(digest: string, read: () => Promise<Platform>): Promise<Platform> {
    const asked = read();
    this.#readingPlatforms.set(digest, asked);
    try {
      const platform = await asked;
      keep(this.#platforms, digest, platform);
      return platform;
    } finally {
      if (this.#readingPlatforms.get(digest) === asked) this.#readingPlatforms.delete(digest);
    }
  }
}

function sizeOf({ bytes }: Manifest): number {
  return PARSED_BYTES + 4 * bytes.byteLength;
}

/** Keeps something; if there is too much, the oldest is dropped. */
function keep<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > MAX_KEPT && oldest !== undefined) map.delete(oldest);
}
