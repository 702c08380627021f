import { parsePlace, type Place } from "../content/place.js";
import type { WantedSource } from "../content/sourceText.js";
import { ManifestError } from "../errors.js";

/**
 * The sources that `--from` names: folders of digests, metadata files of builds. What says no repository is in that of the
 * list.
 * @throws USAGE where there is no list to have one
 */
export async function fromPlaces(
  paths: readonly string[],
  list: Place | undefined,
): Promise<readonly WantedSource[]> {
  if (paths.length === 0) return [];
  const { readFrom } = await import("../content/fromSource.js");
  const found = await Promise.all(paths.map((path) => readFrom(path)));
  return found.flat().map(({ digest, repository, alsoIn, subject }) => {
    const isListed = list !== undefined && alsoIn.includes(list.name);
    const place = repository === undefined || isListed ? list : parsePlace(repository);
    if (place === undefined) {
      throw new ManifestError(
        "USAGE",
        `${subject} says no repository, and there is no --tag to take it from`,
        {
          subject,
          hint: "pass --tag, or name the images in full",
        },
      );
    }
    return { place: { ...place, tag: undefined, digest }, given: undefined, text: subject };
  });
}
