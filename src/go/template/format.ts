import { goQuote } from "../quote.js";
import type { GoBytes, GoMap, GoMethods, GoPointer, GoSlice, GoStruct, GoValue } from "../values.js";
import { ANY } from "../values.js";
import { tooMuch, unsupported } from "./errors.js";
import { formatFloat } from "./float.js";

/**
 * Values as Go's fmt prints them: https://pkg.go.dev/fmt
 *
 * A pointer within another value is followed, where Go prints an address, which is another each time.
 */

/** What stands between `%` and the verb. */
interface Flags {
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
  readonly budget: Budget;
}

/** How much more may be printed: a width of a million, once for each element of a long list, is more than memory. */
interface Budget {
  left: number;
}

/** Where in a value we are. */
interface Place {
  /** 0 for an argument itself. */
  readonly depth: number;
  /** Is it shown as what a verb is wrong for? Then it is not asked how it would like to be shown. */
  readonly isWrong: boolean;
}

const ARGUMENT: Place = { depth: 0, isWrong: false };
const MAX_UINT64 = 2n ** 64n;
/** A width or precision beyond it counts as none. */
const MAX_WIDTH = 1_000_000;
/** More than anybody reads; in UTF-16 code units. */
export const MAX_PRINTED = 64 * 1024 * 1024;

function noFlags(): Flags {
  return { budget: { left: MAX_PRINTED } };
}

/** As `fmt.Sprint`: a space between two arguments of which neither is a string. */
export function sprint(args: readonly GoValue[]): string {
  const flags = noFlags();
  let text = "";
  for (const [index, arg] of args.entries()) {
    const before = args[index - 1];
    if (before !== undefined && before.kind !== "string" && arg.kind !== "string") text += " ";
    text += format(arg, "v", flags, ARGUMENT);
  }
  return text;
}

/** As `fmt.Sprintln`. */
export function sprintln(args: readonly GoValue[]): string {
  const flags = noFlags();
  return `${args.map((arg) => format(arg, "v", flags, ARGUMENT)).join(" ")}\n`;
}

/** One value as `%v` or `%s` shows it. */
export function formatValue(value: GoValue, verb: "v" | "s" = "v"): string {
  return format(value, verb, noFlags(), ARGUMENT);
}

/**
 * As `fmt.Sprintf`.
 * @throws USAGE for `%p`, an address
 */
export function sprintf(template: string, args: readonly GoValue[]): string {
  return new DirectivePrinter(template, args).print();
}

/** Goes through a format, directive by directive: `%[flags][width][.precision][index]verb`. */
class DirectivePrinter {
  readonly #template: string;
  readonly #args: readonly GoValue[];
  readonly #budget: Budget = { left: MAX_PRINTED };
  #out = "";
  #at = 0;
  #argument = 0;
  #isReordered = false;
  #isGoodIndex = true;
  #hasIndex = false;

  constructor(template: string, args: readonly GoValue[]) {
    this.#template = template;
    this.#args = args;
  }

  print(): string {
    for (;;) {
      const percent = this.#template.indexOf("%", this.#at);
      this.#out += this.#template.slice(this.#at, percent === -1 ? undefined : percent);
      if (percent === -1) break;
      this.#at = percent + 1;
      this.#isGoodIndex = true;
      this.#directive();
    }
    const left = this.#isReordered ? [] : this.#args.slice(this.#argument);
    if (left.length > 0) this.#out += `%!(EXTRA ${left.map((arg) => this.#extra(arg)).join(", ")})`;
    return this.#out;
  }

