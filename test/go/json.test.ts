import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { ManifestError } from "../../src/errors.js";
import {
  compactJson,
  goBytes,
  goInteger,
  goObject,
  goString,
  goStringMap,
  goStrings,
  goTextMap,
  indentJson,
  issueOf,
  memberBytes,
  parseJson,
} from "../../src/go/json.js";

const bytes = (text: string): Buffer => Buffer.from(text);

describe("a string as Go writes it", () => {
  it.each([
    ["plain text", "abc", '"abc"'],
    ["nothing", "", '""'],
    ["a quote and a backslash", '"\\', '"\\"\\\\"'],
    ["what HTML would read", "<a href='x'>&", "\"\\u003ca href='x'\\u003e\\u0026\""],
    ["JavaScript's line ends", "\u2028\u2029", '"\\u2028\\u2029"'],
    ["control characters with a short form", "\b\f\n\r\t", '"\\b\\f\\n\\r\\t"'],
    ["control characters without one", "\u0000\u0001\u001f", '"\\u0000\\u0001\\u001f"'],
    ["delete and what follows, as they are", "\u007f\u0080\u00a0", '"\u007f\u0080\u00a0"'],
    ["a slash, as it is", "a/b", '"a/b"'],
    ["letters beyond ASCII, as they are", "\u00fc\u{1f680}\ufeff", '"\u00fc\u{1f680}\ufeff"'],
    ["half a surrogate pair", "a\ud800b\udc00", '"a\ufffdb\ufffd"'],
  ])("%s", (_name, text, expected) => {
    expect(goString(text)).toBe(expected);
  });

  it("reads back as what it was", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(JSON.parse(goString(text))).toBe(text);
        expect(goString(text)).not.toMatch(/[<>&\u2028\u2029]/);
      }),
    );
  });
});

describe("an object as Go writes it", () => {
  it("keeps the order of its fields and leaves out what is absent", () => {
    expect(
      goObject([
        ["b", "1"],
        ["a", undefined],
        ["<", goString("x")],
        ["list", goStrings(["y", "<"])],
        ["none", goStrings([])],
      ]),
    ).toBe('{"b":1,"\\u003c":"x","list":["y","\\u003c"]}');
  });
});

describe("compacting", () => {
  it.each([
    ["white space goes", ' { "a" :\t[ 1 ,\r\n2 ] } \n', '{"a":[1,2]}'],
    ["white space in strings stays", '{"a b": " c\\t "}', '{"a b":" c\\t "}'],
    [
      "numbers keep their spelling",
      "[1e3, -0.0E+2, 100000000000000000000]",
      "[1e3,-0.0E+2,100000000000000000000]",
    ],
    ["keys keep their order and repeats", '{"b":1, "a":2, "b":3}', '{"b":1,"a":2,"b":3}'],
    ["escapes keep their spelling", '["\\u003C\\/\\u00e9\\"\\\\"]', '["\\u003C\\/\\u00e9\\"\\\\"]'],
    ["what HTML would read is escaped", '["<&>"]', '["\\u003c\\u0026\\u003e"]'],
    ["JavaScript's line ends are escaped", '["\u2028\u2029\u2027"]', '["\\u2028\\u2029\u2027"]'],
  ])("%s", (_name, text, expected) => {
    expect(compactJson(bytes(text)).toString()).toBe(expected);
  });

  it("keeps bytes that are no UTF-8", () => {
    const odd = Buffer.from([0x22, 0xff, 0xe2, 0x80, 0x22]);
    expect(compactJson(odd)).toEqual(odd);
  });
});

