import type { CommandOrGroup } from "../../src/commands/command.js";
import { run } from "../../src/cli.js";
import type { Context } from "../../src/context.js";

export interface CliResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A context whose output is kept. */
export function recordingContext(overrides: Partial<Context> = {}) {
  const chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  const output = (name: "stdout" | "stderr") => ({
    write: (text: string | Uint8Array) => chunks[name].push(Buffer.from(text)),
  });
  const context: Context = {
    stdout: output("stdout"),
    stderr: output("stderr"),
    env: {},
    home: "/nowhere",
    platform: "linux",
    signal: new AbortController().signal,
    ...overrides,
  };
  return {
    context,
    stdout: () => Buffer.concat(chunks.stdout).toString(),
    /** stdout as it is: manifests need not be valid UTF-8. */
    stdoutBytes: () => Buffer.concat(chunks.stdout),
    stderr: () => Buffer.concat(chunks.stderr).toString(),
  };
}

/** Runs a command line within the test. */
export async function cli(
  argv: readonly string[],
  commands?: readonly CommandOrGroup[],
  overrides: Partial<Context> = {},
): Promise<CliResult> {
  const recording = recordingContext(overrides);
  const status = await run(argv, recording.context, commands);
  return { status, stdout: recording.stdout(), stderr: recording.stderr() };
}
