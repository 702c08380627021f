import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJson } from "../../src/go/json.js";
import { marshalIndented, marshalValue } from "../../src/go/marshal.js";
import {
  goAnyField,
  goAnyValue,
  goBoolValue,
  goBytesValue,
  goEmbedded,
  goField,
  goFloatValue,
  goIntValue,
  goMapValue,
  goNil,
  goNilPointer,
  goPointerTo,
  goSliceValue,
  goStringMapValue,
  goStringsValue,
  goStringValue,
  goStructValue,
  type GoValue,
} from "../../src/go/values.js";

describe("a value as Go's encoder writes it", () => {
  it.each<[string, GoValue, string]>([
    ["nil", goNil, "null"],
    ["a bool", goBoolValue(true), "true"],
    ["a string, as HTML may have it", goStringValue("<a&b>\u2028"), '"\\u003ca\\u0026b\\u003e\\u2028"'],
    ["half a surrogate pair", goStringValue("\ud800"), '"\ufffd"'],
    ["an int64 that is no float", goIntValue(1234567890123456789n, "int64"), "1234567890123456789"],
    ["a whole float", goFloatValue(1), "1"],
    ["negative zero", goFloatValue(-0), "-0"],
    ["a large float", goFloatValue(1e20), "100000000000000000000"],
    ["a larger one", goFloatValue(1e21), "1e+21"],
    ["a small float", goFloatValue(0.000001), "0.000001"],
    ["a smaller one", goFloatValue(1e-7), "1e-7"],
    ["a float with many digits", goFloatValue(Number(123456789012345678n)), "123456789012345680"],
    ["bytes, in base64", goBytesValue(Buffer.from("hi")), '"aGk="'],
    ["no bytes", goBytesValue(), "null"],
    ["a nil slice", goStringsValue(), "null"],
    ["an empty slice", goStringsValue([]), "[]"],
    ["a nil map", goStringMapValue(), "null"],
    ["an empty map", goStringMapValue({}), "{}"],
    [
      "a map by the bytes of its keys",
      goStringMapValue({ "\uff5a": "1", "\u{1f600}": "2", a: "3", B: "4" }),
      '{"B":"4","a":"3","\uff5a":"1","\u{1f600}":"2"}',
    ],
    ["a pointer", goPointerTo(goIntValue(1)), "1"],
    ["a nil pointer", goNilPointer(goIntValue(0)), "null"],
    [
      "a type with its own form",
      goStructValue("time.Time", [], { json: '"2024-01-01T00:00:00Z"' }),
      '"2024-01-01T00:00:00Z"',
    ],
  ])("%s", (_name, value, expected) => {
    expect(marshalValue(value)).toBe(expected);
  });

  it("has a struct's fields in order, under their JSON names, without what is empty", () => {
    const platform = goStructValue("v1.Platform", [
      goField("Architecture", "architecture", goStringValue("")),
      goField("OS", "os,omitempty", goStringValue("")),
    ]);
    const value = goStructValue("main.Everything", [
      goField("Name", "", goStringValue("n")),
      goField("Plain", ",omitempty", goStringValue("p")),
      goEmbedded("Platform", platform),
      goField("Secret", "-", goStringValue("s")),
      goField("Off", "off,omitempty", goBoolValue(false)),
      goField("Zero", "zero,omitempty", goIntValue(0)),
      goField("Nothing", "nothing,omitempty", goFloatValue(0)),
      goField("List", "list,omitempty", goStringsValue([])),
      goField("Map", "map,omitempty", goMapValue(goNil, [])),
      goField("Data", "data,omitempty", goBytesValue(Buffer.alloc(0))),
      goField("Pointer", "pointer,omitempty", goNilPointer(platform)),
      goField("Struct", "struct,omitempty", platform),
      goAnyField("Any", "any,omitempty", goStringValue("")),
      goAnyField("Nil", "nil,omitempty", goNil),
      goField("Last", "last", goNilPointer(platform)),
    ]);
    expect(marshalValue(value)).toBe(
      '{"Name":"n","Plain":"p","architecture":"","struct":{"architecture":""},"any":"","last":null}',
    );
  });

  it("is laid out with two spaces", () => {
    const value = goAnyValue({ b: [1, { c: null }], a: {}, d: [] });
    expect(marshalIndented(value)).toBe(
      '{\n  "a": {},\n  "b": [\n    1,\n    {\n      "c": null\n    }\n  ],\n  "d": []\n}',
    );
  });

  it("is the JSON it was decoded from, but for the order of keys", () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (json) => {
        const text = marshalValue(goAnyValue(parseJson(Buffer.from(JSON.stringify(json)))));
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(json).toWellFormed()));
      }),
    );
  });
});

describe("decoded JSON", () => {
  it("has float64 for every number", () => {
    expect(
      marshalValue(goAnyValue(parseJson(Buffer.from("[123456789012345678, 1.0, 9007199254740993]")))),
    ).toBe("[123456789012345680,1,9007199254740992]");
  });

  it("is refused with a number that no float64 holds", () => {
    expect(() => goAnyValue(parseJson(Buffer.from("[1e400]")))).toThrow("a number in JSON is too large");
  });

  it("may have any key", () => {
    const value = goAnyValue(parseJson(Buffer.from('{"__proto__":1,"constructor":2,"":3}')));
    expect(marshalValue(value)).toBe('{"":3,"__proto__":1,"constructor":2}');
  });
});

describe("the name of a type", () => {
  it.each<[GoValue, string]>([
    [goNil, "interface {}"],
    [goStringsValue(), "[]string"],
    [goBytesValue(), "[]uint8"],
    [goStringMapValue(), "map[string]string"],
    [goMapValue(goNil), "map[string]interface {}"],
    [goSliceValue(goNil), "[]interface {}"],
    [goMapValue(goNilPointer(goStructValue("v1.Image", []))), "map[string]*v1.Image"],
  ])("%#: %s", (value, type) => {
    expect(value.type).toBe(type);
  });
});