describe("indenting", () => {
  it.each([
    ["an object", '{"a":1,"b":[true,null]}', '{\n\t"a": 1,\n\t"b": [\n\t\ttrue,\n\t\tnull\n\t]\n}'],
    ["what is empty", '{"a":{ },"b":[\n]}', '{\n\t"a": {},\n\t"b": []\n}'],
    ["what is indented otherwise", '{\n  "a":\n [ 1 ] }', '{\n\t"a": [\n\t\t1\n\t]\n}'],
    ["strings with brackets", '["{[,:]}", "\\"}"]', '[\n\t"{[,:]}",\n\t"\\"}"\n]'],
    ["a lone value", "1e3", "1e3"],
    ["nothing escaped", '["<\u2028"]', '[\n\t"<\u2028"\n]'],
    ["white space behind it kept, before it not", " \n[] \n\t", "[] \n\t"],
  ])("%s", (_name, text, expected) => {
    expect(indentJson(bytes(text), "\t").toString()).toBe(expected);
  });

  it("is undone by compacting, whatever the value", () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom("\t", "   ", ""), (json, indent) => {
        const compact = compactJson(bytes(json));
        const indented = indentJson(compact, indent);
        expect(compactJson(indented)).toEqual(compact);
        expect(JSON.parse(indented.toString())).toEqual(JSON.parse(json));
        expect(indentJson(indented, indent)).toEqual(indented);
      }),
    );
  });

  it("looks like JavaScript's, but for what is empty", () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        const value: unknown = JSON.parse(json);
        expect(indentJson(bytes(JSON.stringify(value)), "\t").toString()).toBe(
          JSON.stringify(value, undefined, "\t"),
        );
      }),
    );
  });
});

describe("a member's bytes", () => {
  it.each([
    ["as they stand there", '{"a": { "b" : 1e3 } , "c":2}', '{ "b" : 1e3 }'],
    ["in another case", '{"A":1}', "1"],
    ["with an escaped key", '{"\\u0061":[ ]}', "[ ]"],
    ["the last of several", '{"a":1,"A":2}', "2"],
    ["behind strings that look like it", '{"x":"\\"a\\":1","a":"}"}', '"}"'],
    ["none where there is none", '{"b":{"a":1}}', undefined],
    ["none in what is no object", '["a"]', undefined],
  ])("%s", (_name, text, expected) => {
    expect(memberBytes(bytes(text), "a")?.toString()).toBe(expected);
  });
});

describe("parsing", () => {
  it("makes U+FFFD of each byte that is no UTF-8", () => {
    expect(parseJson(Buffer.from([0x22, 0xff, 0xe2, 0x80, 0xc3, 0x28, 0x22]))).toBe(
      "\ufffd\ufffd\ufffd\ufffd(",
    );
  });

  it("keeps a whole number that is no JavaScript number, and leaves all else to JSON.parse", () => {
    fc.assert(
      fc.property(treeWithLongNumbers, fc.constantFrom(undefined, "\t"), ([value, json], indent) => {
        const laidOut = indent === undefined ? bytes(json) : indentJson(bytes(json), indent);
        expect(parseJson(laidOut)).toEqual(value);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ["9007199254740991", 9007199254740991],
    ["9007199254740992", 9007199254740992n],
    ["-9007199254740993", -9007199254740993n],
    ["9223372036854775808", 9223372036854775808n],
    ["1e16", 1e16],
    ["9007199254740993.0", 9007199254740992],
    ["9007199254740993e0", 9007199254740992],
    ["12345678901234567890", 12345678901234567000],
    ['"9007199254740993"', "9007199254740993"],
    ['{"9007199254740993":[ 9007199254740993 ]}', { "9007199254740993": [9007199254740993n] }],
    ['{"a":9007199254740993,"__proto__":{},"a":-0}', JSON.parse('{"a":-0,"__proto__":{}}')],
    ['[[],{},"\\\\",9007199254740993,{"a\\"]":[{ }]}]', [[], {}, "\\", 9007199254740993n, { 'a"]': [{}] }]],
    [`${"[".repeat(999)}9007199254740993${"]".repeat(999)}`, nested(999, 9007199254740993n)],
  ])("%.50s", (json, expected) => {
    expect(parseJson(bytes(json))).toEqual(expected);
  });

  it.each([
    ["cut off", '{"a":', "unexpected end of JSON input"],
    ["empty", "", "unexpected end of JSON input"],
    ["followed by more", "{}x", "invalid JSON at position 2"],
    ["no JSON at all", "secret text", "invalid JSON"],
    ["nested without end", "[".repeat(1001), "JSON is nested more than 1000 deep"],
  ])("text that is %s is refused without repeating it", (_name, text, message) => {
    expect(() => parseJson(bytes(text))).toThrow(new ManifestError("INVALID_JSON", message));
  });
});

function nested(depth: number, value: unknown): unknown {
  return depth === 0 ? value : [nested(depth - 1, value)];
}

/** Values with bigints in them, each with its JSON. */
const { tree: treeWithLongNumbers } = fc.letrec<{ tree: [unknown, string] }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    fc
      .oneof(
        fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n }),
        fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
      )
      .map((long): [unknown, string] => [long, String(long)]),
    fc
      .json({ maxDepth: 1 })
      .filter((json) => !/(?<![.\d])\d{16}/.test(json))
      .map((json): [unknown, string] => [JSON.parse(json), json]),
    fc
      .array(tie("tree"), { maxLength: 4 })
      .map((items): [unknown, string] => [
        items.map(([value]) => value),
        `[${items.map(([, json]) => json).join()}]`,
      ]),
    fc
      .array(fc.tuple(fc.string(), tie("tree")), { maxLength: 4 })
      .map((members): [unknown, string] => [
        Object.fromEntries(members.map(([key, [value]]) => [key, value])),
        `{${members.map(([key, [, json]]) => `${JSON.stringify(key)}:${json}`).join()}}`,
      ]),
  ),
}));

