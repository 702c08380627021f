import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { code, plain, table } from "../../src/ui/markdown.js";

/** What a browser shows of it. */
function shown(markdown: string): string {
  return markdown.replace(/&#(\d+);/g, (_entity, number: string) => String.fromCodePoint(Number(number)));
}

describe("text of others in Markdown", () => {
  it.each([
    ["a | b", "a &#124; b"],
    ["`x`", "&#96;x&#96;"],
    ["<script>alert(1)</script>", "&#60;script&#62;alert&#40;1&#41;&#60;/script&#62;"],
    ["![x](https://evil.example)", "&#33;&#91;x&#93;&#40;https&#58;//evil.example&#41;"],
    ["www.evil.example", "www&#46;evil.example"],
    ["one\ntwo\r\n\n| three", "one two &#124; three"],
    [
      "&amp; @octocat #1 $x$ ~y~ *z* _w_ \\",
      "&#38;amp; &#64;octocat &#35;1 &#36;x&#36; &#126;y&#126; &#42;z&#42; &#95;w&#95; &#92;",
    ],
    ["\u001b[31mred\u202e", "&#92;u001b&#91;31mred&#92;u202e"],
    ["grün, 中文", "grün, 中文"],
  ])("%j", (text, expected) => {
    expect(plain(text)).toBe(expected);
  });

  it("is shown as it is, and has no markup", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(..."ab|`<>&[]()!*_~#@$\\:/.w;-=+{}\"'^".split("")) }),
        (text) => {
          const markdown = plain(text);
          expect(shown(markdown)).toBe(text.trim());
          expect(markdown.replace(/&#\d+;/g, "")).toMatch(/^[a-z:/.;-]*$/);
          expect(markdown).not.toMatch(/:\/\/|www\./);
        },
      ),
    );
  });

  it("is cut where it is very long", () => {
    expect(plain("a".repeat(10_000))).toBe(`${"a".repeat(500)}&#8230;`);
  });

  it("has a table with no more than 500 rows", () => {
    const text = table(
      [{ title: "Number" }],
      Array.from({ length: 502 }, (_, index) => [`${index + 1}`]),
    );
    expect(text).toMatch(/\n\| 500 \|\n\nAnd 2 more\.\n$/);
  });

  it("stays in the cell of a table", () => {
    const cells = ["a | b\nc", "<td>", "`|`"];
    const text = table(
      [{ title: "One" }, { title: "Two", isNumeric: true }, { title: "Three" }],
      [cells.map(code)],
    );
    const lines = text.split("\n");
    expect(lines.slice(0, 2)).toEqual(["| One | Two | Three |", "| --- | ---: | --- |"]);
    expect(lines[2]?.match(/\|/g)).toHaveLength(4);
    expect(lines).toHaveLength(4);
  });
});
