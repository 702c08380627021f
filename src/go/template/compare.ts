import { compareBytes, type GoValue } from "../values.js";
import { GoError } from "./errors.js";
import { formatValue } from "./format.js";
import { unboxed, type Operand } from "./operand.js";

/** eq, lt and what is made of them: https://pkg.go.dev/text/template#hdr-Functions */

/** Is the first operand equal to one of the others? */
export function isEqual(operand: Operand, others: readonly Operand[]): boolean {
  const first = unboxed(operand);
  if (others.length === 0) throw new GoError("missing argument for comparison");
  return others.some((other) => areEqual(first, unboxed(other)));
}

/** @throws GoError for what has no order, or for two kinds of values */
export function isLess(operand: Operand, other: Operand): boolean {
  const a = unboxed(operand);
  const b = unboxed(other);
  const [basicA, basicB] = [basicKind(a), basicKind(b)];
  if (a === undefined || b === undefined || basicA === undefined || basicB === undefined) throw noOrder();
  if (basicA !== basicB) throw incompatible(a, b);
  if (a.kind === "string" && b.kind === "string") return compareBytes(a.value, b.value) < 0;
  if (a.kind === "int" && b.kind === "int") return a.value < b.value;
  if (a.kind === "float" && b.kind === "float") return a.value < b.value;
  throw noOrder();
}

/** @throws GoError as `isLess` */
export function isLessOrEqual(operand: Operand, other: Operand): boolean {
  return isLess(operand, other) || isEqual(operand, [other]);
}

function noOrder(): GoError {
  return new GoError("invalid type for comparison");
}

function incompatible(a: GoValue, b: GoValue): GoError {
  return new GoError(`incompatible types for comparison: ${a.type} and ${b.type}`);
}

/** The kinds that are compared by value whatever their type; whole numbers also whatever their sign. */
function basicKind(value: GoValue | undefined): string | undefined {
  const kind = value?.kind;
  return kind === "bool" || kind === "int" || kind === "float" || kind === "string" ? kind : undefined;
}

function areEqual(a: GoValue | undefined, b: GoValue | undefined): boolean {
  const basic = basicKind(a);
  if (basic !== basicKind(b)) {
    if (a === undefined || b === undefined) return false;
    throw incompatible(a, b);
  }
  if (basic !== undefined) return isSame(a, b);
  if (a !== undefined && b !== undefined && reflectKind(a) !== reflectKind(b)) {
    throw new GoError(`non-comparable types ${formatValue(a, "s")}: ${a.type}, ${b.type}: ${formatValue(b)}`);
  }
  if (a === undefined || b === undefined || isNil(a) || isNil(b)) {
    return (a === undefined || isNil(a)) === (b === undefined || isNil(b));
  }
  if (!isComparable(b)) throw new GoError(`non-comparable type ${formatValue(b, "s")}: ${b.type}`);
  return isSame(a, b);
}

function reflectKind({ kind }: GoValue): string {
  return kind === "bytes" ? "slice" : kind;
}

function isNil(value: GoValue): boolean {
  return value.kind === "nil" || ("isNil" in value && value.isNil);
}

/** Has its type an equality? */
function isComparable(value: GoValue): boolean {
  if (value.kind === "struct") return value.fields.every((field) => field.isAny || isComparable(field.value));
  return value.kind !== "bytes" && value.kind !== "slice" && value.kind !== "map";
}

/** Equality of what an `any` holds: the type counts, and pointers are equal if they point to the same. */
function isSame(a: GoValue | undefined, b: GoValue | undefined): boolean {
  if (a?.kind === "pointer" && b?.kind === "pointer") return a.to === b.to;
  if (a?.kind === "struct" && b?.kind === "struct") {
    const isOfType = a.type === b.type && a.json === b.json;
    return isOfType && a.fields.every((field, index) => isSameField(field.value, b.fields[index]?.value));
  }
  if (a === undefined || b === undefined || !("value" in a) || !("value" in b)) return a?.kind === b?.kind;
  return a.value === b.value;
}

function isSameField(a: GoValue, b: GoValue | undefined): boolean {
  if (b !== undefined && !isComparable(b)) {
    throw new GoError(`runtime error: comparing uncomparable type ${b.type}`);
  }
  return a.type === b?.type && isSame(a, b);
}
