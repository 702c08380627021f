import * as z from "zod/mini";
import { ManifestError, messageOf } from "../errors.js";
import { ByteWriter } from "./byteWriter.js";
import { decodeUtf8 } from "./utf8.js";

/**
 * JSON as Go's encoding/json reads and writes it, on bytes: what docker stores, prints and pushes is defined by it.
 * Manifests are never re-encoded from parsed values (key order, duplicate keys and number spellings would be lost);
 * they are only compacted or indented, as Go does with a value that already is JSON.
 * https://pkg.go.dev/encoding/json
 */

/** Deeper than any manifest; bounds what a hostile one can make a reader do. Go's own bound is 10,000. */
const MAX_DEPTH = 1000;
/** Deep nesting makes short JSON long: a few MiB of it, indented a thousand times a line, would be gigabytes. */
const MAX_INDENTED = 256 * 1024 * 1024;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COLON = 0x3a;
const COMMA = 0x2c;

/** What may be an int64 that JavaScript's numbers do not hold: 2^53 has 16 digits, 2^63 has 19. Digests do not fit. */
const LONG_NUMBER = /(?<![^\s:,[])-?\d{16,19}(?![^\s,\]}])/;

/**
 * Parses JSON of unknown origin: invalid UTF-8 becomes U+FFFD as in Go, nesting is bounded, and a whole number of up to
 * 19 digits that JavaScript's numbers do not hold is a bigint.
 * Throws a ManifestError that says what is wrong in one line.
 */
export function parseJson(bytes: Buffer): unknown {
  checkDepth(bytes);
  const text = decodeUtf8(bytes);
  try {
    const value: unknown = JSON.parse(text);
    return LONG_NUMBER.test(text) ? parseExactly(bytes) : value;
  } catch (error) {
    // V8 quotes the text it stumbled over, which may be long and is not ours to repeat.
    const position = / at position \d+/.exec(messageOf(error))?.[0] ?? "";
    const isCut = messageOf(error).startsWith("Unexpected end");
    const what = isCut ? "unexpected end of JSON input" : `invalid JSON${position}`;
    throw new ManifestError("INVALID_JSON", what, { cause: error });
  }
}

/** The value of valid JSON; `JSON.parse`, which takes a tenth of the time, rounds long numbers. */
function parseExactly(bytes: Buffer): unknown {
  let at = 0;
  const next = (): number | undefined => bytes[(at = skipSpace(bytes, at))];
  const items = <Item>(close: number, item: () => Item): Item[] => {
    const found: Item[] = [];
    at++;
    while (next() !== close) {
      if (bytes[at] === COMMA) at++;
      found.push(item());
    }
    at++;
    return found;
  };
  const member = (): [key: string, value: unknown] => {
    const key = String(value());
    next();
    at++;
    return [key, value()];
  };
  const value = (): unknown => {
    const first = next();
    if (first === OPEN_BRACE) return Object.fromEntries(items(CLOSE_BRACE, member));
    if (first === OPEN_BRACKET) return items(CLOSE_BRACKET, value);
    const start = at;
    at = endOfValue(bytes, start);
    const text = decodeUtf8(bytes.subarray(start, at));
    const plain: unknown = JSON.parse(text);
    return /^-?\d{16,19}$/.test(text) && !Number.isSafeInteger(plain) ? BigInt(text) : plain;
  };
  return value();
}

function checkDepth(bytes: Buffer): void {
  let depth = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) at = endOfString(bytes, at) - 1;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (++depth > MAX_DEPTH)
        throw new ManifestError("INVALID_JSON", `JSON is nested more than ${MAX_DEPTH} deep`);
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
  }
}

