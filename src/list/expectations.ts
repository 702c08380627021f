import { ManifestError } from "../errors.js";
import { goQuote } from "../go/quote.js";
import type { Descriptor } from "../oci/descriptor.js";
import { isOfMachine, type Platform } from "../oci/platform.js";
import { readPlatformName } from "../oci/platformAliases.js";
import { platformKey } from "../oci/platformMatcher.js";
import { attestedDigest, isAttestation } from "./attestations.js";
import { groupBy } from "./groupBy.js";

/** Which platforms a list should have, and what is odd about those that it has. Platforms are compared as containerd does it. */

/** How the platforms of a list differ from the expected ones. Each is a platform's name, or an entry that has none. */
export interface PlatformDifference {
  /** The platforms that are expected and not there. */
  readonly missing: readonly string[];
  /** The platforms that are there and not expected. */
  readonly unexpected: readonly string[];
  /** More than one entry has these. */
  readonly duplicates: readonly { readonly platform: string; readonly count: number }[];
}

/** How many of a kind are shown: in a list of thousands, everything may be unexpected. */
const MAX_SHOWN = 10;
/** How many digests are shown for a platform that is there several times. */
const MAX_DIGESTS = 3;

/**
 * The platforms of all `--expect` flags, each a list separated by commas or white space, in the spellings that people
 * use. One that is there twice counts once.
 * @throws INVALID_PLATFORM for a typo; USAGE for a flag without any platform: more likely a variable was empty
 * @example
 * readExpectations(["linux/amd64,linux/arm64"]).length; // 2
 */
export function readExpectations(texts: readonly string[]): readonly Platform[] {
  const platforms = texts.flatMap((text) => {
    const names = text.split(/[,\s]+/).filter((name) => name !== "");
    if (names.length === 0) {
      throw new ManifestError("USAGE", `no platform is named by ${goQuote(text)}`, {
        hint: "write those that the list must have: linux/amd64,linux/arm64",
      });
    }
    return names.map(readPlatformName);
  });
  return [...new Map(platforms.map((platform) => [platformKey(platform), platform])).values()];
}

/**
 * Does a list have exactly the expected platforms, each once? Undefined if so.
 *
 * `windows/amd64` expects any number of versions of Windows, each once; `windows(10.0.17763)/amd64` that build. What
 * is for no machine does not count: attestations, and artifacts (by their `artifactType`) without platform. Anything
 * else without platform, or of `unknown/unknown`, is unexpected: nobody can say what it runs on.
 * @example
 * checkExpectations(index.children, readExpectations(["linux/amd64,linux/arm64,linux/s390x"]))?.missing; // ["linux/s390x"]
 */
export function checkExpectations(
  descriptors: readonly Descriptor[],
  expected: readonly Platform[],
): PlatformDifference | undefined {
  const counted = descriptors.filter(isCounted);
  const present = counted.map(({ digest, platform }) =>
    isOfMachine(platform) ? versionedOf(platform) : { name: unnamed(digest) },
  );
  const wanted = expected.map(versionedOf);
  const isWanted = new Map(present.map((one) => [one.name, wanted.some((other) => covers(other, one))]));
  const difference = {
    missing: wanted.filter((one) => !present.some((other) => covers(one, other))).map(({ name }) => name),
    unexpected: [...isWanted].filter(([, is]) => !is).map(([name]) => name),
    duplicates: duplicatesOf(counted).map(({ platform, entries }) => ({ platform, count: entries.length })),
  };
  return Object.values(difference).every((all) => all.length === 0) ? undefined : difference;
}

/**
 * `missing linux/arm64; unexpected linux/s390x; linux/amd64 twice`.
 * @example
 * const difference = checkExpectations(index.children, readExpectations(["linux/amd64"]));
 * if (difference !== undefined) console.log(formatDifference(difference));
 */
export function formatDifference({ missing, unexpected, duplicates }: PlatformDifference): string {
  const all = [
    ...(missing.length === 0 ? [] : [`missing ${shown(missing)}`]),
    ...(unexpected.length === 0 ? [] : [`unexpected ${shown(unexpected)}`]),
    ...(duplicates.length === 0
      ? []
      : [shown(duplicates.map(({ platform, count }) => `${platform} ${times(count)}`))]),
  ];
  return all.join("; ");
}

/** The error for a list that is not what is expected. To be thrown before anything is sent. */
export function expectationError(name: string, difference: PlatformDifference): ManifestError {
  const message = `${name} would not have the expected platforms: ${formatDifference(difference)}`;
  return new ManifestError("EXPECTATION", message, { subject: name, hint: "nothing was changed" });
}

/**
 * What is odd about a list whatever is expected of it, a line each: two entries of one platform, attestations of nothing.
 * @example
 * listWarnings([...index.children, ...index.children]).length > 0; // true
 */
export function listWarnings(descriptors: readonly Descriptor[]): string[] {
  const digests = new Set(descriptors.map(({ digest }) => digest));
  return [
    ...duplicatesOf(descriptors.filter(isCounted)).map(({ platform, entries }) => {
      const distinct = [...new Set(entries.map(({ digest }) => digest))];
      return `${platform} is in the list ${times(entries.length)}, as ${shown(distinct, MAX_DIGESTS)}; clients take only one`;
    }),
    ...descriptors.filter(isAttestation).flatMap((attestation) => {
      const image = attestedDigest(attestation);
      if (image !== undefined && digests.has(image)) return [];
      const what = image === undefined ? "no image" : `${image}, which is not in the list`;
      return [`the attestation ${attestation.digest} is for ${what}`];
    }),
  ];
}

function duplicatesOf(
  counted: readonly Descriptor[],
): { readonly platform: string; readonly entries: readonly Descriptor[] }[] {
  const groups = groupBy(
    counted.filter(({ platform }) => isOfMachine(platform)),
    nameOf,
  );
  return [...groups]
    .map(([platform, entries]) => ({ platform, entries }))
    .filter(({ entries }) => entries.length > 1);
}

function isCounted(descriptor: Descriptor): boolean {
  return !isAttestation(descriptor) && (descriptor.artifactType === "" || isOfMachine(descriptor.platform));
}

function nameOf({ digest, platform }: Descriptor): string {
  return isOfMachine(platform) ? platformKey(platform) : unnamed(digest);
}

function unnamed(digest: string): string {
  return `${digest} (no platform)`;
}

/** A platform, and apart from it the version of Windows, which need not be said in full. */
interface Versioned {
  readonly name: string;
  /** Undefined for what is no platform. */
  readonly withoutVersion?: string;
  readonly version?: string;
}

function versionedOf(platform: Platform): Required<Versioned> {
  const name = platformKey(platform);
  const withoutVersion = platformKey({ ...platform, "os.version": "" });
  return { name, withoutVersion, version: name === withoutVersion ? "" : platform["os.version"] };
}

function covers(expected: Required<Versioned>, { withoutVersion, version = "" }: Versioned): boolean {
  if (withoutVersion !== expected.withoutVersion) return false;
  return expected.version === "" || `${version}.`.startsWith(`${expected.version}.`);
}

function times(count: number): string {
  return count === 2 ? "twice" : `${count} times`;
}

function shown(items: readonly string[], max = MAX_SHOWN): string {
  const more = items.length > max ? ` and ${items.length - max} more` : "";
  return items.slice(0, max).join(", ") + more;
}
