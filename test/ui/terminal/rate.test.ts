import { expect, it } from "vitest";
import { Rate } from "../../../src/ui/terminal/rate.js";

it("cannot be told from a moment", () => {
  const rate = new Rate(0);
  rate.add(1_000, 100);
  expect(rate.at(200)).toBeUndefined();
});

it("is that of all bytes at first", () => {
  const rate = new Rate(1_000);
  rate.add(500, 1_500);
  rate.add(500, 2_000);
  expect(rate.at(2_000)).toBe(1_000);
});

it("is that of the last seconds later on", () => {
  const rate = new Rate(0);
  for (let second = 1; second <= 60; second++) rate.add(second <= 30 ? 1_000_000 : 1_000, second * 1_000);
  expect(rate.at(60_000)).toBeCloseTo(1_000, -2);
});

it("falls to nothing while nothing comes", () => {
  const rate = new Rate(0);
  rate.add(10_000, 1_000);
  expect(rate.at(2_000)).toBe(5_000);
  expect(rate.at(4_000)).toBe(2_500);
  expect(rate.at(20_000)).toBe(0);
});

it("keeps few of many samples", () => {
  const rate = new Rate(0);
  for (let at = 1; at <= 100_000; at++) rate.add(10, at / 10);
  expect(rate.at(10_000)).toBeGreaterThan(95_000);
  expect(rate.at(10_000)).toBeLessThan(105_000);
});
