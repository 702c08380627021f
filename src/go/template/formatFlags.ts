import { tooMuch } from "./errors.js";

/** What stands between `%` and the verb. https://pkg.go.dev/fmt#hdr-Printing */
export interface FormatFlags {
  readonly minus?: boolean;
  readonly plus?: boolean;
  readonly sharp?: boolean;
  readonly space?: boolean;
  readonly zero?: boolean;
  /** `%+v`: the names of fields. */
  readonly names?: boolean;
  /** `%#v`: as Go's source. */
  readonly source?: boolean;
  readonly width?: number | undefined;
  readonly precision?: number | undefined;
  readonly budget: PrintBudget;
}

/** How much more may be printed: a width of a million, once for each element of a long list, is more than memory. */
export interface PrintBudget {
  left: number;
}

/** More than anybody reads; in UTF-16 code units. */
export const MAX_PRINTED = 64 * 1024 * 1024;

/** As for a value that is printed without a format. */
export function noFlags(): FormatFlags {
  return { budget: { left: MAX_PRINTED } };
}

/** Text at its width, which counts characters. */
export function pad(text: string, { width, minus, zero, budget }: FormatFlags): string {
  budget.left -= Math.max(text.length, width ?? 0);
  if (budget.left < 0) throw tooMuch(`a value takes more than ${MAX_PRINTED} characters to print`);
  // The length in characters is at most that in code units.
  if (width === undefined || text.length >= width * 2) return text;
  const missing = Math.max(0, width - Array.from(text).length);
  if (minus) return text + " ".repeat(missing);
  return (zero ? "0" : " ").repeat(missing) + text;
}

/** A string, cut at the precision, at its width. */
export function padText(text: string, flags: FormatFlags): string {
  return pad(cut(text, flags), flags);
}

/** As many characters as the precision lets through. */
export function cut(text: string, { precision }: FormatFlags): string {
  if (precision === undefined || text.length <= precision) return text;
  return Array.from(text).slice(0, precision).join("");
}
