import { CsvError, readCsvRecord } from "./csv.js";
import { UsageError } from "../errors.js";
import { goQuote, goQuoteByte } from "./quote.js";

/**
 * Flags as docker reads them, which is as Go's pflag does: flags and arguments in any order until `--`, shorthands
 * in groups, `--flag=value` and `--flag value`, no abbreviations, and its words for what is wrong.
 * https://pkg.go.dev/github.com/spf13/pflag#hdr-Command_line_flag_syntax
 */
interface FlagBase {
  /** The letter of `-p`. */
  readonly short?: string;
  /** Is the letter kept out of error messages, as docker does for `-h`, which it deprecates? */
  readonly quietShort?: boolean;
  /** A few words for the help. */
  readonly description: string;
  /** The heading above it in the help, where that is another one than in other commands. */
  readonly group?: string;
}

interface ValueFlagBase extends FlagBase {
  /** What the help shows as the flag's value: `--os <name>`. */
  readonly value: string;
}

export type Flag =
  /** `--purge`, `--purge=false`; false unless given, or what `default` says. */
  | (FlagBase & { readonly kind: "bool"; readonly default?: boolean })
  /** The last one given, `default` or empty unless given; one of `choices` where there are some. */
  | (ValueFlagBase & {
      readonly kind: "string";
      readonly choices?: readonly string[];
      readonly default?: string;
    })
  /** `--verify` is `--verify=<alone>`: a value only with `=`. Empty unless given. */
  | (ValueFlagBase & {
      readonly kind: "optional";
      readonly choices: readonly string[];
      readonly alone: string;
    })
  /** A whole number; `min` and `max` are inclusive, `min` is 0 unless said. */
  | (ValueFlagBase & {
      readonly kind: "int";
      readonly default: number;
      readonly min?: number;
      readonly max?: number;
    })
  /** Repeatable, each a list in CSV. */
  | (ValueFlagBase & { readonly kind: "stringSlice" })
  /** Repeatable, each taken whole. */
  | (ValueFlagBase & { readonly kind: "stringArray" });

/** The flags of a command by the name their value has in the program: `osFeatures` is `--os-features`. */
export type FlagTable = Readonly<Record<string, Flag>>;

interface ValueOfKind {
  bool: boolean;
  string: string;
  optional: string;
  int: number;
  stringSlice: readonly string[];
  stringArray: readonly string[];
}

type FlagValue = ValueOfKind[Flag["kind"]];

/** What a flag table yields: every flag has a value, given or not. */
export type FlagValues<Table extends FlagTable> = {
  readonly [Name in keyof Table]: ValueOfKind[Table[Name]["kind"]];
};

export interface ParsedFlags<Table extends FlagTable> {
  readonly values: FlagValues<Table>;
  /** What is left when the flags are taken out. */
  readonly args: readonly string[];
}

/** What could be read. */
export interface ReadFlags<Table extends FlagTable> extends ParsedFlags<Table> {
  /** The first thing that is wrong. */
  readonly fault?: UsageError;
  /** The last flag, where all that is wrong is that its value is not there yet. */
  readonly lacking?: NamedFlag;
}

/** A flag, and the name that its value has in the program. */
export type NamedFlag = readonly [name: string, flag: Flag];

/** How a flag is written on the command line: `osFeatures` is `os-features`. */
export function longName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Reads a command line; throws a UsageError (125) at the first thing that is wrong with it. */
export function parseFlags<Table extends FlagTable>(
  table: Table,
  argv: readonly string[],
): ParsedFlags<Table> {
  const { fault, ...parsed } = readFlags(table, argv);
  if (fault !== undefined) throw fault;
  return parsed;
}

/** The same as far as the command line can be read: up to the first thing that is wrong with it, which is `fault`. */
export function readFlags<Table extends FlagTable>(table: Table, argv: readonly string[]): ReadFlags<Table> {
  const reader = new Reader(table, argv);
  const fault = faultOf(reader);
  // The reader sets one value of the flag's kind for each key of the table, which the compiler cannot follow.
  const values = Object.fromEntries(reader.values) as FlagValues<Table>;
  const { args, lacking } = reader;
  return { values, args, ...(fault && { fault }), ...(lacking && { lacking }) };
}

