import { MAX_NESTING } from "../content/bounds.js";
import { ManifestCache } from "../content/manifestCache.js";
import { TreeReader } from "../content/manifestTree.js";
import { findAllNear, isThere, type Placed } from "../content/near.js";
import type { Repository } from "../content/repository.js";
import { hasCode } from "../errors.js";
import type { Draft } from "../list/draft.js";
import { formatLocation, type Location } from "../oci/location.js";
import type { Manifest } from "../oci/manifest.js";
import { isListType } from "../oci/mediaTypes.js";
import type { PlanItem } from "../push/plan.js";
import { parsePlace } from "../content/place.js";
import type { Target } from "./targets.js";

/** What only registries can say before a push is planned. */

export interface NearTools {
  readonly open: (location: Location) => Repository;
  readonly signal: AbortSignal;
  readonly targets: readonly Target[];
  /** May blobs be copied from another registry than the one that they go to? */
  readonly crossRegistry: boolean;
}

/** A draft as it is planned for one target. */
export interface NearDraft {
  readonly draft: Draft;
  /** By the digest of an entry, where else in the target's registry it is. */
  readonly near: ReadonlyMap<string, readonly Location[]>;
}

/**
 * Finds those entries of other registries that the target's own has, too. Where nothing may be copied from another registry
 * they are taken from there; otherwise that is only where to try first, and the push itself asks the target.
 */
export async function nearDraft(
  { open, signal, targets, crossRegistry }: NearTools,
  draft: Draft,
  target: Location,
): Promise<NearDraft> {
  const named = [...targets.map(({ location }) => location), ...draft.entries.map(({ source }) => source)];
  const placed = draft.entries.map(({ descriptor: { digest }, source }) => ({ digest, location: source }));
  const near = await findAllNear(placed, target, named, open, signal);
  if (crossRegistry) return { draft, near };
  const isFar = ({ location }: Placed): boolean =>
    target.kind === "registry" && !(location.kind === "registry" && location.domain === target.domain);
  const repository = open(target);
  const present = new Set<string>();
  await Promise.all(
    placed.filter(isFar).map(async ({ digest }) => {
      if (await isThere(repository, digest, signal)) present.add(digest);
    }),
  );
  const entries = draft.entries.map((entry) => {
    const { digest } = entry.descriptor;
    const [source = entry.source] = present.has(digest) ? [target] : (near.get(digest) ?? []);
    return { ...entry, source };
  });
  return { draft: { ...draft, entries }, near: new Map() };
}

/** All that is attached to the images of a draft where they are, to the indexes that they came from, and to what is attached. */
export async function attachedTo({ open, signal }: NearTools, draft: Draft): Promise<PlanItem[]> {
  const cache = new ManifestCache({ signal });
  const reader = new TreeReader(cache, { signal, isWanted: () => true, byTags: true });
  const images = draft.entries.map(({ source, descriptor: { digest } }) => ({ source, digest }));
  const indexes = await Promise.all(
    originsIn(draft).map(async ({ source, reference, name, digests }) => {
      const found = await indexesAt(cache, open(source), reference, name);
      // A tag that was moved since then names an index of other images.
      const isTheirs = found.some(({ children }) => children.some(({ digest }) => digests.has(digest)));
      return isTheirs ? found.map(({ digest }) => ({ source, digest })) : [];
    }),
  );
  const places = new Map(
    [...images, ...indexes.flat()].map((one) => [`${formatLocation(one.source)}@${one.digest}`, one]),
  );
  const items = await Promise.all(
    [...places.values()].map(({ source, digest }) => reader.readAttached(open(source), digest)),
  );
  return items.flat().map(({ manifest, role, location, tags }) => ({
    manifest,
    role,
    sources: [location],
    tags,
    toleratesRefusal: false,
  }));
}

/** An index that entries came from, as it was named. */
interface Origin {
  readonly source: Location;
  readonly reference: string;
  readonly name: string;
  /** Of the entries. */
  readonly digests: ReadonlySet<string>;
}

function originsIn({ entries }: Draft): Origin[] {
  const origins = new Map<string, Origin & { readonly digests: Set<string> }>();
  for (const { source, descriptor, origins: names = [] } of entries) {
    for (const name of names) {
      const { tag, digest } = parsePlace(name);
      const reference = digest ?? tag;
      if (reference === undefined) continue;
      const origin = origins.get(name) ?? { source, reference, name, digests: new Set() };
      origin.digests.add(descriptor.digest);
      origins.set(name, origin);
    }
  }
  return [...origins.values()];
}

/** An index and those in it; none where there is no index, or no more. */
async function indexesAt(
  cache: ManifestCache,
  repository: Repository,
  reference: string,
  name: string,
  depth = 0,
): Promise<Manifest[]> {
  try {
    const manifest = await cache.manifest(repository, reference, name);
    if (manifest.kind !== "index") return [];
    const nested = manifest.children.filter(({ mediaType }) => isListType(mediaType) && depth < MAX_NESTING);
    cache.expect(nested.length, name);
    const below = await Promise.all(
      nested.map(({ digest }) => indexesAt(cache, repository, digest, name, depth + 1)),
    );
    return [manifest, ...below.flat()];
  } catch (error) {
    if (hasCode(error, "MANIFEST_UNKNOWN")) return [];
    throw error;
  }
}
