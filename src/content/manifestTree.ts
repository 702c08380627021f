import { hasCode, ManifestError } from "../errors.js";
import type { Descriptor } from "../oci/descriptor.js";
import { checkDigest } from "../oci/digest.js";
import { formatLocation, type Location } from "../oci/location.js";
import { parseManifest, withExactBytes, type Manifest } from "../oci/manifest.js";
import { mayBeManifest } from "../oci/mediaTypes.js";
import { MAX_NESTING } from "./bounds.js";
import type { ManifestCache } from "./manifestCache.js";
import { embeddedContent } from "./embeddedContent.js";
import { cosignTags, referrersTag } from "./referrer.js";
import type { Repository } from "./repository.js";

/** A manifest of a source, with where it is. */
export interface TreeItem {
  /** The manifest itself. */
  readonly manifest: Manifest;
  /** `child`: what was asked for, or what an index names; `referrer`: what is attached to one of those. */
  readonly role: "child" | "referrer";
  /** Where the manifest is. */
  readonly location: Location;
  /** What it must be called to be found, if not by its digest or subject. */
  readonly tags: readonly string[];
}

/** What is read besides what an index names. */
export interface TreeOptions {
  /** Aborts what is under way, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Which of what refers to a manifest is read too. Default: nothing. */
  readonly isWanted?: (referrer: Descriptor) => boolean;
  /** Is what cosign attaches by tags (`sha256-<hex>.sig`) read too? And what the referrers API does not tell of? */
  readonly byTags?: boolean;
  /** What refers to a manifest, if not what its repository says. */
  readonly referrersOf?: (
    repository: Repository,
    digest: string,
  ) => Promise<readonly Descriptor[]> | undefined;
  /** Told of each as soon as it is read. */
  readonly onItem?: (item: TreeItem) => void;
}

/**
 * Reads manifests with all that they need and all that is attached to them: what indexes name, and what names one of them
 * as its subject. Each is read once from a repository.
 * @example
 * const reader = new TreeReader(new ManifestCache(), { isWanted: () => true });
 * const items = await reader.readAttached(repository, digest); // signatures, SBOMs, and what is attached to those
 */
export class TreeReader {
  readonly #cache: ManifestCache;
  readonly #options: TreeOptions;
  readonly #visited = new Set<string>();
  readonly #referrers = new Map<string, Promise<readonly Descriptor[]>>();

  constructor(cache: ManifestCache, options: TreeOptions = {}) {
    this.#cache = cache;
    this.#options = options;
  }

  /**
   * Everything below a manifest that is named by its digest. What was read before is not told again.
   * @param repository where it is read
   * @param child the manifest, as an index names it
   * @param name of what names it, for errors
   * @throws MANIFEST_UNKNOWN for what an index names and is not there, LIMIT
   */
  read(repository: Repository, child: Descriptor, name: string): Promise<TreeItem[]> {
    return this.#visit({ repository, descriptor: child, role: "child", tags: [], depth: 0, name });
  }

  /** What is attached to a manifest, and to that in turn, but not the manifest itself. */
  async readAttached(repository: Repository, digest: string): Promise<TreeItem[]> {
    return this.#attached({ repository, digest, depth: 0 });
  }

  /** What refers to a manifest, as its repository tells it; asked once. Nothing where it does not know. */
  referrers(repository: Repository, digest: string): Promise<readonly Descriptor[]> {
    const key = `${formatLocation(repository.location)}@${digest}`;
    const known = this.#referrers.get(key);
    if (known !== undefined) return known;
    const { referrersOf } = this.#options;
    const asked = referrersOf?.(repository, digest) ?? this.#askReferrers(repository, digest);
    this.#referrers.set(key, asked);
    return asked;
  }

