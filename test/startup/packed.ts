import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as z from "zod/mini";
import { bundleCommand } from "../../scripts/bundle.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** What tracer.cjs saw of a run. */
const Trace = z.object({
  /** Node's own modules that were loaded, without `node:`. */
  builtins: z.array(z.string()),
  /** Files of the bundle, and whether V8 took their compiled code. */
  files: z.array(z.object({ name: z.string(), cached: z.boolean() })),
});

export interface Ended {
  readonly status: number | null;
  readonly stderr: string;
  readonly trace: z.infer<typeof Trace>;
}

export interface RunOptions {
  readonly node?: readonly string[];
  /** Another Node than this one. */
  readonly executable?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Another than the packed one. */
  readonly program?: string;
}

/** The command as it is installed from the package: bundle and starter, no sources and no node_modules around. */
export interface Packed {
  readonly folder: string;
  /** Its user's cache folder, unless told otherwise. */
  readonly cache: string;
  /** Runs it, traced. Its output is not kept: it goes nowhere, since a pipe would load node:net. */
  run(args: readonly string[], options?: RunOptions): Promise<Ended>;
  remove(): void;
}

export async function packCommand(): Promise<Packed> {
  const folder = mkdtempSync(join(tmpdir(), "packed-"));
  cpSync(join(root, "bin"), join(folder, "bin"), { recursive: true });
  await bundleCommand(root, join(folder, "dist", "command"));
  const cache = join(folder, "cache");
  let runs = 0;
  return {
    folder,
    cache,
    run: async (args, options = {}) => {
      const { node = [], env = {}, executable = process.execPath } = options;
      const program = options.program ?? join(folder, "bin", "tsmanifest.js");
      const report = join(folder, `trace-${++runs}.json`);
      const tracer = fileURLToPath(new URL("tracer.cjs", import.meta.url));
      const child = spawn(executable, [...node, "--require", tracer, program, ...args], {
        env: {
          PATH: process.env["PATH"],
          DOCKER_CONFIG: join(folder, "docker"),
          XDG_CACHE_HOME: cache,
          ...env,
          TRACE: report,
        },
        stdio: ["ignore", "ignore", "pipe"],
      });
      let stderr = "";
      child.stderr.on("data", (chunk) => (stderr += String(chunk)));
      await once(child, "close");
      const trace = Trace.parse(JSON.parse(readFileSync(report, "utf8")));
      return { status: child.exitCode, stderr, trace };
    },
    remove: () => {
      rmSync(folder, { recursive: true });
    },
  };
}
