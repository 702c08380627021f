import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseChallenges } from "../../../src/registry/http/wwwAuthenticate.js";
import { challengeLines } from "../../helpers/generators/challenges.js";

/** As plain data: `[scheme, { name: value }]`. */
function parsed(...lines: string[]): [string, Record<string, string>][] {
  return parseChallenges(lines).map(({ scheme, params }) => [scheme, Object.fromEntries(params)]);
}

describe("challenges", () => {
  const rows: [string, string[], [string, Record<string, string>][]][] = [
    ["no header", [], []],
    ["an empty header", [""], []],
    ["a bare scheme", ["Basic"], [["basic", {}]]],
    ["Basic with its realm", ['Basic realm="Registry Realm"'], [["basic", { realm: "Registry Realm" }]]],
    [
      "a comma within quotes",
      ['Bearer realm="https://auth.example/token",service="reg",scope="repository:a/b:pull,push"'],
      [
        [
          "bearer",
          { realm: "https://auth.example/token", service: "reg", scope: "repository:a/b:pull,push" },
        ],
      ],
    ],
    ["any case", ['BEARER Realm="x",SERVICE="Y"'], [["bearer", { realm: "x", service: "Y" }]]],
    [
      "values without quotes",
      ["Bearer realm=https://a.example/t,service=b"],
      [["bearer", { realm: "https://a.example/t", service: "b" }]],
    ],
    [
      "an unquoted URL with a query",
      ["Bearer realm=https://a.example/t?x=y&z=1"],
      [["bearer", { realm: "https://a.example/t?x=y&z=1" }]],
    ],
    ["escapes", [String.raw`Basic realm="a \"b\" \\ c"`], [["basic", { realm: String.raw`a "b" \ c` }]]],
    [
      "spaces around everything",
      ['  Bearer   realm = "x" ,  service\t=\t"y"  '],
      [["bearer", { realm: "x", service: "y" }]],
    ],
    [
      "two challenges in one header",
      ['Bearer realm="x",service="y", Basic realm="z"'],
      [
        ["bearer", { realm: "x", service: "y" }],
        ["basic", { realm: "z" }],
      ],
    ],
    [
      "two headers",
      ['Basic realm="z"', 'Bearer realm="x"'],
      [
        ["basic", { realm: "z" }],
        ["bearer", { realm: "x" }],
      ],
    ],
    [
      "two challenges without a comma",
      ['Basic realm="z" Bearer realm="x"'],
      [
        ["basic", { realm: "z" }],
        ["bearer", { realm: "x" }],
      ],
    ],
    [
      "a bare scheme before another",
      ['Negotiate, Basic realm="z"'],
      [
        ["negotiate", {}],
        ["basic", { realm: "z" }],
      ],
    ],
    [
      "a token68",
      ['NTLM TlRMTVNTUAAB==, Basic realm="z"'],
      [
        ["ntlm", {}],
        ["basic", { realm: "z" }],
      ],
    ],
    ["a token68 that ends in one equals sign", ["Negotiate abc="], [["negotiate", {}]]],
    ["empty list elements", [',, Basic ,, realm="z",,'], [["basic", { realm: "z" }]]],
    [
      "a quote that is never closed",
      ['Bearer realm="https://a.example'],
      [["bearer", { realm: "https://a.example" }]],
    ],
    ["a backslash at the very end", ['Basic realm="a\\'], [["basic", { realm: "a" }]]],
    ["an empty value", ['Basic realm=""'], [["basic", { realm: "" }]]],
    ["a repeated parameter: the first counts", ['Basic realm="a",realm="b"'], [["basic", { realm: "a" }]]],
    ["a parameter before any scheme", ['realm="x"'], []],
    ["noise", ['(("Bearer realm=x"))'], []],
    ["noise before a challenge", ['@@ Basic realm="x"'], [["basic", { realm: "x" }]]],
    ["a header that is far too long", [`Basic realm="${"a".repeat(20_000)}"`], []],
  ];
  test.each(rows)("%s", (_name, lines, expected) => {
    expect(parsed(...lines)).toEqual(expected);
  });

  test("a single header may be given as a string, or be missing", () => {
    expect(parseChallenges('Basic realm="x"')).toHaveLength(1);
    expect(parseChallenges(undefined)).toEqual([]);
  });

  test("names like __proto__ are names like any other", () => {
    const [challenge] = parseChallenges(['Basic __proto__="x"']);
    expect([...(challenge?.params ?? [])]).toEqual([["__proto__", "x"]]);
  });

  test("there are never more than a few", () => {
    expect(parseChallenges(["a, ".repeat(5000)]).length).toBeLessThanOrEqual(16);
    expect(parseChallenges(Array<string>(500).fill("a")).length).toBeLessThanOrEqual(16);
  });

  test("what was written as the grammar says is read back", () => {
    const name = fc.stringMatching(/^[a-z]{1,8}$/);
    const params = fc.dictionary(name, fc.stringMatching(/^[ -~]{0,30}$/), {
      minKeys: 1,
      maxKeys: 6,
      noNullPrototype: true,
    });
    const several = fc.array(fc.tuple(name, params), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(several, (challenges) => {
        const line = challenges
          .map(([scheme, values]) => {
            const list = Object.entries(values).map(
              ([key, value]) => `${key}="${value.replace(/["\\]/g, "\\$&")}"`,
            );
            return `${scheme} ${list.join(", ")}`;
          })
          .join(", ");
        expect(parsed(line)).toEqual(challenges);
      }),
    );
  });

  test("no input makes it throw, or take long", () => {
    fc.assert(
      fc.property(challengeLines, (lines) => {
        const started = performance.now();
        parseChallenges(lines);
        expect(performance.now() - started).toBeLessThan(500);
      }),
      { numRuns: 500 },
    );
  });
});
