import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { playTrouble, troubles } from "./troubles.js";

/** docs/troubleshooting.md has the words of the program, and every code of an error. */

const read = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), "utf8");
const page = read("docs/troubleshooting.md");

/** What the page says below a heading. */
interface Section {
  readonly heading: string;
  /** The messages, with `<words>` in place of what differs from one time to the next. */
  readonly messages: readonly string[];
  readonly codes: readonly string[];
}

const sections = page
  .split(/^### /m)
  .slice(1)
  .map((text): Section => {
    const [heading = "", ...rest] = text.split(/^## /m)[0]?.split("\n") ?? [];
    const body = rest.join("\n");
    return {
      heading,
      messages: [...body.matchAll(/^```text\n(.*?)^```$/gms)].map(([, message = ""]) => message),
      codes: [...(/^Codes? (.*?)\./m.exec(body)?.[1] ?? "").matchAll(/`([A-Z_]+)`/g)].map(
        ([, code = ""]) => code,
      ),
    };
  });

/** A message of the page as a pattern. How columns are padded depends on the names. */
function pattern(message: string): RegExp {
  const escaped = message.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
  const text = escaped.replaceAll(/<[a-z]+>/g, String.raw`\S(?:[^\n]*\S)?`).replaceAll(/ {2,}/g, " {2,}");
  return new RegExp(`^${text}$`);
}

describe("a message of the page is what the program prints:", () => {
  const headings = new Set(troubles.map(({ heading }) => heading));

  it.each([...headings])("%s", async (heading) => {
    const section = sections.find((one) => one.heading === heading);
    const unseen = new Set(section?.messages);
    for (const trouble of troubles.filter((one) => one.heading === heading)) {
      const { stderr, code, status } = await playTrouble(trouble);
      const message = section?.messages.find((one) => pattern(one).test(stderr));
      expect(message, `is not on the page: ${stderr}`).toBeDefined();
      unseen.delete(message ?? "");
      expect(status).not.toBe(0);
      if (section?.codes.length !== 0) expect(section?.codes).toContain(code);
    }
    expect([...unseen]).toEqual([]);
  });

  it("and none is there that is not tried", () => {
    expect(sections.map(({ heading }) => heading).filter((heading) => !headings.has(heading))).toEqual([]);
  });
});

describe("a message of the page says what to do", () => {
  /** What somebody is told to do where that is in the same line. */
  const ADVICE = /; (?:pass|leave out|name|put)|: (?:put|did you mean) /;

  it.each(
    sections.flatMap(({ heading, messages }) => messages.map((message) => [heading, message] as const)),
  )("%s, %#", (_, message) => {
    const lines = message.split("\n").filter((line) => line !== "");
    // What scripts look for is one line that names the file.
    if (message.startsWith("<file>: invalid JSON")) return;
    if (lines.length < 2) expect(message).toMatch(ADVICE);
  });
});

describe("the table of all codes", () => {
  const rows = [...page.matchAll(/^\| `([A-Z_]+)` +\| (.*?) +\| (.*?) *\|$/gm)].map(
    ([, code = "", , more = ""]) => ({ code, more }),
  );

  it("has every code of an error, and those of an interruption and of a fault of the program", () => {
    const codes = [...read("src/errors.ts").matchAll(/^ {2}\| "([A-Z_]+)"/gm)].map(([, code = ""]) => code);
    expect(codes.length).toBeGreaterThan(30);
    expect(rows.map(({ code }) => code)).toEqual([...codes, "INTERRUPTED", "INTERNAL"]);
  });

  it("leads to a section that shows the code", () => {
    for (const { code, more } of rows.filter((row) => row.more.startsWith("[here]"))) {
      const [, anchor = ""] = /#(.*)\)/.exec(more) ?? [];
      const section = sections.find(({ heading }) => anchorOf(heading) === anchor);
      if (section !== undefined) expect(section.codes, code).toContain(code);
      else expect(page).toMatch(new RegExp(`^## ${anchor.replaceAll("-", "[ -]")}$`, "im"));
    }
  });
});

/** As GitHub makes it. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");
}
