import { run } from "../cli.js";
import type { CommandError, Context, Output } from "../context.js";

/** What the program printed, and its exit status. */
export interface ProgramResult {
  readonly status: number;
  readonly stdout: Buffer;
  /** Its lines, but for the error. */
  readonly stderr: readonly string[];
  /** Why it failed, where it did. */
  readonly error: CommandError | undefined;
}

/**
 * Runs a command line of the program in this process.
 * @param onLine gets each line of stderr as soon as it is whole
 */
export async function runCommandLine(
  argv: readonly string[],
  context: Omit<Context, "stdout" | "stderr" | "onError">,
  onLine: (line: string) => void = () => undefined,
): Promise<ProgramResult> {
  const stdout: Buffer[] = [];
  const stderr: string[] = [];
  let error: CommandError | undefined;
  const status = await run(argv, {
    ...context,
    stdout: { write: (text) => stdout.push(Buffer.from(text)) },
    stderr: lineOutput((line) => {
      stderr.push(line);
      onLine(line);
    }),
    onError: (thrown) => {
      error = thrown;
    },
  });
  return { status, stdout: Buffer.concat(stdout), stderr, error };
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
