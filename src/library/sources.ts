import { readPlatform } from "../apply/file/platforms.js";
import { fromPlaces } from "../apply/fromPlaces.js";
import type { OrderSource } from "../apply/order.js";
import type { WantedOrderSource } from "../apply/readSource.js";
import { wantedSources } from "../apply/wantedSources.js";
import type { Place } from "../content/place.js";
import { parseSourceText } from "../content/sourceText.js";
import { usageError } from "../errors.js";
import type { Annotations } from "../list/draft.js";
import { BUILD_SOURCE, checkOptions, IMAGE_SOURCE } from "./options.js";

/**
 * What a list is made of:
 *
 * - a string: an image or list by its reference, a digest in the repository of the list, an OCI layout
 *   (`oci-layout://out:v1`), or a descriptor as JSON;
 * - an {@link ImageSource}: the same, with what the list says about it;
 * - a {@link BuildSource}: the images that a build has recorded.
 */
export type ListSource = string | ImageSource | BuildSource;

/** An image, with what the list says of it over what its registry says. */
export interface ImageSource {
  /** A reference, a digest or an OCI layout. */
  readonly image: string;
  /** `linux/arm/v7`, `windows(10.0.20348.1)/amd64`. Default: what its config says. */
  readonly platform?: string | undefined;
  /** Annotations of its entry in the list. Default: those that its source has. */
  readonly annotations?: Annotations | undefined;
}

/** Images that builds have recorded. */
export interface BuildSource {
  /** A folder of files that are called by digests, or what `docker buildx build --metadata-file` has written. */
  readonly from: string;
}

/**
 * Finds out where sources are, in their order. Files of builds are read for that, and no registry is asked.
 * @param list whose repository has what says of none
 * @throws USAGE for what is no source, INVALID_REFERENCE, INVALID_PLATFORM, INVALID_SOURCE
 */
export async function placeListSources(
  given: readonly ListSource[],
  list: Place | undefined,
): Promise<readonly WantedOrderSource[]> {
  if (isNothing(given)) throw usageError("there must be a list of sources");
  const targets = list === undefined ? [] : [list];
  const placed = given.map(async (source) =>
    isBuild(source)
      ? fromPlaces([source.from], list)
      : wantedSources({ sources: [orderSource(source)], targets }),
  );
  return (await Promise.all(placed)).flat();
}

function isNothing(given: unknown): boolean {
  return !Array.isArray(given) || given.length === 0;
}

/** @throws USAGE for what is no source */
function isBuild(source: unknown): source is BuildSource {
  if (typeof source === "string") return false;
  const isFrom = typeof source === "object" && source !== null && "from" in source;
  checkOptions(isFrom ? BUILD_SOURCE : IMAGE_SOURCE, source, "a source");
  return isFrom;
}

function orderSource(source: string | ImageSource): OrderSource {
  const { image, platform, annotations }: ImageSource =
    typeof source === "object" ? source : { image: source };
  const says = {
    ...(platform !== undefined && { platform: readPlatform(platform) }),
    ...(annotations !== undefined && { annotations }),
  };
  return { text: image, source: parseSourceText(image), ...(Object.keys(says).length > 0 && { says }) };
}
