import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compactJson } from "../../src/go/json.js";
import { elementsOf, joinElements, joinMembers, membersOf } from "../../src/go/jsonParts.js";

const compact = (value: unknown): Buffer => compactJson(Buffer.from(JSON.stringify(value)));

describe("JSON in parts", () => {
  it("keeps numbers, escapes and repeated keys as they are written", () => {
    const text = Buffer.from('{"a":1e2,"é\\u00e9":12345678901234567890,"a":"\\/","b":{"c":[1,{"d":"]}"}]}}');
    expect(membersOf(text).map(({ key, value }) => [key, value.toString()])).toEqual([
      ["a", "1e2"],
      ["éé", "12345678901234567890"],
      ["a", '"\\/"'],
      ["b", '{"c":[1,{"d":"]}"}]}'],
    ]);
  });

  it.each(["[]", "{}"])("finds nothing in %s", (text) => {
    expect(elementsOf(Buffer.from(text))).toEqual([]);
  });

  it("refuses more elements than it was told to expect", () => {
    expect(elementsOf(Buffer.from("[1,2]"), 2)).toHaveLength(2);
    expect(() => elementsOf(Buffer.from("[1,2,3]"), 2)).toThrow("more than 2 elements");
  });

  it("puts together again what it took apart", () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), (array) => {
        expect(joinElements(elementsOf(compact(array)))).toEqual(compact(array));
      }),
    );
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (object) => {
        expect(JSON.parse(joinMembers(membersOf(compact(object))).toString())).toEqual(
          JSON.parse(JSON.stringify(object)),
        );
      }),
    );
  });
});
