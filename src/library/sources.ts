import type { OrderSource } from "../apply/order.js";
import { parseSourceText } from "../content/sourceText.js";
import { ManifestError } from "../errors.js";
import type { Annotations } from "../list/draft.js";
import { readPlatformName } from "../oci/platformAliases.js";

/**
 * What a list is made of:
 *
 * - a string: an image or list by its reference, a digest in the repository of the list, an OCI layout
 *   (`oci-layout://out:v1`), or a descriptor as JSON;
 * - an {@link ImageSource}: the same, with what the list shall say of it;
 * - a {@link BuildSource}: what builds have left word of.
 */
export type ListSource = string | ImageSource | BuildSource;

/** An image, with what the list says of it over what its registry says. */
export interface ImageSource {
  /** A reference, a digest or an OCI layout. */
  readonly image: string;
  /** `linux/arm/v7`, `windows(10.0.20348.1)/amd64`; what its config says, unless told. */
  readonly platform?: string | undefined;
  /** Of its entry in the list. */
  readonly annotations?: Annotations | undefined;
}

/** Images that builds have left word of. */
export interface BuildSource {
  /** A folder of files that are called by digests, or what `docker buildx build --metadata-file` has written. */
  readonly from: string;
}

/** Sources, as an order has them. */
export interface GivenSources {
  readonly sources: readonly OrderSource[];
  /** The paths of build sources. */
  readonly from: readonly string[];
}

/**
 * Reads what a list is to be made of; nothing is asked for yet.
 * @throws USAGE for what is no source, INVALID_REFERENCE, INVALID_PLATFORM
 */
export function readListSources(given: readonly ListSource[]): GivenSources {
  const sources: OrderSource[] = [];
  const from: string[] = [];
  for (const source of given) {
    if (isBuild(source)) from.push(source.from);
    else sources.push(orderSource(source));
  }
  return { sources, from };
}

function isBuild(source: ListSource): source is BuildSource {
  return typeof source === "object" && "from" in source && typeof source.from === "string";
}

function orderSource(source: string | ImageSource): OrderSource {
  const { image, platform, annotations }: ImageSource =
    typeof source === "string" ? { image: source } : source;
  if (typeof image !== "string") {
    throw new ManifestError("USAGE", 'a source must be a string, or have an "image" or a "from"');
  }
  const says = {
    ...(platform !== undefined && { platform: readPlatformName(platform) }),
    ...(annotations !== undefined && { annotations }),
  };
  return { text: image, source: parseSourceText(image), ...(Object.keys(says).length > 0 && { says }) };
}
