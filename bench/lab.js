// A registry behind a line of some length, with images in it, and peers that are told to push to it.
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { prefixOf } from "./images.js";
import { dependentLevels } from "./levels.js";
import { checkLists, listsOf } from "./lists.js";
import { measure } from "./measure.js";
import { commandFor, environment } from "./peers.js";
import { startProxy } from "./proxy.js";
import { isThere, startDistribution, startEmbedded } from "./registries.js";

/** @typedef {import("./peers.js").Peer} Peer */
/** @typedef {import("./peers.js").Job} Job */
/** @typedef {import("./registries.js").Sizes} Sizes */
/** @typedef {import("./lists.js").Lists} Lists */
/**
 * `repeat` and `reapply` do what has been done before.
 * @typedef {"push" | "repeat" | "create" | "combine" | "inspect" | "apply" | "reapply"} Act
 */

/**
 * @typedef {object} Trial
 * @property {Sizes} size
 * @property {Lists} [lists] many of them, for `apply` and `reapply`
 * @property {number} rtt milliseconds
 * @property {Act} act
 * @property {readonly string[]} [flags] more arguments for the peer
 * @property {number} limitMs when to give up
 */

/**
 * @typedef {import("./measure.js").Run & { connections: number, bytes: number, requests?: number, levels?: number }} Result
 */

/** Below this, what was sent together does not come together clearly enough to tell levels apart. */
const CLEAR_MS = 50;

/**
 * @typedef {object} Lab
 * @property {string} registry its name
 * @property {(peer: Peer, trial: Trial) => Promise<Result>} run
 * @property {(size: Sizes) => Promise<Job>} newJob a target and its sources, for who does something else with them
 * @property {() => Promise<void>} close
 */

/**
 * @param {object} options
 * @param {string} options.folder
 * @param {import("./registries.js").Protocol} options.protocol
 * @param {string} options.address where peers find it
 * @param {{ key: string, cert: string }} options.certificate
 * @param {boolean} options.counting must requests be counted?
 * @returns {Promise<Lab>}
 */
export async function openLab({ folder, protocol, address, certificate, counting }) {
  const real = protocol === "http" && !counting && isThere("docker-registry");
  const registry = await (real ? startDistribution(folder) : startEmbedded(protocol, certificate));
  const proxy = await startProxy(address, { host: "127.0.0.1", port: registry.port });
  /** @type {Set<string>} */
  const seeded = new Set();
  const host = `${address}:${proxy.port}`;
  let count = 0;

  /**
   * @param {string} prefix
   * @param {() => Promise<void>} seed
   */
  async function seedOnce(prefix, seed) {
    if (seeded.has(prefix)) return;
    await seed();
    seeded.add(prefix);
  }

  /**
   * @param {Sizes} size
   * @returns {Promise<Job>}
   */
  async function newJob(size) {
    const prefix = prefixOf(size);
    await seedOnce(prefix, () => registry.seed(size));
    const target = `${host}/target-${++count}/app:v1`;
    const sources = Array.from({ length: size.children }, (_, index) => `${host}/${prefix}/${index}:v1`);
    return jobOf(prefix, [{ target, sources }]);
  }

  /**
   * @param {Sizes} size
   * @param {Lists} lists
   */
  async function newJobOfLists(size, lists) {
    const target = `target-${++count}`;
    const prefix = lists.images === "beside" ? target : `lists-${prefixOf(size)}-${lists.count}`;
    await seedOnce(prefix, () => registry.seedLists({ count: lists.count, size, source: prefix }));
    return jobOf(
      prefix,
      listsOf(host, { count: lists.count, children: size.children, target, source: prefix }),
    );
  }

  /**
   * @param {string} prefix
   * @param {readonly import("./lists.js").List[]} lists
   * @returns {Job}
   */
  function jobOf(prefix, lists) {
    const job = join(folder, `${protocol}-${registry.port}-${count}`);
    mkdirSync(job);
    const { target = "", sources = [] } = lists[0] ?? {};
    return { ...{ folder: job, host, protocol, prefix, target, sources, lists }, caFile: certificate.cert };
  }

  /** @type {Lab["run"]} */
  async function run(peer, { size, lists, rtt, act, flags = [], limitMs }) {
    const job = await (lists === undefined ? newJob(size) : newJobOfLists(size, lists));
    const settings = { env: environment(job), folder: job.folder, timeoutMs: limitMs };
    try {
      proxy.reset(0);
      const command = commandFor(peer, act);
      if (command === undefined) throw new Error(`${peer.name} has no ${act}`);
      const before = [
        ...(act === "push" || act === "repeat" ? (peer.prepare?.(job) ?? []) : []),
        ...(act === "repeat" || act === "reapply" ? [command.argv(job)] : []),
      ];
      for (const argv of before) {
        const { fault } = await measure(argv, { ...settings, timeoutMs: 10 * limitMs });
        if (fault !== "") throw new Error(`${argv.join(" ")}: ${fault}`);
      }
      proxy.reset(rtt);
      await registry.resetLog();
      const result = await measure([...command.argv(job), ...flags], settings);
      const log = await registry.log();
      if (lists !== undefined && result.fault === "" && !result.timedOut) {
        await checkLists(`http://127.0.0.1:${registry.port}`, job.lists, size);
      }
      const seen = log && {
        requests: log.length,
        ...(rtt >= CLEAR_MS && { levels: dependentLevels(log, rtt) }),
      };
      return { ...result, ...proxy.counts(), ...seen };
    } finally {
      rmSync(job.folder, { recursive: true, force: true });
    }
  }

  return {
    registry: registry.name,
    run,
    newJob,
    close: async () => {
      proxy.close();
      await registry.close();
    },
  };
}
