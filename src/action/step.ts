import type { Context } from "../context.js";
import type { ActionInputs } from "./inputs.js";
import type { StepLog } from "./log.js";
import { runCommandLine, type ProgramResult } from "./program.js";

/** The outside world of a step, but for what the program prints, which is not for the step's log as it is. */
export type StepContext = Omit<Context, "stdout" | "stderr" | "onError">;

/** A step of a workflow, under way. */
export interface ActionStep {
  readonly inputs: ActionInputs;
  readonly context: StepContext;
  readonly log: StepLog;
}

/** Runs a command line; what it says to people goes to the step's log. */
export function runInStep({ context, log }: ActionStep, argv: readonly string[]): Promise<ProgramResult> {
  return runCommandLine(argv, context, log.line);
}