  async #askReferrers(repository: Repository, digest: string): Promise<Descriptor[]> {
    const found: Descriptor[] = [];
    const { signal, isWanted = () => true } = this.#options;
    for await (const one of repository.referrers(digest, undefined, { signal })) {
      if (!isWanted(one)) continue;
      this.#cache.expect(1, `${formatLocation(repository.location)}@${digest}`);
      found.push(one);
    }
    return found;
  }

  async #visit(visit: Visit): Promise<TreeItem[]> {
    const { repository, descriptor, role, tags, depth, name } = visit;
    const { digest } = descriptor;
    checkDigest(digest);
    const location = formatLocation(repository.location);
    const key = [location, digest, ...tags].join(" ");
    if (this.#visited.has(key) || !mayBeManifest(descriptor.mediaType)) return [];
    this.#visited.add(key);
    if (depth > MAX_NESTING) {
      throw new ManifestError("LIMIT", `${name}: nested more than ${MAX_NESTING} deep`, { subject: name });
    }
    this.#cache.expect(1, name);
    const [manifest, attached] = await Promise.all([
      embeddedManifest(descriptor) ?? this.#cache.manifest(repository, digest, `${location}@${digest}`, name),
      this.#attached({ repository, digest, depth }),
    ]);
    const item: TreeItem = { manifest, role, location: repository.location, tags };
    this.#options.onItem?.(item);
    const below = await Promise.all(
      manifest.children.map((child) =>
        this.#visit({
          ...visit,
          descriptor: child,
          tags: [],
          depth: depth + 1,
          name: `${location}@${digest}`,
        }),
      ),
    );
    return [...below.flat(), item, ...attached];
  }

  async #attached({ repository, digest, depth }: Attached): Promise<TreeItem[]> {
    const { isWanted, byTags = false } = this.#options;
    if (isWanted === undefined) return [];
    const [listed, tagged] = await Promise.all([
      this.referrers(repository, digest),
      byTags ? this.#byTags(repository, digest) : [],
    ]);
    const wanted = [
      ...listed.filter(isWanted).map((descriptor) => ({ descriptor, tags: [] as readonly string[] })),
      ...tagged,
    ];
    const items = await Promise.all(
      wanted.map(({ descriptor, tags }) =>
        this.#visit({
          repository,
          descriptor,
          role: "referrer",
          tags,
          depth: depth + 1,
          name: `${formatLocation(repository.location)}@${digest}`,
        }),
      ),
    );
    return items.flat();
  }

  /** What is attached by tags: the list that stands in for the API, and cosign's own. */
  async #byTags(
    repository: Repository,
    digest: string,
  ): Promise<{ descriptor: Descriptor; tags: readonly string[] }[]> {
    const tags = cosignTags(digest);
    const { signal } = this.#options;
    const [index, ...attached] = await Promise.all([
      this.#listedByTag(repository, referrersTag(digest)),
      ...tags.map((tag) => repository.resolve(tag, { signal })),
    ]);
    return [
      ...index.map((descriptor) => ({ descriptor, tags: [] })),
      ...attached.flatMap((descriptor, at) =>
        descriptor === undefined ? [] : [{ descriptor, tags: tags.slice(at, at + 1) }],
      ),
    ];
  }

  async #listedByTag(repository: Repository, tag: string): Promise<readonly Descriptor[]> {
    try {
      const index = await this.#cache.manifest(
        repository,
        tag,
        `${formatLocation(repository.location)}:${tag}`,
      );
      return index.children;
    } catch (error) {
      if (hasCode(error, "MANIFEST_UNKNOWN")) return [];
      throw error;
    }
  }
}

/** The manifest that a descriptor brings along. */
function embeddedManifest(descriptor: Descriptor): Manifest | undefined {
  const data = embeddedContent(descriptor);
  const { mediaType, digest } = descriptor;
  return data && withExactBytes(parseManifest(mediaType, data), data, digest);
}

interface Attached {
  readonly repository: Repository;
  readonly digest: string;
  readonly depth: number;
}

interface Visit {
  readonly repository: Repository;
  readonly descriptor: Descriptor;
  readonly role: TreeItem["role"];
  readonly tags: readonly string[];
  readonly depth: number;
  /** What names it, for errors. */
  readonly name: string;
}
