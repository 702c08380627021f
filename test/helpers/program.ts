import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** The program as a process of its own, for what only processes have: signals, and each other. */
export interface Program {
  /** Starts it. */
  start(args: readonly string[], env: Readonly<Record<string, string>>): RunningProgram;
}

export interface RunningProgram {
  readonly child: ChildProcess;
  readonly done: Promise<ProgramResult>;
}

export interface ProgramResult {
  /** Null if a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Bundles the sources as they are now, so that no test depends on what was built when. */
export async function bundleProgram(): Promise<Program> {
  const file = join(mkdtempSync(join(tmpdir(), "tsmanifest-")), "tsmanifest.cjs");
  await build({
    entryPoints: [fileURLToPath(new URL("../../src/main.ts", import.meta.url))],
    outfile: file,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    logLevel: "warning",
  });
  return { start: (args, env) => start([file, ...args], env) };
}

function start(args: readonly string[], env: Readonly<Record<string, string>>): RunningProgram {
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env["PATH"], HOME: "/nowhere", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  const text = (chunks: Buffer[]) => Buffer.concat(chunks).toString();
  const done = new Promise<ProgramResult>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => {
      resolve({ status, stdout: text(stdout), stderr: text(stderr) });
    });
  });
  return { child, done };
}
