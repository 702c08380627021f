/**
 * Text as Go quotes it in its messages.
 * https://pkg.go.dev/strconv#Quote
 */

const SHORT_ESCAPES = new Map([
  ["\u0007", "\\a"],
  ["\b", "\\b"],
  ["\f", "\\f"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
  ["\v", "\\v"],
  ["\\", "\\\\"],
]);

/** The text as Go's `%q` shows it. https://pkg.go.dev/strconv#Quote */
export function goQuote(text: string): string {
  return `"${Array.from(text, (character) => escapeGo(character, '"')).join("")}"`;
}

/** A byte as Go's `%q` shows it: the character of that code, in single quotes. https://pkg.go.dev/strconv#QuoteRune */
export function goQuoteByte(byte: number): string {
  return `'${escapeGo(String.fromCharCode(byte), "'")}'`;
}

/**
 * Does Go print it as it is within quotes? Letters, marks, numbers, punctuation, symbols and the space. The expression
 * takes V8 most of a millisecond to read, which is left to those who quote something.
 */
const isPrintable = (character: string): boolean => /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(character);

function escapeGo(character: string, quote: string): string {
  if (character === quote) return `\\${quote}`;
  const short = SHORT_ESCAPES.get(character);
  if (short !== undefined) return short;
  if (isPrintable(character)) return character;
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x80) return `\\x${hex(code, 2)}`;
  return code > 0xffff ? `\\U${hex(code, 8)}` : `\\u${hex(code, 4)}`;
}

function hex(code: number, width: number): string {
  return code.toString(16).padStart(width, "0");
}
