import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** The program in a process of its own, built from the sources as they are. */
export interface Program {
  readonly file: string;
  start(args: readonly string[], env: Readonly<Record<string, string>>, cwd?: string): Run;
  remove(): void;
}

export interface Run {
  readonly child: ChildProcess;
  readonly ended: Promise<{
    readonly status: number | null;
    readonly signal: NodeJS.Signals | null;
    readonly stdout: string;
    readonly stderr: string;
    /** In bytes; 0 where the system does not tell. */
    readonly peakMemory: number;
  }>;
}

export async function buildProgram(): Promise<Program> {
  const folder = mkdtempSync(join(tmpdir(), "program-"));
  const outfile = join(folder, "tsmanifest.cjs");
  await build({
    entryPoints: [fileURLToPath(new URL("../../src/main.ts", import.meta.url))],
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    logLevel: "error",
  });
  return programAt(outfile, () => {
    rmSync(folder, { recursive: true });
  });
}

/** A program that was built before: `bin/tsmanifest.js`, say, to try what is shipped. */
export function programAt(file: string, remove: () => void = () => undefined): Program {
  return {
    file,
    start: (args, env, cwd) => {
      const child = spawn(process.execPath, [file, ...args], {
        env: { PATH: process.env["PATH"], ...env },
        cwd,
        stdio: ["ignore", "pipe", "pipe"],
      });
      let peakMemory = 0;
      const timer = setInterval(() => (peakMemory = Math.max(peakMemory, peakOf(child.pid))), 50);
      const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
      child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
      child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
      const ended = new Promise<Awaited<Run["ended"]>>((resolve, reject) => {
        child.once("error", reject);
        child.once("close", (status, signal) => {
          clearInterval(timer);
          const text = (chunks: Buffer[]): string => Buffer.concat(chunks).toString();
          resolve({ status, signal, stdout: text(stdout), stderr: text(stderr), peakMemory });
        });
      });
      return { child, ended };
    },
    remove,
  };
}

/** https://man7.org/linux/man-pages/man5/proc_pid_status.5.html */
function peakOf(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid ?? 0}/status`, "utf8");
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
