import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { askedWait, parseRetryAfter, retryAfterInText } from "../../../src/registry/http/retryAfter.js";
import { retryAfter } from "../../helpers/generators/retryAfters.js";

const NOW = Date.parse("2026-01-02T03:04:05Z");

describe("Retry-After", () => {
  const rows: [string, string, number | undefined][] = [
    ["seconds", "120", 120_000],
    ["no seconds", "0", 0],
    ["fractions", "0.5", 500],
    ["a bare point", "2.", 2000],
    ["spaces around it", " 3 ", 3000],
    ["milliseconds", "1500ms", 1500],
    ["microseconds", "796.969µs", 0.796969],
    ["microseconds by the other letter", "500μs", 0.5],
    ["seconds with their unit", "7s", 7000],
    ["minutes and seconds", "1m30s", 90_000],
    ["hours", "1h", 3_600_000],
    ["a moment in seconds since 1970", "1767323055", 10_000],
    ["a moment that has passed", "1700000000", 0],
    ["a date", "Fri, 02 Jan 2026 03:04:35 GMT", 30_000],
    ["a date of the second form", "Friday, 02-Jan-26 03:04:35 GMT", 30_000],
    ["a date of the third form", "Fri Jan  2 03:04:35 2026", 30_000],
    ["a date that has passed", "Sun, 06 Nov 1994 08:49:37 GMT", 0],
    ["a two-digit year of the last century", "Sunday, 06-Nov-94 08:49:37 GMT", 0],
    ["more than anybody can wait", "9".repeat(400), Number.MAX_SAFE_INTEGER],
    ["negative", "-1", undefined],
    ["exponents", "1e3", undefined],
    ["hexadecimal", "0x10", undefined],
    ["words", "soon", undefined],
    ["nothing", "", undefined],
    ["a date without time", "2026-01-02", undefined],
    ["a month that is none", "Fri, 02 Foo 2026 03:04:35 GMT", undefined],
    ["a very long noise", "1s".repeat(10_000), undefined],
  ];
  test.each(rows)("%s", (_name, value, expected) => {
    const wait = parseRetryAfter(value, NOW);
    if (expected === undefined) expect(wait).toBeUndefined();
    else expect(wait).toBeCloseTo(expected, 6);
  });

  test("is undefined or a finite wait, whatever it says", () => {
    fc.assert(
      fc.property(retryAfter, (value) => {
        const wait = parseRetryAfter(value, NOW);
        retryAfterInText(value);
        if (wait === undefined) return;
        expect(wait).toBeGreaterThanOrEqual(0);
        expect(Number.isFinite(wait)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("a wait in a text", () => {
  test.each([
    ["toomanyrequests: retry-after: 796.969µs, allowed: 44000/minute", 0.796969],
    ["Retry-After: 30", 30_000],
    ['{"retry-after":"5s"}', 5000],
    ["slow down", undefined],
    ["retry-after: soon", undefined],
  ])("%s", (text, expected) => {
    const wait = retryAfterInText(text);
    if (expected === undefined) expect(wait).toBeUndefined();
    else expect(wait).toBeCloseTo(expected, 6);
  });
});

describe("the wait that an answer asks for", () => {
  test("is compared with the server's own clock where it is a date", () => {
    const headers = { "retry-after": "Fri, 02 Jan 2026 05:00:10 GMT", date: "Fri, 02 Jan 2026 05:00:00 GMT" };
    expect(askedWait({ status: 503, headers, text: "" }, NOW)).toBe(10_000);
  });

  test("may be in the body of a rate limit", () => {
    const text =
      '{"errors":[{"code":"TOOMANYREQUESTS","message":"retry-after: 2.5s, allowed: 44000/minute"}]}';
    expect(askedWait({ status: 429, headers: {}, text }, NOW)).toBe(2500);
    expect(askedWait({ status: 500, headers: {}, text }, NOW)).toBeUndefined();
  });

  test("is that of the first of several headers", () => {
    expect(askedWait({ status: 429, headers: { "retry-after": ["3", "9"] }, text: "" }, NOW)).toBe(3000);
  });
});
