import * as z from "zod/mini";
import { ManifestError, messageOf, NotFoundError } from "../errors.js";
import { issueOf, parseJson } from "../go/json.js";
import { isDigest } from "../oci/digest.js";
import { formatLocation } from "../oci/location.js";
import type { Manifest } from "../oci/manifest.js";
import { Platform } from "../oci/platform.js";
import { MAX_MANIFESTS } from "./bounds.js";
import type { Repository } from "./repository.js";
import type { SharedManifests } from "./sharedManifests.js";

/** No real list has this many bytes of manifests; this limits what a hostile index can make us hold. */
const MAX_MANIFEST_BYTES = 128 * 1024 * 1024;

/** Usual configs are a few kilobytes. */
const MAX_KEPT_CONFIG = 64 * 1024;
/** Of all configs that are kept, so that those of ten thousand images are not held in case they must be copied. */
const MAX_KEPT_CONFIGS = 16 * 1024 * 1024;

/** How much is held. */
export interface ManifestCacheOptions {
  /** Aborts what is under way, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** The size of all manifests together, in bytes. Default: 128 MiB. */
  readonly maxBytes?: number;
  /** Called whenever a manifest begins to be read, or has been: so many of those that have begun. */
  readonly onRead?: ((done: number, begun: number) => void) | undefined;
  /** What other pieces of work have read, and shall find. */
  readonly shared?: SharedManifests | undefined;
}

/**
 * Reads manifests and configs for one piece of work, each once, and holds a limited amount of them.
 * @example
 * const cache = new ManifestCache();
 * const image = await cache.manifest(repository, "v1-arm64", "registry.example/app:v1-arm64");
 * formatPlatform(await cache.platform(repository, image)); // "linux/arm64"
 */
export class ManifestCache {
  readonly #manifests = new Map<string, Promise<Manifest>>();
  readonly #platforms = new Map<string, Promise<Platform>>();
  readonly #configs = new Map<string, Buffer>();
  readonly #signal: AbortSignal | undefined;
  readonly #maxBytes: number;
  readonly #shared: SharedManifests | undefined;
  readonly #onRead: ((done: number, begun: number) => void) | undefined;
  #begun = 0;
  #done = 0;
  #count = 0;
  #bytes = 0;
  #configBytes = 0;

  constructor({ signal, maxBytes = MAX_MANIFEST_BYTES, onRead, shared }: ManifestCacheOptions = {}) {
    this.#signal = signal;
    this.#onRead = onRead;
    this.#shared = shared;
    this.#maxBytes = maxBytes;
  }

  /**
   * A manifest. One that is asked for by its digest is read once, however often that is.
   * @param repository where it is read
   * @param reference its tag or digest
   * @param name what errors call it
   * @param index what names it, if something does
   * @throws MANIFEST_UNKNOWN, naming it, if it is not there; LIMIT
   */
  async manifest(repository: Repository, reference: string, name: string, index?: string): Promise<Manifest> {
    const manifest = await this.#read(repository, reference, name, index);
    // Whoever asks keeps it.
    this.#bytes += manifest.bytes.byteLength;
    if (this.#bytes > this.#maxBytes) throw limit(name, `more than ${this.#maxBytes} bytes of manifests`);
    return manifest;
  }

  /** Keeps what was read by its tag for those who ask for its digest. */
  know(repository: Repository, manifest: Manifest): void {
    const key = `${formatLocation(repository.location)}@${manifest.digest}`;
    if (!this.#manifests.has(key)) this.#manifests.set(key, Promise.resolve(manifest));
  }

  /** Counts what an index names, before it is read: ten thousand indexes of ten thousand would be as many requests. */
  expect(count: number, name: string): void {
    this.#count += count;
    if (this.#count > MAX_MANIFESTS) throw limit(name, `more than ${MAX_MANIFESTS} manifests`);
  }

  /** What an image's config says of its platform, as it says it; each config is read once. */
  platform(repository: Repository, manifest: Manifest): Promise<Platform> {
    const digest = manifest.blobs[0]?.digest ?? "";
    const known = this.#platforms.get(digest);
    if (known !== undefined) return known;
    const read = async (): Promise<Platform> => {
      const config = await repository.getBlob(digest, { signal: this.#signal });
      this.#keep(digest, config);
      return readPlatform(config, digest);
    };
    const asked = this.#shared === undefined ? read() : this.#shared.platform(digest, read);
    this.#platforms.set(digest, asked);
    // Another repository may have what this one lacks.
    asked.catch(() => this.#platforms.delete(digest));
    return asked;
  }

  /** A config that was read, if it and those before it are small enough to have been kept: whoever copies it need not ask again. */
  config(digest: string): Buffer | undefined {
    return this.#configs.get(digest);
  }

  /** The same of one that may still be on its way. */
  async configSoon(digest: string): Promise<Buffer | undefined> {
    await this.#platforms.get(digest)?.catch(() => undefined);
    return this.config(digest);
  }

  #keep(digest: string, config: Buffer): void {
    const { byteLength } = config;
    if (byteLength > MAX_KEPT_CONFIG || this.#configBytes + byteLength > MAX_KEPT_CONFIGS) return;
    this.#configBytes += byteLength;
    this.#configs.set(digest, config);
  }

  #read(repository: Repository, reference: string, name: string, index?: string): Promise<Manifest> {
    const key = isDigest(reference) ? `${formatLocation(repository.location)}@${reference}` : undefined;
    const known = key === undefined ? undefined : this.#manifests.get(key);
    if (known !== undefined) return known;
    const asked = this.#ask(repository, reference, name, index);
    if (key !== undefined) {
      this.#manifests.set(key, asked);
      asked.catch(() => this.#manifests.delete(key));
    }
    return asked;
  }

  async #ask(repository: Repository, reference: string, name: string, index?: string): Promise<Manifest> {
    const read = (known: string): Promise<Manifest> => repository.get(known, { signal: this.#signal });
    this.#onRead?.(this.#done, ++this.#begun);
    try {
      return await (this.#shared?.manifest(repository, reference, read) ?? read(reference));
    } catch (error) {
      if (!(error instanceof NotFoundError) || error.code !== "MANIFEST_UNKNOWN") throw error;
      throw new NotFoundError("MANIFEST_UNKNOWN", `${name} is not there`, {
        subject: name,
        hint:
          index === undefined
            ? error.hint
            : `${index} names it, but it is not in ${formatLocation(repository.location)}`,
        mayBeHidden: error.mayBeHidden,
        cause: error,
      });
    } finally {
      this.#onRead?.(++this.#done, this.#begun);
    }
  }
}

function readPlatform(config: Buffer, digest: string): Platform {
  try {
    const parsed = z.safeParse(Platform, parseJson(config));
    if (parsed.success) return parsed.data;
    throw new ManifestError("INVALID_MANIFEST", issueOf(parsed.error));
  } catch (error) {
    throw new ManifestError("INVALID_MANIFEST", `image config ${digest}: ${messageOf(error)}`, {
      subject: digest,
      cause: error,
    });
  }
}

function limit(subject: string, why: string): ManifestError {
  return new ManifestError("LIMIT", `${subject}: ${why}`, { subject });
}
