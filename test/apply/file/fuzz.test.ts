import fc from "fast-check";
import { expect, it } from "vitest";
import type { FileOrder } from "../../../src/apply/file/fileOrder.js";
import { ManifestError } from "../../../src/errors.js";
import { FUZZ_TIMEOUT_MS } from "../../helpers/fuzz.js";
import { listsOf, readText } from "./listFiles.js";

const RUNS = Number(process.env["FUZZ_RUNS"] ?? 300);

/** What makes up files of lists, and what else YAML has. */
const PARTS = [
  ...[
    "version: 1",
    "lists:",
    "- ",
    "  - ",
    "    ",
    "\n",
    "\n",
    "\n  ",
    "target: a",
    "sources: [b]",
    "sources:",
    "tags: [x]",
  ],
  ...[
    "defaults:",
    "{",
    "}",
    "[",
    "]",
    ", ",
    ": ",
    "&a ",
    "*a",
    "<<: *a",
    "!!str ",
    "!x ",
    '"',
    "'",
    "|\n",
    ">-\n",
    "# c",
    "---\n",
  ],
  ...[
    "...\n",
    "%YAML 1.2\n",
    "\t",
    "\r\n",
    "${A}",
    "${B:-c}",
    "$${",
    "${",
    "? ",
    "image: a",
    "manifests:",
    "platform: {os: linux}",
  ],
  ...[
    "template: x-{os}-{arch}",
    "platforms: [linux/amd64]",
    "expect: linux/arm64",
    "\0",
    "\u2028",
    "é",
    "𝒳",
    "~",
    "null",
    "0x1",
    "1.10",
  ],
  ...[
    "__proto__: 1",
    "constructor: 1",
    "x-y: ",
    "lists: [",
    '{"version":1,"lists":[{"target":"a","sources":["b"]}]}',
  ],
];
const structured = fc
  .array(fc.constantFrom(...PARTS), { maxLength: 60 })
  .map((parts) => Buffer.from(parts.join("")));
const mutated = fc.tuple(fc.nat(400), fc.nat(20), fc.constantFrom(...PARTS)).map(([at, length, part]) => {
  const text = `x: 1\n${listsOf("target: a\ntags: [b, c]\nsources:\n  - d\n  - { image: e, platform: linux/arm64 }\nannotations: { f: g }", "target: h\ntemplate: i:{arch}\nplatforms: [linux/amd64]")}`;
  return Buffer.from(text.slice(0, at) + part + text.slice(at + length));
});
const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc.string({ unit: "binary", maxLength: 200 }).map((text) => Buffer.from(text)),
);

it(
  "whatever is in a file, it is read, or its faults are told at places that are in it",
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(structured, mutated, anyBytes), async (bytes) => {
        const start = performance.now();
        const faults = await faultsOf(bytes);
        expect(performance.now() - start).toBeLessThan(2_000);
        const lines = bytes
          .toString("utf8")
          .replace(/^\uFEFF/, "")
          .split("\n");
        for (const fault of faults) {
          const [, line, column] = /^-:(\d+):(\d+): \S/.exec(fault) ?? [];
          if (line === undefined) expect(fault).toMatch(/^-: \S|^and \d+ more$/);
          else {
            expect(Number(line)).toBeGreaterThanOrEqual(1);
            expect(Number(line)).toBeLessThanOrEqual(lines.length);
            expect(Number(column)).toBeGreaterThanOrEqual(1);
            expect(Number(column)).toBeLessThanOrEqual(lines[Number(line) - 1]!.length + 1);
          }
        }
      }),
      { numRuns: RUNS },
    );
  },
  FUZZ_TIMEOUT_MS,
);

async function faultsOf(bytes: Buffer): Promise<readonly string[]> {
  try {
    await readText(bytes, { A: "v" });
    return [];
  } catch (error) {
    if (error instanceof ManifestError && error.code === "INVALID_FILE") return error.message.split("\n");
    throw error;
  }
}

const name = fc.stringMatching(/^[a-z]{1,8}$/);
const value = fc.oneof(
  name,
  fc.constantFrom(
    '"quoted: [x"',
    "'it''s # not'",
    "# not a comment?",
    "|\n        - block\n        - scalar\n",
    "plain - dash",
  ),
);
const anyList = fc.record({
  target: name,
  sources: fc.array(name, { minLength: 1, maxLength: 3 }),
  note: value,
  isFlow: fc.boolean(),
});

it("a list is the same, read by itself or with all others at once", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyList, { minLength: 1, maxLength: 6 }),
      fc.constantFrom("", "  "),
      fc.boolean(),
      async (lists, indent, isFlow) => {
        const texts = lists.map(({ target, sources, note }, at) => {
          const text = note.startsWith("#") || note.includes("\n") ? JSON.stringify(note) : note;
          if (isFlow)
            return `{ target: ${target}${at}, sources: [${sources.join(", ")}], annotations: { a: ${JSON.stringify(note)} } }`;
          const annotation = note.startsWith("|") ? note : text;
          return `${indent}- target: ${target}${at}\n${indent}  sources: [${sources.join(", ")}]\n${indent}  # - a comment\n${indent}  annotations:\n${indent}    a: ${annotation}\n`;
        });
        const items = isFlow ? ` [${texts.join(", # ]\n ")}]\n` : `\n${texts.join("")}`;
        const text = (anchor: string): string =>
          `version: 1\nlists:${anchor}${items}defaults: { retries: 2 }\n`;
        const [apart, whole] = await Promise.all([readText(text("")), readText(text(" &all"))]);
        expect(apart.map(withoutColumn)).toEqual(whole.map(withoutColumn));
        expect(apart).toHaveLength(lists.length);
      },
    ),
    { numRuns: Math.min(RUNS, 300) },
  );
});

/** In brackets, an anchor before them moves what follows in that line. */
function withoutColumn({ at, ...order }: FileOrder): unknown {
  return { ...order, line: at.line };
}
