// npm run bench: compares tsmanifest with every peer on this machine. bench/README.md says how and what for.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir, type } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeCertificate } from "./certificate.js";
import { chart } from "./chart.js";
import { openLab } from "./lab.js";
import { measure } from "./measure.js";
import { enterNamespace, outerAddress } from "./namespace.js";
import { readOptions } from "./options.js";
import { commandFor, environment, peersHere } from "./peers.js";
import { FULL, QUICK, titleOf } from "./scenarios.js";
import { measureStartup } from "./startup.js";
import { spread } from "./stats.js";
import { reportTables } from "./table.js";

/** @typedef {import("./lab.js").Lab} Lab */
/** @typedef {import("./lab.js").Result} Result */
/** @typedef {import("./peers.js").Peer} Peer */
/** @typedef {import("./scenarios.js").Scenario} Scenario */

/**
 * What one peer did in one scenario.
 * @typedef {object} Row
 * @property {string} peer
 * @property {import("./stats.js").Spread} [ms]
 * @property {number} [peakMiB]
 * @property {number} [requests]
 * @property {number} [levels]
 * @property {number} [connections]
 * @property {number} [bytes]
 * @property {string} [fault] why there is nothing, or that it was stopped
 */
/** @typedef {{ title: string, registry: string, scenario: Scenario, rows: Row[] }} Measured */
/** @typedef {{ measured: string, machine: string, peers: Record<string, string>, startup: import("./startup.js").Startup[], scenarios: Measured[] }} Report */

/** A peer that takes longer is not run again, or not waited for. */
const BUDGET_MS = { quick: 2_000, full: 10_000 };
const LIMIT_MS = { quick: 25_000, full: 60_000 };
/** … but of many lists, where every peer takes long. */
const LISTS_LIMIT_MS = 600_000;

const values = readOptions(process.argv.slice(2));
enterNamespace();

const pace = values.quick ? "quick" : "full";
const folder = mkdtempSync(join(tmpdir(), "bench-"));
const outer = outerAddress();
const certificate = makeCertificate(folder, outer ?? "127.0.0.1");
const peers = peersHere().filter(({ name }) => name.startsWith("tsmanifest") || name.includes(values.peers));
/** @type {Map<string, Lab>} */
const labs = new Map();

try {
  const machine = `${cpus().length} processors, ${type()} ${release().split("-")[0] ?? ""}, Node ${process.version}`;
  console.log(`${machine}\n${peers.map(({ name, said }) => `${name} (${said})`).join(", ")}`);
  if (outer === undefined) console.log("no network of our own: docker is left out of HTTPS");

  const startup = values.only === "" || values.only === "startup" ? await startupOfCommands() : [];
  /** @type {Measured[]} */
  const scenarios = [];
  for (const scenario of values.quick ? QUICK : FULL) {
    if (!titleOf(scenario).includes(values.only)) continue;
    scenarios.push(await measureScenario(scenario));
  }
  const said = Object.fromEntries(peers.map(({ name, said }) => [name, said]));
  const measured = new Date().toISOString().slice(0, 10);
  const report = { measured, machine, peers: said, startup, scenarios };
  const tables = reportTables(report);
  console.log(`\n${tables}`);
  const results = fileURLToPath(new URL("results", import.meta.url));
  mkdirSync(results, { recursive: true });
  writeFileSync(join(results, `${pace}.json`), `${JSON.stringify(report, undefined, 2)}\n`);
  writeFileSync(join(results, `${pace}.md`), tables);
  writeFileSync(join(results, `${pace}.svg`), chart(report));
  console.log(`written to bench/results/${pace}.{json,md,svg}`);
} finally {
  for (const lab of labs.values()) await lab.close();
  rmSync(folder, { recursive: true, force: true });
}

/**
 * @param {import("./registries.js").Protocol} protocol
 * @param {boolean} counting
 */
async function labFor(protocol, counting) {
  const name = `${protocol} ${counting && protocol === "http"}`;
  // HTTPS to loopback is what docker cannot do; plain HTTP to another address is what it has to be talked into.
  const address = protocol === "http" ? "127.0.0.1" : (outer ?? "127.0.0.1");
  const lab = labs.get(name) ?? (await openLab({ folder, protocol, address, certificate, counting }));
  labs.set(name, lab);
  return lab;
}

/**
 * @param {Scenario} scenario
 * @returns {Promise<Measured>}
 */
