import type { Descriptor } from "../oci/descriptor.js";
import { isOfMachine } from "../oci/platform.js";
import { platformKey } from "../oci/platformMatcher.js";
import { attestedDigest, isAttestation } from "./attestations.js";

/**
 * What stays of a list when images are merged into it: an image for the platform of a new one makes room for it, and its
 * attestations with it. What has no platform of a machine stays.
 * @example
 * withoutReplaced(index.children, [arm64]); // the others, with their attestations
 */
export function withoutReplaced(
  there: readonly Descriptor[],
  added: readonly Descriptor[],
): readonly Descriptor[] {
  const platforms = new Set(added.flatMap(keyOf));
  const same = new Set(added.flatMap((one) => keyOf(one).map((key) => `${one.digest} ${key}`)));
  const isReplaced = (one: Descriptor): boolean =>
    keyOf(one).some((key) => platforms.has(key) && !same.has(`${one.digest} ${key}`));
  const stays = there.filter((one) => !isReplaced(one));
  // One image may be there for several platforms: its attestations leave with the last.
  const left = new Set([...stays, ...added].map(({ digest }) => digest));
  const gone = new Set(there.filter(isReplaced).map(({ digest }) => digest));
  return stays.filter((one) => {
    const image = attestedDigest(one) ?? "";
    return !gone.has(image) || left.has(image);
  });
}

/** None for what runs on no machine. */
function keyOf(descriptor: Descriptor): string[] {
  const { platform } = descriptor;
  return isAttestation(descriptor) || !isOfMachine(platform) ? [] : [platformKey(platform)];
}
