import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { concerns } from "./concerns.js";
import type { Concern } from "./faultCase.js";

const FILE = fileURLToPath(new URL("../../docs/faults.md", import.meta.url));
const [BEGIN, END] = ["<!-- cases -->", "<!-- end of cases -->"];

/** The tables of docs/faults.md. `UPDATE_DOCS=1` writes them. */
function tables(): string {
  const count = concerns.reduce((sum, { cases }) => sum + cases.length, 0);
  return [`${count} cases.`, ...concerns.map(table)].join("\n\n");
}

function table({ title, cases }: Concern): string {
  const rows = cases.map(({ server, client }) => `| ${cell(server)} | ${cell(client)} |`);
  return [
    `## ${title}`,
    "",
    "| A server, or something in front of it, … | and tsmanifest … |",
    "| --- | --- |",
    ...rows,
  ].join("\n");
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("_", "\\_");
}

test("docs/faults.md lists every case of the suite, and nothing else", () => {
  const document = readFileSync(FILE, "utf8");
  const [before = "", after = ""] = [document.split(BEGIN)[0], document.split(END)[1]];
  const expected = `${before}${BEGIN}\n\n${tables()}\n\n${END}${after}`;
  if (process.env["UPDATE_DOCS"] === "1") writeFileSync(FILE, expected);
  else expect(withoutLayout(document)).toBe(withoutLayout(expected));
});

/** prettier pads the columns of tables. */
function withoutLayout(text: string): string {
  return text.replaceAll(/ +/g, " ").replaceAll(/-{3,}/g, "---");
}

test("no two cases have the same name", () => {
  const names = concerns.flatMap(({ cases }) => cases.map(({ server, client }) => `${server}: ${client}`));
  expect(new Set(names).size).toBe(names.length);
});
