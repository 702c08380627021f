import type { Descriptor } from "../oci/descriptor.js";
import type { Entry } from "./entry.js";

/**
 * BuildKit's attestations: entries of an index that say, by two annotations, which other entry they are about.
 * https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md
 */
const TYPE = "vnd.docker.reference.type";
const DIGEST = "vnd.docker.reference.digest";

export function isAttestation({ annotations }: Pick<Descriptor, "annotations">): boolean {
  return annotations[TYPE] === "attestation-manifest";
}

/** The digest of the image that an attestation is about; undefined for anything else. */
export function attestedDigest(descriptor: Pick<Descriptor, "annotations">): string | undefined {
  return isAttestation(descriptor) ? descriptor.annotations[DIGEST] : undefined;
}

/** The order of a list: the images as they come, then the attestations in the order of the images they are about. */
export function inListOrder(entries: readonly Entry[]): readonly Entry[] {
  const images = entries.filter(({ descriptor }) => !isAttestation(descriptor));
  if (images.length === entries.length) return entries;
  const positions = new Map<string | undefined, number>();
  images.forEach(({ descriptor }, index) => {
    if (!positions.has(descriptor.digest)) positions.set(descriptor.digest, index);
  });
  const position = ({ descriptor }: Entry): number =>
    positions.get(attestedDigest(descriptor)) ?? images.length;
  const attestations = entries.filter(({ descriptor }) => isAttestation(descriptor));
  return [...images, ...attestations.sort((one, other) => position(one) - position(other))];
}

/** The entries of `after` without the attestations of those images that `before` had and `after` has not. */
export function withoutOrphans(before: readonly Entry[], after: readonly Entry[]): readonly Entry[] {
  const present = new Set(after.map(({ descriptor }) => descriptor.digest));
  const gone = new Set(
    before.map(({ descriptor }) => descriptor.digest).filter((digest) => !present.has(digest)),
  );
  return after.filter(({ descriptor }) => {
    const image = attestedDigest(descriptor);
    return image === undefined || !gone.has(image);
  });
}
