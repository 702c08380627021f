import { Buffer } from "node:buffer";
import { ManifestError } from "../errors.js";
import { goQuote } from "../go/quote.js";
import { decodeUtf8 } from "../go/utf8.js";
import { NO_PLATFORM, type Platform } from "./platform.js";

/**
 * Platforms as text and in their normal form, as containerd has them, and so docker and buildx.
 * https://pkg.go.dev/github.com/containerd/platforms
 *
 *     platform = os-part / architecture / os-part "/" architecture [ "/" variant ]
 *     os-part  = os [ "(" [ version ] *( "+" feature ) ")" ]       ; windows(10.0.17763+win32k)
 *
 * Version and features may have `%` escapes for what the grammar has no room for.
 */
const OS_PART = /^([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.%-]*)((?:\+[A-Za-z0-9_.%-]+)*)\))?$/;
const COMPONENT = /^[A-Za-z0-9_.-]+$/;

/** What a platform has where its text does not say it. containerd takes the machine that it runs on. */
export interface PlatformDefaults {
  readonly os: string;
  readonly architecture: string;
}

/** What nearly every image is for, whatever machine makes a list of it. */
export const LINUX_AMD64: PlatformDefaults = { os: "linux", architecture: "amd64" };

/** Those that containerd knows by name alone: a word is one of these, or an architecture, or refused. */
export const OPERATING_SYSTEMS: readonly string[] = [
  ...["linux", "windows", "darwin", "freebsd", "netbsd", "openbsd", "dragonfly", "solaris", "illumos", "aix"],
  ...["android", "hurd", "ios", "js", "nacl", "plan9", "zos"],
];
export const ARCHITECTURES: readonly string[] = [
  ...["amd64", "arm64", "arm", "386", "ppc64le", "s390x", "riscv64", "loong64", "mips64le", "mips64"],
  ...["amd64p32", "arm64be", "armbe", "mips", "mips64p32", "mips64p32le", "mipsle", "ppc", "ppc64", "riscv"],
  ...["s390", "sparc", "sparc64", "wasm"],
];

/**
 * Reads a platform as containerd's `Parse` does. The result is not quite in normal form: `arm` has no variant, and
 * `linux/arm64/v8` keeps its own. What two parts or three say need not be known to anybody.
 * @throws INVALID_PLATFORM in containerd's words
 * @example
 * parsePlatform("windows(10.0.17763)/amd64")["os.version"]; // "10.0.17763"
 */
export function parsePlatform(text: string, defaults: PlatformDefaults = LINUX_AMD64): Platform {
  const refuse = (fault: string): never => {
    throw new ManifestError("INVALID_PLATFORM", fault, { subject: text });
  };
  if (text.includes("*")) return refuse(`${goQuote(text)}: wildcards not yet supported: invalid argument`);

  const [first = "", ...rest] = text.split("/");
  const match = OS_PART.exec(first);
  if (match === null) {
    return refuse(
      `${goQuote(first)} is an invalid OS component of ${goQuote(text)}: ` +
        `OSAndVersion specifier component must match ${goQuote(OS_PART.source)}: invalid argument`,
    );
  }
  const [, name = "", version = "", features = ""] = match;
  const named = {
    ...NO_PLATFORM,
    os: normalOs(name, defaults),
    "os.version": decodeOption(version, (fault) =>
      refuse(`${goQuote(text)} has an invalid OS version ${goQuote(version)}: ${fault}`),
    ),
    "os.features": features
      .split("+")
      .slice(1)
      .map((feature) =>
        decodeOption(feature, (fault) =>
          refuse(
            `${goQuote(text)} has invalid OS features: invalid os feature ${goQuote(feature)}: ${fault}`,
          ),
        ),
      ),
  };

  // containerd cuts three times; what is left behind that has slashes in it, and is no component.
  const parts = [...rest.slice(0, 2), ...(rest.length > 2 ? [rest.slice(2).join("/")] : [])];
  const bad = parts.find((part) => !COMPONENT.test(part));
  if (bad !== undefined) {
    return refuse(
      `${goQuote(bad)} is an invalid component of ${goQuote(text)}: ` +
        `platform specifier component must match ${goQuote(COMPONENT.source)}: invalid argument`,
    );
  }

  const [architecture, variant, ...more] = parts;
  if (architecture === undefined) {
    if (OPERATING_SYSTEMS.includes(named.os)) return { ...named, architecture: defaults.architecture };
    const normal = withoutV7(normalArchitecture(first, ""));
    if (ARCHITECTURES.includes(normal.architecture)) return { ...named, ...normal, os: defaults.os };
    return refuse(`${goQuote(text)}: unknown operating system or architecture: invalid argument`);
  }
  if (variant === undefined) return { ...named, ...withoutV7(normalArchitecture(architecture, "")) };
  if (more.length > 0) return refuse(`${goQuote(text)}: cannot parse platform specifier: invalid argument`);
  const normal = normalArchitecture(architecture, variant);
  const isPlainArm64 = normal.architecture === "arm64" && normal.variant === "";
  return { ...named, ...normal, ...(isPlainArm64 && { variant: "v8" }) };
}

