import { openLayout } from "../content/layout.js";
import type { ManifestCache } from "../content/manifestCache.js";
import { formatPlace, type Place } from "../content/place.js";
import type { Repository } from "../content/repository.js";
import type { Manifest } from "../oci/manifest.js";

/**
 * What a name names. Without tag and digest that is `latest`; in a layout without one of that name, the only thing there is.
 * @throws NotFoundError (MANIFEST_UNKNOWN)
 */
export async function readPlace(
  place: Place,
  repository: Repository,
  cache: ManifestCache,
): Promise<{ readonly name: string; readonly manifest: Manifest }> {
  const whole = { ...place, ...(await referenceIn(place)) };
  const name = formatPlace(whole);
  const reference = whole.digest ?? whole.tag ?? "latest";
  return { name, manifest: await cache.manifest(repository, reference, name) };
}

async function referenceIn({ location, tag, digest }: Place): Promise<Pick<Place, "tag" | "digest">> {
  if (location.kind === "registry" || tag !== undefined || digest !== undefined) return { tag, digest };
  const reference = await openLayout(location.folder).defaultReference();
  return reference.includes(":") ? { digest: reference } : { tag: reference };
}
