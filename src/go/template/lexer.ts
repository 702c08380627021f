import { goQuote } from "../quote.js";

/**
 * A template's text as tokens. Space within an action is a token of its own, since it separates arguments; trimming
 * (`{{-`, `-}}`) and comments leave no trace.
 * https://pkg.go.dev/text/template#hdr-Text_and_spaces
 */

const KEYWORDS = [
  ".",
  "block",
  "break",
  "continue",
  "define",
  "else",
  "end",
  "if",
  "range",
  "nil",
  "template",
  "with",
] as const;

export type Keyword = (typeof KEYWORDS)[number];

export type TokenType =
  /** Its text says what is wrong. Nothing follows it. */
  | "error"
  | "eof"
  | "text"
  | "{{"
  | "}}"
  | "space"
  | "="
  | ":="
  | "|"
  | "("
  | ")"
  /** A comma, or another ASCII character that nothing else begins with. */
  | "char"
  /** `.Name` */
  | "field"
  /** `$`, `$name` */
  | "variable"
  | "identifier"
  | "bool"
  | "number"
  | "complex"
  | "charConstant"
  | "string"
  | "rawString"
  | Keyword;

export interface TemplateToken {
  readonly type: TokenType;
  readonly text: string;
  /** Where it begins in the template. */
  readonly start: number;
  /** On which line, from 1. */
  readonly line: number;
}

const SPACES = /[ \t\r\n]+/y;
const SPACES_AT_END = /[ \t\r\n]+$/;
const WORD = /[\p{L}\p{Nd}_]+/uy;
const LETTER_OR_DIGIT = /^[\p{L}\p{Nd}_]/u;
/** What may follow a name: an argument needs a space, a field its dot. */
const TERMINATOR = /[ \t\r\n.,|:()]|\}\}|$/y;
const LEFT_TRIM = /-[ \t\r\n]/y;
const RIGHT_DELIMITER = /(?:[ \t\r\n]-)?\}\}/y;
const SIGN = /[+-]/y;
/** One number; whether it is a sensible one is seen when it is converted. */
const NUMBER =
  /[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?|0[oO][0-7_]*(?:\.[0-7_]*)?|0[bB][01_]*(?:\.[01_]*)?|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)i?/y;
/** Up to the quote that ends it, on the same line. */
const QUOTED = /"(?:[^"\\\n]|\\[^\n])*"/y;
const QUOTED_CHARACTER = /'(?:[^'\\\n]|\\[^\n])*'/y;

/** All tokens; the last is `eof`, or an `error` where the text stops to make sense. */
export function tokenize(source: string): TemplateToken[] {
  const lexer = new Lexer(source);
  lexer.readText();
  return lexer.tokens;
}

class Lexer {
  readonly tokens: TemplateToken[] = [];
  readonly #source: string;
  #at = 0;
  #line = 1;
  /** Up to where the lines are counted. */
  #counted = 0;

  constructor(source: string) {
    this.#source = source;
  }

  readText(): void {
    for (;;) {
      const open = this.#source.indexOf("{{", this.#at);
      if (open === -1) break;
      const inside = open + 2;
      const isTrimmed = this.#matchAt(LEFT_TRIM, inside) !== undefined;
      const text = this.#source.slice(this.#at, open);
      this.#add("text", isTrimmed ? text.replace(SPACES_AT_END, "") : text);
      this.#at = isTrimmed ? inside + 2 : inside;
      if (this.#source.startsWith("/*", this.#at)) {
        if (!this.#skipComment()) return;
        continue;
      }
      this.#push("{{", "{{", open);
      if (!this.#readAction()) return;
    }
    this.#add("text", this.#source.slice(this.#at));
    this.#at = this.#source.length;
    this.#push("eof", "EOF", this.#at);
  }

  /** Adds a token that begins where we are; none for empty text. */
  #add(type: TokenType, text: string): void {
    if (type === "text" && text === "") return;
    this.#push(type, text, this.#at);
  }

  #push(type: TokenType, text: string, start: number): void {
    for (; this.#counted < start; this.#counted++) if (this.#source[this.#counted] === "\n") this.#line++;
    this.tokens.push({ type, text, start, line: this.#line });
  }

  #fail(what: string): false {
    this.#add("error", what);
    return false;
  }

  #matchAt(pattern: RegExp, at: number): string | undefined {
    pattern.lastIndex = at;
    return pattern.exec(this.#source)?.[0];
  }

  #skipComment(): boolean {
    const end = this.#source.indexOf("*/", this.#at + 2);
    if (end === -1) return this.#fail("unclosed comment");
    const close = this.#matchAt(RIGHT_DELIMITER, end + 2);
    if (close === undefined) return this.#fail("comment ends before closing delimiter");
    this.#at = end + 2;
    this.#skipRightDelimiter(close);
    return true;
  }

  #skipRightDelimiter(close: string): void {
    this.#at += close.length;
    if (close.length > 2) this.#at += this.#matchAt(SPACES, this.#at)?.length ?? 0;
  }

