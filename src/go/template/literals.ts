import { isUtf8 } from "node:buffer";
import { goQuote } from "../quote.js";
import { GoError, unsupported } from "./errors.js";
import type { NumberConstant } from "./nodes.js";

/** Constants as Go's source has them: https://go.dev/ref/spec#Integer_literals and what follows there. */

const INTEGER =
  /^([+-]?)(0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0(?:_?[0-7])+|[1-9](?:_?[0-9])*|0)$/;
const DECIMAL = /^[+-]?(?:[0-9_]+\.?[0-9_]*|\.[0-9_]+)(?:[eE][+-]?[0-9][0-9_]*)?$/;
const HEXADECIMAL = /^([+-]?)0[xX]([0-9a-fA-F_]*)\.?([0-9a-fA-F_]*)[pP]([+-]?[0-9]{1,6})$/;
/** An underscore that has not a digit on both sides. */
const LOOSE_UNDERSCORE = /(?<![0-9a-fA-F]|0[xX])_|_(?![0-9a-fA-F])/;
const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;
const MAX_UINT64 = 2n ** 64n - 1n;

/** A number's value; throws a GoError with Go's message. */
export function parseNumber(text: string): NumberConstant {
  if (text.endsWith("i")) throw unsupported(`the complex number ${text}`);
  const integer = parseInteger(text);
  const isSigned = /^[+-]/.test(text);
  if (integer !== undefined && integer >= MIN_INT64 && integer <= (isSigned ? MAX_INT64 : MAX_UINT64)) {
    const int = integer <= MAX_INT64 ? integer : undefined;
    // Go takes a hexadecimal number with a sign and an `e` in it for a float.
    return { int, float: Number(integer), isFloat: isSigned && /[eEpP]/.test(text) };
  }
  const float = parseFloat64(text);
  if (float === undefined) throw new GoError(`illegal number syntax: ${goQuote(text)}`);
  if (!/[.eEpP]/.test(text)) throw new GoError(`integer overflow: ${goQuote(text)}`);
  const isWhole = Number.isInteger(float) && Math.abs(float) < 2 ** 63;
  return { int: isWhole ? BigInt(float) : undefined, float, isFloat: true };
}

function parseInteger(text: string): bigint | undefined {
  const match = INTEGER.exec(text);
  if (match === null) return undefined;
  const [, sign, digits = ""] = match;
  const plain = digits.replaceAll("_", "");
  const size = BigInt(/^0[0-7]/.test(plain) ? `0o${plain.slice(1)}` : plain);
  return sign === "-" ? -size : size;
}

/** Undefined for what is no float, or is too large for one. */
function parseFloat64(text: string): number | undefined {
  if (LOOSE_UNDERSCORE.test(text)) return undefined;
  const plain = text.replaceAll("_", "");
  const value = DECIMAL.test(text) ? Number(plain) : parseHexadecimalFloat(plain);
  return Number.isFinite(value) ? value : undefined;
}

function parseHexadecimalFloat(text: string): number {
  const [, sign, whole = "", fraction = "", exponent] = HEXADECIMAL.exec(text) ?? [];
  if (whole + fraction === "") return NaN;
  const value = Number(BigInt(`0x${whole}${fraction}`)) * 2 ** (Number(exponent) - 4 * fraction.length);
  return sign === "-" ? -value : value;
}

/** The code point of `'x'`; throws a GoError with Go's message. */
export function unquoteCharacter(text: string): NumberConstant {
  const character = readCharacter(text, 1, "'");
  if (character === undefined) throw new GoError("invalid syntax");
  if (text.slice(1 + character.length) !== "'") throw new GoError(`malformed character constant: ${text}`);
  return { int: BigInt(character.code), float: character.code, isFloat: false };
}

/** The text of `"…"` or of one in backquotes; throws a GoError with Go's message. */
export function unquoteString(text: string): string {
  if (text.startsWith("`")) return text.slice(1, -1).replaceAll("\r", "");
  const pieces: Buffer[] = [];
  for (let at = 1; at < text.length - 1;) {
    const character = readCharacter(text, at, '"');
    if (character === undefined) throw new GoError("invalid syntax");
    const { code, isByte, length } = character;
    pieces.push(isByte ? Buffer.from([code]) : Buffer.from(String.fromCodePoint(code)));
    at += length;
  }
  const bytes = Buffer.concat(pieces);
  if (!isUtf8(bytes)) throw unsupported(`the string ${text}, which is not UTF-8,`);
  return bytes.toString();
}

const ESCAPE = /\\(?:x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([abfnrtv\\'"]))/y;
const SHORT_ESCAPES = new Map([
  ["a", 0x07],
  ["b", 0x08],
  ["f", 0x0c],
  ["n", 0x0a],
  ["r", 0x0d],
  ["t", 0x09],
  ["v", 0x0b],
  ["\\", 0x5c],
]);

interface Character {
  readonly code: number;
  /** Does it stand for one byte, rather than for a character? */
  readonly isByte: boolean;
  readonly length: number;
}

/** One character or escape within quotes. */
function readCharacter(text: string, at: number, quote: string): Character | undefined {
  const plain = text.codePointAt(at) ?? 0;
  if (text.charAt(at) === quote) return undefined;
  if (text.charAt(at) !== "\\") return { code: plain, isByte: false, length: plain > 0xffff ? 2 : 1 };
  ESCAPE.lastIndex = at;
  const [escape, hex, octal, short, long, name] = ESCAPE.exec(text) ?? [];
  if (escape === undefined) return undefined;
  const of = (code: number, isByte: boolean): Character => ({ code, isByte, length: escape.length });
  if (hex !== undefined) return of(parseInt(hex, 16), true);
  if (octal !== undefined) return parseInt(octal, 8) > 0xff ? undefined : of(parseInt(octal, 8), true);
  if (name !== undefined) {
    const code = name === quote ? name.charCodeAt(0) : SHORT_ESCAPES.get(name);
    return code === undefined ? undefined : of(code, false);
  }
  const code = parseInt(short ?? long ?? "", 16);
  const isCharacter = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  return isCharacter ? of(code, false) : undefined;
}
