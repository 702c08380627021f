import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cutText, displayWidth, fittingText } from "../../../src/ui/terminal/width.js";

describe("how wide a text is on a terminal", () => {
  it.each([
    ["", 0],
    ["app", 3],
    ["übung", 5],
    ["u\u0308bung", 5],
    ["应用", 4],
    ["アプリ", 6],
    ["앱", 2],
    ["🚀", 2],
    // Four people with joiners: where a terminal does not join them, they take two columns each.
    ["👨‍👩‍👧‍👦", 8],
    ["🇩🇪", 2],
  ])("%s", (text, width) => {
    expect(displayWidth(text)).toBe(width);
  });
});

describe("a text that is cut", () => {
  it.each([
    ["app", 3, "app"],
    ["application", 5, "appl…"],
    ["应用程序", 8, "应用程序"],
    ["应用程序", 7, "应用程…"],
    // Half of a character is not shown.
    ["应用程序", 6, "应用…"],
    ["e\u0301e\u0301e\u0301", 2, "e\u0301…"],
    ["👨‍👩‍👧‍👦 family", 9, "👨‍👩‍👧‍👦…"],
    ["👨‍👩‍👧‍👦 family", 8, "…"],
    ["app", 1, "…"],
    ["app", 0, ""],
  ])("%s in %i columns", (text, columns, cut) => {
    expect(cutText(text, columns)).toBe(cut);
  });

  it("ends in dots where that is all that is shown", () => {
    expect(cutText("application", 5, "...")).toBe("ap...");
    expect(cutText("application", 2, "...")).toBe("");
  });

  it("is never wider than its room, whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.nat(40), (text, columns) => {
        expect(displayWidth(cutText(text, columns))).toBeLessThanOrEqual(columns);
        expect(text.startsWith(fittingText(text, columns))).toBe(true);
      }),
    );
  });
});
