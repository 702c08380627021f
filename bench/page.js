// node bench/page.js: writes the chart and the tables of docs/performance.md anew from docs/performance.json.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chart } from "./chart.js";
import { scenarioTable } from "./table.js";

const [BEGIN, END] = ["<!-- figures -->", "<!-- end of figures -->"];

/** @param {string} name */
const file = (name) => fileURLToPath(new URL(`../docs/${name}`, import.meta.url));

/**
 * The page with the tables of a report in the place of those that it has. What was measured of tsmanifest alone, with flags, is left
 * to the text of the page.
 * @param {string} page
 * @param {import("./run.js").Report} report
 */
export function withFigures(page, { scenarios }) {
  const tables = scenarios
    .filter(({ scenario }) => scenario.flags === undefined)
    .map((measured) => scenarioTable(measured));
  const [before = "", after = ""] = [page.split(BEGIN)[0], page.split(END)[1]];
  return `${before}${BEGIN}\n\n${tables.join("\n\n")}\n\n${END}${after}`;
}

/** @returns {import("./run.js").Report} what docs/performance.json has */
export function recordedReport() {
  // eslint-disable-next-line @typescript-eslint/no-unsafe-return -- run.js has written it; a test compares what comes of it
  return JSON.parse(readFileSync(file("performance.json"), "utf8"));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const report = recordedReport();
  writeFileSync(file("performance.svg"), chart(report));
  writeFileSync(file("performance.md"), withFigures(readFileSync(file("performance.md"), "utf8"), report));
}
