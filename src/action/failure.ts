import type { CommandError } from "../context.js";
import { ManifestError, messageOf } from "../errors.js";
import type { ProgramResult } from "./program.js";

/** A command line of the program that failed. */
export class ProgramFailure extends Error {
  override readonly name = "ProgramFailure";
  readonly failure: CommandError;

  constructor(failure: CommandError) {
    super(failure.message);
    this.failure = failure;
  }
}

/**
 * The result of a command line that succeeded.
 * @throws ProgramFailure, with the program's error
 */
export function ensureSuccess(result: ProgramResult): Buffer {
  if (result.status === 0) return result.stdout;
  throw new ProgramFailure(result.error ?? { code: "USAGE", message: result.stderr.join("\n") });
}

/** What the program printed, as JSON; undefined where it is none. */
export function jsonIn(stdout: Buffer): unknown {
  try {
    return JSON.parse(stdout.toString());
  } catch {
    return undefined;
  }
}

/** What is to be said of anything that was thrown. */
export function stepFailureOf(error: unknown): CommandError {
  if (error instanceof ProgramFailure) return error.failure;
  if (error instanceof ManifestError) return error;
  return { code: "INTERNAL", message: messageOf(error) };
}
