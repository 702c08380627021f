import type { GoValue } from "../values.js";
import { noFlags, type PrintBudget, type FormatFlags } from "./formatFlags.js";
import { formatArgument } from "./format.js";

/** https://pkg.go.dev/fmt#Sprint and its siblings. */

/** A width or precision beyond it counts as none. */
const MAX_WIDTH = 1_000_000;

/** As `fmt.Sprint`: a space between two arguments of which neither is a string. */
export function sprint(args: readonly GoValue[]): string {
  const flags = noFlags();
  let text = "";
  for (const [index, arg] of args.entries()) {
    const before = args[index - 1];
    if (before !== undefined && before.kind !== "string" && arg.kind !== "string") text += " ";
    text += formatArgument(arg, "v", flags);
  }
  return text;
}

/** As `fmt.Sprintln`. */
export function sprintln(args: readonly GoValue[]): string {
  const flags = noFlags();
  return `${args.map((arg) => formatArgument(arg, "v", flags)).join(" ")}\n`;
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
  readonly #budget: PrintBudget = noFlags().budget;
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
    return `${arg.type}=${formatArgument(arg, "v", { budget: this.#budget })}`;
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
      const given = { ...flags, minus: isMinus, width: size, precision };
      this.#out += formatArgument(arg, verb, flagsFor(verb, given));
    }
  }

  #flags(): FormatFlags {
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

function flagsFor(verb: string, flags: FormatFlags): FormatFlags {
  if (verb !== "v" && verb !== "w") return flags;
  return {
    ...flags,
    sharp: false,
    plus: false,
    source: flags.sharp === true,
    names: flags.plus === true,
  };
}
