import { ManifestError, messageOf } from "../errors.js";
import { ErrorResult } from "../ui/errorResult.js";
import type { ProgramResult } from "./program.js";

/** What went wrong, and the way out of it. */
export interface StepFailure {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

/** A command line of the program that failed. */
export class ProgramFailure extends Error {
  override readonly name = "ProgramFailure";
  readonly failure: StepFailure;

  constructor(failure: StepFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

/**
 * The result of a command line that succeeded.
 * @throws ProgramFailure, with what the program says in JSON, or on stderr where it did not come to that
 */
export function ensureSuccess(result: ProgramResult): Buffer {
  if (result.status === 0) return result.stdout;
  throw new ProgramFailure(errorIn(result) ?? { code: "USAGE", message: result.stderr.join("\n") });
}

/** The error in the JSON that the program printed, if it printed any. */
function errorIn({ stdout }: ProgramResult): StepFailure | undefined {
  return ErrorResult.safeParse(jsonIn(stdout)).data?.error;
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
export function stepFailureOf(error: unknown): StepFailure {
  if (error instanceof ProgramFailure) return error.failure;
  if (error instanceof ManifestError) return error;
  return { code: "INTERNAL", message: messageOf(error) };
}
