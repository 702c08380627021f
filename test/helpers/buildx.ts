import { spawn } from "node:child_process";
import { peerPath } from "./peers.js";

/**
 * The standalone `buildx` beside us: what its imagetools print and push decides what is right. These commands need
 * neither docker nor a builder, and speak plain HTTP to 127.0.0.1.
 */
export interface BuildxResult {
  readonly status: number | null;
  /** As it is: manifests need not be valid UTF-8. */
  readonly stdoutBytes: Buffer;
  readonly stderr: string;
}

/** Runs `buildx <args>` with nothing of the user's own. Asynchronous: a registry in the same process can answer it. */
export function buildx(args: readonly string[], home: string): Promise<BuildxResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(peerPath("buildx"), args, {
      // Without GOGC=off the collector takes a good part of the time of such short processes.
      env: { PATH: process.env["PATH"], HOME: home, DOCKER_CONFIG: home, BUILDX_CONFIG: home, GOGC: "off" },
      cwd: home,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.on("error", reject);
    child.on("close", (status) => {
      resolve({ status, stdoutBytes: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() });
    });
  });
}
