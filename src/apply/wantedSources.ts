import type { Place } from "../content/place.js";
import { descriptor, type Descriptor } from "../oci/descriptor.js";
import type { ListOrder, OrderSource } from "./order.js";
import type { WantedOrderSource } from "./readSource.js";

/**
 * The sources of a list of a file, with their repositories. A digest or descriptor alone is in the repository of the list.
 * What `from` names is not among them: that is to be read.
 */
export function wantedSources({
  sources,
  targets: [list],
}: Pick<ListOrder, "sources" | "targets">): readonly WantedOrderSource[] {
  return sources.map((source) => ({
    place: placeOf(source, list),
    given: givenOf(source),
    text: source.text,
    isPlatformChecked: source.isPlatformChecked,
    isPlatformOpen: source.isPlatformOpen,
  }));
}

function placeOf({ source }: OrderSource, list: Place | undefined): Place {
  if (source.kind === "place") return source.place;
  if (list === undefined) throw new Error("a list without a name");
  const digest = source.kind === "digest" ? source.digest : source.descriptor.digest;
  return { location: list.location, name: list.name, tag: undefined, digest };
}

/** What the list says of it, over what its registry says. */
function givenOf({ source, says }: OrderSource): Descriptor | undefined {
  const given = source.kind === "descriptor" ? source.descriptor : undefined;
  if (says === undefined) return given;
  const { mediaType, digest, size, urls, data, artifactType, annotations, platform } =
    given ?? descriptor("", "", 0);
  return {
    mediaType,
    digest,
    size,
    urls,
    annotations: says.annotations ?? annotations,
    data,
    platform: says.platform ?? platform,
    artifactType,
  };
}