async function measureScenario(scenario) {
  const title = titleOf(scenario);
  console.log(`\n${title}`);
  const lab = await labFor(scenario.protocol, scenario.lists !== undefined);
  const taking = peers.filter((peer) => canTake(peer, scenario));
  /** @type {Map<Peer, Result[]>} */
  const results = new Map(taking.map((peer) => [peer, []]));
  /** @type {Map<Peer, string>} */
  const faults = new Map();
  for (let round = 0; round < scenario.rounds; round++) {
    for (const [peer, sofar] of results) {
      const spent = sofar.reduce((sum, { ms }) => sum + ms, 0);
      const isEnough = round > 0 && spent > BUDGET_MS[pace] && scenario.lists === undefined;
      if (faults.has(peer) || isEnough) continue;
      const result = await attempt(lab, peer, scenario);
      if ("fault" in result && result.fault !== "") faults.set(peer, result.fault);
      else sofar.push(result);
    }
  }
  /** @type {Row[]} */
  const rows = [];
  for (const [peer, runs] of results) {
    const counted = await countedRun(peer, scenario, runs);
    const name = commandFor(peer, scenario.act)?.name ?? peer.name;
    const row = rowOf(name, runs, counted, faults.get(peer));
    console.log(
      `  ${row.peer}: ${row.ms === undefined ? (row.fault ?? "") : `${row.ms.median.toFixed(0)} ms`}`,
    );
    rows.push(row);
  }
  return { title, registry: lab.registry, scenario, rows };
}

/**
 * @param {Peer} peer
 * @param {Scenario} scenario
 */
function canTake(peer, { protocol, act, oursOnly }) {
  if (commandFor(peer, act) === undefined) return false;
  if (peer.name.startsWith("docker") && protocol !== "http" && outer === undefined) return false;
  return oursOnly !== true || peer.name.startsWith("tsmanifest");
}

/**
 * @param {Lab} lab
 * @param {Peer} peer
 * @param {Scenario} scenario
 * @returns {Promise<Result>}
 */
async function attempt(lab, peer, scenario) {
  const limitMs = scenario.lists === undefined ? LIMIT_MS[pace] : LISTS_LIMIT_MS;
  try {
    const result = await lab.run(peer, { ...scenario, limitMs });
    return result.timedOut ? { ...result, fault: `stopped after ${limitMs / 1000} s` } : result;
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error);
    return { ms: 0, peakKiB: 0, timedOut: false, fault, connections: 0, bytes: 0 };
  }
}

/**
 * A run against the registry that counts, where the one that was timed does not.
 * @param {Peer} peer
 * @param {Scenario} scenario
 * @param {readonly Result[]} runs
 */
async function countedRun(peer, scenario, runs) {
  const last = runs.at(-1);
  if (last === undefined || last.requests !== undefined || scenario.rtt === 0) return last;
  if (last.ms > BUDGET_MS[pace]) return last;
  const counted = await attempt(await labFor(scenario.protocol, true), peer, scenario);
  return counted.fault === "" ? counted : last;
}

/**
 * @param {string} peer
 * @param {readonly Result[]} runs
 * @param {Result | undefined} counted
 * @param {string | undefined} fault
 * @returns {Row}
 */
function rowOf(peer, runs, counted, fault) {
  if (counted === undefined) return { peer, fault: fault?.trim().split("\n").at(-1) ?? "not run" };
  const { requests, levels } = counted;
  return {
    peer,
    ms: spread(runs.map(({ ms }) => ms)),
    peakMiB: Math.max(...runs.map(({ peakKiB }) => peakKiB)) / 1024,
    connections: Math.max(...runs.map(({ connections }) => connections)),
    bytes: Math.max(...runs.map(({ bytes }) => bytes)),
    ...(requests !== undefined && { requests }),
    ...(levels !== undefined && { levels }),
  };
}

/** The commands work on copies of a list of five. */
async function startupOfCommands() {
  const lab = await labFor("http", false);
  const job = await lab.newJob({ children: 5, blobs: 4 });
  const [create = []] = peers[0]?.prepare?.(job) ?? [];
  const { fault } = await measure(create, { env: environment(job), folder: job.folder, timeoutMs: 60_000 });
  if (fault !== "") throw new Error(fault);
  return measureStartup(job, values.quick ? 10 : 40);
}
