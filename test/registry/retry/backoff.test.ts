import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { backoff, DEFAULT_LIMITS, type BackoffOptions } from "../../../src/registry/retry/backoff.js";

const after = (attempt: number, options: Partial<BackoffOptions> = {}): number | undefined =>
  backoff(attempt, { elapsedMs: 100, random: () => 0.5, ...options });

describe("the wait", () => {
  test.each([
    [1, 0, 100],
    [1, 1, 200],
    [2, 0, 200],
    [3, 1, 800],
    [5, 1, 3200],
    [20, 1, 10_000],
  ])("after try %i with luck %f is %i ms", (attempt, luck, expected) => {
    expect(after(attempt, { random: () => luck })).toBe(expected);
  });

  test("is never shorter than the server asks for", () => {
    expect(after(1, { askedMs: 7000, random: () => 0 })).toBe(7000);
    expect(after(1, { askedMs: 7000, random: () => 1 })).toBe(7200);
  });

  test("is the usual one where the server asks for less", () => {
    expect(after(4, { askedMs: 0 })).toBe(1200);
  });

  test("is not waited out when it is too long", () => {
    expect(after(1, { askedMs: 3_600_000 })).toBeUndefined();
  });

  test("ends before the time that there is in all", () => {
    expect(after(1, { elapsedMs: DEFAULT_LIMITS.totalMs - 50 })).toBeUndefined();
  });

  test("is always a sane number", () => {
    const any = fc.record({
      attempt: fc.integer({ min: 1, max: 2000 }),
      elapsedMs: fc.nat({ max: 400_000 }),
      askedMs: fc.option(fc.double({ min: 0, noNaN: true }), { nil: undefined }),
      luck: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(any, ({ attempt, elapsedMs, askedMs, luck }) => {
        const delay = after(attempt, { elapsedMs, askedMs, random: () => luck });
        if (delay === undefined) return;
        expect(Number.isSafeInteger(delay)).toBe(true);
        expect(delay).toBeGreaterThan(0);
        expect(elapsedMs + delay).toBeLessThanOrEqual(DEFAULT_LIMITS.totalMs + 1);
      }),
      { numRuns: 500 },
    );
  });
});