describe("a map[string]string field", () => {
  const parsed = (json: string) => z.safeParse(goTextMap, JSON.parse(json));

  it("has every name, also those that mean something to JavaScript", () => {
    const json = '{"__proto__":"a","a":"b","constructor":"c"}';
    const map = z.parse(goTextMap, JSON.parse(json));
    expect(goStringMap(map)).toBe(json);
    expect(goStringMap({ ...map })).toBe(json);
    expect(Object.getPrototypeOf(map)).toBe(Object.prototype);
  });

  it("is empty where there is none, and takes null for no text", () => {
    expect(z.parse(goTextMap, undefined)).toEqual({});
    expect(z.parse(goTextMap, { a: null })).toEqual({ a: "" });
  });

  it("says by its name which member is no text", () => {
    const [list, member] = [parsed("[]"), parsed('{"a":"b","__proto__":1}')];
    expect([list, member].map(({ error }) => error && issueOf(error))).toEqual([
      "should be a map",
      "__proto__ should be a string",
    ]);
  });
});

describe("an int64 field", () => {
  it.each([
    ["nothing", undefined, 0],
    ["a number", -5, -5],
    ["the largest number that JavaScript has", 2 ** 53 - 1, 2 ** 53 - 1],
    ["a larger one", 9007199254740993n, 9007199254740993n],
    ["the largest of all", 9223372036854775807n, 9223372036854775807n],
    ["the smallest of all", -9223372036854775808n, -9223372036854775808n],
  ])("takes %s", (_name, value, expected) => {
    expect(z.parse(goInteger, value)).toBe(expected);
  });

  it.each([
    ["one more than the largest", 9223372036854775808n],
    ["one less than the smallest", -9223372036854775809n],
    ["a fraction", 1.5],
    ["a number that is not exact", 2 ** 53],
    ["text", "5"],
  ])("does not take %s", (_name, value) => {
    expect(z.safeParse(goInteger, value).success).toBe(false);
  });
});

describe("a []byte field", () => {
  it.each([
    ["nothing", undefined, ""],
    ["two of padding", "YQ==", "a"],
    ["one of padding", "YWI=", "ab"],
    ["line breaks, in the padding too", "\rYW\nI=\r\n", "ab"],
    ["stray bits behind the last byte", "YWJ=", "ab"],
  ])("takes %s", (_name, text, expected) => {
    expect(z.parse(goBytes, text).toString()).toBe(expected);
  });

  it.each([
    ["no padding", "YWI"],
    ["too much padding", "YWI=="],
    ["padding alone", "===="],
    ["padding in the middle", "YQ==YWI="],
    ["base64url", "_-8="],
    ["white space", "YW I="],
  ])("does not take %s", (_name, text) => {
    expect(z.safeParse(goBytes, text).success).toBe(false);
  });

  it("takes what encodes to itself, and nothing that is no whole number of groups", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (content) => {
        const text = Buffer.from(content).toString("base64");
        expect(z.parse(goBytes, text)).toEqual(Buffer.from(content));
        expect(z.safeParse(goBytes, `${text}A`).success).toBe(false);
      }),
    );
  });

  it("may be as long as a store's file can be", () => {
    const content = Buffer.alloc(24 * 1024 * 1024, 7);
    expect(z.parse(goBytes, content.toString("base64")).equals(content)).toBe(true);
    expect(z.safeParse(goBytes, `${content.toString("base64")}*`).success).toBe(false);
  });
});
