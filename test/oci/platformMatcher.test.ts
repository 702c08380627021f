import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NO_PLATFORM } from "../../src/oci/platform.js";
import { isSamePlatform, platformKey, platformMatcher } from "../../src/oci/platformMatcher.js";
import { parsePlatform } from "../../src/oci/platformName.js";
import { describeWithContainerd } from "../helpers/containerd.js";
import { anyPlatform } from "../helpers/generators/platforms.js";

/** What is wanted, what there is, and whether containerd takes the one for the other. */
const MATCHES: readonly [wanted: string, given: string, isMatch: boolean][] = [
  ["linux/amd64", "linux/amd64", true],
  ["linux/amd64", "linux/x86_64", true],
  ["linux/amd64", "linux/amd64/v1", true],
  ["linux/amd64", "linux/amd64/v2", false],
  ["linux/amd64/v2", "linux/amd64", false],
  ["linux/amd64", "linux/386", false],
  ["linux/arm64", "linux/arm64/v8", true],
  ["linux/arm64/v8", "linux/aarch64", true],
  ["linux/arm64", "linux/arm64/v9", false],
  ["linux/arm", "linux/arm/v7", true],
  ["linux/arm", "linux/arm/v6", false],
  ["linux/arm/v7", "linux/arm/v6", false],
  ["linux/amd64", "windows/amd64", false],
  ["linux/foo", "linux/amd64", false],
  // Versions count on Windows alone.
  ["linux(1)/amd64", "linux(2)/amd64", true],
  ["windows/amd64", "windows(10.0.17763.1234)/amd64", true],
  ["windows/amd64", "windows(10.0.20348)/amd64", true],
  ["windows(10.0.17763)/amd64", "windows/amd64", true],
  ["windows(10.0.17763)/amd64", "windows(10.0.17763.1234)/amd64", true],
  ["windows(10.0.17763)/amd64", "windows(10.0.17762)/amd64", false],
  ["windows(10.0.17763)/amd64", "windows(10.0.20348)/amd64", false],
  // Since Windows Server 2022, a host runs images of the release before its own.
  ["windows(10.0.20348)/amd64", "windows(10.0.17763)/amd64", false],
  ["windows(10.0.22621)/amd64", "windows(10.0.20348)/amd64", true],
  ["windows(10.0.26100)/amd64", "windows(10.0.20348)/amd64", true],
  ["windows(10.0.26200)/amd64", "windows(10.0.20348)/amd64", true],
  ["windows(10.0.26100)/amd64", "windows(10.0.17763)/amd64", false],
  ["windows(10.0.20348)/amd64", "windows(10.0.26100)/amd64", false],
  ["windows(10.0.20348)/amd64", "windows(11.0.20348)/amd64", false],
  ["windows(10.0)/amd64", "windows(10.0.20348)/amd64", true],
  ["windows(10.0.20348)/amd64", "windows(10.0)/amd64", false],
  // What is there may need no feature that is not wanted.
  ["linux(+a+b)/amd64", "linux(+b)/amd64", true],
  ["linux(+a)/amd64", "linux(+a+b)/amd64", false],
  ["linux/amd64", "linux(+a)/amd64", false],
  ["windows/amd64", "windows(+win32k)/amd64", true],
  ["windows/amd64", "windows(+win32k+a)/amd64", false],
];

/** Platforms, and whether they are one. */
const SAME: readonly [one: string, other: string, isSame: boolean][] = [
  ["linux/arm64", "linux/arm64/v8", true],
  ["linux/arm", "linux/arm/v7", true],
  ["linux/arm/v6", "linux/arm/v7", false],
  ["linux/amd64", "linux/amd64/v1", true],
  ["linux/amd64", "linux/amd64/v3", false],
  ["linux(6.1)/amd64", "linux/amd64", true],
  ["windows(10.0.17763)/amd64", "windows(10.0.20348)/amd64", false],
  ["windows(10.0.17763.1)/amd64", "windows(10.0.17763.2)/amd64", false],
  ["windows(10.0.17763)/amd64", "windows/amd64", false],
  ["windows(10.0.17763+win32k)/amd64", "windows(10.0.17763)/amd64", true],
  ["linux(+b+a)/amd64", "linux(+a+b+a)/amd64", true],
  ["linux(+a)/amd64", "linux/amd64", false],
];

describe("a platform matcher", () => {
  it.each(MATCHES)("that wants %s takes %s: %s", (wanted, given, isMatch) => {
    expect(platformMatcher([parsePlatform(wanted)])(parsePlatform(given))).toBe(isMatch);
  });

  it("takes what any of the wanted ones is", () => {
    const isMatch = platformMatcher([parsePlatform("linux/amd64"), parsePlatform("linux/arm64")]);
    expect(["amd64", "arm64", "s390x"].map((name) => isMatch(parsePlatform(name)))).toEqual([
      true,
      true,
      false,
    ]);
  });

  it("that wants nothing takes nothing", () => {
    expect(platformMatcher([])(parsePlatform("linux/amd64"))).toBe(false);
  });
});

describe("two platforms", () => {
  it.each(SAME)("%s and %s are the same: %s", (one, other, isSame) => {
    expect(isSamePlatform(parsePlatform(one), parsePlatform(other))).toBe(isSame);
  });

  it("are told apart by a text that reads as one", () => {
    expect(platformKey(parsePlatform("Linux/aarch64/v8"))).toBe("linux/arm64");
    expect(platformKey(parsePlatform("windows(10.0.17763)/x86_64"))).toBe("windows(10.0.17763)/amd64");
    expect(platformKey({ ...NO_PLATFORM, architecture: "amd64" })).toBe("linux/amd64");
  });
});

describeWithContainerd("a matcher beside containerd's", (ask) => {
  it("says of every row what containerd says", () => {
    const questions = MATCHES.map(([wanted, given]) => ({
      any: [parsePlatform(wanted)],
      match: parsePlatform(given),
    }));
    expect(ask(questions)).toEqual(MATCHES.map(([, , isMatch]) => isMatch));
  });

  it("says of 20,000 random pairs what containerd says", () => {
    // Half of them differ in little.
    const pair = anyPlatform.chain((one) =>
      fc.tuple(
        fc.array(anyPlatform, { maxLength: 2 }).map((more) => [one, ...more]),
        fc.oneof(
          anyPlatform,
          anyPlatform.map((other) => ({ ...one, "os.version": other["os.version"] })),
          anyPlatform.map((other) => ({ ...one, "os.features": other["os.features"] })),
          anyPlatform.map((other) => ({ ...one, variant: other.variant })),
        ),
      ),
    );
    const pairs = fc.sample(pair, { seed: 20260103, numRuns: 20_000 });
    const answers = ask(pairs.map(([any, match]) => ({ any, match })));
    const ours = pairs.map(([wanted, given]) => platformMatcher(wanted)(given));
    const differing = pairs.filter((_, index) => answers[index] !== ours[index]);
    expect(differing).toEqual([]);
    expect(ours.filter((isMatch) => isMatch).length).toBeGreaterThan(2_000);
  });
});
