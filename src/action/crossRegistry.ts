import { readFrom } from "../content/fromSource.js";
import { parsePlace, type Place } from "../content/place.js";
import { parseSourceText } from "../content/sourceText.js";
import { ManifestError } from "../errors.js";
import type { ActionInputs } from "./inputs.js";

/**
 * Refuses what would have to be copied from one registry to another, or to a layout: nothing but files is read for it.
 * @throws OTHER_REGISTRY, naming both, with the way out; what `--from` throws
 */
export async function checkRegistries({ tags, sources, from }: ActionInputs): Promise<void> {
  const targets = tags.map(parsePlace);
  const named = sources.map((text) => {
    const source = parseSourceText(text);
    return source.kind === "place" ? [source.place] : [];
  });
  const built = (await Promise.all(from.map((path) => readFrom(path)))).flat();
  const pushed = built.map(({ repository, alsoIn }) =>
    [repository, ...alsoIn].flatMap((name) => (name === undefined ? [] : [parsePlace(name)])),
  );
  // What says no repository is in that of the first tag.
  const places = [...named, ...pushed].map((some) => (some.length === 0 ? targets.slice(0, 1) : some));
  for (const target of targets) {
    const [other] = places.find((some) => some.every((place) => hostOf(place) !== hostOf(target))) ?? [];
    if (other !== undefined) throw refusal(other, target);
  }
}

function hostOf({ location }: Place): string {
  return location.kind === "registry" ? location.domain : location.folder;
}

function refusal(source: Place, target: Place): ManifestError {
  return new ManifestError(
    "OTHER_REGISTRY",
    `${source.name} is not in ${hostOf(target)}, where ${target.name} is`,
    {
      subject: target.name,
      hint: "push the images there too, or set cross-registry: true to have them copied",
    },
  );
}
