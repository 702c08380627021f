import { ManifestError } from "../../errors.js";
import { NO_PLATFORM, type Platform } from "../../oci/platform.js";
import { readPlatformName } from "../../oci/platformAliases.js";
import { parsePlatform } from "../../oci/platformName.js";
import type { PlatformEntry } from "./schema.js";

/**
 * A platform as it is written: aliases are understood, and `linux/arm64/v8` keeps its variant, which containerd's normal
 * form has not.
 * @throws INVALID_PLATFORM, with the way out in its hint
 */
export function readPlatform(entry: PlatformEntry): Platform {
  return typeof entry === "string" ? readPlatformText(entry) : readPlatformParts(entry);
}

function readPlatformText(text: string): Platform {
  const normal = readPlatformName(text);
  const written = tryParse(text.trim());
  if (written?.os !== normal.os || written.architecture !== normal.architecture) return normal;
  return written;
}

/** What is no platform to containerd may be one to people: `linux-amd64`. */
function tryParse(text: string): Platform | undefined {
  try {
    return parsePlatform(text);
  } catch {
    return undefined;
  }
}

function readPlatformParts(parts: Exclude<PlatformEntry, string>): Platform {
  const { architecture, os = "linux", variant = "" } = parts;
  const written = [os, architecture, ...(variant === "" ? [] : [variant])].join("/");
  const normal = readPlatformName(written);
  const isAlias = normal.os !== os || normal.architecture !== architecture;
  const isNumber = /^\d/.test(variant) || variant !== variant.toLowerCase();
  if (isAlias || isNumber) {
    const meant = [
      ...(normal.os === os ? [] : [`os: ${normal.os}`]),
      ...(normal.architecture === architecture ? [] : [`architecture: ${normal.architecture}`]),
      ...(isNumber || (variant === "" && normal.variant !== "")
        ? [`variant: ${variantOf(normal, variant)}`]
        : []),
    ];
    throw new ManifestError("INVALID_PLATFORM", `${JSON.stringify(written)} is not in its normal form`, {
      subject: written,
      hint: `write it as ${meant.join(", ")}`,
    });
  }
  return {
    ...NO_PLATFORM,
    os,
    architecture,
    variant,
    "os.version": parts["os.version"] ?? "",
    "os.features": parts["os.features"] ?? [],
  };
}

function variantOf(normal: Platform, variant: string): string {
  return normal.variant === "" ? variant.toLowerCase().replace(/^(?=\d)/, "v") : normal.variant;
}

/** The platforms of a text separated by commas or white space, or of a sequence, each with the index that it has there. */
export function platformEntries(
  given: string | readonly PlatformEntry[],
): { readonly entry: PlatformEntry; readonly path: readonly number[] }[] {
  if (typeof given !== "string") return given.map((entry, index) => ({ entry, path: [index] }));
  return given
    .split(/[,\s]+/)
    .filter((name) => name !== "")
    .map((entry) => ({ entry, path: [] }));
}
