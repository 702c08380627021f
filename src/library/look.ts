import { pushAndPull } from "../apply/accesses.js";
import { ManifestCache } from "../content/manifestCache.js";
import type { Draft } from "../list/draft.js";
import { draftSource, locationsOf, namedSource, type TreeSource } from "../look/treeSource.js";
import type { Location } from "../oci/location.js";
import type { RepositoryAccess } from "../apply/accesses.js";
import type { CallTools } from "./connect.js";
import { readName } from "./names.js";
import { isDraft } from "./options.js";
import { readPlace } from "./readPlace.js";

/** What can be looked at: a name (`registry.example/app:v1`, `oci-layout://out:v1`), or a draft, as a push would send it. */
export type Lookable = string | Draft;

/** What shall be looked at; nothing is asked for yet. */
export interface Look {
  readonly locations: readonly Location[];
  readonly read: (tools: CallTools) => Promise<TreeSource>;
}

/** @throws USAGE for what is neither a name nor a draft, INVALID_REFERENCE */
export function lookAt(thing: Lookable): Look {
  if (isDraft(thing)) {
    return {
      locations: locationsOf(thing),
      read: ({ open }) => Promise.resolve(draftSource(thing, open)),
    };
  }
  const place = readName(thing, "what is looked at");
  return {
    locations: [place.location],
    read: async ({ open, signal }) => {
      const repository = open(place.location);
      const { name, manifest } = await readPlace(place, repository, new ManifestCache({ signal }));
      return namedSource(name, place.location.kind, manifest, repository);
    },
  };
}

/** What is needed to read these. */
export function accessesFor(looks: readonly Look[]): readonly RepositoryAccess[] {
  const locations = looks.flatMap((look) => look.locations);
  return pushAndPull([], locations);
}
