import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  askedWait,
  DEFAULT_LIMITS,
  type FailedTry,
  retryDelay,
} from "../../../src/registry/retry/retryDelay.js";
import { retryAfter } from "../../helpers/generators/retryAfters.js";

const NOW = Date.parse("2026-01-02T03:04:05Z");

const failed = (changes: Partial<FailedTry> = {}): FailedTry => ({
  attempt: 1,
  elapsedMs: 100,
  retries: 5,
  idempotent: true,
  outcome: { status: 503 },
  random: () => 0.5,
  now: NOW,
  ...changes,
});

describe("a try is repeated", () => {
  test.each([408, 429, 499, 500, 502, 503, 504, 522])("after a %i", (status) => {
    expect(retryDelay(failed({ outcome: { status } }))).toBeGreaterThan(0);
  });

  test.each([200, 201, 202, 301, 307, 400, 401, 403, 404, 405, 409, 412, 415, 416, 422, 501, 505])(
    "never after a %i",
    (status) => {
      expect(retryDelay(failed({ outcome: { status } }))).toBeUndefined();
    },
  );

  test.each([
    "ECONNRESET",
    "EPIPE",
    "ETIMEDOUT",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "UND_ERR_SOCKET",
    "UND_ERR_CONNECT_TIMEOUT",
    "UND_ERR_HEADERS_TIMEOUT",
    "UND_ERR_BODY_TIMEOUT",
    "ERR_HTTP2_GOAWAY_SESSION",
    "ERR_HTTP2_STREAM_ERROR",
  ])("after %s", (errorCode) => {
    expect(retryDelay(failed({ outcome: { errorCode } }))).toBeGreaterThan(0);
  });

  test.each([
    "CERT_HAS_EXPIRED",
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "SELF_SIGNED_CERT_IN_CHAIN",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
    "ERR_TLS_CERT_ALTNAME_INVALID",
    "ERR_SSL_WRONG_VERSION_NUMBER",
    "EPROTO",
    "ENOTFOUND",
    "HPE_CR_EXPECTED",
    "UND_ERR_ABORTED",
    "ABORT_ERR",
    undefined,
  ])("never after %s", (errorCode) => {
    expect(retryDelay(failed({ outcome: { errorCode } }))).toBeUndefined();
  });

  test("only so many times", () => {
    expect(retryDelay(failed({ attempt: 5 }))).toBeDefined();
    expect(retryDelay(failed({ attempt: 6 }))).toBeUndefined();
    expect(retryDelay(failed({ retries: 0 }))).toBeUndefined();
  });

  test("only twice where nobody listens", () => {
    const outcome = { errorCode: "ECONNREFUSED" };
    expect(retryDelay(failed({ attempt: 2, outcome }))).toBeDefined();
    expect(retryDelay(failed({ attempt: 3, outcome }))).toBeUndefined();
  });

  test("only as long as the time allows", () => {
    expect(retryDelay(failed({ elapsedMs: DEFAULT_LIMITS.totalMs - 50 }))).toBeUndefined();
  });

  test.each([
    ["a rate limit", { status: 429 }, true],
    ["a server that is away", { status: 503 }, true],
    ["a connection that never was", { errorCode: "UND_ERR_CONNECT_TIMEOUT" }, true],
    ["a failure on the way", { status: 500 }, false],
    ["a gateway's time-out", { status: 504 }, false],
    ["a reset", { errorCode: "ECONNRESET" }, false],
  ] as const)("if it must not be done twice, after %s: %o %s", (_name, outcome, expected) => {
    expect(retryDelay(failed({ idempotent: false, outcome })) !== undefined).toBe(expected);
  });
});

describe("the wait", () => {
  test.each([
    [1, 0, 100],
    [1, 1, 200],
    [2, 0, 200],
    [3, 1, 800],
    [5, 1, 3200],
    [20, 1, 10_000],
  ])("after try %i with luck %f is %i ms", (attempt, luck, expected) => {
    expect(retryDelay(failed({ attempt, retries: 99, random: () => luck }))).toBe(expected);
  });

  test("is never shorter than the server asks for", () => {
    const outcome = { status: 429, headers: { "retry-after": "7" } };
    expect(retryDelay(failed({ outcome, random: () => 0 }))).toBe(7000);
    expect(retryDelay(failed({ outcome, random: () => 1 }))).toBe(7200);
  });

  test("is the usual one where the server asks for less", () => {
    expect(
      retryDelay(failed({ attempt: 4, outcome: { status: 429, headers: { "retry-after": "0" } } })),
    ).toBe(1200);
  });

  test("compares dates with the server's own clock", () => {
    const headers = { "retry-after": "Fri, 02 Jan 2026 05:00:10 GMT", date: "Fri, 02 Jan 2026 05:00:00 GMT" };
    expect(askedWait({ status: 503, headers }, NOW)).toBe(10_000);
  });

  test("may be in the body of a rate limit", () => {
    const text =
      '{"errors":[{"code":"TOOMANYREQUESTS","message":"retry-after: 2.5s, allowed: 44000/minute"}]}';
    expect(askedWait({ status: 429, text }, NOW)).toBe(2500);
    expect(askedWait({ status: 500, text }, NOW)).toBeUndefined();
  });

  test("takes the first of several headers", () => {
    expect(askedWait({ status: 429, headers: { "retry-after": ["3", "9"] } }, NOW)).toBe(3000);
  });

  test("is not waited out when it is too long, and the caller can tell until when", () => {
    const outcome = { status: 429, headers: { "retry-after": "3600" } };
    expect(retryDelay(failed({ outcome }))).toBeUndefined();
    expect(askedWait(outcome, NOW)).toBe(3_600_000);
  });

  test("is always a sane number", () => {
    const any = fc.record({
      attempt: fc.integer({ min: 1, max: 2000 }),
      elapsedMs: fc.nat({ max: 400_000 }),
      status: fc.integer({ min: 100, max: 599 }),
      header: fc.option(retryAfter, { nil: undefined }),
      luck: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(any, ({ attempt, elapsedMs, status, header, luck }) => {
        const outcome = { status, headers: { "retry-after": header } };
        const delay = retryDelay(failed({ attempt, elapsedMs, outcome, retries: 1000, random: () => luck }));
        if (delay === undefined) return;
        expect(Number.isSafeInteger(delay)).toBe(true);
        expect(delay).toBeGreaterThan(0);
        expect(elapsedMs + delay).toBeLessThanOrEqual(DEFAULT_LIMITS.totalMs + 1);
      }),
      { numRuns: 500 },
    );
  });
});
