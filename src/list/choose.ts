import { ManifestError } from "../errors.js";
import type { Descriptor } from "../oci/descriptor.js";
import type { Platform } from "../oci/platform.js";
import { suggestPlatformName } from "../oci/platformAliases.js";
import { platformMatcher } from "../oci/platformMatcher.js";
import { formatPlatform } from "../oci/platformName.js";
import { attestedDigest, isAttestation } from "./attestations.js";

/** What is taken of an index. */
export interface Choice {
  /** Only these; all where there are none. */
  readonly platforms: readonly Platform[];
  /** What becomes of the attestations that the sources list. */
  readonly attestations: "keep" | "drop";
}

/** The chosen manifests of a list, and which of them have an attestation among the chosen. */
export interface Chosen<Item> {
  readonly kept: readonly Item[];
  /** The attestations that are kept, with what they are about. */
  readonly subjects: ReadonlyMap<string, string>;
  /** Is it of a chosen platform itself, or without one? */
  readonly isWanted: (descriptor: Descriptor) => boolean;
}

/**
 * Chooses by platforms, as buildx does: what has one of them, what has none, and the attestations of what is chosen.
 * https://github.com/containerd/platforms
 */
export function chooseByPlatform<Item extends { readonly descriptor: Descriptor }>(
  items: readonly Item[],
  platforms: readonly Platform[],
): Chosen<Item> {
  const matches = platforms.length === 0 ? () => true : platformMatcher(platforms);
  const isWanted = ({ platform }: Descriptor): boolean => platform === undefined || matches(platform);
  const byDigest = new Map(items.map(({ descriptor }) => [descriptor.digest, descriptor]));
  const subjects = new Map<string, string>();
  for (const { descriptor } of items) {
    const subject = byDigest.get(attestedDigest(descriptor) ?? "");
    if (subject !== undefined && isWanted(subject)) subjects.set(descriptor.digest, subject.digest);
  }
  const kept = items.filter(({ descriptor }) => subjects.has(descriptor.digest) || isWanted(descriptor));
  return { kept, subjects, isWanted };
}

/** The manifests that are taken from an index; maybe none. */
export function chooseChildren(
  children: readonly Descriptor[],
  { platforms, attestations }: Choice,
): readonly Descriptor[] {
  const { kept } = chooseByPlatform(
    children.map((descriptor) => ({ descriptor })),
    platforms,
  );
  return kept
    .map(({ descriptor }) => descriptor)
    .filter((child) => attestations === "keep" || !isAttestation(child));
}

/**
 * Is an image of a chosen platform?
 * @throws NO_MATCH if it is not
 */
export function checkImage({ platform }: Descriptor, { platforms }: Pick<Choice, "platforms">): void {
  if (platforms.length === 0 && platform !== undefined) return;
  if (platform === undefined) {
    throw new ManifestError(
      "NO_MATCH",
      "cannot filter platforms from a manifest without platform information",
      { hint: "leave out --platform to take it as it is" },
    );
  }
  if (platformMatcher(platforms)(platform)) return;
  throw noMatch(
    `input platform ${formatPlatform(platform)} does not match any of the provided platforms`,
    platforms,
    [],
  );
}

/**
 * The error, in buildx's words, where nothing of a list has one of these platforms.
 * @param there what the list has, where that is known
 */
export function noManifestMatches(
  platforms: readonly Platform[],
  there: readonly Descriptor[] = [],
): ManifestError {
  return noMatch("none of the manifests match the provided platforms", platforms, there);
}

/** containerd accepts any word as an architecture, so one that matches nothing may be a typing error. */
function noMatch(
  message: string,
  platforms: readonly Platform[],
  there: readonly Descriptor[],
): ManifestError {
  const meant = platforms.flatMap((platform) => suggestPlatformName(formatPlatform(platform)) ?? []);
  const images = there.filter((descriptor) => !isAttestation(descriptor));
  const has = new Set(
    images.flatMap(({ platform }) => (platform === undefined ? [] : formatPlatform(platform))),
  );
  const hint =
    meant.length > 0
      ? `did you mean ${meant.join(", ")}?`
      : has.size > 0
        ? `there is ${[...has].join(", ")}`
        : "tsmanifest imagetools inspect shows which platforms a source has";
  return new ManifestError("NO_MATCH", message, { hint });
}
