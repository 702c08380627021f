import { ManifestError } from "../errors.js";

/**
 * Values of Go's types, as far as a template, fmt and JSON can tell them apart: a struct's field is found by its Go
 * name and written under its JSON name, a nil map is not an empty one, an int64 is not a float64.
 * https://go.dev/ref/spec#Types
 *
 * Nothing here changes once it is made, so that one value may be in many places.
 */
export type GoValue =
  GoNil | GoBool | GoText | GoInt | GoFloat | GoBytes | GoSlice | GoMap | GoStruct | GoPointer;

/** The `any` that holds nothing. A pointer, slice or map that is nil is a value of its type, see there. */
export interface GoNil {
  readonly kind: "nil";
  readonly type: typeof ANY;
}

export interface GoBool {
  readonly kind: "bool";
  readonly type: string;
  readonly value: boolean;
}

/** A string. Go's may be any bytes; ours are Unicode. */
export interface GoText {
  readonly kind: "string";
  readonly type: string;
  readonly value: string;
  readonly methods?: GoMethods;
}

/** A whole number of up to 64 bits; the name of its type says how many, and whether it has a sign. */
export interface GoInt {
  readonly kind: "int";
  readonly type: string;
  readonly value: bigint;
}

export interface GoFloat {
  readonly kind: "float";
  readonly type: string;
  readonly value: number;
}

/** A []byte, which fmt and JSON treat unlike other slices. */
export interface GoBytes {
  readonly kind: "bytes";
  readonly type: string;
  readonly value: Buffer;
  readonly isNil: boolean;
}

export interface GoSlice {
  readonly kind: "slice";
  readonly type: string;
  /** Are its elements of type `any`, whatever each holds? */
  readonly ofAny: boolean;
  readonly items: readonly GoValue[];
  readonly isNil: boolean;
}

/** A map whose keys are strings. */
export interface GoMap {
  readonly kind: "map";
  readonly type: string;
  readonly ofAny: boolean;
  /** By the byte order of the keys, which is how a template, fmt and JSON go through a map. */
  readonly entries: ReadonlyMap<string, GoValue>;
  /** What indexing by a key that is not there gives. */
  readonly zero: GoValue;
  readonly isNil: boolean;
}

export interface GoStruct {
  readonly kind: "struct";
  readonly type: string;
  readonly fields: readonly GoField[];
  readonly methods?: GoMethods;
  /** How its type's own MarshalJSON writes it, for one that has one. */
  readonly json?: string;
}

/** A pointer. One that is nil has the zero value of its type beside it, which says which fields there would be. */
export interface GoPointer {
  readonly kind: "pointer";
  readonly type: string;
  readonly to: GoValue;
  readonly isNil: boolean;
}

export interface GoField {
  readonly name: string;
  /** Its key in JSON; undefined for one that is not written. */
  readonly jsonName: string | undefined;
  readonly omitEmpty: boolean;
  /** Are the fields of its value also fields of the struct around it? */
  readonly isEmbedded: boolean;
  /** Is the field of type `any`, whatever it holds? */
  readonly isAny: boolean;
  readonly value: GoValue;
}

/**
 * A method or a template's function. What `call` throws becomes `error calling <name>: <message>`; the arguments are
 * as many as there are parameters, and of their types.
 */
export interface GoFunction {
  /** Types of the parameters; the last may be repeated if it is `variadic`. */
  readonly params: readonly ("string" | "int" | typeof ANY)[];
  readonly variadic?: boolean;
  readonly call: (args: readonly GoValue[]) => GoValue;
}

/** By name. A method `String` without parameters is what fmt prints the value as. */
export type GoMethods = ReadonlyMap<string, GoFunction>;

/** The name of Go's type for anything. */
export const ANY = "interface {}";

export const goNil: GoNil = { kind: "nil", type: ANY };

export function goBoolValue(value: boolean, type = "bool"): GoBool {
  return { kind: "bool", type, value };
}

/** A string; `type` and `methods` are for a type of its own, such as `digest.Digest`. */
export function goStringValue(value: string, type = "string", methods?: GoMethods): GoText {
  const text = { kind: "string", type, value: value.toWellFormed() } as const;
  return methods === undefined ? text : { ...text, methods };
}

export function goIntValue(value: number | bigint, type = "int"): GoInt {
  return { kind: "int", type, value: BigInt(value) };
}

export function goFloatValue(value: number): GoFloat {
  return { kind: "float", type: "float64", value };
}

