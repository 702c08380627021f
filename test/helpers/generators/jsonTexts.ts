import fc from "fast-check";

/** JSON as bytes: sound, in odd spelling, cut, mutated, deep, and noise. */

const space = fc.constantFrom("", "", "", " ", "\n", "\t", "\r\n   ");
const oddText = fc.constantFrom(
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "<script>&amp;",
  "\u2028\u2029",
  "\u0000\u001b[2J\u007f\u009b\u202e",
  "\u{1F680}",
  "\ufeff",
  "\ud800",
  "\udc00\ud800",
);
const text = fc.oneof(fc.string({ maxLength: 12, unit: "binary" }), fc.string({ maxLength: 12 }), oddText);
/** The same string in one of its spellings. */
const stringLiteral = fc.oneof(
  text.map((value) => JSON.stringify(value)),
  text.map(
    (value) =>
      `"${Array.from(value, (_, at) => `\\u${value.charCodeAt(at).toString(16).padStart(4, "0")}`).join("")}"`,
  ),
  fc.constantFrom('"\\/"', '"\u2028"', '"\u007f"'),
);
const numberLiteral = fc.oneof(
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.constantFrom("-0", "1E400", "-1e-400", "1e999999999", "9007199254740993", "0.10", "9".repeat(400)),
);

const { value: soundText } = fc.letrec<{ value: string; list: string; object: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthSize: "small" },
    fc.oneof(stringLiteral, numberLiteral, fc.constantFrom("true", "false", "null")),
    tie("list"),
    tie("object"),
  ),
  list: fc
    .array(fc.tuple(space, tie("value"), space), { maxLength: 4 })
    .map((items) => `[${items.map((item) => item.join("")).join(",")}]`),
  object: fc
    .array(fc.tuple(space, stringLiteral, space, tie("value"), space), { maxLength: 5 })
    .map((members) => members.map(([a, key, b, value, c]) => `${a}${key}${b}:${value}${c}`))
    .chain((members) =>
      // Duplicate keys are no error for Go.
      fc.boolean().map((twice) => `{${[...members, ...(twice ? members.slice(0, 1) : [])].join(",")}}`),
    ),
}));

/** Valid JSON, in whatever spelling. */
export const validJson: fc.Arbitrary<Buffer> = fc
  .tuple(space, soundText, space)
  .map((parts) => Buffer.from(parts.join("")));

/** Some bytes of it cut out, doubled or replaced. */
export function damaged(bytes: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  return fc
    .tuple(bytes, fc.nat(), fc.nat({ max: 8 }), fc.uint8Array({ maxLength: 4 }))
    .map(([whole, position, length, replacement]) => {
      const at = whole.length === 0 ? 0 : position % whole.length;
      return Buffer.concat([whole.subarray(0, at), replacement, whole.subarray(at + length)]);
    });
}

const bomb = fc
  .tuple(
    fc.constantFrom("[", "{", '{"a":', '[{"a":', '"', "\\", '"\\', "[]", "1,", "\u00ff", '{"__proto__":'),
    fc.nat({ max: 20_000 }),
    fc.constantFrom("", "]", "}", '"'),
  )
  .map(([piece, count, end]) => Buffer.from(piece.repeat(count) + end.repeat(count), "latin1"));

/** Anything that a file or a registry could hold where JSON should be. */
export const anyJson: fc.Arbitrary<Buffer> = fc.oneof(
  { weight: 5, arbitrary: validJson },
  { weight: 4, arbitrary: damaged(validJson) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: bomb },
);
