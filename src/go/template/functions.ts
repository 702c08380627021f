import { goQuote } from "../quote.js";
import { ANY, goBoolValue, goIntValue, goStringValue, type GoFunction, type GoValue } from "../values.js";
import { isEqual, isLess, isLessOrEqual } from "./compare.js";
import { GoError, unsupported } from "./errors.js";

import {
  asAny,
  boxed,
  indirect,
  isNilReference,
  isTrue,
  lengthOf,
  typeOf,
  unboxed,
  type BoxedValue,
  type Operand,
} from "./operand.js";
import { sprint, sprintf, sprintln } from "./printf.js";

/** The functions of every template: https://pkg.go.dev/text/template#hdr-Functions */

/** A parameter's type; `reflect.Value` takes an operand as it is. */
export type ParameterType = GoFunction["params"][number] | "reflect.Value";

export interface TemplateFunction {
  readonly params: readonly ParameterType[];
  readonly variadic: boolean;
  readonly call: (args: readonly Operand[]) => Operand;
}

/** A caller's function or a method as one of a template. */
export function fromGoFunction({ params, variadic = false, call }: GoFunction): TemplateFunction {
  return { params, variadic, call: (args) => call(args.map(asAny)) };
}

/** `and` and `or` are the template's own: they do not evaluate what does not count. */
export const BUILTINS: ReadonlyMap<string, TemplateFunction> = new Map([
  ["and", { params: ["reflect.Value", "reflect.Value"], variadic: true, call: ([first]) => first }],
  ["or", { params: ["reflect.Value", "reflect.Value"], variadic: true, call: ([first]) => first }],
  ["not", { params: ["reflect.Value"], variadic: false, call: ([value]) => goBoolValue(!isTrue(value)) }],
  ["len", { params: ["reflect.Value"], variadic: false, call: ([value]) => goIntValue(length(value)) }],
  ["index", { params: ["reflect.Value", "reflect.Value"], variadic: true, call: index }],
  ["slice", { params: ["reflect.Value", "reflect.Value"], variadic: true, call: slice }],
  ["html", printing((args) => escapeHtml(printed(args)))],
  ["js", printing((args) => escapeJavaScript(printed(args)))],
  ["urlquery", printing((args) => escapeQuery(printed(args)))],
  ["print", printing(sprint)],
  ["println", printing(sprintln)],
  ["printf", { params: ["string", ANY], variadic: true, call: ([format, ...args]) => printf(format, args) }],
  [
    "eq",
    {
      params: ["reflect.Value", "reflect.Value"],
      variadic: true,
      call: ([a, ...b]) => goBoolValue(isEqual(a, b)),
    },
  ],
  ["ne", comparing((a, b) => !isEqual(a, [b]))],
  ["lt", comparing(isLess)],
  ["le", comparing(isLessOrEqual)],
  ["gt", comparing((a, b) => !isLessOrEqual(a, b))],
  ["ge", comparing((a, b) => !isLess(a, b))],
] satisfies [string, TemplateFunction][]);

function comparing(compare: (a: Operand, b: Operand) => boolean): TemplateFunction {
  return {
    params: ["reflect.Value", "reflect.Value"],
    variadic: false,
    call: ([a, b]) => goBoolValue(compare(a, b)),
  };
}

function printing(print: (args: readonly GoValue[]) => string): TemplateFunction {
  return { params: [ANY], variadic: true, call: (args) => goStringValue(print(args.map(asAny))) };
}

function printf(format: Operand, args: readonly Operand[]): Operand {
  return goStringValue(sprintf(format?.kind === "string" ? format.value : "", args.map(asAny)));
}

/** As a template prints its results: what pointers point to, and `<no value>` for nothing. */
export function printableValue(operand: Operand): GoValue {
  if (operand === undefined) return goStringValue("<no value>");
  const value = unboxed(operand) ?? goStringValue("<no value>");
  return value.kind === "pointer" ? indirect(value) : value;
}

function printed(args: readonly GoValue[]): string {
  return sprint(args.map(printableValue));
}

function length(operand: Operand): number {
  if (operand === undefined) throw new GoError("reflect: call of reflect.Value.Type on zero Value");
  const value = indirect(operand);
  if (isNilReference(value)) throw new GoError("len of nil pointer");
  if (!hasLength(value)) throw new GoError(`len of type ${value.type}`);
  return lengthOf(value);
}

function hasLength(value: GoValue): value is Parameters<typeof lengthOf>[0] {
  return ["string", "bytes", "slice", "map"].includes(value.kind);
}

