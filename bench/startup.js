// How long the command takes to start, as a multiple of what Node itself takes.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, readdirSync, renameSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { median, spread } from "./stats.js";

const PROGRAM = fileURLToPath(new URL("../bin/tsmanifest.js", import.meta.url));

/**
 * @typedef {{ name: string, ms: import("./stats.js").Spread, ratio: number }} Startup
 */

/**
 * Each command in turn, again and again, since only neighbours in time compare on a machine that has other work. The
 * ratio is the median of each run's to that of `node -e 0` beside it.
 * @param {import("./peers.js").Job} job whose list is in the store of its folder
 * @param {number} rounds
 * @returns {Promise<Startup[]>}
 */
export async function measureStartup({ folder, host, target, sources }, rounds) {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = address === null || typeof address === "string" ? 0 : address.port;
  const lists = join(folder, "manifests");
  const here = `127.0.0.1:${port}`;
  for (const name of ["push", ...Array.from({ length: rounds }, (_, round) => `rm${round}`)]) {
    const copy = join(lists, fileOf(`${here}/${name}:v1`));
    cpSync(join(lists, fileOf(target)), copy, { recursive: true });
    for (const file of readdirSync(copy)) {
      writeFileSync(join(copy, file), readFileSync(join(copy, file), "utf8").replaceAll(host, here));
      renameSync(join(copy, file), join(copy, file.replace(fileOf(host), fileOf(here))));
    }
  }

  // A cache folder of their own, in which every command has been run once: also in CI compiled code is kept there.
  /** @type {NodeJS.ProcessEnv} */
  const env = { ...process.env, DOCKER_CONFIG: folder, XDG_CACHE_HOME: join(folder, "cache"), CI: "" };
  /** @param {NodeJS.ProcessEnv} env @param {string[]} args */
  const within = async (env, ...args) => {
    const start = performance.now();
    await once(spawn(process.execPath, args, { env, stdio: "ignore" }), "exit");
    return performance.now() - start;
  };
  /** @param {string[]} args */
  const whole = (...args) => within(env, ...args);
  const firstByte = async () => {
    const start = performance.now();
    const child = spawn(process.execPath, [PROGRAM, "push", `${here}/push:v1`], { env, stdio: "ignore" });
    const exited = once(child, "exit");
    await new Promise((resolve) => {
      server.once("connection", (socket) => {
        socket.on("error", () => undefined);
        socket.once("data", resolve);
      });
    });
    const ms = performance.now() - start;
    child.kill("SIGKILL");
    await exited;
    return ms;
  };
  const annotate = ["annotate", target, sources[1] ?? "", "--os", "linux", "--arch", "arm64"];
  /** @type {(readonly [string, (round: number) => Promise<number>])[]} */
  const commands = [
    ["node -e 0", () => whole("-e", "0")],
    ["tsmanifest --version", () => whole(PROGRAM, "--version")],
    ["tsmanifest annotate", () => whole(PROGRAM, ...annotate)],
    ["tsmanifest inspect, of a local list", () => whole(PROGRAM, "inspect", target)],
    ["tsmanifest rm", (round) => whole(PROGRAM, "rm", `${here}/rm${round}:v1`)],
    ["tsmanifest push, to the first byte sent", firstByte],
  ];
  // Where these are set, Node reads them before anything else: half of its start, or more.
  const { NODE_EXTRA_CA_CERTS: certificates, ...fewer } = env;
  if (certificates !== undefined)
    commands.push(["node -e 0, without NODE_EXTRA_CA_CERTS", () => within(fewer, "-e", "0")]);
  /** @type {number[][]} */
  const times = commands.map(() => []);
  await whole(PROGRAM, "--version");
  // The one that is timed does not come to its end.
  await whole(PROGRAM, "push", target);
  for (let round = 0; round < rounds; round++) {
    for (const [index, [, run]] of commands.entries()) times[index]?.push(await run(round));
  }
  server.close();
  const base = times[0] ?? [];
  return commands.map(([name], index) => {
    const own = times[index] ?? [];
    return { name, ms: spread(own), ratio: median(own.map((ms, round) => ms / (base[round] ?? NaN))) };
  });
}

/**
 * The name that a list's folder or an entry's file has in the store.
 * @param {string} reference
 */
function fileOf(reference) {
  return reference.replaceAll(":", "-").replaceAll("/", "_");
}
