// One run of a program: how long it took, how much of the processor's time, how much memory it had at most.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const TIME = "/usr/bin/time";
const HAS_TIME = existsSync(TIME);
const POLL_MS = 5;

/**
 * @typedef {object} Run
 * @property {number} ms
 * @property {number} peakKiB of the largest process; 0 where it could not be read
 * @property {number} [cpuMs] user and system, of all its processes, in steps of 10; where it could be read
 * @property {boolean} timedOut
 * @property {string} fault what it said when it failed, else empty
 */

/** @typedef {{ env: NodeJS.ProcessEnv, folder: string, timeoutMs: number }} Settings */

/**
 * @param {readonly string[]} argv
 * @param {Settings} options
 * @returns {Promise<Run>}
 */
export async function measure(argv, { env, folder, timeoutMs }) {
  const report = join(folder, "time");
  const [program = "", ...args] = HAS_TIME ? [TIME, "-f", "%M %U %S", "-o", report, ...argv] : argv;
  const start = performance.now();
  const child = spawn(program, args, { env, cwd: folder, stdio: ["ignore", "pipe", "pipe"], detached: true });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (said += String(chunk)));

  let peakKiB = 0;
  const stopping = new AbortController();
  const polling = HAS_TIME ? undefined : setInterval(() => (peakKiB = peakOf(child.pid) ?? peakKiB), POLL_MS);
  const timer = setTimeout(() => {
    stopping.abort();
    // The program and what it has started.
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  }, timeoutMs);
  /** @type {Promise<number | undefined>} */
  const ending = new Promise((resolve) => {
    child.on("error", () => {
      resolve(undefined);
    });
    child.on("close", (code) => {
      resolve(code ?? undefined);
    });
  });
  const status = await ending;
  const ms = performance.now() - start;
  clearTimeout(timer);
  const timedOut = stopping.signal.aborted;
  clearInterval(polling);
  const fault = status === 0 ? "" : said.slice(-2000);
  if (!HAS_TIME || timedOut) return { ms, peakKiB, timedOut, fault };
  const [kib = 0, user = 0, system = 0] = lastLineOf(report).split(" ").map(Number);
  return { ms, peakKiB: kib, cpuMs: 1000 * (user + system), timedOut, fault };
}

/** @param {number | undefined} pid */
function peakOf(pid) {
  try {
    const [, kib] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return kib === undefined ? undefined : Number(kib);
  } catch {
    return undefined;
  }
}

/** @param {string} file what `time` has written; a line that says how the program failed may come before */
function lastLineOf(file) {
  return readFileSync(file, "utf8").trim().split("\n").at(-1) ?? "";
}