function faultOf(reader: Reader): UsageError | undefined {
  try {
    reader.read();
    return undefined;
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
}

class Reader {
  readonly values = new Map<string, FlagValue>();
  readonly args: string[] = [];
  lacking: NamedFlag | undefined;
  readonly #byLongName = new Map<string, NamedFlag>();
  readonly #byShorthand = new Map<string, NamedFlag>();
  readonly #argv: readonly string[];
  #at = 0;

  constructor(table: FlagTable, argv: readonly string[]) {
    this.#argv = argv;
    for (const [name, flag] of Object.entries(table)) {
      this.values.set(name, unsetValue(flag));
      this.#byLongName.set(longName(name), [name, flag]);
      if (flag.short !== undefined) this.#byShorthand.set(flag.short, [name, flag]);
    }
  }

  read(): void {
    for (let token = this.#next(); token !== undefined; token = this.#next()) {
      if (token === "--") {
        for (const arg of this.#argv.slice(this.#at)) this.args.push(arg);
        return;
      }
      if (token.startsWith("--")) this.#readLong(token);
      else if (token.startsWith("-") && token.length > 1) this.#readShorthands(token.slice(1));
      else this.args.push(token);
    }
  }

  #next(): string | undefined {
    return this.#argv[this.#at++];
  }

  #readLong(token: string): void {
    const body = token.slice(2);
    if (body.startsWith("-") || body.startsWith("=")) throw bad(`bad flag syntax: ${token}`);
    const equals = body.indexOf("=");
    const longName = equals === -1 ? body : body.slice(0, equals);
    const found = this.#byLongName.get(longName);
    if (found === undefined) throw bad(`unknown flag: --${longName}`, `--${longName}`);

    const given = equals === -1 ? undefined : body.slice(equals + 1);
    const value = given ?? valueAlone(found[1]) ?? this.#next();
    if (value === undefined) throw this.#lacks(found, token);
    this.#set(...found, value);
  }

  /** `-pv`, `-p=false`, `-nvalue`, `-n value`: letters, until one takes the rest as its value. */
  #readShorthands(group: string): void {
    for (let left = group; left !== ""; left = left.slice(1)) {
      const found = this.#byShorthand.get(left.charAt(0));
      // A shorthand is one byte to Go, so that the first half of an é is what it does not know.
      const letter = () => `${goQuoteByte(Buffer.from(left)[0] ?? 0)} in -${left}`;
      if (found === undefined) throw bad(`unknown shorthand flag: ${letter()}`);

      if (left.length > 2 && left.charAt(1) === "=") {
        this.#set(...found, left.slice(2));
        return;
      }
      const alone = valueAlone(found[1]);
      if (alone !== undefined) {
        this.#set(...found, alone);
        continue;
      }
      const value = left.length > 1 ? left.slice(1) : this.#next();
      if (value === undefined) throw this.#lacks(found, letter());
      this.#set(...found, value);
      return;
    }
  }

  #lacks(found: NamedFlag, written: string): UsageError {
    this.lacking = found;
    return bad(`flag needs an argument: ${written}`);
  }

  #set(name: string, flag: Flag, text: string): void {
    const fault = this.#assign(name, flag, text);
    if (fault === undefined) return;
    const letter = flag.short === undefined || flag.quietShort === true ? "" : `-${flag.short}, `;
    const shown = `${letter}--${longName(name)}`;
    throw bad(`invalid argument ${goQuote(text)} for "${shown}" flag: ${fault}`);
  }

  /** Stores the value, or says what is wrong with it. */
  #assign(name: string, flag: Flag, text: string): string | undefined {
    const before = this.values.get(name);
    const list = typeof before === "object" ? before : [];
    switch (flag.kind) {
      case "bool": {
        const value = BOOLEANS.get(text);
        if (value === undefined) return `strconv.ParseBool: parsing ${goQuote(text)}: invalid syntax`;
        this.values.set(name, value);
        return undefined;
      }
      case "string":
      case "optional": {
        const { choices } = flag;
        if (choices !== undefined && !choices.includes(text)) return `must be one of ${choices.join(", ")}`;
        this.values.set(name, text);
        return undefined;
      }
      case "int": {
        const value = parseGoInt(text);
        const { min = 0, max = Number.MAX_SAFE_INTEGER } = flag;
        if (value === undefined || value < min || value > max) return `must be ${rangeOf(flag)}`;
        this.values.set(name, value);
        return undefined;
      }
      case "stringSlice":
        try {
          this.values.set(name, [...list, ...readCsvRecord(text)]);
          return undefined;
        } catch (error) {
          if (error instanceof CsvError) return error.message;
          throw error;
        }
      case "stringArray":
        this.values.set(name, [...list, text]);
        return undefined;
    }
  }
}

/** What a flag is set to that has no value behind it, if it needs none. */
function valueAlone(flag: Flag): string | undefined {
  if (flag.kind === "bool") return "true";
  return flag.kind === "optional" ? flag.alone : undefined;
}

function unsetValue(flag: Flag): FlagValue {
  switch (flag.kind) {
    case "bool":
      return flag.default ?? false;
    case "string":
      return flag.default ?? "";
    case "optional":
      return "";
    case "int":
      return flag.default;
    case "stringSlice":
    case "stringArray":
      return [];
  }
}

/** https://pkg.go.dev/strconv#ParseBool */
const BOOLEANS = new Map([
  ...["1", "t", "T", "true", "TRUE", "True"].map((text) => [text, true] as const),
  ...["0", "f", "F", "false", "FALSE", "False"].map((text) => [text, false] as const),
]);

/** What a flag takes, in words: `a whole number from 0 to 100`. */
export function rangeOf({ min = 0, max }: Extract<Flag, { kind: "int" }>): string {
  return max === undefined ? `a whole number of at least ${min}` : `a whole number from ${min} to ${max}`;
}

/**
 * Whole numbers as Go writes them in source: decimal, `0x`, `0b`, `0o` or a leading zero for octal, `_` between
 * digits. Undefined for what is none, or too large to be counted with. https://pkg.go.dev/strconv#ParseInt (base 0)
 */
const GO_INT =
  /^([+-]?)(?:(0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|[1-9](?:_?[0-9])*|0)|0((?:_?[0-7])+))$/;

function parseGoInt(text: string): number | undefined {
  const match = GO_INT.exec(text);
  if (match === null) return undefined;
  const [, sign, plain, octal = ""] = match;
  const size = Number((plain ?? `0o${octal}`).replaceAll("_", ""));
  if (!Number.isSafeInteger(size)) return undefined;
  return sign === "-" ? -size : size;
}

function bad(message: string, unknownFlag?: string): UsageError {
  return new UsageError(message, 125, { subject: unknownFlag });
}
