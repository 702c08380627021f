import { run } from "../cli.js";
import type { Context, Output } from "../context.js";

/** What the program printed, and its exit status. */
export interface ProgramResult {
  readonly status: number;
  readonly stdout: Buffer;
  /** Its lines. */
  readonly stderr: readonly string[];
}

/**
 * Runs a command line of the program in this process.
 * @param onLine gets each line of stderr as soon as it is whole
 */
export async function runCommandLine(
  argv: readonly string[],
  context: Omit<Context, "stdout" | "stderr">,
  onLine: (line: string) => void = () => undefined,
): Promise<ProgramResult> {
  const stdout: Buffer[] = [];
  const stderr: string[] = [];
  const status = await run(argv, {
    ...context,
    stdout: { write: (text) => stdout.push(Buffer.from(text)) },
    stderr: lineOutput((line) => {
      stderr.push(line);
      onLine(line);
    }),
  });
  return { status, stdout: Buffer.concat(stdout), stderr };
}

/** Cuts what is written into lines. */
function lineOutput(onLine: (line: string) => void): Output {
  let rest = "";
  return {
    write: (text) => {
      const lines = (rest + Buffer.from(text).toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) onLine(line);
    },
  };
}
