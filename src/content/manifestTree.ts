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
 * as its subject. Each is read once from a repository, however it is asked for.
 * @example
 * const reader = new TreeReader(new ManifestCache(), { isWanted: () => true });
 * const items = await reader.readAttached(repository, digest); // signatures, SBOMs, and what is attached to those
 */
export class TreeReader {
  readonly #cache: ManifestCache;
  readonly #options: TreeOptions;
  readonly #visited = new Set<string>();
  /** The same of what was read ahead. */
  readonly #ahead = new Set<string>();
  readonly #counted = new Set<string>();
  readonly #told = new Set<string>();
  readonly #referrers = new Map<string, Promise<readonly Descriptor[]>>();
  readonly #tagged = new Map<string, Promise<readonly Tagged[]>>();

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
    return this.#visit(visitOf(repository, child, name, this.#visited));
  }

  /** What is attached to a manifest, and to that in turn, but not the manifest itself. */
  async readAttached(repository: Repository, digest: string): Promise<TreeItem[]> {
    return this.#attached({ repository, digest, depth: 0, visited: this.#visited });
  }

  /** Begins what {@link read} will need, and tells it. Who reads it then hears what went wrong. */
  readAhead(repository: Repository, child: Descriptor, name: string): void {
    this.#visit(visitOf(repository, child, name, this.#ahead)).catch(() => undefined);
  }

  /** The same of {@link readAttached}. */
  readAttachedAhead(repository: Repository, digest: string): void {
    this.#attached({ repository, digest, depth: 0, visited: this.#ahead }).catch(() => undefined);
  }

  /** What was read is returned again by who asks for it from now on, without being read again. */
  startOver(): void {
    this.#visited.clear();
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
    const { repository, descriptor, role, tags, depth, visited, name } = visit;
    const { digest } = descriptor;
    checkDigest(digest);
    const location = formatLocation(repository.location);
    const key = [location, digest, ...tags].join(" ");
    if (visited.has(key) || !mayBeManifest(descriptor.mediaType)) return [];
    visited.add(key);
    if (depth > MAX_NESTING) {
      throw new ManifestError("LIMIT", `${name}: nested more than ${MAX_NESTING} deep`, { subject: name });
    }
    if (!this.#counted.has(key)) this.#cache.expect(1, name);
    this.#counted.add(key);
    const tree = async (): Promise<TreeItem[]> => {
      const manifest =
        embeddedManifest(descriptor) ??
        (await this.#cache.manifest(repository, digest, `${location}@${digest}`, name));
      const item: TreeItem = { manifest, role, location: repository.location, tags };
      if (!this.#told.has(key)) this.#options.onItem?.(item);
      this.#told.add(key);
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
      return [...below.flat(), item];
    };
    const [items, attached] = await Promise.all([
      tree(),
      this.#attached({ repository, digest, depth, visited }),
    ]);
    return [...items, ...attached];
  }

  async #attached({ repository, digest, depth, visited }: Attached): Promise<TreeItem[]> {
    const { isWanted, byTags = false } = this.#options;
    if (isWanted === undefined) return [];
    const [listed, tagged] = await Promise.all([
      this.referrers(repository, digest),
      byTags ? this.#byTags(repository, digest) : [],
    ]);
    const wanted: readonly Tagged[] = [
      ...listed.filter(isWanted).map((descriptor) => ({ descriptor, tags: [] })),
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
          visited,
          name: `${formatLocation(repository.location)}@${digest}`,
        }),
      ),
    );
    return items.flat();
  }

  /** What is attached by tags: the list that stands in for the API, and cosign's own; asked once. */
  #byTags(repository: Repository, digest: string): Promise<readonly Tagged[]> {
    const key = `${formatLocation(repository.location)}@${digest}`;
    const asked = this.#tagged.get(key) ?? this.#askTags(repository, digest);
    this.#tagged.set(key, asked);
    return asked;
  }

  async #askTags(repository: Repository, digest: string): Promise<Tagged[]> {
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

/** What is attached, and the tags by which it is found; none where it is found by its subject. */
interface Tagged {
  readonly descriptor: Descriptor;
  readonly tags: readonly string[];
}

interface Attached {
  readonly repository: Repository;
  readonly digest: string;
  readonly depth: number;
  readonly visited: Set<string>;
}

interface Visit {
  readonly repository: Repository;
  readonly descriptor: Descriptor;
  readonly role: TreeItem["role"];
  readonly tags: readonly string[];
  readonly depth: number;
  /** What need not be visited again. */
  readonly visited: Set<string>;
  /** What names it, for errors. */
  readonly name: string;
}

function visitOf(repository: Repository, descriptor: Descriptor, name: string, visited: Set<string>): Visit {
  return { repository, descriptor, role: "child", tags: [], depth: 0, visited, name };
}
