import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

/** docs/cookbook.md: its table has all that users ask for, each with a recipe and the tests of it. blocks.test.ts runs the recipes. */

const page = new URL("../../docs/cookbook.md", import.meta.url);
const text = readFileSync(page, "utf8");

const rows = [...text.matchAll(/^\| (\d+) +\|.*\]\(#([\w-]+)\) +\| \[.*\]\((\S+)\) +\|$/gm)].map(
  ([, number = "", anchor = "", test = ""]) => ({ number, anchor, test }),
);
const recipes = new Map(
  text
    .split(/^### /m)
    .slice(1)
    .map((recipe) => [anchorOf(recipe.slice(0, recipe.indexOf("\n"))), recipe]),
);

/** As GitHub makes it of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w -]/g, "")
    .replaceAll(" ", "-");
}

describe("docs/cookbook.md", () => {
  it("has a row and a recipe for each of the 27 and 11 things that users ask for, in their order", () => {
    expect(rows.map(({ number }) => number)).toEqual(
      Array.from({ length: 38 }, (_, index) => `${index + 1}`),
    );
    expect([...recipes.keys()]).toEqual(rows.map(({ anchor }) => anchor));
  });

  it.each(rows)("$number has a recipe with commands: $anchor", ({ number, anchor }) => {
    expect(anchor).toMatch(new RegExp(`^${number}-`));
    expect(recipes.get(anchor)).toMatch(/^```(?:sh|console)\n(?:.*\n)*?.*\btsmanifest\b/m);
  });

  it.each(rows.slice(0, 27))("$number is tried by $test", ({ number, test }) => {
    const suite = readFileSync(new URL(test, page), "utf8");
    expect(suite).toMatch(new RegExp(`["\`]${number}(?::| \\()`));
  });

  it("has the merge job tried by its own tests", () => {
    for (const { test } of rows.slice(27)) expect(test).toBe("../test/users/mergeJob.test.ts");
  });
});