  /** Reads to the end of an action; false if there is an error in it. */
  #readAction(): boolean {
    let parentheses = 0;
    for (;;) {
      const close = this.#matchAt(RIGHT_DELIMITER, this.#at);
      if (close !== undefined) {
        if (parentheses > 0) return this.#fail("unclosed left paren");
        this.#push("}}", "}}", this.#at + close.length - 2);
        this.#skipRightDelimiter(close);
        return true;
      }
      const type = this.#readToken();
      if (type === "error") return false;
      if (type === "(") parentheses++;
      if (type !== ")") continue;
      if (--parentheses < 0) {
        this.tokens.pop();
        this.#at--;
        return this.#fail("unexpected right paren");
      }
    }
  }

  /** Reads one token of an action; its type. */
  #readToken(): TokenType {
    const from = this.#at;
    const first = this.#source.charAt(from);
    switch (first) {
      case "":
        return this.#take("error", "unclosed action");
      case "=":
      case "|":
      case "(":
      case ")":
        return this.#take(first, first);
      case ":":
        return this.#source.startsWith(":=", from)
          ? this.#take(":=", ":=")
          : this.#take("error", "expected :=");
      case '"':
        return this.#takeMatch("string", QUOTED, "unterminated quoted string");
      case "'":
        return this.#takeMatch("charConstant", QUOTED_CHARACTER, "unterminated character constant");
      case "`": {
        const end = this.#source.indexOf("`", from + 1);
        if (end === -1) return this.#take("error", "unterminated raw quoted string");
        return this.#take("rawString", this.#source.slice(from, end + 1));
      }
      case "$":
        return this.#takeName("variable");
    }
    const space = this.#matchAt(SPACES, from);
    if (space !== undefined) return this.#takeSpace(space);
    if (/[0-9+-]/.test(first)) return this.#takeNumber();
    if (first === ".") {
      // A dot at the very end begins a number, and no good one.
      return /^(?:[0-9]|$)/.test(this.#source.charAt(from + 1))
        ? this.#takeNumber()
        : this.#takeName("field");
    }
    const word = this.#matchAt(WORD, from);
    if (word !== undefined) return this.#takeWord(word);
    if (/[ -~]/.test(first)) return this.#take("char", first);
    return this.#take("error", `unrecognized character in action: ${this.#characterAt(from)}`);
  }

  #take(type: TokenType, text: string): TokenType {
    this.#add(type, text);
    this.#at += text.length;
    return type;
  }

  #takeMatch(type: TokenType, pattern: RegExp, otherwise: string): TokenType {
    const text = this.#matchAt(pattern, this.#at);
    return text === undefined ? this.#take("error", otherwise) : this.#take(type, text);
  }

  /** The last space belongs to a trimming delimiter, if one follows. */
  #takeSpace(space: string): TokenType {
    const isTrimmed = this.#source.startsWith("-}}", this.#at + space.length);
    return this.#take("space", isTrimmed ? space.slice(0, -1) : space);
  }

  /** `.Name` or `$name`; a dot or a dollar alone. */
  #takeName(type: "field" | "variable"): TokenType {
    const end = this.#at + 1;
    const name = this.#matchAt(WORD, end) ?? "";
    if (name === "" && this.#isEndOfName(end))
      return this.#take(type === "field" ? "." : type, this.#source.charAt(this.#at));
    if (!this.#isEndOfName(end + name.length)) return this.#badCharacter(end + name.length);
    return this.#take(type, this.#source.slice(this.#at, end + name.length));
  }

  #takeWord(word: string): TokenType {
    const end = this.#at + word.length;
    if (!this.#isEndOfName(end)) return this.#badCharacter(end);
    const keyword = KEYWORDS.find((one) => one === word);
    return this.#take(keyword ?? (word === "true" || word === "false" ? "bool" : "identifier"), word);
  }

  #takeNumber(): TokenType {
    const number = this.#scanNumber(this.#at);
    const isPair = number !== undefined && this.#matchAt(SIGN, this.#at + number.length) !== undefined;
    if (number !== undefined && !isPair) return this.#take("number", number);
    const imaginary = number && this.#scanNumber(this.#at + number.length);
    if (number !== undefined && imaginary?.endsWith("i")) return this.#take("complex", number + imaginary);
    return this.#take("error", `bad number syntax: ${goQuote(this.#badNumber())}`);
  }

  /** A number that no letter or digit follows. */
  #scanNumber(at: number): string | undefined {
    const number = this.#matchAt(NUMBER, at) ?? "";
    return LETTER_OR_DIGIT.test(this.#characterOf(at + number.length)) ? undefined : number;
  }

  /** As far as a bad number was read: with the character that is too much. */
  #badNumber(): string {
    const first = this.#matchAt(NUMBER, this.#at) ?? "";
    let end = this.#at + first.length;
    if (this.#matchAt(SIGN, end) !== undefined) end += this.#matchAt(NUMBER, end)?.length ?? 0;
    const next = this.#characterOf(end);
    return this.#source.slice(this.#at, LETTER_OR_DIGIT.test(next) ? end + next.length : end);
  }

  #isEndOfName(at: number): boolean {
    return this.#matchAt(TERMINATOR, at) !== undefined;
  }

  #badCharacter(at: number): TokenType {
    return this.#take("error", `bad character ${this.#characterAt(at)}`);
  }

  #characterOf(at: number): string {
    const code = this.#source.codePointAt(at);
    return code === undefined ? "" : String.fromCodePoint(code);
  }

  /** A character as Go's `%#U` shows it. */
  #characterAt(at: number): string {
    const character = this.#characterOf(at);
    const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
    const isPrinted = character === '"' || character === "\\" || goQuote(character) === `"${character}"`;
    return isPrinted ? `U+${code} '${character}'` : `U+${code}`;
  }
}

/** A token as Go's parser names it in its errors. */
export function describeToken({ type, text }: TemplateToken): string {
  if (type === "eof" || type === "error") return text;
  if (KEYWORDS.some((keyword) => keyword === type)) return `<${text}>`;
  if (Buffer.byteLength(text) <= 10) return goQuote(text);
  return `${goQuote(Array.from(text).slice(0, 10).join(""))}...`;
}