/** A []byte; nil without `value`. */
export function goBytesValue(value?: Buffer): GoBytes {
  return { kind: "bytes", type: "[]uint8", value: value ?? Buffer.alloc(0), isNil: value === undefined };
}

/**
 * A slice; nil without `items`.
 * @param zero the zero value of the elements' type; {@link goNil} for `[]any`
 */
export function goSliceValue(zero: GoValue, items?: readonly GoValue[]): GoSlice {
  return {
    kind: "slice",
    type: `[]${zero.type}`,
    ofAny: zero.kind === "nil",
    items: items ?? [],
    isNil: items === undefined,
  };
}

/** A []string; nil without `items`. */
export function goStringsValue(items?: readonly string[]): GoSlice {
  return goSliceValue(
    goStringValue(""),
    items?.map((item) => goStringValue(item)),
  );
}

/**
 * A map by strings; nil without `entries`, of which the last with a key wins.
 * @param zero the zero value of the values' type; {@link goNil} for `map[string]any`
 */
export function goMapValue(zero: GoValue, entries?: Iterable<readonly [string, GoValue]>): GoMap {
  const byKey = new Map(Array.from(entries ?? [], ([key, value]) => [key.toWellFormed(), value] as const));
  return {
    kind: "map",
    type: `map[string]${zero.type}`,
    ofAny: zero.kind === "nil",
    entries: new Map([...byKey].sort(([a], [b]) => compareBytes(a, b))),
    zero,
    isNil: entries === undefined,
  };
}

/** A map[string]string; nil without `map`. */
export function goStringMapValue(map?: Readonly<Record<string, string>>): GoMap {
  const entries = map && Object.entries(map).map(([key, text]) => [key, goStringValue(text)] as const);
  return goMapValue(goStringValue(""), entries);
}

/**
 * A struct: `goStructValue("v1.Descriptor", [goField("MediaType", "mediaType", …), …])`.
 * @param type as Go prints it: the package's name and the type's; a whole `struct { … }` for one without a name
 */
export function goStructValue(
  type: string,
  fields: readonly GoField[],
  own: { readonly methods?: GoMethods; readonly json?: string } = {},
): GoStruct {
  return { kind: "struct", type, fields, ...own };
}

/**
 * A field of a struct.
 * @param tag what Go's `json:"…"` has: `digest`, `urls,omitempty`, `-`; empty for the field's own name
 */
export function goField(name: string, tag: string, value: GoValue): GoField {
  const [key = "", ...options] = tag.split(",");
  return {
    name,
    jsonName: tag === "-" ? undefined : key === "" ? name : key,
    omitEmpty: options.includes("omitempty"),
    isEmbedded: false,
    isAny: value.kind === "nil",
    value,
  };
}

/** A field of type `any`, for which JSON's `omitempty` leaves out only nil. */
export function goAnyField(name: string, tag: string, value: GoValue): GoField {
  return { ...goField(name, tag, value), isAny: true };
}

/** An embedded struct: its fields are found, and written, as if they were those of the struct around it. */
export function goEmbedded(name: string, value: GoStruct): GoField {
  return { ...goField(name, "", value), isEmbedded: true };
}

export function goPointerTo(to: GoValue): GoPointer {
  return { kind: "pointer", type: `*${to.type}`, to, isNil: false };
}

/** @param zero the zero value of the type it would point to */
export function goNilPointer(zero: GoValue): GoPointer {
  return { kind: "pointer", type: `*${zero.type}`, to: zero, isNil: true };
}

/** A method without parameters. */
export function goGetter(call: () => GoValue): GoFunction {
  return { params: [], call };
}

/**
 * Decoded JSON as Go decodes it into an `any`: every number is a float64, every object a map.
 * @param json what `parseJson` gives
 * @throws INVALID_JSON for a number that a float64 does not hold
 */
export function goAnyValue(json: unknown): GoValue {
  if (typeof json === "boolean") return goBoolValue(json);
  if (typeof json === "string") return goStringValue(json);
  if (typeof json === "number" || typeof json === "bigint") {
    const number = Number(json);
    if (!Number.isFinite(number)) throw new ManifestError("INVALID_JSON", "a number in JSON is too large");
    return goFloatValue(number);
  }
  if (Array.isArray(json)) return goSliceValue(goNil, json.map(goAnyValue));
  if (typeof json !== "object" || json === null) return goNil;
  return goMapValue(
    goNil,
    Object.entries(json).map(([key, value]) => [key, goAnyValue(value)] as const),
  );
}

/** The order of Go's strings, which is that of their bytes in UTF-8. */
export function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
