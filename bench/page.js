// node bench/page.js: writes the chart and the generated parts of docs/performance.md anew from docs/performance.json.
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { format, resolveConfig } from "prettier";
import { chart } from "./chart.js";
import { SECTIONS } from "./sections.js";

/** @typedef {import("./run.js").Report} Report */

/** @param {string} name */
const file = (name) => fileURLToPath(new URL(`../docs/${name}`, import.meta.url));

/**
 * The page with what a report says between its marks: `<!-- memory -->` and `<!-- end of memory -->` for the part of that name.
 * @param {string} page
 * @param {Report} report
 * @throws an Error when a part has no place in the page
 */
export function withFigures(page, report) {
  return Object.entries(SECTIONS).reduce((text, [name, write]) => {
    const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
    const [before = "", rest] = text.split(begin);
    const after = rest?.split(end)[1];
    if (after === undefined) throw new Error(`docs/performance.md has no ${begin} … ${end}`);
    return `${before}${begin}\n\n${write(report)}\n\n${end}${after}`;
  }, page);
}

/** @returns {Report} what docs/performance.json has */
export function recordedReport() {
  // eslint-disable-next-line @typescript-eslint/no-unsafe-return -- run.js has written it; a test compares what comes of it
  return JSON.parse(readFileSync(file("performance.json"), "utf8"));
}

/**
 * Writes docs/performance.json, .md and .svg: all of them, or none where one cannot be made.
 * @param {Report} report
 */
export async function publish(report) {
  const page = withFigures(readFileSync(file("performance.md"), "utf8"), report);
  writeWhole([
    [file("performance.json"), await formatted("performance.json", JSON.stringify(report))],
    [file("performance.md"), await formatted("performance.md", page)],
    [file("performance.svg"), chart(report)],
  ]);
}

/**
 * @param {string} name
 * @param {string} text
 */
async function formatted(name, text) {
  const filepath = file(name);
  return format(text, { ...(await resolveConfig(filepath)), filepath });
}

/**
 * Nobody sees half a file, and nothing is replaced before all is written.
 * @param {readonly (readonly [string, string])[]} files name and content
 */
export function writeWhole(files) {
  try {
    for (const [name, content] of files) writeFileSync(`${name}.new`, content);
    for (const [name] of files) renameSync(`${name}.new`, name);
  } finally {
    for (const [name] of files) rmSync(`${name}.new`, { force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await publish(recordedReport());
