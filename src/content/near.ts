import { ManifestError } from "../errors.js";
import { formatLocation, type Location } from "../oci/location.js";
import type { Repository } from "./repository.js";

/** Something that is in one place, and wanted in another registry. */
export interface Placed {
  readonly digest: string;
  readonly location: Location;
}

/** At most this many repositories are asked before something is copied from another registry. */
const MAX_CANDIDATES = 8;

/**
 * Finds where the target's registry has already what comes from elsewhere, in whatever repository: it can be mounted
 * from there instead of being copied. Those are asked that were named, and the one that is called there as it is in its
 * source: the same image is often pushed to two registries under one name. The target itself is asked by whoever pushes.
 */
export async function findNear(
  { digest, location }: Placed,
  target: Location,
  named: readonly Location[],
  open: (location: Location) => Repository,
  signal?: AbortSignal,
): Promise<readonly Location[]> {
  const candidates = nearCandidates(location, target, named);
  const answers = await Promise.all(candidates.map((candidate) => isThere(open(candidate), digest, signal)));
  return candidates.filter((_, index) => answers[index]);
}

/**
 * The same of several.
 * @returns by the digest of an item, where else it is
 */
export async function findAllNear(
  items: readonly Placed[],
  target: Location,
  named: readonly Location[],
  open: (location: Location) => Repository,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, readonly Location[]>> {
  const found = new Map<string, readonly Location[]>();
  await Promise.all(
    items.map(async (item) => {
      const near = await findNear(item, target, named, open, signal);
      if (near.length > 0) found.set(item.digest, near);
    }),
  );
  return found;
}

/** Where in the target's registry something of another one may be, apart from the target. */
export function nearCandidates(
  source: Location,
  target: Location,
  named: readonly Location[],
): readonly Location[] {
  if (target.kind !== "registry") return [];
  const isNear = (location: Location): boolean =>
    location.kind === "registry" && location.domain === target.domain;
  if (isNear(source)) return [];
  const alike: Location[] =
    source.kind === "registry" ? [{ kind: "registry", domain: target.domain, path: source.path }] : [];
  const all = new Map([...alike, ...named.filter(isNear)].map((one) => [formatLocation(one), one]));
  all.delete(formatLocation(target));
  return [...all.values()].slice(0, MAX_CANDIDATES);
}

/** Does a repository have this manifest? Without a clear answer it counts as missing, and is copied. */
export async function isThere(
  repository: Repository,
  digest: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  try {
    return (await repository.resolve(digest, { signal })) !== undefined;
  } catch (error) {
    if (error instanceof ManifestError) return false;
    throw error;
  }
}
