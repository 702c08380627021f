import { cpuUsage } from "node:process";
import { expect, test } from "vitest";
import { stopwatch } from "../../../src/registry/http/stopwatch.js";

/** Keeps the processor busy for so many milliseconds of its own time. */
function work(ms: number): void {
  const end = cpuUsage().user + ms * 1000;
  while (cpuUsage().user < end);
}

test("what is waited for is waited for, what is worked for is not", async () => {
  const elapsed = stopwatch();
  work(80);
  const worked = elapsed();
  expect(worked.ms).toBeGreaterThanOrEqual(75);
  expect(worked.waitedMs).toBeLessThan(worked.ms - 70);
  await new Promise((resolve) => setTimeout(resolve, 60));
  const both = elapsed();
  expect(both.ms).toBeGreaterThanOrEqual(worked.ms + 55);
  expect(both.waitedMs).toBeGreaterThanOrEqual(30);
  expect(both.waitedMs).toBeLessThanOrEqual(both.ms - 70);
});
