import { describe, expect, test } from "vitest";
import { errorOf, missingScopes, preferredChallenge, realmOf } from "../../../src/registry/auth/challenge.js";
import { parseChallenges } from "../../../src/registry/http/wwwAuthenticate.js";

describe("the challenge to answer", () => {
  const rows: [string, string[], string | undefined][] = [
    ["Bearer before Basic", ['Basic realm="a"', 'Bearer realm="https://a.example/t"'], "bearer"],
    ["Basic where Bearer does not say where", ['Bearer service="x"', 'Basic realm="a"'], "basic"],
    ["Basic where Bearer's realm is no web address", ['Bearer realm="file:///etc/passwd"', "Basic"], "basic"],
    ["none that is known", ["Negotiate"], undefined],
    ["none at all", [], undefined],
  ];
  test.each(rows)("%s", (_name, lines, scheme) => {
    expect(preferredChallenge(parseChallenges(lines))?.scheme).toBe(scheme);
  });
});

describe("the realm", () => {
  const rows: [string, string, string | undefined][] = [
    ["https", "https://a.example/token?x=1", "https://a.example/token?x=1"],
    ["http", "http://127.0.0.1:5001/token", "http://127.0.0.1:5001/token"],
    ["user name and fragment are dropped", "https://u:p@a.example/t#f", "https://a.example/t"],
    ["relative", "/token", undefined],
    ["another protocol", "ftp://a.example/", undefined],
    ["without slashes", "https:a.example", undefined],
    ["empty", "", undefined],
    ["broken", "https://[", undefined],
  ];
  test.each(rows)("%s", (_name, realm, expected) => {
    expect(realmOf({ scheme: "bearer", params: new Map([["realm", realm]]) })?.href).toBe(expected);
  });
});

describe("the scopes that were missing", () => {
  test("are those of the challenge that says insufficient_scope", () => {
    const lines = [
      'Bearer realm="https://a/t",error="insufficient_scope",scope="repository:a:pull repository:b:pull,push"',
    ];
    expect(missingScopes(parseChallenges(lines))).toEqual(["repository:a:pull", "repository:b:pull,push"]);
  });

  test("are none where the error is another", () => {
    const lines = ['Bearer realm="https://a/t",error="invalid_token",scope="repository:a:pull"'];
    expect(missingScopes(parseChallenges(lines))).toEqual([]);
  });
});

test("the error is that of whichever challenge has one", () => {
  const error = errorOf(
    parseChallenges(['Basic realm="r"', 'Bearer realm="https://a",error="invalid_token"']),
  );
  expect(error).toBe("invalid_token");
  expect(errorOf(parseChallenges('Bearer realm="https://a"'))).toBeUndefined();
});
