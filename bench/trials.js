// Every peer in one scenario, turn by turn.
import { openLab } from "./lab.js";
import { commandsFor } from "./peers.js";
import { isBounded } from "./protocols.js";
import { titleOf } from "./scenarios.js";
import { median, spread } from "./stats.js";

/** @typedef {import("./lab.js").Lab} Lab */
/** @typedef {import("./lab.js").Result} Result */
/** @typedef {import("./peers.js").Peer} Peer */
/** @typedef {import("./peers.js").CommandLine} CommandLine */
/** @typedef {import("./protocols.js").Protocol} Protocol */
/** @typedef {import("./scenarios.js").Scenario} Scenario */

/**
 * What one peer did in one scenario, by one command.
 * @typedef {object} Row
 * @property {string} peer
 * @property {boolean} [readsSources] its push finds its sources first
 * @property {import("./stats.js").Spread} [ms]
 * @property {number} [peakMiB] median
 * @property {number} [cpuMs] median
 * @property {number} [requests]
 * @property {number} [levels]
 * @property {number} [connections]
 * @property {number} [bytes]
 * @property {number} [refused] requests answered 429, at most, where the registry does that
 * @property {string} [fault] why there is nothing, or that it was stopped
 */
/** @typedef {{ title: string, registry: string, scenario: Scenario, rows: Row[] }} Measured */

/** Who runs a scenario, and by what command. @typedef {{ peer: Peer, command: CommandLine }} Runner */

/**
 * @typedef {object} Pace
 * @property {number} budgetMs a command that has taken longer is not run again
 * @property {number} limitMs a command that takes longer is stopped
 * @property {() => boolean} isLate is there no time for more than one run each?
 */

/** Many lists take everybody long. */
const LISTS_LIMIT_MS = 600_000;
/** A run that is slower is counted in one without latency, where levels cannot be told. */
const COUNTED_MS = 4_000;

/**
 * @param {object} options
 * @param {string} options.folder
 * @param {{ key: string, cert: string }} options.certificate
 * @param {string | undefined} options.outer an address of this machine that is not loopback
 * @param {readonly Peer[]} options.peers
 * @param {Pace} options.pace
 */
export function createTrials({ folder, certificate, outer, peers, pace }) {
  /** @type {Map<string, Lab>} */
  const labs = new Map();

  /**
   * @param {Protocol} protocol
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
    const lab = await labFor(scenario.protocol, scenario.lists !== undefined);
    const runners = peers
      .filter((peer) => canTake(peer, scenario))
      .flatMap((peer) => commandsFor(peer, scenario.act).map((command) => ({ peer, command })));
    /** @type {Map<Runner, Result[]>} */
    const results = new Map(runners.map((runner) => [runner, []]));
    /** @type {Map<Runner, string>} */
    const faults = new Map();
    for (let round = 0; round < scenario.rounds && !(round > 0 && pace.isLate()); round++) {
      for (const [runner, sofar] of results) {
        const spent = sofar.reduce((sum, { ms }) => sum + ms, 0);
        if (faults.has(runner) || (round > 0 && spent > pace.budgetMs)) continue;
        const result = await attempt(lab, runner, scenario);
        if ("fault" in result && result.fault !== "") faults.set(runner, result.fault);
        else sofar.push(result);
      }
    }
    /** @type {Row[]} */
    const rows = [];
    for (const [runner, runs] of results) {
      const counted = await countedRun(runner, scenario, runs);
      rows.push(rowOf(runner.command, scenario, runs, { counted, fault: faults.get(runner) }));
    }
    return { title: titleOf(scenario), registry: lab.registry, scenario, rows };
  }

  /**
   * @param {Peer} peer
   * @param {Scenario} scenario
   */
  function canTake({ name }, { protocol, peers: wanted }) {
    if (name === "docker" && protocol !== "http" && outer === undefined) return false;
    return wanted === undefined || wanted.includes(name);
  }

  /**
   * @param {Lab} lab
   * @param {Runner} runner
   * @param {Scenario} scenario
   * @returns {Promise<Result>}
   */
  async function attempt(lab, { peer, command }, scenario) {
    const limitMs = scenario.lists === undefined ? pace.limitMs : LISTS_LIMIT_MS;
    try {
      const result = await lab.run(peer, command, { ...scenario, limitMs });
      return result.timedOut ? { ...result, fault: `stopped after ${limitMs / 1000} s` } : result;
    } catch (error) {
      const fault = error instanceof Error ? error.message : String(error);
      return { ms: 0, peakKiB: 0, timedOut: false, fault, connections: 0, bytes: 0 };
    }
  }

  /**
   * A run against the registry that counts, where the one that was timed does not.
   * @param {Runner} runner
   * @param {Scenario} scenario
   * @param {readonly Result[]} runs
   */
  async function countedRun(runner, scenario, runs) {
    const last = runs.at(-1);
    if (last === undefined || last.requests !== undefined) return last;
    const rtt = last.ms > COUNTED_MS ? 0 : scenario.rtt;
    const counted = await attempt(await labFor(scenario.protocol, true), runner, { ...scenario, rtt });
    return counted.fault === "" ? counted : last;
  }

  return {
    labFor,
    measureScenario,
    close: async () => {
      for (const lab of labs.values()) await lab.close();
    },
  };
}

/**
 * @param {CommandLine} command
 * @param {Scenario} scenario
 * @param {readonly Result[]} runs
 * @param {{ counted: Result | undefined, fault: string | undefined }} more
 * @returns {Row}
 */
function rowOf({ name: peer, readsSources }, { protocol, act }, runs, { counted, fault }) {
  const isPush = act === "push" || act === "repeat";
  const who = { peer, ...(readsSources === true && isPush && { readsSources }) };
  if (counted === undefined) return { ...who, fault: fault?.trim().split("\n").at(-1) ?? "not run" };
  const { requests, levels } = counted;
  const cpu = runs.flatMap(({ cpuMs }) => (cpuMs === undefined ? [] : [cpuMs]));
  return {
    ...who,
    ms: spread(runs.map(({ ms }) => ms)),
    peakMiB: median(runs.map(({ peakKiB }) => peakKiB)) / 1024,
    connections: Math.max(...runs.map(({ connections }) => connections)),
    bytes: Math.max(...runs.map(({ bytes }) => bytes)),
    ...(cpu.length > 0 && { cpuMs: median(cpu) }),
    ...(requests !== undefined && { requests }),
    ...(levels !== undefined && { levels }),
    ...(isBounded(protocol) && { refused: Math.max(...runs.map(({ refused = 0 }) => refused)) }),
  };
}