/** The index behind the string that starts at this quote. */
function endOfString(bytes: Buffer, at: number): number {
  for (let next = at + 1; next < bytes.length; next++) {
    if (bytes[next] === BACKSLASH) next++;
    else if (bytes[next] === QUOTE) return next + 1;
  }
  return bytes.length;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/**
 * The bytes of one member of a JSON object, exactly as they stand there: what Go keeps in a type that has its own
 * UnmarshalJSON. Keys match as in Go (see `goStruct`), the last one wins. The bytes must have passed `parseJson`.
 */
export function memberBytes(object: Buffer, name: string): Buffer | undefined {
  let found: Buffer | undefined;
  let at = skipSpace(object, 0);
  if (object[at] !== OPEN_BRACE) return undefined;
  at = skipSpace(object, at + 1);
  while (object[at] === QUOTE) {
    const keyEnd = endOfString(object, at);
    const key: unknown = JSON.parse(decodeUtf8(object.subarray(at, keyEnd)));
    const valueStart = skipSpace(object, skipSpace(object, keyEnd) + 1);
    const valueEnd = endOfValue(object, valueStart);
    if (typeof key === "string" && foldKey(key) === foldKey(name)) {
      found = object.subarray(valueStart, valueEnd);
    }
    at = skipSpace(object, valueEnd);
    if (object[at] === COMMA) at = skipSpace(object, at + 1);
  }
  return found;
}

function skipSpace(bytes: Buffer, at: number): number {
  while (isSpace(bytes[at])) at++;
  return at;
}

function endOfValue(bytes: Buffer, start: number): number {
  let depth = 0;
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = endOfString(bytes, at) - 1;
      if (depth === 0) return at + 1;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if (depth === 0) return at;
      if (--depth === 0) return at + 1;
    } else if (depth === 0 && (byte === COMMA || isSpace(byte))) return at;
  }
  return bytes.length;
}

/**
 * Valid JSON without white space, and with `<`, `>`, `&`, U+2028 and U+2029 escaped: how Go writes a value that
 * already is JSON into a larger one.
 */
export function compactJson(bytes: Buffer): Buffer {
  const out = new ByteWriter(bytes.length);
  let start = 0;
  const cut = (at: number, length: number, replacement = ""): void => {
    out.copy(bytes, start, at);
    out.text(replacement);
    start = at + length;
  };
  let inString = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (inString && byte === BACKSLASH) at++;
    else if (byte === QUOTE) inString = !inString;
    else if (byte === 0x3c) cut(at, 1, "\\u003c");
    else if (byte === 0x3e) cut(at, 1, "\\u003e");
    else if (byte === 0x26) cut(at, 1, "\\u0026");
    else if (byte === 0xe2 && bytes[at + 1] === 0x80 && ((bytes[at + 2] ?? 0) & 0xfe) === 0xa8) {
      cut(at, 3, bytes[at + 2] === 0xa8 ? "\\u2028" : "\\u2029");
      at += 2;
    } else if (!inString && isSpace(byte)) cut(at, 1);
  }
  cut(bytes.length, 0);
  return out.take();
}

/**
 * Valid JSON laid out as by Go's `json.Indent`: one `indent` a level, nothing escaped that was not, and white space
 * behind the value kept as it is.
 */
export function indentJson(bytes: Buffer, indent: string): Buffer {
  const out = new ByteWriter(bytes.length * 2, MAX_INDENTED);
  const newLine = (depth: number): void => {
    out.text("\n" + indent.repeat(depth));
  };
  let depth = 0;
  let empty = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === undefined || isSpace(byte)) continue;
    if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      depth--;
      if (!empty) newLine(depth);
      empty = false;
      out.copy(bytes, at, at + 1);
      continue;
    }
    if (empty) newLine(depth);
    empty = false;
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      out.copy(bytes, at, at + 1);
      depth++;
      empty = true;
    } else if (byte === COMMA) {
      out.text(",");
      newLine(depth);
    } else if (byte === COLON) {
      out.text(": ");
    } else {
      const end = endOfValue(bytes, at);
      out.copy(bytes, at, end);
      at = end - 1;
    }
  }
  out.copy(bytes, endOfText(bytes), bytes.length);
  return out.take();
}

/** Where the white space at the end begins. */
function endOfText(bytes: Buffer): number {
  let end = bytes.length;
  while (end > 0 && isSpace(bytes[end - 1])) end--;
  return end;
}

