import { goQuote } from "../quote.js";
import { cut, pad, padText, type FormatFlags } from "./formatFlags.js";

/** Strings and bytes as fmt prints them: https://pkg.go.dev/fmt#hdr-Printing */

/** Undefined for a verb that is not for strings. */
export function formatText(text: string, verb: string, flags: FormatFlags): string | undefined {
  switch (verb) {
    case "v":
      return flags.source ? quoteText(text, flags) : padText(text, flags);
    case "s":
      return padText(text, flags);
    case "x":
    case "X":
      return formatHex(Buffer.from(text), verb, flags);
    case "q":
      return quoteText(text, flags);
    default:
      return undefined;
  }
}

function quoteText(text: string, flags: FormatFlags): string {
  const short = cut(text, flags);
  // eslint-disable-next-line no-control-regex -- what Go does not put in backquotes
  if (flags.sharp && !/[\u0000-\u0008\u000a-\u001f`\u007f\ufeff]/.test(short))
    return pad(`\`${short}\``, flags);
  const quoted = goQuote(short);
  return pad(flags.plus ? toAscii(quoted) : quoted, flags);
}

export function formatHex(bytes: Buffer, verb: string, flags: FormatFlags): string {
  const shown = bytes.subarray(0, flags.precision);
  const prefix = flags.sharp ? "0x" : "";
  const pairs = Array.from(shown, (byte) => byte.toString(16).padStart(2, "0"));
  const text = flags.space
    ? pairs.map((pair) => prefix + pair).join(" ")
    : pairs.length === 0
      ? ""
      : prefix + pairs.join("");
  return pad(verb === "X" ? text.toUpperCase() : text, flags);
}

/** Quoted text with escapes for all that is not ASCII. */
export function toAscii(quoted: string): string {
  return quoted.replace(/[^ -~]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    const hex = code.toString(16);
    return code > 0xffff ? `\\U${hex.padStart(8, "0")}` : `\\u${hex.padStart(4, "0")}`;
  });
}
