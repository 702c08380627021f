import type { Platform } from "./platform.js";
import { formatPlatformAll, normalizePlatform } from "./platformName.js";

/**
 * Which platforms are the same to containerd, and which it takes where one of several is wanted.
 * https://pkg.go.dev/github.com/containerd/platforms#Any
 */

/**
 * Does a platform satisfy one of the wanted ones? Operating system, architecture and variant must be the same in normal
 * form, and its features be among the wanted ones. A wanted version of Windows takes what such a host can run; one
 * that is not said, on either side, is any. None is satisfied where none is wanted.
 */
export function platformMatcher(wanted: readonly Platform[]): (platform: Platform) => boolean {
  const matchers = wanted.map(matcherOf);
  return (platform) => matchers.some((isMatch) => isMatch(platform));
}

/**
 * A text that is the same for platforms that are the same to containerd, and reads as one: `linux/arm/v7`,
 * `windows(10.0.17763)/amd64`. The version of an operating system tells only platforms of Windows apart.
 * @example
 * platformKey(parsePlatform("linux/arm64/v8")); // "linux/arm64"
 */
export function platformKey(platform: Platform): string {
  const normal = normalizePlatform(platform);
  if (normal.os !== "windows") return formatPlatformAll({ ...normal, "os.version": "" });
  return formatPlatformAll({ ...normal, "os.features": withoutWin32k(normal["os.features"]) });
}

/**
 * Are they one platform to containerd?
 * @example
 * isSamePlatform(parsePlatform("linux/arm64/v8"), parsePlatform("aarch64")); // true
 */
export function isSamePlatform(one: Platform, other: Platform): boolean {
  return platformKey(one) === platformKey(other);
}

function matcherOf(wanted: Platform): (platform: Platform) => boolean {
  const normal = normalizePlatform(wanted);
  const features = new Set(normal["os.features"]);
  // By the name as it is given: to containerd, `Windows` is a system without versions.
  const isWindows = wanted.os === "windows";
  const host = windowsVersion(wanted["os.version"]);
  return (platform) => {
    const candidate = normalizePlatform(platform);
    const given = platform["os.features"];
    const required = isWindows ? withoutWin32k(given) : given;
    return (
      candidate.os === normal.os &&
      candidate.architecture === normal.architecture &&
      candidate.variant === normal.variant &&
      (!isWindows || runsOnWindows(host, platform["os.version"])) &&
      required.every((feature) => features.has(feature))
    );
  };
}

/** containerd's older versions did not look at this feature, so one mention of it does not count. */
function withoutWin32k(features: readonly string[]): string[] {
  const at = features.indexOf("win32k");
  return features.filter((_, index) => index !== at);
}

interface WindowsVersion {
  readonly major: number;
  readonly minor: number;
  readonly build: number;
}

const NO_VERSION: WindowsVersion = { major: 0, minor: 0, build: 0 };

/** `10.0.17763.1234`; all zeros where it is anything else. */
function windowsVersion(text: string): WindowsVersion {
  const [, ...parts] = /^(\d+)\.(\d+)\.(\d+)(?:\.|$)/.exec(text) ?? [];
  const [major, minor, build] = parts.map(Number);
  if (major === undefined || minor === undefined || build === undefined) return NO_VERSION;
  return major > 0xff || minor > 0xff || build > 0xffff ? NO_VERSION : { major, minor, build };
}

/** Windows Server 2022, and what came after it: from there on a host runs images of the release before its own. */
const LONG_TERM_RELEASES = [20348, 26100];

/**
 * https://learn.microsoft.com/en-us/virtualization/windowscontainers/deploy-containers/version-compatibility
 */
function runsOnWindows(host: WindowsVersion, version: string): boolean {
  if ((host.major === 0 && host.minor === 0 && host.build === 0) || version === "") return true;
  const { major, minor, build } = windowsVersion(version);
  if (major !== host.major || minor !== host.minor) return false;
  const releases = LONG_TERM_RELEASES.filter((release) => release <= host.build);
  const oldest = releases.at(-2) ?? releases.at(-1);
  return oldest === undefined ? build === host.build : oldest <= build && build <= host.build;
}
