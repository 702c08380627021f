import { describe, expect, it } from "vitest";
import type { Entry } from "../../src/list/entry.js";
import { assignFiles } from "../../src/store/files.js";
import { entryOf } from "../helpers/entries.js";
import { asVariant } from "./place.js";

const A = "x.example_a-latest";
const [a6, a7, a8, other] = [
  asVariant(entryOf("x.example/a"), "v6"),
  asVariant(entryOf("x.example/a"), "v7"),
  asVariant(entryOf("x.example/a"), "v8"),
  entryOf("x.example/other"),
];
const copy = (entry: Entry): Entry => ({ ...entry });
const changed = (entry: Entry): Entry => ({
  ...entry,
  descriptor: { ...entry.descriptor, annotations: { changed: "yes" } },
});

/** What is stored, by file name; the draft; which of its entries, by number, is in which file. */
const cases: readonly [name: string, Record<string, Entry>, readonly Entry[], Record<string, number>][] = [
  ["new images have docker's names", {}, [other, a6], { "x.example_other-latest": 0, [A]: 1 }],
  [
    "one image for three platforms has numbers behind docker's name",
    {},
    [a7, a6, a8],
    { [A]: 0, [`${A}+2`]: 1, [`${A}+3`]: 2 },
  ],
  ["what is as it was stays", { [A]: a6, [`${A}+2`]: a7 }, [a7, a6], { [`${A}+2`]: 0, [A]: 1 }],
  ["what is equal stays, too", { [A]: a6, [`${A}+2`]: a7 }, [copy(a7), a6], { [`${A}+2`]: 0, [A]: 1 }],
  [
    "what is changed keeps its file",
    { [A]: a6, [`${A}+2`]: a7 },
    [a6, changed(a7)],
    { [A]: 0, [`${A}+2`]: 1 },
  ],
  [
    "the first that is changed keeps its file",
    { [A]: a6, [`${A}+2`]: a7 },
    [changed(a6), a7],
    { [A]: 0, [`${A}+2`]: 1 },
  ],
  ["a further platform gets the next number", { [A]: a6 }, [a6, a7], { [A]: 0, [`${A}+2`]: 1 }],
  [
    "a number that is free is used again",
    { [A]: a6, [`${A}+3`]: a8 },
    [a6, a8, a7],
    { [A]: 0, [`${A}+3`]: 1, [`${A}+2`]: 2 },
  ],
  ["when the first is removed, another has docker's name", { [A]: a6, [`${A}+2`]: a7 }, [a7], { [A]: 0 }],
  [
    "when one in the middle is removed, the last takes its place",
    { [A]: a6, [`${A}+2`]: a7, [`${A}+3`]: a8 },
    [a6, a8],
    { [A]: 0, [`${A}+2`]: 1 },
  ],
  [
    "a replaced and a removed one leave docker's name in use",
    { [A]: a6, [`${A}+2`]: a7 },
    [changed(a8)],
    { [A]: 0 },
  ],
  [
    "a name made by hand stays with what it is for",
    { "by-hand": a6 },
    [a6, other],
    { "by-hand": 0, "x.example_other-latest": 1 },
  ],
  [
    "a name made by hand stays when its entry is changed in place",
    { "by-hand": a6 },
    [changed(a6)],
    { "by-hand": 0 },
  ],
  ["beside a name made by hand there is docker's", { "by-hand": a6 }, [a6, a7], { "by-hand": 0, [A]: 1 }],
  ["a name made by hand takes none of docker's", { [A]: a6, "by-hand": a7 }, [changed(a8)], { [A]: 0 }],
  [
    "what looks like a number and is none is a name made by hand",
    { [`${A}+1`]: a6 },
    [a6, a7],
    { [`${A}+1`]: 0, [A]: 1 },
  ],
  ["a name whose image is removed is free for another", { [A]: other }, [a6], { [A]: 0 }],
];

describe("the files of a draft", () => {
  it.each(cases)("%s", (_name, stored, draft, expected) => {
    const files = assignFiles(
      Object.entries(stored).map(([name, entry]) => ({ name, entry })),
      draft,
    );
    expect(Object.fromEntries([...files].map(([name, entry]) => [name, draft.indexOf(entry)]))).toEqual(
      expected,
    );
  });

  it("are refused where two images have one, and both are named", () => {
    const message = "x.example/a_b:1 and x.example/a/b:1 have the same file name in the list";
    const twins = [entryOf("x.example/a/b:1"), entryOf("x.example/a_b:1")];
    expect(() => assignFiles([], twins)).toThrow(message);
    // By hand, too.
    expect(() => assignFiles([{ name: A, entry: other }], [other, a6])).toThrow("have the same file name");
    expect(() => assignFiles([{ name: A, entry: other }], [a6, other])).toThrow("have the same file name");
  });

  it("are found fast where one image stands for a thousand platforms", () => {
    const many = Array.from({ length: 1000 }, (_, index) => asVariant(a6, `v${index}`));
    const files = assignFiles([], many);
    expect([...files.keys()].at(-1)).toBe(`${A}+1000`);
    const stored = [...files].map(([name, entry]) => ({ name, entry }));
    expect([...assignFiles(stored, many.map(copy)).keys()]).toEqual([...files.keys()]);
  });
});
