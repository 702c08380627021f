import { expect, it } from "vitest";
import {
  elapsed,
  readableRate,
  readableShortTime,
  readableSize,
  readableTime,
  shortDigest,
} from "../../../src/ui/terminal/words.js";

it.each([
  [0, "0 B"],
  [999, "999 B"],
  [1_000, "1.0 kB"],
  [12_345, "12.3 kB"],
  [999_949, "999.9 kB"],
  [999_950, "1.0 MB"],
  [45_600_000, "45.6 MB"],
  [1_230_000_000, "1.2 GB"],
  [5_000_000_000_000_000, "5000.0 TB"],
])("%i bytes are %s", (bytes, text) => {
  expect(readableSize(bytes)).toBe(text);
});

it.each([
  [0, "0 B/s"],
  [0.4, "0 B/s"],
  [1_536.7, "1.5 kB/s"],
  [-5, "0 B/s"],
])("%d bytes a second are %s", (rate, text) => {
  expect(readableRate(rate)).toBe(text);
});

it.each([
  [0, "0s"],
  [499, "0s"],
  [1_600, "2s"],
  [59_499, "59s"],
  [59_500, "1m 00s"],
  [125_000, "2m 05s"],
  [3_599_600, "1h 00m"],
  [11_220_000, "3h 07m"],
  [187_200_000, "2d 04h"],
])("%i milliseconds are %s", (ms, text) => {
  expect(readableTime(ms)).toBe(text);
});

it("is to the millisecond below a second where that is wanted", () => {
  expect([-1, 0.4, 120.2, 999.4, 999.6, 2_400].map(readableShortTime)).toEqual([
    "0ms",
    "0ms",
    "120ms",
    "999ms",
    "1s",
    "2s",
  ]);
});

it("shows as much of a digest as docker does", () => {
  expect(shortDigest(`sha256:${"0123456789abcdef".repeat(4)}`)).toBe("0123456789ab");
});

it("begins the line of a log with seconds", () => {
  expect([0, 3_249, 61_000].map(elapsed)).toEqual(["0.0s", "3.2s", "61.0s"]);
});
