import { ManifestError } from "../errors.js";
import { goQuote } from "../go/quote.js";
import { editDistance } from "./editDistance.js";
import { isKnownPlatform, type Platform } from "./platform.js";
import {
  ARCHITECTURES,
  formatPlatform,
  normalizePlatform,
  OPERATING_SYSTEMS,
  parsePlatform,
} from "./platformName.js";

/**
 * Platforms as people write them: by `uname`, by Debian, by Node, by the folders of docker-library, by the names of
 * artifacts. For what containerd makes of a text, see {@link parsePlatform}.
 */

/** A name of ours and how others write it, the more common ones first. An architecture may be one with its variant. */
type Row = readonly [name: string, ...spellings: string[]];

const ARCHITECTURE_ROWS: readonly Row[] = [
  ["amd64", "x86_64", "x86-64", "x64"],
  ["arm64", "aarch64", "arm64v8", "armv8"],
  ["arm/v7", "armv7l", "armhf", "armv7", "arm32v7", "armv7a", "armv7hl", "armv7hf"],
  ["arm/v6", "armv6l", "armel", "armv6", "arm32v6", "armv6hf"],
  ["arm/v5", "armv5l", "armv5", "arm32v5", "armv5te", "armv5tel", "armv5tejl"],
  // A processor of 64 bits that runs programs of 32.
  ["arm/v8", "armv8l"],
  ["386", "i386", "i686", "x86", "i586", "i486", "ia32"],
  ["ppc64le", "ppc64el", "powerpc64le"],
  ["ppc64", "powerpc64"],
  ["riscv64", "riscv64gc"],
  ["loong64", "loongarch64"],
  ["mips64le", "mips64el"],
  ["mipsle", "mipsel"],
  ["wasm", "wasm32"],
  ...ARCHITECTURES.map((name): Row => [name]),
];

const OS_ROWS: readonly Row[] = [
  ["linux"],
  ["windows", "win32", "win", "win64"],
  ["darwin", "macos", "osx", "macosx", "mac"],
  ["solaris", "sunos"],
  // Of WebAssembly; containerd has no name for them alone, but takes any in `wasi/wasm`.
  ["wasi"],
  ["wasip1"],
  ["wasip2"],
  ...OPERATING_SYSTEMS.map((name): Row => [name]),
];

const ARCHITECTURE_OF = bySpelling(ARCHITECTURE_ROWS);
const OS_OF = bySpelling(OS_ROWS);

/** The variants there are, of architectures that have some; any other architecture may have any. */
const VARIANTS = new Map([
  ["amd64", /^v[1-4]$/],
  ["arm", /^v[5-8]$/],
  ["arm64", /^v(?:8|9)(?:\.\d)?$/],
]);

/** No name is longer, and no typo in a longer text is looked for. */
const MAX_LENGTH = 64;

/**
 * The platform of a name, in containerd's normal form: `linux/arm64` for `aarch64`, `arm64v8`, `linux/arm64/v8` and
 * `linux-arm64`. Linux unless it says; an operating system alone is refused, since no machine is meant.
 * @throws INVALID_PLATFORM for what nobody knows, with a suggestion in its hint where it looks like a typo
 * @example
 * formatPlatform(readPlatformName("armv7l")); // "linux/arm/v7"
 */
export function readPlatformName(text: string): Platform {
  const platform = platformNamed(text.trim());
  if (platform !== undefined) return platform;
  const os = OS_OF.get(text.trim().toLowerCase());
  const what = os === undefined ? "is not a platform" : "says no architecture";
  const suggestion = os === undefined ? nearestPlatform(text.trim()) : undefined;
  const shown = text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
  throw new ManifestError("INVALID_PLATFORM", `${goQuote(shown)} ${what}`, {
    subject: text,
    hint:
      suggestion === undefined
        ? `write it as ${os ?? "linux"}/amd64 or ${os ?? "linux"}/arm64`
        : `did you mean ${formatPlatform(suggestion)}?`,
  });
}

/**
 * What somebody who gave docker's `annotate` these two may have meant: `linux/amd64` for `linux` and `x86_64`. Undefined
 * where nothing comes to mind that docker would take.
 */
