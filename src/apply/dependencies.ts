import { nameKey, type Place } from "../content/place.js";
import type { ListOrder } from "./order.js";

/** Which lists are made of which others: those wait until the others are done. */

/** What a list is called and what it is made of, as `nameKey` has it: `docker.io/library/app:v1`. */
export interface ListNames {
  readonly names: readonly string[];
  readonly sources: readonly string[];
}

/** A list is found again by its tags, however its registry is written. What a digest names, no list is going to change. */
export function listNames({ targets }: ListOrder, sources: readonly Place[]): ListNames {
  return { names: targets.map(nameKey), sources: sources.map(nameKey) };
}

/**
 * For each list the places of those that it waits for.
 * @example
 * dependencies([{ names: ["r/a:1"], sources: ["r/b:1"] }, { names: ["r/b:1"], sources: [] }]); // [[1], []]
 */
export function dependencies(lists: readonly ListNames[]): readonly (readonly number[])[] {
  const byName = new Map<string, number>();
  lists.forEach(({ names }, at) => {
    for (const name of names) byName.set(name, at);
  });
  return lists.map(({ sources }, at) => {
    const others = sources.flatMap((name) => byName.get(name) ?? []);
    return [...new Set(others)].filter((other) => other !== at);
  });
}

/**
 * The places of all lists, each behind those that it waits for, otherwise in their order; or the places of some that wait
 * for each other.
 */
export function inOrder(
  waitsFor: readonly (readonly number[])[],
): { readonly order: readonly number[] } | { readonly cycle: readonly number[] } {
  const order: number[] = [];
  const states = new Map<number, "under way" | "done">();
  // By hand what would be a recursion: a chain of lists may be long.
  for (let start = 0; start < waitsFor.length; start++) {
    const path = [start];
    for (let at = path.at(-1); at !== undefined; at = path.at(-1)) {
      const next = waitsFor[at]?.find((other) => states.get(other) !== "done");
      if (states.get(at) === "done") {
        path.pop();
      } else if (next === undefined) {
        states.set(at, "done");
        order.push(at);
        path.pop();
      } else if (states.get(next) === "under way") {
        return { cycle: path.slice(path.indexOf(next)) };
      } else {
        states.set(at, "under way");
        path.push(next);
      }
    }
  }
  return { order };
}
