import { describe, expect, test } from "vitest";
import { classify, retriesFor, type Failure, type Outcome } from "../../../src/registry/retry/classify.js";

const answered = (status: number): Outcome => ({ status, headers: {}, text: "" });
const broke = (errorCode: string | undefined): Outcome => ({ errorCode });

describe("a failure is", () => {
  test.each([
    [429, "rateLimited", false],
    [503, "overloaded", false],
    [408, "failed", true],
    [499, "failed", true],
    [500, "failed", true],
    [502, "failed", true],
    [504, "failed", true],
    [522, "failed", true],
  ] as const)("for a %i %s; the server may have acted: %s", (status, kind, mayHaveActed) => {
    expect(classify(answered(status))).toEqual({ kind, mayHaveActed });
  });

  test.each([200, 201, 202, 301, 307, 400, 401, 403, 404, 405, 409, 412, 415, 416, 422, 501, 505])(
    "final for a %i",
    (status) => {
      expect(classify(answered(status)).kind).toBe("final");
    },
  );

  test.each([
    ["ECONNRESET", "broken", true],
    ["EPIPE", "broken", true],
    ["ETIMEDOUT", "broken", true],
    ["UND_ERR_SOCKET", "broken", true],
    ["UND_ERR_HEADERS_TIMEOUT", "broken", true],
    ["UND_ERR_BODY_TIMEOUT", "broken", true],
    ["ERR_HTTP2_GOAWAY_SESSION", "broken", true],
    ["ERR_HTTP2_STREAM_ERROR", "broken", true],
    ["HPE_CR_EXPECTED", "rateLimited", true],
    ["EAI_AGAIN", "notConnected", false],
    ["UND_ERR_CONNECT_TIMEOUT", "notConnected", false],
    ["ECONNREFUSED", "unreachable", false],
  ] as const)("for %s %s; the server may have acted: %s", (code, kind, mayHaveActed) => {
    expect(classify(broke(code))).toEqual({ kind, mayHaveActed });
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
    "HPE_INVALID_CONSTANT",
    "UND_ERR_ABORTED",
    "ABORT_ERR",
    undefined,
  ])("final for %s", (code) => {
    expect(classify(broke(code)).kind).toBe("final");
  });
});

describe("of five retries there are", () => {
  const failure = (kind: Failure["kind"], mayHaveActed = false): Failure => ({ kind, mayHaveActed });

  test.each([
    ["rateLimited", 5],
    ["overloaded", 5],
    ["failed", 5],
    ["broken", 5],
    ["notConnected", 5],
    ["unreachable", 2],
    ["final", 0],
  ] as const)("after %s: %i", (kind, expected) => {
    expect(retriesFor(failure(kind), { retries: 5, idempotent: true })).toBe(expected);
    expect(retriesFor(failure(kind), { retries: 0, idempotent: true })).toBe(0);
  });

  test("none, if it must not be done twice and may have been done", () => {
    expect(retriesFor(failure("broken", true), { retries: 5, idempotent: false })).toBe(0);
    expect(retriesFor(failure("overloaded"), { retries: 5, idempotent: false })).toBe(5);
  });

  test("fewer where a broken connection is reason enough to do without", () => {
    const allowed = { retries: 5, retriesWhenBroken: 1, idempotent: true };
    expect(retriesFor(failure("broken"), allowed)).toBe(1);
    expect(retriesFor(failure("overloaded"), allowed)).toBe(5);
    expect(retriesFor(failure("broken"), { ...allowed, retries: 0 })).toBe(0);
  });
});
