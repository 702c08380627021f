import type { GoBytes, GoMap, GoMethods, GoPointer, GoSlice, GoStruct, GoValue } from "../values.js";
import { ANY } from "../values.js";
import { unsupported } from "./errors.js";
import { noFlags, pad, padText, type FormatFlags } from "./formatFlags.js";
import { formatHex, formatText } from "./formatText.js";
import { formatInteger, formatNumber } from "./numbers.js";

/**
 * Values as Go's fmt prints them: https://pkg.go.dev/fmt
 *
 * A pointer within another value is followed, where Go prints an address, which is another each time.
 */

/** Where in a value we are. */
interface Place {
  /** 0 for an argument itself. */
  readonly depth: number;
  /** Is it shown as what a verb is wrong for? Then it is not asked how it would like to be shown. */
  readonly isWrong: boolean;
}

const ARGUMENT: Place = { depth: 0, isWrong: false };
/** One value as `%v` or `%s` shows it. */
export function formatValue(value: GoValue, verb: "v" | "s" = "v"): string {
  return format(value, verb, noFlags(), ARGUMENT);
}

/** An argument as a verb shows it. */
export function formatArgument(value: GoValue, verb: string, flags: FormatFlags): string {
  return format(value, verb, flags, ARGUMENT);
}

function format(value: GoValue, verb: string, flags: FormatFlags, place: Place): string {
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
function wrongVerb(value: GoValue, verb: string, flags: FormatFlags): string {
  return `%!${verb}(${value.type}=${format(value, "v", flags, { depth: 0, isWrong: true })})`;
}

function inside({ depth, isWrong }: Place): Place {
  return { depth: depth + 1, isWrong };
}

function formatSlice(value: GoSlice, verb: string, flags: FormatFlags, place: Place): string {
  const items = value.items.map((item) => format(item, verb, flags, inside(place)));
  if (flags.source) return value.isNil ? `${value.type}(nil)` : `${value.type}{${items.join(", ")}}`;
  return `[${items.join(" ")}]`;
}

function formatMap(value: GoMap, verb: string, flags: FormatFlags, place: Place): string {
  const key = (text: string): string =>
    format({ kind: "string", type: "string", value: text }, verb, flags, inside(place));
  const members = Array.from(
    value.entries,
    ([name, member]) => `${key(name)}:${format(member, verb, flags, inside(place))}`,
  );
  if (flags.source) return value.isNil ? `${value.type}(nil)` : `${value.type}{${members.join(", ")}}`;
  return `map[${members.join(" ")}]`;
}

function formatStruct(value: GoStruct, verb: string, flags: FormatFlags, place: Place): string {
  const hasNames = flags.names === true || flags.source === true;
  const fields = value.fields.map(
    (field) => (hasNames ? `${field.name}:` : "") + format(field.value, verb, flags, inside(place)),
  );
  return flags.source ? `${value.type}{${fields.join(", ")}}` : `{${fields.join(" ")}}`;
}

function formatPointer(value: GoPointer, verb: string, flags: FormatFlags, place: Place): string {
  const isFollowed = place.depth === 0 || "vbodxX".includes(verb);
  if (!value.isNil && isFollowed) return `&${format(value.to, verb, flags, inside(place))}`;
  if (verb === "v") return flags.source ? `(${value.type})(nil)` : pad("<nil>", flags);
  if (value.isNil && "bodxX".includes(verb)) return formatInteger(0n, true, verb, flags) ?? "";
  return wrongVerb(value, verb, flags);
}

function formatBytes(value: GoBytes, verb: string, flags: FormatFlags, place: Place): string {
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