export function suggestPlatform(os: string, architecture: string): string | undefined {
  const name = os === "" ? architecture : `${os}/${architecture}`;
  const platform = platformNamed(name) ?? nearestPlatform(name);
  if (platform === undefined || !isKnownPlatform(platform.os, platform.architecture)) return undefined;
  return formatPlatform(platform);
}

/**
 * What a platform may be meant for that is none: `linux/arm64` for `linux/arm46`, `linux/amd64` for `x86-64`. Undefined
 * for one that there is, and where nothing comes to mind.
 */
export function suggestPlatformName(text: string): string | undefined {
  const name = text.trim();
  const platform = platformNamed(name) ?? nearestPlatform(name);
  const suggestion = platform && formatPlatform(platform);
  return suggestion === name ? undefined : suggestion;
}

/** `os(options)/architecture/variant`, `architecture/variant`, `architecture`, `os-architecture-variant`. */
function platformNamed(name: string): Platform | undefined {
  const [first = "", ...rest] = name.split("/");
  const { os: osName = "", options = "" } = /^(?<os>[^(]*)(?<options>\(.*\))?$/s.exec(first)?.groups ?? {};
  const os = OS_OF.get(osName.toLowerCase());
  if (os !== undefined && rest.length > 0) return withArchitecture(os + options, rest);
  return (
    withArchitecture("linux", [first, ...rest]) ?? (rest.length === 0 ? joinedByDashes(first) : undefined)
  );
}

/** `linux-amd64`, `linux_arm_v7`: what a file or an artifact is called, where a slash cannot be. */
function joinedByDashes(name: string): Platform | undefined {
  const [, osName = "", rest = ""] = /^([a-z0-9]+)[-_](.+)$/i.exec(name) ?? [];
  const os = OS_OF.get(osName.toLowerCase());
  if (os === undefined) return undefined;
  const [, architecture = "", variant = ""] = /^(.+)[-_]([^-_]+)$/.exec(rest) ?? [];
  return withArchitecture(os, [rest]) ?? withArchitecture(os, [architecture, variant]);
}

function withArchitecture(
  os: string,
  [name = "", variant, ...more]: readonly string[],
): Platform | undefined {
  const [architecture, ownVariant] = ARCHITECTURE_OF.get(name.toLowerCase())?.split("/") ?? [];
  if (architecture === undefined || variant === "" || more.length > 0) return undefined;
  const given = variant?.toLowerCase().replace(/^(?=\d)/, "v");
  if (given !== undefined) {
    if (ownVariant !== undefined && ownVariant !== given) return undefined;
    if (VARIANTS.get(architecture)?.test(given) === false) return undefined;
  }
  const parts = [os, architecture, given ?? ownVariant].filter((part) => part !== undefined);
  return normalizePlatform(parsePlatform(parts.join("/")));
}

/** The platform whose name has a letter or two more, fewer or other than this. */
function nearestPlatform(name: string): Platform | undefined {
  if (name.length > MAX_LENGTH) return undefined;
  const words = name.toLowerCase().split(/[/\\.:\s]+/);
  const [first = ""] = words;
  const os = words.length > 1 ? nearest(first, OS_OF) : undefined;
  const [architectureName = "", variant] = os === undefined ? words : words.slice(1);
  const architecture = nearest(architectureName, ARCHITECTURE_OF);
  if (architecture === undefined) return undefined;
  const known = [os ?? "linux", architecture];
  return (
    platformNamed([...known, ...(variant === undefined ? [] : [variant])].join("/")) ??
    platformNamed(known.join("/"))
  );
}

function nearest(word: string, names: ReadonlyMap<string, string>): string | undefined {
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const [spelling, name] of names) {
    const distance = editDistance(word, spelling);
    const isNear = distance <= (Math.min(word.length, spelling.length) < 5 ? 1 : 2);
    if (isNear && distance < (best?.distance ?? Infinity)) best = { name, distance };
  }
  return best?.name;
}

function bySpelling(rows: readonly Row[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const [name, ...spellings] of rows) {
    for (const spelling of [name, ...spellings]) if (!names.has(spelling)) names.set(spelling, name);
  }
  return names;
}
