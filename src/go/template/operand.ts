import { ANY, type GoField, type GoStruct, type GoValue } from "../values.js";

/**
 * What a template computes with: a value, one that sits in a variable of type `any`, or nothing at all. Go's reflection
 * tells them apart, and with it error messages and comparisons.
 */
export type Operand = GoValue | BoxedValue | undefined;

/** A value in an `any`. One that holds nothing is a value of kind `nil`. */
export interface BoxedValue {
  readonly kind: "any";
  readonly value: GoValue;
}

/** The type an operand is known by. */
export function typeOf(operand: GoValue | BoxedValue): string {
  return operand.kind === "any" ? ANY : operand.type;
}

/** A value as a field or element of type `any` has it. */
export function boxed(value: GoValue, isAny: boolean): GoValue | BoxedValue {
  return isAny && value.kind !== "nil" ? { kind: "any", value } : value;
}

/** What an `any` holds; nothing if it holds nothing. */
export function unboxed(operand: Operand): GoValue | undefined {
  if (operand?.kind === "nil") return undefined;
  return operand?.kind === "any" ? operand.value : operand;
}

/** An operand as an argument of type `any`. */
export function asAny(operand: Operand): GoValue {
  return unboxed(operand) ?? { kind: "nil", type: ANY };
}

/** The value behind all pointers; a pointer only if it is nil, as is an `any` of kind `nil`. */
export function indirect(operand: GoValue | BoxedValue): GoValue {
  let value = operand.kind === "any" ? operand.value : operand;
  while (value.kind === "pointer" && !value.isNil) value = value.to;
  return value;
}

/** Does what `indirect` gave stand for nil? */
export function isNilReference(value: GoValue): boolean {
  return value.kind === "nil" || value.kind === "pointer";
}

/** What `if` goes by: nil, zero, and what is empty are not true; a struct always is. */
export function isTrue(operand: Operand): boolean {
  const value = unboxed(operand);
  switch (value?.kind) {
    case undefined:
    case "nil":
      return false;
    case "bool":
    case "int":
    case "float":
    case "string":
      return Boolean(value.value);
    case "bytes":
    case "slice":
    case "map":
      return lengthOf(value) > 0;
    case "struct":
      return true;
    case "pointer":
      return !value.isNil;
  }
}

/** Length of what has one: bytes for a string. */
export function lengthOf(value: GoValue & { kind: "string" | "bytes" | "slice" | "map" }): number {
  switch (value.kind) {
    case "string":
      return Buffer.byteLength(value.value);
    case "bytes":
      return value.value.length;
    case "slice":
      return value.items.length;
    case "map":
      return value.entries.size;
  }
}

/** A struct's field, or one of a struct embedded in it, at the least depth. */
export function fieldNamed(struct: GoStruct, name: string): GoField | undefined {
  let level: readonly GoStruct[] = [struct];
  while (level.length > 0) {
    const fields = level.flatMap((one) => one.fields);
    const found = fields.find((field) => field.name === name);
    if (found !== undefined) return found;
    level = fields.flatMap(({ isEmbedded, value }) => (isEmbedded && value.kind === "struct" ? [value] : []));
  }
  return undefined;
}
