import { describe, expect, it } from "vitest";
import { alignColumns } from "../../src/go/tabwriter.js";

describe("columns as Go's tabwriter lays them out", () => {
  it.each([
    ["nothing", "", ""],
    ["one line", "Name:\tx\n", "Name: x\n"],
    ["lines of one width", "a:\t1\nlong:\t2\n", "a:    1\nlong: 2\n"],
    ["a cell without anything in it", "\t\nManifests:\t\n", "           \nManifests: \n"],
    ["a line without a cell, which ends the column", "a\tx\nplain\nlonger\ty\n", "a x\nplain\nlonger y\n"],
    ["columns beside each other", "a\tb\tc\naa\tbb\tcc\n", "a  b  c\naa bb cc\n"],
    ["a column that only some lines have", "a\tb\tc\naa\td\naaa\tbbb\te\n", "a   b c\naa  d\naaa bbb e\n"],
    ["characters that take more than one byte", "é\u{1f680}\tx\nabc\ty\n", "é\u{1f680}  x\nabc y\n"],
    ["vertical tabs and form feeds", "a\u000bb\flonger\tc\n", "a b\nlonger c\n"],
    ["half a character", "\ud800\tx\n", "\ufffd x\n"],
  ])("%s", (_, text, laidOut) => {
    expect(alignColumns(text)).toBe(laidOut);
  });
});
