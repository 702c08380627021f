// npm run bench: compares tsmanifest with every peer on this machine. bench/README.md says how and what for.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, release, tmpdir, type } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { barsTable, evaluate } from "./bars.js";
import { makeCertificate } from "./certificate.js";
import { chart } from "./chart.js";
import { measure } from "./measure.js";
import { enterNamespace, outerAddress } from "./namespace.js";
import { readOptions } from "./options.js";
import { publish, writeWhole } from "./page.js";
import { environment, peersHere } from "./peers.js";
import { chosen, FULL, QUICK, titleOf } from "./scenarios.js";
import { measureStartup } from "./startup.js";
import { reportTables } from "./table.js";
import { createTrials } from "./trials.js";

/** @typedef {import("./trials.js").Measured} Measured */

/**
 * What a run has found out.
 * @typedef {object} Report
 * @property {string} measured the day
 * @property {string} machine
 * @property {Record<string, string>} peers their versions
 * @property {import("./startup.js").Startup[]} startup
 * @property {Measured[]} scenarios
 */

/** After so long, a run of everything has no time for more than one run each, and at last for nothing more. */
const [LATE_MS, OVER_MS] = [13 * 60_000, 17 * 60_000];

const values = readOptions(process.argv.slice(2));
enterNamespace();

const begun = performance.now();
const folder = mkdtempSync(join(tmpdir(), "bench-"));
const outer = outerAddress();
const certificate = makeCertificate(folder, outer ?? "127.0.0.1");
const peers = peersHere().filter(({ name }) => name === "tsmanifest" || name.includes(values.peers));
const trials = createTrials({
  ...{ folder, certificate, outer, peers },
  pace: {
    budgetMs: values.quick ? 2_000 : 4_500,
    limitMs: values.quick ? 25_000 : 60_000,
    isLate: () => hasTaken(LATE_MS),
  },
});

try {
  const machine = `${cpus().length} processors, ${type()} ${release().split("-")[0] ?? ""}, Node ${process.version}`;
  console.log(`${machine}\n${peers.map(({ name, said }) => `${name} ${said}`).join(", ")}`);
  if (outer === undefined) console.log("no network of our own: docker is left out of HTTPS");

  const startup = values.only === "" || values.only === "startup" ? await startupOrNone() : [];
  /** @type {Measured[]} */
  const scenarios = [];
  for (const scenario of chosen(values.quick ? QUICK : FULL, values.only)) {
    if (hasTaken(OVER_MS)) {
      console.log(`\n${titleOf(scenario)}: left out: there is no time`);
      continue;
    }
    console.log(`\n${titleOf(scenario)} (${((performance.now() - begun) / 1000).toFixed(0)} s so far)`);
    const measured = await trials.measureScenario(scenario);
    for (const { peer, ms, fault } of measured.rows) {
      console.log(
        `  ${peer}: ${ms === undefined ? `left out: ${fault ?? ""}` : `${ms.median.toFixed(0)} ms`}`,
      );
    }
    scenarios.push(measured);
  }
  const versions = Object.fromEntries(peers.map(({ name, said }) => [name, said]));
  const measured = new Date().toISOString().slice(0, 10);
  /** @type {Report} */
  const report = { measured, machine, peers: versions, startup, scenarios };
  const bars = evaluate(report).length === 0 ? "" : `\n### Bars\n\n${barsTable(report)}\n`;
  const tables = `${reportTables(report)}${bars}`;
  console.log(`\n${tables}`);
  const results = fileURLToPath(new URL("results", import.meta.url));
  mkdirSync(results, { recursive: true });
  const pace = values.quick ? "quick" : "full";
  writeWhole([
    [join(results, `${pace}.json`), `${JSON.stringify(report, undefined, 2)}\n`],
    [join(results, `${pace}.md`), tables],
    [join(results, `${pace}.svg`), chart(report)],
  ]);
  console.log(`written to bench/results/${pace}.{json,md,svg}`);
  if (values.publish) {
    await publish(report);
    console.log("written to docs/performance.{json,md,svg}");
  }
} finally {
  await trials.close();
  rmSync(folder, { recursive: true, force: true });
}

/**
 * Has a run of everything taken so long?
 * @param {number} ms
 */
function hasTaken(ms) {
  return values.only === "" && performance.now() - begun > ms;
}

/** What goes wrong is told, and keeps nothing else from being measured. */
async function startupOrNone() {
  try {
    return await startupOfCommands();
  } catch (error) {
    console.log(`start-up: left out: ${error instanceof Error ? error.message : String(error)}`);
    return [];
  }
}

/** The commands work on copies of a list of five. */
async function startupOfCommands() {
  const lab = await trials.labFor("http", false);
  const job = await lab.newJob({ children: 5, blobs: 4 });
  const [create = []] = peers[0]?.prepare?.(job) ?? [];
  const { fault } = await measure(create, { env: environment(job), folder: job.folder, timeoutMs: 60_000 });
  if (fault !== "") throw new Error(fault);
  return measureStartup(job, values.quick ? 10 : 30);
}
