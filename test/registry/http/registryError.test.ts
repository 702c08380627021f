import { describe, expect, test } from "vitest";
import type { HttpResponse } from "../../../src/registry/http/message.js";
import { isNoSuchManifest, RegistryError } from "../../../src/registry/http/registryError.js";

const url = new URL("https://registry.example/v2/app/manifests/v1?token=secret");

function errorFor(status: number, body = "", headers: HttpResponse["headers"] = {}): RegistryError {
  return new RegistryError("PUT", { status, headers, url, redirected: false, body: Buffer.from(body) });
}

const json = (...errors: object[]): string => JSON.stringify({ errors });

describe("a registry's error", () => {
  test("names request, status, and what the registry says", () => {
    const error = errorFor(403, json({ code: "DENIED", message: "read only", detail: [1] }));
    expect(error).toMatchObject({
      code: "REGISTRY",
      message: "PUT https://registry.example/v2/app/manifests/v1?token=… answered 403: DENIED: read only",
      reason: "DENIED: read only",
      subject: "https://registry.example/v2/app/manifests/v1?token=…",
      hint: "the account may not do this there: ask for access, or log in as somebody else",
      method: "PUT",
      status: 403,
      errors: [{ code: "DENIED", message: "read only", detail: [1] }],
      codes: ["DENIED"],
      isOdd: false,
    });
  });

  test.each([
    ["several errors", 400, json({ code: "A", message: "one" }, { code: "B" }), "A: one; B"],
    ["errors without codes", 400, json({ message: "one" }), "UNKNOWN: one"],
    ["JFrog's words", 401, '{"details":"log in"}', "UNAUTHORIZED: log in"],
    ["text over two lines", 429, "slow\r\ndown\n", "slow down"],
    ["nothing", 502, "", ""],
    ["XML, where signatures are", 403, "<Error><AWSAccessKeyId>x", ""],
    ["long text", 400, "x".repeat(1000), "x".repeat(200)],
  ])("says in one line what it got: %s", (_name, status, body, reason) => {
    expect(errorFor(status, body).reason).toBe(reason);
    expect(errorFor(status, body).message).not.toContain("\n");
  });

  test("does not repeat a page for people", () => {
    const page = errorFor(200, "<html>Log in</html>", { "content-type": "text/html; charset=utf-8" });
    expect(page.message).toMatch(/ answered 200: a page of HTML$/);
  });

  test("takes what a challenge says for the first error", () => {
    const challenge = 'Bearer realm="https://x/token",error="insufficient_scope",error_description="no push"';
    const error = errorFor(401, json({ code: "UNAUTHORIZED" }), { "www-authenticate": challenge });
    expect(error.codes).toEqual(["DENIED", "UNAUTHORIZED"]);
  });

  test.each([
    [
      401,
      "not logged in to registry.example, or not with enough rights: log in by docker login, or ask for access",
    ],
    [413, "the registry does not take manifests this large: leave out images or annotations"],
    [415, "the registry does not take manifests of this type: try push --type docker or --type oci"],
    [429, "a rate limit: try again later, or log in, which often raises it"],
    [500, undefined],
  ])("has a hint for a %i: %s", (status, hint) => {
    expect(errorFor(status).hint).toBe(hint);
  });

  test("says until when a rate limit lasts", () => {
    expect(errorFor(429, "", { "retry-after": "60" }).hint).toMatch(/^a rate limit, until \d{4}-/);
  });
});

test.each([
  [true, 404, ""],
  [true, 400, "what is this?"],
  [true, 401, ""],
  [true, 401, json({ code: "UNAUTHORIZED" })],
  [true, 400, json({ code: "NAME_UNKNOWN" })],
  [false, 403, json({ code: "DENIED" })],
  [false, 429, "slow down"],
  [false, 500, ""],
  [false, 500, json({ code: "MANIFEST_UNKNOWN" })],
])("%s that the manifest is not there: %i %s", (expected, status, body) => {
  expect(isNoSuchManifest(errorFor(status, body))).toBe(expected);
});