function index([operand, ...indexes]: readonly Operand[]): Operand {
  const start = unboxed(operand);
  if (start === undefined) throw new GoError("index of untyped nil");
  let item: GoValue | BoxedValue = start;
  for (const one of indexes) {
    const value = indirect(item);
    if (isNilReference(value)) throw new GoError("index of nil pointer");
    item = elementOf(value, unboxed(one));
  }
  return item;
}

function elementOf(value: GoValue, key: GoValue | undefined): GoValue | BoxedValue {
  if (value.kind === "map") {
    if (key === undefined) throw new GoError("value is nil; should be of type string");
    if (key.kind !== "string" || key.type !== "string") {
      throw new GoError(`value has type ${key.type}; should be string`);
    }
    return boxed(value.entries.get(key.value) ?? value.zero, value.ofAny);
  }
  if (!hasLength(value)) throw new GoError(`can't index item of type ${typeOf(value)}`);
  const at = checkedIndex(key, lengthOf(value));
  if (value.kind === "slice") {
    const item = value.items[at];
    if (item === undefined) throw new GoError("reflect: slice index out of range");
    return boxed(item, value.ofAny);
  }
  const byte = (value.kind === "bytes" ? value.value : Buffer.from(value.value))[at];
  if (byte === undefined) throw new GoError(`reflect: ${reflectName(value)} index out of range`);
  return goIntValue(byte, "uint8");
}

function reflectName(value: GoValue): string {
  return value.kind === "string" ? "string" : "slice";
}

function checkedIndex(key: GoValue | undefined, most: number): number {
  if (key === undefined) throw new GoError("cannot index slice/array with nil");
  if (key.kind !== "int") throw new GoError(`cannot index slice/array with type ${key.type}`);
  if (key.value < 0n || key.value > BigInt(most)) throw new GoError(`index out of range: ${key.value}`);
  return Number(key.value);
}

/** Go also lets a slice grow into what room there happens to be behind it; ours has none. */
function slice([operand, ...indexes]: readonly Operand[]): Operand {
  const start = unboxed(operand);
  if (start === undefined) throw new GoError("slice of untyped nil");
  const value = indirect(start);
  if (isNilReference(value)) throw new GoError("slice of nil pointer");
  if (indexes.length > 3) throw new GoError(`too many slice indexes: ${indexes.length}`);
  if (value.kind === "string" && indexes.length === 3) throw new GoError("cannot 3-index slice a string");
  if (value.kind === "map" || !hasLength(value)) throw new GoError(`can't slice item of type ${value.type}`);
  const size = lengthOf(value);
  const [from = 0, to = size, room] = indexes.map((one) => checkedIndex(unboxed(one), size));
  if (from > to) throw new GoError(`invalid slice index: ${from} > ${to}`);
  if (room !== undefined && to > room) throw new GoError(`invalid slice index: ${to} > ${room}`);
  switch (value.kind) {
    case "slice":
      return { ...value, items: value.items.slice(from, to) };
    case "bytes":
      return { ...value, value: value.value.subarray(from, to) };
    case "string":
      return { ...value, value: sliceText(value.value, from, to) };
  }
}

/** The characters between two bytes. */
function sliceText(text: string, from: number, to: number): string {
  const bytes = Buffer.from(text);
  const isInside = (at: number): boolean => ((bytes[at] ?? 0) & 0xc0) === 0x80;
  if (isInside(from) || isInside(to)) throw unsupported("half a character, cut by slice,");
  return bytes.toString("utf8", from, to);
}

const HTML_ESCAPES = new Map([
  ["\0", "\ufffd"],
  ['"', "&#34;"],
  ["'", "&#39;"],
  ["&", "&amp;"],
  ["<", "&lt;"],
  [">", "&gt;"],
]);

function escapeHtml(text: string): string {
  return text.replace(/[\0"'&<>]/g, (character) => HTML_ESCAPES.get(character) ?? character);
}

function escapeJavaScript(text: string): string {
  return text.replace(/[^ -~]|[\\'"<>&=\u007f]/gu, (character) => {
    if (character === "\\" || character === "'" || character === '"') return `\\${character}`;
    const isPrinted = character === "\u007f" || (character > "~" && goQuote(character) === `"${character}"`);
    if (isPrinted) return character;
    return `\\u${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
  });
}

/** As `url.QueryEscape`. */
function escapeQuery(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+");
}
