import { ManifestError } from "../errors.js";
import { goQuote } from "./quote.js";

/** Milliseconds in each of Go's units, and in a day and a week, which Go has no unit for. */
const UNITS = new Map([
  ["ns", 1e-6],
  ["us", 1e-3],
  ["µs", 1e-3], // U+00B5, the micro sign
  ["μs", 1e-3], // U+03BC, the letter mu
  ["ms", 1],
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
  ["w", 604_800_000],
]);

/** What Go's 64 bits of nanoseconds hold: some 292 years. */
const LONGEST_MS = 2 ** 63 / 1e6;

/**
 * A duration as Go writes it, in milliseconds: `72h`, `1h30m`, `1.5h`, `-2s`, `0`; also `30d` and `2w`, of 24 hours a day.
 * https://pkg.go.dev/time#ParseDuration
 * @throws USAGE, saying what is wrong with it
 */
export function parseDuration(text: string): number {
  const unsigned = text.replace(/^[+-]/, "");
  if (unsigned === "0") return 0;
  if (unsigned === "") throw invalid(text);
  let total = 0;
  // Each part is a number and all that follows it up to the next: no run of characters can be divided in two ways.
  for (let rest = unsigned; rest !== "";) {
    const [part = "", number = "", unit = ""] = /^([\d.]*)([^\d.]*)/.exec(rest) ?? [];
    if (!/^(?:\d+\.?\d*|\.\d+)$/.test(number)) throw invalid(text);
    if (unit === "") throw refusal("it has no unit", text);
    const milliseconds = UNITS.get(unit);
    if (milliseconds === undefined) {
      throw refusal(`${goQuote(unit)} is not a unit of time`, text);
    }
    total += Number(number) * milliseconds;
    rest = rest.slice(part.length);
  }
  if (total >= LONGEST_MS) throw invalid(text);
  return text.startsWith("-") ? -total : total;
}

function invalid(text: string): ManifestError {
  return refusal("it is not a length of time", text);
}

function refusal(message: string, subject: string): ManifestError {
  return new ManifestError("USAGE", message, {
    subject,
    hint: "write a number and a unit: 30s, 5m, 72h, 30d, 2w or 1h30m",
  });
}
