import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ManifestError, messageOf } from "../../../src/errors.js";
import {
  mayReceiveCredentials,
  parseTokenAnswer,
  tokenGet,
  tokenRequest,
} from "../../../src/registry/auth/token.js";
import { tokenAnswer } from "../../helpers/generators/tokenAnswers.js";

const NOW = Date.parse("2026-01-02T03:04:05Z");
const realm = new URL("https://auth.example/token");

describe("the request for a token", () => {
  const scopes = ["repository:b:pull,push", "repository:a:pull"];

  test("is an anonymous GET without credentials, scopes in order", () => {
    const request = tokenRequest({ realm, service: "reg.example", scopes });
    expect(request).toEqual({ method: "GET", url: request.url, headers: {} });
    expect([...request.url.searchParams]).toEqual([
      ["service", "reg.example"],
      ["scope", "repository:b:pull,push"],
      ["scope", "repository:a:pull"],
    ]);
  });

  test("carries Basic credentials, in UTF-8, and names the account", () => {
    const credentials = { kind: "basic", username: "ü", password: "p:w" } as const;
    const request = tokenRequest({ realm, service: undefined, scopes: [], credentials });
    expect(request.url.href).toBe("https://auth.example/token?account=%C3%BC");
    expect(request.headers).toEqual({ authorization: "Basic w7w6cDp3" });
  });

  test("leaves the realm's own query as it is", () => {
    const odd = new URL("https://auth.example/token?x=%7e+%20&y");
    const request = tokenRequest({ realm: odd, service: "s", scopes: [] });
    expect(request.url.href).toBe("https://auth.example/token?x=%7e+%20&y&service=s");
    expect(tokenRequest({ realm: odd, service: "", scopes: [] }).url.href).toBe(odd.href);
  });

  test("is a form for an identity token", () => {
    const credentials = { kind: "identityToken", token: "canary" } as const;
    const request = tokenRequest({ realm, service: "reg", scopes, credentials });
    expect(request).toMatchObject({ method: "POST", url: realm });
    expect(request.headers["content-type"]).toBe("application/x-www-form-urlencoded");
    expect(Object.fromEntries(new URLSearchParams(request.body))).toEqual({
      grant_type: "refresh_token",
      client_id: "tsmanifest",
      service: "reg",
      scope: "repository:b:pull,push repository:a:pull",
      refresh_token: "canary",
    });
  });

  test("falls back to a GET with the identity token as the password", () => {
    const query = { realm, service: "reg", scopes: [] };
    const unnamed = tokenGet({ ...query, credentials: { kind: "identityToken", token: "t" } });
    expect(unnamed.headers["authorization"]).toBe(`Basic ${btoa("<token>:t")}`);
    const named = tokenGet({ ...query, credentials: { kind: "identityToken", token: "t", username: "u" } });
    expect(named.headers["authorization"]).toBe(`Basic ${btoa("u:t")}`);
    expect(named.url.searchParams.get("account")).toBe("u");
  });

  test.each([
    ["https://auth.example/", false, true],
    ["http://auth.example/", false, false],
    ["http://auth.example/", true, true],
    ["http://127.0.0.1:5001/", false, true],
    ["http://[::1]:5001/", false, true],
    ["http://localhost/", false, true],
    ["http://localhost.example/", false, false],
    ["http://127.0.0.1.example/", false, false],
  ])("may carry credentials to %s (insecure: %s): %s", (url, insecure, expected) => {
    expect(mayReceiveCredentials(new URL(url), insecure)).toBe(expected);
  });
});

describe("the token server's answer", () => {
  const rows: [string, unknown, string, number][] = [
    ["token", { token: "t", expires_in: 300 }, "t", 300],
    ["access_token", { access_token: "a", expires_in: 300 }, "a", 300],
    ["both: token wins", { token: "t", access_token: "a", expires_in: 300 }, "t", 300],
    ["an unusable token beside a usable one", { token: "", access_token: "a", expires_in: 300 }, "a", 300],
    ["null beside a usable one", { token: null, access_token: "a", expires_in: 300 }, "a", 300],
    ["no lifetime means a minute", { token: "t" }, "t", 60],
    ["a tiny lifetime means a minute", { token: "t", expires_in: 1 }, "t", 60],
    ["a lifetime that is no number means a minute", { token: "t", expires_in: "300" }, "t", 60],
    ["an endless lifetime means a day", { token: "t", expires_in: 1e12 }, "t", 86_400],
    [
      "an older token lives shorter",
      { token: "t", expires_in: 300, issued_at: "2026-01-02T03:02:05Z" },
      "t",
      180,
    ],
    ["a date that is none is ignored", { token: "t", expires_in: 300, issued_at: "yesterday" }, "t", 300],
    [
      "a server's clock that is ahead is ignored",
      { token: "t", expires_in: 300, issued_at: "2027-01-01T00:00:00Z" },
      "t",
      300,
    ],
    [
      "a server's clock that is far behind is ignored",
      { token: "t", expires_in: 300, issued_at: "0001-01-01T00:00:00Z" },
      "t",
      300,
    ],
  ];
  test.each(rows)("%s", (_name, answer, token, seconds) => {
    expect(parseTokenAnswer(JSON.stringify(answer), NOW)).toEqual({ token, lifetimeMs: seconds * 1000 });
  });

  test.each([
    ["no JSON", "canary-token"],
    ["no object", '"canary-token"'],
    ["no token", '{"tokens":"canary-token"}'],
    ["a token with a line break", '{"token":"canary-token\\r\\nx: y"}'],
    ["a token that is far too long", `{"token":"${"canary-token".repeat(10_000)}"}`],
  ])("%s is an error that does not repeat it", (_name, text) => {
    expect(() => parseTokenAnswer(text, NOW)).toThrow(ManifestError);
    expect(() => parseTokenAnswer(text, NOW)).not.toThrow(/canary/);
  });

  test("no answer makes it fail otherwise", () => {
    fc.assert(
      fc.property(tokenAnswer, (text) => {
        try {
          const { token, lifetimeMs } = parseTokenAnswer(text, NOW);
          expect(token).toMatch(/^[\x21-\x7e]+$/);
          expect(lifetimeMs).toBeGreaterThanOrEqual(60_000);
        } catch (error) {
          expect(messageOf(error)).toBe("the token server's answer holds no token");
        }
      }),
      { numRuns: 500 },
    );
  });
});
