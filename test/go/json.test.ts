import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ManifestError } from "../../src/errors.js";
import {
  compactJson,
  goObject,
  goString,
  goStrings,
  indentJson,
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
