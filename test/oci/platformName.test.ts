import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { messageOf } from "../../src/errors.js";
import { NO_PLATFORM, Platform } from "../../src/oci/platform.js";
import {
  formatPlatform,
  formatPlatformAll,
  normalizePlatform,
  parsePlatform,
} from "../../src/oci/platformName.js";
import { describeWithContainerd } from "../helpers/containerd.js";
import { anyPlatform, platformText } from "../helpers/generators/platforms.js";
import { formattedPlatforms, normalPlatforms, parsedPlatforms } from "../helpers/platformCases.js";

const answerTo = (text: string): object => {
  try {
    return parsePlatform(text);
  } catch (error) {
    return { error: messageOf(error) };
  }
};

describe("a platform as text", () => {
  it.each(parsedPlatforms)("%s is read as containerd reads it", (text, answer) => {
    expect(answerTo(text)).toEqual("error" in answer ? answer : Platform.parse(answer));
  });

  it("is refused by an error that a program can tell from others", () => {
    expect(() => parsePlatform("bogus")).toThrow(
      expect.objectContaining({ code: "INVALID_PLATFORM", subject: "bogus" }),
    );
  });

  it("takes what it does not say from the defaults that it is given", () => {
    const defaults = { os: "darwin", architecture: "arm64" };
    expect(parsePlatform("windows", defaults)).toMatchObject({ os: "windows", architecture: "arm64" });
    expect(parsePlatform("s390x", defaults)).toMatchObject({ os: "darwin", architecture: "s390x" });
    expect(normalizePlatform(NO_PLATFORM, defaults)).toEqual({ ...NO_PLATFORM, os: "darwin" });
  });

  it("of a hundred thousand characters is refused at once", () => {
    const start = performance.now();
    for (const text of [
      "a".repeat(1e5),
      "a/".repeat(5e4),
      `a(${"+a".repeat(5e4)}`,
      `a(${"%41".repeat(3e4)}!`,
    ])
      expect(() => parsePlatform(text)).toThrow(/invalid argument$/);
    expect(performance.now() - start).toBeLessThan(2_000);
  });
});

describe("a platform", () => {
  it.each(normalPlatforms)("has the normal form that containerd gives it: %j", (platform, normal) => {
    expect(normalizePlatform(Platform.parse(platform))).toEqual(Platform.parse(normal));
  });

  it.each(formattedPlatforms)("is written as containerd writes it: %j", (platform, [short, whole]) => {
    expect(formatPlatform(Platform.parse(platform))).toBe(short);
    expect(formatPlatformAll(Platform.parse(platform))).toBe(whole);
  });
});

describeWithContainerd("beside containerd", (ask) => {
  it("every row of the tables is what containerd says", () => {
    const parsed = ask(parsedPlatforms.map(([parse]) => ({ parse })));
    expect(parsed).toEqual(parsedPlatforms.map(([, answer]) => answer));
    const normal = ask(normalPlatforms.map(([normalize]) => ({ normalize })));
    expect(normal).toEqual(normalPlatforms.map(([, answer]) => answer));
    const formatted = ask(formattedPlatforms.map(([format]) => ({ format })));
    expect(formatted).toEqual(formattedPlatforms.map(([, answer]) => answer));
  });

  it("5,000 texts near the grammar are read alike", () => {
    const texts = fc.sample(platformText, { seed: 20260101, numRuns: 5_000 });
    const answers = ask(texts.map((parse) => ({ parse })));
    const read = answers.map((answer) => (isError(answer) ? answer : Platform.parse(answer)));
    const rows = texts.map((text, index) => ({ text, containerd: read[index], us: answerTo(text) }));
    expect(rows.filter(({ containerd, us }) => JSON.stringify(containerd) !== JSON.stringify(us))).toEqual(
      [],
    );
    // Of both kinds enough, or nothing was compared.
    expect(answers.filter(isError).length).toBeGreaterThan(500);
    expect(answers.filter((answer) => !isError(answer)).length).toBeGreaterThan(500);
  });

  it("5,000 platforms have the same normal form and the same names", () => {
    const platforms = fc.sample(anyPlatform, { seed: 20260102, numRuns: 5_000 });
    const normal = ask(platforms.map((normalize) => ({ normalize })));
    expect(platforms.map((platform) => normalizePlatform(platform))).toEqual(
      normal.map((answer) => Platform.parse(answer)),
    );
    const names = ask(platforms.map((format) => ({ format })));
    expect(platforms.map((platform) => [formatPlatform(platform), formatPlatformAll(platform)])).toEqual(
      names,
    );
  });
});

function isError(answer: unknown): answer is { error: string } {
  return typeof answer === "object" && answer !== null && "error" in answer;
}