/**
 * The normal form, as containerd's `Normalize` has it: `x86_64` is `amd64`, `arm64/v8` is `arm64`, `arm` is `arm/v7`.
 * An empty operating system becomes the default one, an empty architecture stays.
 * @example
 * normalizePlatform({ ...parsePlatform("linux/arm64"), variant: "v8" }).variant; // ""
 */
export function normalizePlatform(platform: Platform, defaults: PlatformDefaults = LINUX_AMD64): Platform {
  return {
    ...platform,
    ...normalArchitecture(platform.architecture, platform.variant),
    os: normalOs(platform.os, defaults),
    "os.features": [...new Set(platform["os.features"])].sort(byBytes),
  };
}

/**
 * `linux/arm/v7`, as containerd's `Format` has it; `unknown` for one without operating system.
 * @example
 * formatPlatform(parsePlatform("linux/arm/v7")); // "linux/arm/v7"
 */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return os === "" ? "unknown" : joinPath(os, architecture, variant);
}

/** The same with version and features of the operating system: `windows(10.0.17763+win32k)/amd64`. */
export function formatPlatformAll(platform: Platform): string {
  const features = [...new Set(platform["os.features"])].filter((feature) => feature !== "").sort(byBytes);
  const options = [platform["os.version"], ...features].map(encodeOption).join("+");
  if (platform.os === "" || options === "") return formatPlatform(platform);
  return joinPath(`${platform.os}(${options})`, platform.architecture, platform.variant);
}

type Architecture = Pick<Platform, "architecture" | "variant">;

function normalOs(os: string, defaults: PlatformDefaults): string {
  const lower = toGoLower(os);
  return lower === "" ? defaults.os : lower === "macos" ? "darwin" : lower;
}

function normalArchitecture(architecture: string, givenVariant: string): Architecture {
  const name = toGoLower(architecture);
  const variant = toGoLower(givenVariant);
  switch (name) {
    case "i386":
      return { architecture: "386", variant: "" };
    case "x86_64":
    case "x86-64":
    case "amd64":
      return { architecture: "amd64", variant: variant === "v1" ? "" : variant };
    case "aarch64":
    case "arm64":
      return { architecture: "arm64", variant: ARM64_VARIANTS.get(variant) ?? variant };
    case "armhf":
      return { architecture: "arm", variant: "v7" };
    case "armel":
      return { architecture: "arm", variant: "v6" };
    case "arm":
      return { architecture: "arm", variant: ARM_VARIANTS.get(variant) ?? variant };
    default:
      return { architecture: name, variant };
  }
}

const ARM64_VARIANTS = new Map([
  ...["8", "v8", "v8.0"].map((spelling) => [spelling, ""] as const),
  ...["9", "9.0", "v9.0"].map((spelling) => [spelling, "v9"] as const),
]);
const ARM_VARIANTS = new Map([
  ["", "v7"],
  ...["5", "6", "7", "8"].map((version) => [version, `v${version}`] as const),
]);

function withoutV7(normal: Architecture): Architecture {
  return normal.architecture === "arm" && normal.variant === "v7" ? { ...normal, variant: "" } : normal;
}

/** `%` escapes as Go's url.PathUnescape undoes them. https://pkg.go.dev/net/url#PathUnescape */
function decodeOption(text: string, refuse: (fault: string) => never): string {
  const bad = /%(?![0-9A-Fa-f]{2}).{0,2}/s.exec(text)?.[0];
  if (bad !== undefined) return refuse(`invalid URL escape ${goQuote(bad)}`);
  const bytes = text.replace(/%(..)/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
  // The grammar has nothing but ASCII around the escapes.
  return decodeUtf8(Buffer.from(bytes, "latin1"));
}

function encodeOption(text: string): string {
  return text.replace(/[%+()/]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Joined by slashes and cleaned, as Go's path.Join has it: no empty part, `.` or `..` stays. */
function joinPath(...parts: readonly string[]): string {
  const text = parts.filter((part) => part !== "").join("/");
  const isRooted = text.startsWith("/");
  const kept: string[] = [];
  for (const segment of text.split("/")) {
    if (segment === "" || segment === ".") continue;
    if (segment !== "..") kept.push(segment);
    else if (kept.length > 0 && kept.at(-1) !== "..") kept.pop();
    else if (!isRooted) kept.push(segment);
  }
  const path = kept.join("/");
  return isRooted ? `/${path}` : path === "" ? "." : path;
}

/** Go's lower case: character by character, and one for one. JavaScript looks around Σ, and makes two of İ. */
function toGoLower(text: string): string {
  return Array.from(text, (character) => (character === "İ" ? "i" : character.toLowerCase())).join("");
}

function byBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
