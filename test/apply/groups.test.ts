import { describe, expect, it } from "vitest";
import { Groups } from "../../src/apply/groups.js";
import type { RepositoryAccess } from "../../src/apply/accesses.js";

const at = (path: string): RepositoryAccess => ({
  location: { kind: "registry", domain: "registry.example", path },
  actions: ["pull", "push"],
});
/** The number of its group, for each list. */
function groupsOf(
  lists: readonly { readonly accesses: readonly RepositoryAccess[]; readonly retries?: number }[],
): number[] {
  const groups = new Groups();
  const all = lists.map(({ accesses, retries }) => groups.add(accesses, retries));
  const distinct = [...new Set(all)];
  return all.map((group) => distinct.indexOf(group));
}

const list = (...paths: string[]) => ({ accesses: paths.map(at) });

describe("lists that share a token", () => {
  it("are all those of the same repositories, however many", () => {
    expect(groupsOf(Array.from({ length: 500 }, () => list("team/app", "team/build")))).toEqual(
      Array.from({ length: 500 }, () => 0),
    );
  });

  it("are as many as a token has room for: forty repositories, or three thousand characters of them", () => {
    const many = groupsOf(Array.from({ length: 100 }, (_, index) => list(`a/${index}`)));
    expect(many.filter((group) => group === 0)).toHaveLength(40);
    expect(many.at(-1)).toBe(2);
    const long = groupsOf(Array.from({ length: 10 }, (_, index) => list(`${"long/".repeat(100)}${index}`)));
    expect(new Set(long).size).toBe(2);
  });

  it("keep a list and all its sources together, though they are more than fit", () => {
    const paths = Array.from({ length: 90 }, (_, index) => `a/${index}`);
    expect(groupsOf([list("first"), list(...paths), list("last")])).toEqual([0, 1, 2]);
  });

  it("are tried again as often as each other", () => {
    expect(groupsOf([list("a"), { ...list("a"), retries: 9 }, { ...list("a"), retries: 9 }])).toEqual([
      0, 1, 1,
    ]);
  });
});
