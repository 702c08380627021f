import { attestedDigest, isAttestation } from "../list/attestations.js";
import type { Entry } from "../list/entry.js";
import type { Descriptor } from "../oci/descriptor.js";
import { isOfMachine } from "../oci/platform.js";
import { formatPlatform } from "../oci/platformName.js";
import { formatReference } from "../oci/reference.js";
import type { EntryResult } from "./inspectResult.js";
import type { ListResult } from "./listResult.js";

/** What results say of the entries of a list. */

/** The platforms of images, each once, in the order of the list. */
export function platformsIn(descriptors: readonly Pick<Descriptor, "annotations" | "platform">[]): string[] {
  const images = descriptors.filter((one) => !isAttestation(one));
  return [...new Set(images.flatMap((one) => platformOf(one) ?? []))];
}

/** What a {@link ListResult} says of an entry. */
export function describePushed(one: Descriptor): ListResult["manifests"][number] {
  const platform = platformOf(one);
  const attests = attestedDigest(one);
  return {
    ...contentOf(one),
    ...(platform !== undefined && { platform }),
    ...(attests !== undefined && { attests }),
  };
}

/** All that a list says of an entry. */
export function describeEntry(one: Descriptor): EntryResult {
  const { artifactType, annotations } = one;
  return {
    ...describePushed(one),
    ...(artifactType !== "" && { artifactType }),
    ...(Object.keys(annotations).length > 0 && { annotations: { ...annotations } }),
  };
}

/** The same with the name that a local list has for it. */
export function describeLocalEntry({ ref, descriptor }: Entry): EntryResult {
  return { name: formatReference(ref), ...describeEntry(descriptor) };
}

/** What a descriptor says of content, and no more. */
export function contentOf({
  digest,
  mediaType,
  size,
}: Pick<Descriptor, "digest" | "mediaType" | "size">): Pick<EntryResult, "digest" | "mediaType" | "size"> {
  return { digest, mediaType, size: Number(size) };
}

function platformOf({ platform }: Pick<Descriptor, "platform">): string | undefined {
  return isOfMachine(platform) ? formatPlatform(platform) : undefined;
}
