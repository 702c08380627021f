import { parsePlace, type Place } from "../content/place.js";
import { ManifestError } from "../errors.js";
import { readPlatformName } from "../oci/platformAliases.js";
import type { Platform } from "../oci/platform.js";

/** Reads what functions are called with. Programs in JavaScript have no compiler to tell them: here they are told. */

/**
 * `registry.example/app:v1`, `registry.example/app@sha256:…`, `oci-layout://out:v1`.
 * @throws USAGE for what is no text, INVALID_REFERENCE
 */
export function readName(name: unknown, what: string): Place {
  if (typeof name === "string") return parsePlace(name);
  throw new ManifestError("USAGE", `${what} must be a string, such as "registry.example/app:v1"`);
}

/**
 * What a list shall be called: one name, or several.
 * @throws USAGE for none, INVALID_REFERENCE, also for the digest of a layout
 */
export function readTargets(names: unknown): readonly Place[] {
  const targets = listOf(names).map((name) => {
    const place = readName(name, "a target");
    if (place.location.kind === "registry" || place.digest === undefined) return place;
    const subject = String(name);
    throw new ManifestError(
      "INVALID_REFERENCE",
      `${subject}: a layout is written under a tag, not a digest`,
      {
        subject,
      },
    );
  });
  if (targets.length === 0) throw new ManifestError("USAGE", "there must be a target at least");
  return targets;
}

/**
 * `linux/arm64`, `linux/arm/v7`, and what people write in place of them: `aarch64`.
 * @throws INVALID_PLATFORM
 */
export function readPlatforms(names: readonly string[] = []): readonly Platform[] {
  return names.map(readPlatformName);
}

/** One, or several. */
export function listOf(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value.map((one: unknown) => one) : [value];
}
