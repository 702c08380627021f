import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dependencies, inOrder, listNames } from "../../src/apply/dependencies.js";
import { parsePlace } from "../../src/content/place.js";
import { orderOf } from "../helpers/orders.js";

const named = (name: string, ...sources: string[]) => ({ names: [name], sources });

describe("a list that is made of another one of the file", () => {
  it("waits for it, wherever it stands", () => {
    const lists = [named("r/all:1", "r/a:1", "r/b:1"), named("r/a:1"), named("r/b:1", "r/a:1")];
    const waitsFor = dependencies(lists);
    expect(waitsFor).toEqual([[1, 2], [], [1]]);
    expect(inOrder(waitsFor)).toEqual({ order: [1, 2, 0] });
  });

  it("is known by any of its names, as they are meant", () => {
    const app = orderOf("app:1", { tags: ["ghcr.io/o/app"] });
    const { names } = listNames(app, []);
    const { sources } = listNames(orderOf("all:1"), [
      parsePlace("ghcr.io/o/app:latest"),
      parsePlace("docker.io/app:1"),
    ]);
    expect(
      dependencies([
        { names: [], sources },
        { names, sources: [] },
      ]),
    ).toEqual([[1], []]);
  });

  it.each([
    ["ghcr.io/o/app:1", "ghcr.io:443/o/app:1"],
    ["GHCR.io/o/app:1", "ghcr.io/o/app:1"],
    ["o/app:1", "registry-1.docker.io/o/app:1"],
    ["docker.io:443/o/app", "index.docker.io/o/app:latest"],
    ["oci-layout:///out:1", "oci-layout:///x/../out:1"],
  ])("waits for it however its registry is written: %s and %s", (name, source) => {
    const one = listNames(orderOf(name), []);
    const other = listNames(orderOf("all:1"), [parsePlace(source)]);
    expect(dependencies([one, other])).toEqual([[], [0]]);
  });

  it.each([
    ["ghcr.io/o/app:1", "ghcr.io:444/o/app:1"],
    ["ghcr.io/o/app:1", "ghcr.io:80443/o/app:1"],
    ["app:1", "registry-1.docker.io/app:1"],
    ["o/app:v", "o/app:V"],
  ])("does not wait for another one of nearly the same name: %s and %s", (name, source) => {
    const one = listNames(orderOf(name), []);
    const other = listNames(orderOf("all:1"), [parsePlace(source)]);
    expect(dependencies([one, other])).toEqual([[], []]);
  });

  it("does not wait for itself: what it was before is what it is made of", () => {
    expect(dependencies([named("r/a:1", "r/a:1")])).toEqual([[]]);
  });

  it("does not wait for a digest, which no list is going to change", () => {
    const digest = `sha256:${"0".repeat(64)}`;
    const { sources } = listNames(orderOf("r.example/all:1"), [parsePlace(`r.example/a@${digest}`)]);
    const { names } = listNames(orderOf("r.example/a:1"), []);
    expect(
      dependencies([
        { names: [], sources },
        { names, sources: [] },
      ]),
    ).toEqual([[], []]);
  });

  it("cannot be made where the other one is made of it", () => {
    expect(inOrder([[1], [2], [1], []])).toEqual({ cycle: [1, 2] });
  });

  it("comes behind what it waits for, whatever waits for what; nothing else changes its place", () => {
    const graph = fc.integer({ min: 0, max: 30 }).chain((count) =>
      fc.array(fc.array(fc.nat(Math.max(0, count - 1)), { maxLength: 4 }), {
        minLength: count,
        maxLength: count,
      }),
    );
    fc.assert(
      fc.property(graph, (waitsFor) => {
        const sorted = inOrder(waitsFor);
        if ("cycle" in sorted) {
          const { cycle } = sorted;
          cycle.forEach((at, index) => {
            expect(waitsFor[at]).toContain(cycle[(index + 1) % cycle.length]);
          });
          return;
        }
        const { order } = sorted;
        expect([...order].sort((one, other) => one - other)).toEqual(waitsFor.map((_, at) => at));
        const places = new Map(order.map((at, index) => [at, index]));
        waitsFor.forEach((others, at) => {
          for (const other of others) expect(places.get(other)).toBeLessThan(places.get(at) ?? -1);
        });
      }),
    );
    expect(inOrder([[], [], []])).toEqual({ order: [0, 1, 2] });
  });

  it("may be at the end of a long chain", () => {
    const chain = Array.from({ length: 50_000 }, (_, at) => (at === 49_999 ? [] : [at + 1]));
    const sorted = inOrder(chain);
    expect("order" in sorted && sorted.order[0]).toBe(49_999);
  });
});
