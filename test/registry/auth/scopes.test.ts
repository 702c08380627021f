import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { covers, dividedAmongTokens } from "../../../src/registry/auth/scopes.js";

describe("a list of scopes", () => {
  const rows: [string, boolean, string[], string[]][] = [
    ["covers nothing", true, [], []],
    ["covers what is in it", true, ["repository:a:pull", "repository:b:pull"], ["repository:b:pull"]],
    ["covers fewer actions", true, ["repository:a:pull,push"], ["repository:a:pull"]],
    ["covers actions in another order", true, ["repository:a:push,pull"], ["repository:a:pull,push"]],
    ["does not cover more actions", false, ["repository:a:pull"], ["repository:a:pull,push"]],
    ["does not cover another name", false, ["repository:a:pull"], ["repository:a/b:pull"]],
    ["does not cover another type", false, ["registry:a:pull"], ["repository:a:pull"]],
    [
      "does not cover some of several",
      false,
      ["repository:a:pull"],
      ["repository:a:pull", "repository:b:pull"],
    ],
    [
      "takes a colon in a name for part of it",
      true,
      ["repository:h:5000/a:pull,push"],
      ["repository:h:5000/a:push"],
    ],
  ];
  test.each(rows)("%s", (_, expected, list, scopes) => {
    expect(covers(list, scopes)).toBe(expected);
  });
});

describe("scopes are divided among tokens", () => {
  test("of which there is mostly one, without what is there twice", () => {
    expect(dividedAmongTokens([])).toEqual([]);
    expect(dividedAmongTokens(["t", "a", "b", "a", "t"])).toEqual([["t", "a", "b"]]);
  });

  test("that a URL has room for, the first in front of each", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ minLength: 1, maxLength: 600 }), { minLength: 1 }), (scopes) => {
        const lists = dividedAmongTokens(scopes);
        const [first] = scopes;
        expect([first, ...lists.flatMap((list) => list.slice(1))]).toEqual(scopes);
        for (const list of lists) {
          expect(list[0]).toBe(first);
          expect(list.join("&scope=").length).toBeLessThanOrEqual(4 * 1024);
        }
      }),
    );
  });
});
