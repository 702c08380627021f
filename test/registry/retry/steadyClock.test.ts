import { expect, test } from "vitest";
import { steadyClock } from "../../../src/registry/retry/steadyClock.js";

test("a clock that is set back by an hour goes on from where it was", () => {
  const hour = 3_600_000;
  let machine = 10 * hour;
  const clock = steadyClock(() => machine);
  const start = clock();
  machine += 1_000;
  expect(clock() - start).toBe(1_000);
  machine -= hour;
  expect(clock() - start).toBe(1_000);
  machine += 500;
  expect(clock() - start).toBe(1_500);
  machine -= hour;
  machine += 2_000;
  expect(clock() - start).toBe(1_500);
});
