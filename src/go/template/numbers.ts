import { goQuote } from "../quote.js";
import { pad, type FormatFlags } from "./formatFlags.js";
import { formatFloat } from "./float.js";
import { toAscii } from "./formatText.js";

/** Numbers as fmt prints them: https://pkg.go.dev/fmt#hdr-Printing */

const MAX_UINT64 = 2n ** 64n;

const BASES = new Map([
  ["v", 10],
  ["d", 10],
  ["b", 2],
  ["o", 8],
  ["O", 8],
  ["x", 16],
  ["X", 16],
]);

/** Undefined for a verb that is not for whole numbers. */
export function formatInteger(
  value: bigint,
  isUnsigned: boolean,
  verb: string,
  flags: FormatFlags,
): string | undefined {
  if (verb === "c") return pad(characterOf(value), flags);
  if (verb === "q") return quoteCharacter(value, flags);
  if (verb === "U") return formatUnicode(value, flags);
  const base = BASES.get(verb);
  if (base === undefined) return undefined;
  const isSource = verb === "v" && flags.source === true && isUnsigned;
  return integerInBase(value, isSource ? 16 : base, verb, isSource ? { ...flags, sharp: true } : flags);
}

function integerInBase(value: bigint, base: number, verb: string, flags: FormatFlags): string {
  const { width, precision } = flags;
  const isNegative = value < 0n;
  if (precision === 0 && value === 0n) return pad("", { ...flags, zero: false });
  const sign = isNegative ? "-" : flags.plus ? "+" : flags.space ? " " : "";
  const padsWithZeros = precision === undefined && flags.zero && !flags.minus && width !== undefined;
  const least = padsWithZeros ? width - sign.length : (precision ?? 0);
  const digits = (isNegative ? -value : value).toString(base).padStart(least, "0");
  const text = sign + basePrefix(base, digits, verb, flags) + digits;
  return pad(verb === "X" ? text.toUpperCase() : text, { ...flags, zero: false });
}

function basePrefix(base: number, digits: string, verb: string, { sharp }: FormatFlags): string {
  const octal = verb === "O" ? "0o" : "";
  if (!sharp) return octal;
  if (base === 8) return octal + (digits.startsWith("0") ? "" : "0");
  return base === 2 ? "0b" : base === 16 ? "0x" : "";
}

/** U+FFFD for what is no character. */
function characterOf(value: bigint): string {
  const isCharacter = value >= 0n && value <= 0x10ffffn && (value < 0xd800n || value > 0xdfffn);
  return isCharacter ? String.fromCodePoint(Number(value)) : "\ufffd";
}

function quoteCharacter(value: bigint, flags: FormatFlags): string {
  const character = characterOf(value);
  const escaped = character === "'" ? "\\'" : character === '"' ? '"' : goQuote(character).slice(1, -1);
  return pad(`'${flags.plus ? toAscii(escaped) : escaped}'`, flags);
}

function formatUnicode(value: bigint, flags: FormatFlags): string {
  const code = (value < 0n ? value + MAX_UINT64 : value).toString(16).toUpperCase();
  const character = characterOf(value);
  const quoted = goQuote(character);
  const isPrinted = flags.sharp && value >= 0n && value <= 0x10ffffn && /^"(?:[^\\]|\\["\\])"$/u.test(quoted);
  const shown = isPrinted ? ` '${character}'` : "";
  const text = `U+${code.padStart(Math.max(flags.precision ?? 4, 4), "0")}${shown}`;
  return pad(text, { ...flags, zero: false });
}

/** Precision unless it is given; undefined for the fewest digits. */
const FLOAT_VERBS = new Map<string, number | undefined>([
  ["v", undefined],
  ["b", undefined],
  ["g", undefined],
  ["G", undefined],
  ["x", undefined],
  ["X", undefined],
  ["f", 6],
  ["F", 6],
  ["e", 6],
  ["E", 6],
]);

/** Undefined for a verb that is not for floats. */
export function formatNumber(value: number, verb: string, flags: FormatFlags): string | undefined {
  if (!FLOAT_VERBS.has(verb)) return undefined;
  const isNegative = value < 0 || Object.is(value, -0);
  const sign = isNegative ? "-" : flags.plus ? "+" : flags.space ? " " : "";
  const precision = flags.precision ?? FLOAT_VERBS.get(verb);
  const plainVerb = verb === "v" ? "g" : verb === "F" ? "f" : verb;
  const digits = formatFloat(Math.abs(value), plainVerb, precision);
  const text = flags.sharp && verb !== "b" ? withPoint(digits, verb, precision) : digits;
  const { width = 0 } = flags;
  // Zeros go between the sign and the digits.
  const zeros = flags.zero && !flags.minus ? Math.max(0, width - sign.length - text.length) : 0;
  return pad(sign + "0".repeat(zeros) + text, flags);
}

/** With a decimal point, whatever the number, and for `%#g` the zeros at the end. */
function withPoint(text: string, verb: string, precision: number | undefined): string {
  const isHex = verb === "x" || verb === "X";
  const [tail = ""] = (isHex ? /[pP].*$/ : /[eE].*$/).exec(text) ?? [];
  const head = text.slice(0, text.length - tail.length);
  const hasPoint = head.includes(".");
  const digits = head.replace(".", "");
  let missing = "vgGx".includes(verb) ? (precision ?? 6) - digits.replace(/^0*/, "").length : 0;
  if (!hasPoint && head === "0") missing--;
  return head + (hasPoint ? "" : ".") + "0".repeat(Math.max(0, missing)) + tail;
}
