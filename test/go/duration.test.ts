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
    ["", 'time: invalid duration ""'],
    ["-", 'time: invalid duration "-"'],
    ["3", 'time: missing unit in duration "3"'],
    ["1h3", 'time: missing unit in duration "1h3"'],
    ["s", 'time: invalid duration "s"'],
    [".s", 'time: invalid duration ".s"'],
    ["1..5s", 'time: invalid duration "1..5s"'],
    ["+-5s", 'time: invalid duration "+-5s"'],
    ["1 h", 'time: unknown unit " h" in duration "1 h"'],
    ["3y", 'time: unknown unit "y" in duration "3y"'],
    ["1\u001b[m", 'time: unknown unit "\\x1b[m" in duration "1\\x1b[m"'],
    ["3000000h", 'time: invalid duration "3000000h"'],
    ["1e3s", 'time: unknown unit "e" in duration "1e3s"'],
  ])("of %j is refused in Go's words", (text, message) => {
    expect(() => parseDuration(text)).toThrow(expect.objectContaining({ code: "USAGE", message }));
  });

  it("of any length is read in a moment", () => {
    expect(() => parseDuration("9".repeat(1_000_000))).toThrow("missing unit");
    expect(() => parseDuration("1h".repeat(300_000))).not.toThrow("unit");
  });
});