  #extra(arg: GoValue): string {
    if (arg.kind === "nil") return "<nil>";
    return `${arg.type}=${format(arg, "v", { budget: this.#budget }, ARGUMENT)}`;
  }

  #directive(): void {
    const flags = this.#flags();
    this.#index();
    const width = this.#width();
    const precision = this.#precision();
    if (!this.#hasIndex) this.#index();
    const verb = String.fromCodePoint(this.#template.codePointAt(this.#at) ?? 0);
    if (this.#at >= this.#template.length) {
      this.#out += "%!(NOVERB)";
      return;
    }
    this.#at += verb.length;
    const arg = this.#args[this.#argument];
    if (verb === "%") this.#out += "%";
    else if (!this.#isGoodIndex) this.#out += `%!${verb}(BADINDEX)`;
    else if (arg === undefined) this.#out += `%!${verb}(MISSING)`;
    else {
      this.#argument++;
      const isMinus = flags.minus === true || (width ?? 0) < 0;
      const size = width === undefined ? undefined : Math.abs(width);
      this.#out += format(
        arg,
        verb,
        flagsFor(verb, { ...flags, minus: isMinus, width: size, precision }),
        ARGUMENT,
      );
    }
  }

  #flags(): Flags {
    const start = this.#at;
    while ("#0+- ".includes(this.#template[this.#at] ?? "none")) this.#at++;
    const given = this.#template.slice(start, this.#at);
    return {
      minus: given.includes("-"),
      plus: given.includes("+"),
      sharp: given.includes("#"),
      space: given.includes(" "),
      zero: given.includes("0"),
      budget: this.#budget,
    };
  }

  /** `[n]`: which argument is next. */
  #index(): void {
    this.#hasIndex = false;
    if (this.#template[this.#at] !== "[") return;
    this.#isReordered = true;
    const isCut = this.#at + 3 > this.#template.length;
    const close = isCut ? -1 : this.#template.indexOf("]", this.#at);
    const digits = close === -1 ? "" : this.#template.slice(this.#at + 1, close);
    this.#at = close === -1 ? this.#at + 1 : close + 1;
    const number = /^[0-9]{1,8}$/.test(digits) ? Number(digits) : undefined;
    this.#hasIndex = number !== undefined && number <= MAX_WIDTH * 10;
    if (number !== undefined && number >= 1 && number <= this.#args.length) this.#argument = number - 1;
    else this.#isGoodIndex = false;
  }

  #width(): number | undefined {
    if (this.#template[this.#at] === "*") return this.#starred("%!(BADWIDTH)");
    const width = this.#number();
    if (this.#hasIndex && width !== undefined) this.#isGoodIndex = false;
    return width;
  }

  #precision(): number | undefined {
    if (this.#template[this.#at] !== "." || this.#at + 1 >= this.#template.length) return undefined;
    this.#at++;
    if (this.#hasIndex) this.#isGoodIndex = false;
    this.#index();
    if (this.#template[this.#at] !== "*") return this.#number() ?? 0;
    const precision = this.#starred("");
    if (precision !== undefined && precision >= 0) return precision;
    this.#out += "%!(BADPREC)";
    return undefined;
  }

  #number(): number | undefined {
    const digits = /^[0-9]*/.exec(this.#template.slice(this.#at, this.#at + 32))?.[0] ?? "";
    if (digits === "") return undefined;
    this.#at += digits.length;
    if (Number(digits.slice(0, -1)) <= MAX_WIDTH) return Number(digits);
    // Go gives up on the whole format.
    this.#at = this.#template.length;
    return undefined;
  }

  /** `*`: the next argument says how much. */
  #starred(otherwise: string): number | undefined {
    this.#at++;
    this.#hasIndex = false;
    const arg = this.#args[this.#argument];
    if (arg !== undefined) this.#argument++;
    const isNumber = arg?.kind === "int" && arg.value <= MAX_WIDTH && arg.value >= -MAX_WIDTH;
    if (isNumber) return Number(arg.value);
    this.#out += otherwise;
    return undefined;
  }
}

function flagsFor(verb: string, flags: Flags): Flags {
  if (verb !== "v" && verb !== "w") return flags;
  return {
    ...flags,
    sharp: false,
    plus: false,
    source: flags.sharp === true,
    names: flags.plus === true,
  };
}

function format(value: GoValue, verb: string, flags: Flags, place: Place): string {
  const isArgument = place.depth === 0;
  if (value.kind === "nil") {
    if (!isArgument) return flags.source ? `${ANY}(nil)` : "<nil>";
    return verb === "T" || verb === "v" ? pad("<nil>", flags) : `%!${verb}(<nil>)`;
  }
  if (isArgument && verb === "T") return padText(value.type, flags);
  if (isArgument && verb === "p") throw unsupported("the verb %p, which prints an address,");
  if (isArgument && verb === "w") return wrongVerb(value, verb, flags);
  const text = place.isWrong || flags.source ? undefined : ownText(value);
  if (text !== undefined && "vsxXq".includes(verb)) return formatText(text, verb, flags) ?? "";

  switch (value.kind) {
    case "bool":
      return verb === "t" || verb === "v" ? pad(String(value.value), flags) : wrongVerb(value, verb, flags);
    case "int":
      return (
        formatInteger(value.value, value.type.startsWith("uint"), verb, flags) ??
        wrongVerb(value, verb, flags)
      );
    case "float":
      return formatNumber(value.value, verb, flags) ?? wrongVerb(value, verb, flags);
    case "string":
      return formatText(value.value, verb, flags) ?? wrongVerb(value, verb, flags);
    case "bytes":
      return formatBytes(value, verb, flags, place);
    case "slice":
      return formatSlice(value, verb, flags, place);
    case "map":
      return formatMap(value, verb, flags, place);
    case "struct":
      return formatStruct(value, verb, flags, place);
    case "pointer":
      return formatPointer(value, verb, flags, place);
  }
}

/** What a value says of itself, by its method String; a pointer has the methods of what it points to. */
function ownText(value: GoValue): string | undefined {
  if (value.kind === "pointer") return value.isNil ? undefined : ownText(value.to);
  const text = methodsOf(value)?.get("String")?.call([]);
  return text?.kind === "string" ? text.value : undefined;
}

export function methodsOf(value: GoValue): GoMethods | undefined {
  return value.kind === "struct" || value.kind === "string" ? value.methods : undefined;
}

/** `%!d(string=x)` */
function wrongVerb(value: GoValue, verb: string, flags: Flags): string {
  return `%!${verb}(${value.type}=${format(value, "v", flags, { depth: 0, isWrong: true })})`;
}

function inside({ depth, isWrong }: Place): Place {
  return { depth: depth + 1, isWrong };
}

function formatSlice(value: GoSlice, verb: string, flags: Flags, place: Place): string {
  const items = value.items.map((item) => format(item, verb, flags, inside(place)));
  if (flags.source) return value.isNil ? `${value.type}(nil)` : `${value.type}{${items.join(", ")}}`;
  return `[${items.join(" ")}]`;
}

function formatMap(value: GoMap, verb: string, flags: Flags, place: Place): string {
  const key = (text: string): string =>
    format({ kind: "string", type: "string", value: text }, verb, flags, inside(place));
  const members = Array.from(
    value.entries,
    ([name, member]) => `${key(name)}:${format(member, verb, flags, inside(place))}`,
  );
  if (flags.source) return value.isNil ? `${value.type}(nil)` : `${value.type}{${members.join(", ")}}`;
  return `map[${members.join(" ")}]`;
}

function formatStruct(value: GoStruct, verb: string, flags: Flags, place: Place): string {
  const hasNames = flags.names === true || flags.source === true;
  const fields = value.fields.map(
    (field) => (hasNames ? `${field.name}:` : "") + format(field.value, verb, flags, inside(place)),
  );
  return flags.source ? `${value.type}{${fields.join(", ")}}` : `{${fields.join(" ")}}`;
}

function formatPointer(value: GoPointer, verb: string, flags: Flags, place: Place): string {
  const isFollowed = place.depth === 0 || "vbodxX".includes(verb);
  if (!value.isNil && isFollowed) return `&${format(value.to, verb, flags, inside(place))}`;
  if (verb === "v") return flags.source ? `(${value.type})(nil)` : pad("<nil>", flags);
  if (value.isNil && "bodxX".includes(verb)) return formatInteger(0n, true, verb, flags) ?? "";
  return wrongVerb(value, verb, flags);
}

function formatBytes(value: GoBytes, verb: string, flags: Flags, place: Place): string {
  if (verb === "s" || verb === "q") return formatText(value.value.toString(), verb, flags) ?? "";
  if (verb === "x" || verb === "X") return formatHex(value.value, verb, flags);
  const type = place.depth === 0 ? "[]byte" : value.type;
  if (flags.source && value.isNil) return `${type}(nil)`;
  const items = Array.from(
    value.value,
    (byte) =>
      formatInteger(BigInt(byte), true, verb, flags) ??
      wrongVerb({ kind: "int", type: "uint8", value: BigInt(byte) }, verb, flags),
  );
  return flags.source ? `${type}{${items.join(", ")}}` : `[${items.join(" ")}]`;
}

function formatText(text: string, verb: string, flags: Flags): string | undefined {
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

function padText(text: string, flags: Flags): string {
  return pad(cut(text, flags), flags);
}

/** As many characters as the precision lets through. */
function cut(text: string, { precision }: Flags): string {
  if (precision === undefined || text.length <= precision) return text;
  return Array.from(text).slice(0, precision).join("");
}

function quoteText(text: string, flags: Flags): string {
  const short = cut(text, flags);
  // eslint-disable-next-line no-control-regex -- what Go does not put in backquotes
  if (flags.sharp && !/[\u0000-\u0008\u000a-\u001f`\u007f\ufeff]/.test(short))
    return pad(`\`${short}\``, flags);
  const quoted = goQuote(short);
  return pad(flags.plus ? toAscii(quoted) : quoted, flags);
}

function toAscii(quoted: string): string {
  return quoted.replace(/[^ -~]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    const hex = code.toString(16);
    return code > 0xffff ? `\\U${hex.padStart(8, "0")}` : `\\u${hex.padStart(4, "0")}`;
  });
}

function formatHex(bytes: Buffer, verb: string, flags: Flags): string {
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

const BASES = new Map([
  ["v", 10],
  ["d", 10],
  ["b", 2],
  ["o", 8],
  ["O", 8],
  ["x", 16],
  ["X", 16],
]);

function formatInteger(value: bigint, isUnsigned: boolean, verb: string, flags: Flags): string | undefined {
  if (verb === "c") return pad(characterOf(value), flags);
  if (verb === "q") return quoteCharacter(value, flags);
  if (verb === "U") return formatUnicode(value, flags);
  const base = BASES.get(verb);
  if (base === undefined) return undefined;
  const isSource = verb === "v" && flags.source === true && isUnsigned;
  return integerInBase(value, isSource ? 16 : base, verb, isSource ? { ...flags, sharp: true } : flags);
}

function integerInBase(value: bigint, base: number, verb: string, flags: Flags): string {
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

function basePrefix(base: number, digits: string, verb: string, { sharp }: Flags): string {
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

function quoteCharacter(value: bigint, flags: Flags): string {
  const character = characterOf(value);
  const escaped = character === "'" ? "\\'" : character === '"' ? '"' : goQuote(character).slice(1, -1);
  return pad(`'${flags.plus ? toAscii(escaped) : escaped}'`, flags);
}

function formatUnicode(value: bigint, flags: Flags): string {
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

function formatNumber(value: number, verb: string, flags: Flags): string | undefined {
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

function pad(text: string, { width, minus, zero, budget }: Flags): string {
  budget.left -= Math.max(text.length, width ?? 0);
  if (budget.left < 0) throw tooMuch(`a value takes more than ${MAX_PRINTED} characters to print`);
  // The length in characters is at most that in code units.
  if (width === undefined || text.length >= width * 2) return text;
  const missing = Math.max(0, width - Array.from(text).length);
  if (minus) return text + " ".repeat(missing);
  return (zero ? "0" : " ").repeat(missing) + text;
}
