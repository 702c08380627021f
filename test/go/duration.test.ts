import { describe, expect, it } from "vitest";
import { parseDuration } from "../../src/go/duration.js";

const HOUR = 3_600_000;

describe("a duration", () => {
  it.each([
    ["0", 0],
    ["-0", 0],
    ["5s", 5_000],
    ["+5s", 5_000],
    ["-5s", -5_000],
    ["30s", 30_000],
    ["5.s", 5_000],
    [".5s", 500],
    ["1.004s", 1_004],
    ["1h30m", 1.5 * HOUR],
    ["39h9m14.425s", 39 * HOUR + 9 * 60_000 + 14_425],
    ["1500us", 1.5],
    ["1500µs", 1.5],
    ["1500μs", 1.5],
    ["2000000ns", 2],
    ["10.5m", 630_000],
    ["2562047h", 2562047 * HOUR],
  ])("of %s is what Go takes it for", (text, milliseconds) => {
    expect(parseDuration(text) + 0).toBeCloseTo(milliseconds, 6);
  });

  it.each([
    ["30d", 720 * HOUR],
    ["2w", 336 * HOUR],
    ["1w2d3h", 219 * HOUR],
    ["1.5d", 36 * HOUR],
  ])("of %s has days of 24 hours", (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  it.each([
    ["", "it is not a length of time"],
    ["-", "it is not a length of time"],
    ["3", "it has no unit"],
    ["1h3", "it has no unit"],
    ["s", "it is not a length of time"],
    [".s", "it is not a length of time"],
    ["1..5s", "it is not a length of time"],
    ["+-5s", "it is not a length of time"],
    ["1 h", '" h" is not a unit of time'],
    ["3y", '"y" is not a unit of time'],
    ["1\u001b[m", '"\\x1b[m" is not a unit of time'],
    ["3000000h", "it is not a length of time"],
    ["1e3s", '"e" is not a unit of time'],
  ])("of %j is refused in plain words", (text, message) => {
    expect(() => parseDuration(text)).toThrow(expect.objectContaining({ code: "USAGE", message }));
  });

  it("of any length is read in a moment", () => {
    expect(() => parseDuration("9".repeat(1_000_000))).toThrow("it has no unit");
    expect(() => parseDuration("1h".repeat(300_000))).not.toThrow("unit");
  });
});
