import type { Descriptor } from "../oci/descriptor.js";
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
  const digests = new Set(added.map(({ digest }) => digest));
  const replaced = new Set(
    there
      .filter((one) => !digests.has(one.digest) && keyOf(one).some((key) => platforms.has(key)))
      .map(({ digest }) => digest),
  );
  return there.filter((one) => !replaced.has(one.digest) && !replaced.has(attestedDigest(one) ?? ""));
}

/** None for what runs on no machine. */
function keyOf(descriptor: Descriptor): string[] {
  const { platform } = descriptor;
  if (isAttestation(descriptor) || platform === undefined) return [];
  const isUnknown = [platform.os, platform.architecture].every((part) => part === "" || part === "unknown");
  return isUnknown ? [] : [platformKey(platform)];
}
