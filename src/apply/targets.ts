import { nameKey, tagsOf, type Place } from "../content/place.js";
import { formatLocation, type Location } from "../oci/location.js";

/** A repository that gets a list, with the tags that it gets there. */
export interface Target {
  readonly location: Location;
  readonly tags: readonly string[];
}

/** What a list is called first, as `nameKey` has it. Its shard depends on that. */
export function targetKey([first]: readonly Place[]): string {
  if (first === undefined) throw new Error("a list without a name");
  return nameKey(first);
}

/** What a list shall be called, repository by repository: each once, with all its tags, in the order that was given. */
export function targetsOf(places: readonly Place[]): readonly Target[] {
  const targets = new Map<string, { location: Location; tags: string[] }>();
  for (const place of places) {
    const name = formatLocation(place.location);
    const target = targets.get(name) ?? { location: place.location, tags: [] };
    for (const tag of tagsOf(place)) if (!target.tags.includes(tag)) target.tags.push(tag);
    targets.set(name, target);
  }
  return [...targets.values()];
}