const SHORT_ESCAPES = new Map([
  ["\b", "\\b"],
  ["\f", "\\f"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
  ['"', '\\"'],
  ["\\", "\\\\"],
]);

/** A string as Go's encoder writes it. */
export function goString(text: string): string {
  const escaped = text.toWellFormed().replace(
    // eslint-disable-next-line no-control-regex -- control characters are what JSON must escape
    /[\u0000-\u001f"\\<>&\u2028\u2029]/g,
    (char) => SHORT_ESCAPES.get(char) ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `"${escaped}"`;
}

/** An object as Go's encoder writes a struct: fields in the order given, `undefined` for one that is left out. */
export function goObject(fields: readonly (readonly [key: string, json: string | undefined])[]): string {
  const present = fields.filter(([, json]) => json !== undefined);
  return `{${present.map(([key, json]) => `${goString(key)}:${json ?? ""}`).join(",")}}`;
}

/** A list of strings, or undefined for an empty one (Go's `omitempty`). */
export function goStrings(items: readonly string[]): string | undefined {
  return items.length === 0 ? undefined : `[${items.map(goString).join(",")}]`;
}

/** A string, or undefined for an empty one (Go's `omitempty`). */
export function goStringOrOmit(text: string): string | undefined {
  return text === "" ? undefined : goString(text);
}

/** A map of strings by the byte order of its keys, or undefined for an empty one (Go's `omitempty`). */
export function goStringMap(map: Readonly<Record<string, string>>): string | undefined {
  const fields = Object.entries(map).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return fields.length === 0 ? undefined : goObject(fields.map(([key, value]) => [key, goString(value)]));
}

/** Keys match without regard to case, by Unicode's simple folding. */
function foldKey(key: string): string {
  return key.toUpperCase().toLowerCase();
}

/**
 * A schema for an object as Go's decoder fills a struct: keys match whatever their case, `null` counts as absent,
 * unknown keys are dropped.
 */
export function goStruct<Shape extends z.core.$ZodShape>(shape: Shape) {
  const names = new Map(Object.keys(shape).map((name) => [foldKey(name), name]));
  const fold = (value: unknown): unknown => {
    // To Go, null leaves a struct as it is: empty.
    if (value === null) return {};
    if (typeof value !== "object" || Array.isArray(value)) return value;
    const known: [string, unknown][] = [];
    for (const [key, member] of Object.entries(value)) {
      const name = names.get(foldKey(key));
      if (name !== undefined && member !== null) known.push([name, member]);
    }
    return Object.fromEntries(known);
  };
  return z.pipe(z.transform(fold), z.object(shape));
}

/**
 * Padded, and with line breaks anywhere, as Go reads it: https://pkg.go.dev/encoding/base64#StdEncoding
 * No group is repeated in the expression: V8 runs out of stack where it counts a million repeats.
 */
function isBase64(text: string): boolean {
  const digits = text.replace(/[\r\n]/g, "");
  return digits.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(digits);
}

function isInt64(value: unknown): value is number | bigint {
  return Number.isSafeInteger(value) || (typeof value === "bigint" && BigInt.asIntN(64, value) === value);
}

/** A string in a list or a map, where null counts as empty. */
const textOrNull = z.pipe(
  z.transform((text: unknown) => text ?? ""),
  z.string(),
);

/** A string field of a Go struct: absent is empty. */
export const goText = z._default(z.string(), "");
/** An int64 field: absent is 0. A bigint only where a number would not be exact. */
export const goInteger = z._default(
  z.custom<number | bigint>(isInt64, { error: "should be a whole number of 64 bits" }),
  0,
);
/** A []byte field: base64. Absent is empty. */
export const goBytes = z.pipe(
  z._default(z.string(), "").check(z.refine(isBase64, { error: "is not base64" })),
  z.transform((text) => Buffer.from(text, "base64")),
);
/** A []string field: absent is empty. */
export const goTexts = z._default(z.array(textOrNull), []);
/** A map[string]string field: absent is empty. */
export const goTextMap = z._default(jsonMap(textOrNull), {});

/** A schema for an object of whatever names. Unlike `z.record` it knows `__proto__` as a name like any other. */
export function jsonMap<Schema extends z.ZodMiniType>(member: Schema) {
  const mapped = (value: unknown): unknown => {
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? new Map(Object.entries(value)) : value;
  };
  const unmapped = (map: Map<string, z.infer<Schema>>): Record<string, z.infer<Schema>> =>
    Object.fromEntries(map);
  return z.pipe(z.pipe(z.transform(mapped), z.map(z.string(), member)), z.transform(unmapped));
}

/** The first thing a schema has against a value, as `path: what`. */
export function issueOf(error: z.core.$ZodError): string {
  const issue = error.issues[0];
  if (issue === undefined) return "not what it should be";
  const path = issue.path.map(String).join(".");
  const what =
    issue.code === "invalid_type"
      ? `should be ${/^[ao]/.test(issue.expected) ? "an" : "a"} ${issue.expected}`
      : issue.code === "custom"
        ? issue.message
        : "is not valid";
  return path === "" ? what : `${path} ${what}`;
}
