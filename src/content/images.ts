import * as z from "zod/mini";
import { ManifestError } from "../errors.js";
import { descriptor, type Descriptor } from "../oci/descriptor.js";
import { checkDigest, digestLike } from "../oci/digest.js";
import type { Entry } from "../list/entry.js";
import { issueOf, parseJson } from "../go/json.js";
import { parseManifest, type Manifest } from "../oci/manifest.js";
import { locationOf } from "../oci/location.js";
import { Platform } from "../oci/platform.js";
import { withDigest, type Reference } from "../oci/reference.js";
import type { FetchedManifest, Registry } from "../registry/old/api.js";

/** Images and lists, read from a registry as the entries of a list. */

/** Lists in lists are followed this deep. */
const MAX_NESTING = 4;
/** No registry takes a larger list: 4 MiB hold some 20,000 of the shortest descriptors. */
const MAX_CHILDREN = 10_000;

/** What a reference stands for in a registry: the bytes, and the parsed manifest or list. */
export interface Fetched {
  readonly manifest: Manifest;
  readonly fetched: FetchedManifest;
}

/** Gets whatever a reference names. By tag where it has both tag and digest, as docker does, and checked. */
export async function fetchReference(registry: Registry, ref: Reference): Promise<Fetched> {
  const fetched = await registry.getManifest(ref.path, ref.tag ?? ref.digest ?? "latest");
  if (ref.digest !== undefined && digestLike(ref.digest, fetched.bytes) !== ref.digest) {
    throw new ManifestError("INVALID_MANIFEST", `manifest verification failed for digest ${ref.digest}`);
  }
  return { fetched, manifest: parseManifest(fetched.contentType, fetched.bytes) };
}

/**
 * The entries that a reference stands for: one for an image, one a child for a list. `configs` remembers image
 * configs, each of which is fetched once.
 */
export async function fetchEntries(
  registry: Registry,
  ref: Reference,
  configs = new ConfigCache(registry),
): Promise<Entry[]> {
  const { manifest, fetched } = await fetchReference(registry, ref);
  if (manifest.kind === "index") return childEntries(registry, ref, manifest, configs);
  return [await imageEntry(registry, ref, { manifest, fetched }, configs)];
}

/** One entry for each manifest of a list, in its order, under `name:tag@digest`, with the platform that the list says. */
export async function childEntries(
  registry: Registry,
  ref: Reference,
  list: Manifest,
  configs = new ConfigCache(registry),
): Promise<Entry[]> {
  let count = 0;

  async function entriesOf(
    parent: Reference,
    { children: manifests }: Manifest,
    depth: number,
  ): Promise<Entry[]> {
    if (depth > MAX_NESTING)
      throw new ManifestError("INVALID_MANIFEST", `lists are nested more than ${MAX_NESTING} deep`);
    // In all: ten thousand lists of ten thousand would be as many requests.
    count += manifests.length;
    if (count > MAX_CHILDREN)
      throw new ManifestError("INVALID_MANIFEST", `a list of more than ${MAX_CHILDREN} manifests`);
    for (const { digest } of manifests) checkDigest(digest);
    const entries = await Promise.all(
      manifests.map(async (child) => {
        const fetched = await registry.getManifest(parent.path, child.digest);
        const manifest = parseManifest(fetched.contentType, fetched.bytes);
        const childRef = withDigest(parent, child.digest);
        if (manifest.kind === "index") return entriesOf(childRef, manifest, depth + 1);
        return [await imageEntry(registry, childRef, { manifest, fetched }, configs, child)];
      }),
    );
    return entries.flat();
  }

  return entriesOf(ref, list, 1);
}

/** The entry of an image. Its platform is what the list says of the child, or else what the image's config says. */
export async function imageEntry(
  registry: Registry,
  ref: Reference,
  { manifest, fetched }: Fetched,
  configs = new ConfigCache(registry),
  child?: Descriptor,
): Promise<Entry> {
  const platform = child?.platform ?? (await configs.platform(ref.path, manifest));
  return {
    ref,
    source: locationOf(ref),
    descriptor: {
      ...descriptor(manifest.mediaType, fetched.digest, fetched.bytes.byteLength),
      platform,
      ...(child && { annotations: child.annotations }),
    },
    raw: fetched.bytes,
    manifest,
  };
}

/** The platforms that image configs state, each config fetched once. */
export class ConfigCache {
  readonly #platforms = new Map<string, Promise<Platform>>();
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  platform(repository: string, manifest: Manifest): Promise<Platform> {
    const digest = manifest.blobs[0]?.digest ?? "";
    const known = this.#platforms.get(digest);
    if (known !== undefined) return known;
    const asked = this.#registry.getBlob(repository, digest).then(readPlatform);
    this.#platforms.set(digest, asked);
    return asked;
  }
}

function readPlatform(config: Buffer): Platform {
  const parsed = z.safeParse(Platform, parseJson(config));
  if (!parsed.success) throw new ManifestError("INVALID_MANIFEST", `image config: ${issueOf(parsed.error)}`);
  return parsed.data;
}
