// A registry behind a line of some length, with images in it, and peers that are told to push to it.
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { prefixOf } from "./images.js";
import { dependentLevels } from "./levels.js";
import { checkLists, listsOf } from "./lists.js";
import { measure } from "./measure.js";
import { environment, forgetRegistries } from "./peers.js";
import { startProxy } from "./proxy.js";
import { isThere, startDistribution, startEmbedded } from "./registries.js";

/** @typedef {import("./peers.js").Peer} Peer */
/** @typedef {import("./peers.js").CommandLine} CommandLine */
/** @typedef {import("./peers.js").Job} Job */
/** @typedef {import("./registries.js").Sizes} Sizes */
/** @typedef {import("./lists.js").Lists} Lists */
/**
 * `repeat` and `reapply` do what has been done before; `retag` as well, but the tag names something else by then.
 * @typedef {"push" | "repeat" | "retag" | "create" | "combine" | "inspect" | "apply" | "reapply"} Act
 */

/**
 * @typedef {object} Trial
 * @property {Sizes} size
 * @property {Lists} [lists] many of them, for `apply` and `reapply`
 * @property {number} rtt milliseconds
 * @property {Act} act
 * @property {readonly string[]} [flags] more arguments for the peer
 * @property {boolean} [known] use the registry first, or forget what is known of it
 * @property {number} limitMs when to give up
 */

/**
 * @typedef {import("./measure.js").Run & { connections: number, bytes: number, requests?: number, levels?: number, refused?: number }} Result
 */

/** Below this, what was sent together does not come together clearly enough to tell levels apart. */
const CLEAR_MS = 50;

/**
 * @typedef {object} Lab
 * @property {string} registry its name
 * @property {(peer: Peer, command: CommandLine, trial: Trial) => Promise<Result>} run
 * @property {(size: Sizes) => Promise<Job>} newJob a target and its sources, for who does something else with them
 * @property {() => Promise<void>} close
 */

/**
 * @param {object} options
 * @param {string} options.folder
 * @param {import("./protocols.js").Protocol} options.protocol
 * @param {string} options.address where peers find it
 * @param {{ key: string, cert: string, ca?: string }} options.certificate files; `ca` where it is not its own
 * @param {boolean} options.counting must requests be counted?
 * @returns {Promise<Lab>}
 */
export async function openLab({ folder, protocol, address, certificate, counting }) {
  const real = protocol === "http" && !counting && isThere("docker-registry");
  const tokens = { host: "127.0.0.1", port: 0 };
  const tokenProxy = protocol === "apart" ? await startProxy(address, tokens) : undefined;
  const realm = tokenProxy && `https://${address}:${tokenProxy.port}/token`;
  const registry = await (real ? startDistribution(folder) : startEmbedded(protocol, certificate, realm));
  tokens.port = registry.tokenPort ?? 0;
  const proxy = await startProxy(address, { host: "127.0.0.1", port: registry.port });
  const proxies = [proxy, ...(tokenProxy === undefined ? [] : [tokenProxy])];
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
    const names = { host, protocol, prefix, target, sources, lists, digest: "" };
    return { folder: job, caFile: certificate.ca ?? certificate.cert, ...names };
  }

  /** @param {number} rtt */
  function resetProxies(rtt) {
    for (const one of proxies) one.reset(rtt);
  }

  /**
   * Does what comes before the run that is measured, without latency, in a home where nothing is known of registries.
   * @param {Job} job
   * @param {Peer} peer
   * @param {CommandLine} command
   * @param {Trial} trial
   * @param {import("./measure.js").Settings} settings
   * @returns {Promise<Job>} with what is known only now
   */
  async function prepare(job, peer, command, { act, known, size }, settings) {
    resetProxies(0);
    forgetRegistries(job);
    const other = known === true ? await newJob(size) : undefined;
    const pushes = act === "push" || act === "repeat" || act === "retag";
    const before = [
      ...(other === undefined ? [] : [...(peer.prepare?.(other) ?? []), peer.acts.push.argv(other)]),
      ...(pushes ? (peer.prepare?.(job) ?? []) : []),
      ...(act === "repeat" || act === "reapply" ? [command.argv(job)] : []),
      ...(act === "retag" ? [peer.acts.push.argv(job)] : []),
    ];
    for (const argv of before) {
      const { fault } = await measure(argv, settings);
      if (fault !== "") throw new Error(`${argv.join(" ")}: ${fault}`);
    }
    if (known === false) forgetRegistries(job);
    if (act !== "retag") return job;
    const [, repository = "", tag = ""] = /^[^/]+\/(.+):(.+)$/.exec(job.target) ?? [];
    const digest = await registry.digestOf(repository, tag);
    await registry.retag(repository, tag, `${job.prefix}/0`);
    return { ...job, digest };
  }

  /** @type {Lab["run"]} */
  async function run(peer, command, trial) {
    const { size, lists, rtt, flags = [], limitMs } = trial;
    const made = await (lists === undefined ? newJob(size) : newJobOfLists(size, lists));
    const settings = { env: environment(made), folder: made.folder, timeoutMs: limitMs };
    try {
      const job = await prepare(made, peer, command, trial, { ...settings, timeoutMs: 10 * limitMs });
      resetProxies(rtt);
      await registry.resetLog(rtt);
      const result = await measure([...command.argv(job), ...flags], settings);
      const log = await registry.log();
      if (lists !== undefined && result.fault === "" && !result.timedOut) {
        await checkLists(`http://127.0.0.1:${registry.port}`, job.lists, size);
      }
      return { ...result, ...countsOf(proxies), ...(log && seenIn(log, rtt)) };
    } finally {
      rmSync(made.folder, { recursive: true, force: true });
    }
  }

  return {
    registry: registry.name,
    run,
    newJob,
    close: async () => {
      for (const one of proxies) one.close();
      await registry.close();
    },
  };
}

/** @param {readonly import("./proxy.js").LatencyProxy[]} proxies */
function countsOf(proxies) {
  const counts = proxies.map((one) => one.counts());
  return {
    connections: counts.reduce((sum, { connections }) => sum + connections, 0),
    bytes: counts.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/**
 * @param {readonly import("./registries.js").Logged[]} log
 * @param {number} rtt
 */
function seenIn(log, rtt) {
  return {
    requests: log.length,
    refused: log.filter(({ status }) => status === 429).length,
    ...(rtt >= CLEAR_MS && { levels: dependentLevels(log, rtt) }),
  };
}
