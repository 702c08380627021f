import fc from "fast-check";
import { expect, test } from "vitest";
import { Line } from "../../../src/registry/retry/line.js";

interface One {
  readonly place: number;
  isGone: boolean;
}

test("a line has whoever has not gone, in the order in which they came", () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.constant("add" as const) },
    { weight: 4, arbitrary: fc.constant("next" as const) },
    { weight: 1, arbitrary: fc.nat({ max: 20 }) },
    { weight: 1, arbitrary: fc.constant("clear" as const) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const line = new Line<One>();
      let expected: One[] = [];
      let places = 0;
      for (const what of steps) {
        if (what === "add") {
          const one = { place: places++, isGone: false };
          line.add(one);
          expected.push(one);
        } else if (what === "clear") {
          line.clear();
          expected = [];
        } else {
          const one = what === "next" ? line.first() : expected[what];
          if (one !== undefined) one.isGone = true;
          expected = expected.filter((other) => other !== one);
        }
        expect(line.isEmpty).toBe(expected.length === 0);
        expect(line.first()).toBe(expected[0]);
        expect(line.all()).toEqual(expected);
      }
    }),
  );
});

test("a line that never ends keeps nobody who has gone", () => {
  const line = new Line<One>();
  line.add({ place: 0, isGone: false });
  for (let place = 1; place < 10_000; place++) {
    line.add({ place, isGone: false });
    const first = line.first();
    expect(first?.place).toBe(place - 1);
    if (first !== undefined) first.isGone = true;
  }
  expect(line.all().map(({ place }) => place)).toEqual([9_999]);
});
