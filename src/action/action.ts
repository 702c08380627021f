import * as core from "@actions/core";
import type { CommandError } from "../context.js";
import { applyFiles, ListsFailed } from "./applyStep.js";
import { createList } from "./createStep.js";
import { stepFailureOf } from "./failure.js";
import { readInputs, type ActionInputs, type RegistryLogin } from "./inputs.js";
import { inInputWords } from "./inputWords.js";
import { createStepLog, type StepLog } from "./log.js";
import { basicAuth, withLogin } from "./login.js";
import { plainLines } from "../ui/markdown.js";
import { writeSummary } from "./outputs.js";
import { placedFaults } from "./placedFaults.js";
import type { StepContext } from "./step.js";

/**
 * The Action: makes a list, or the lists of files, as its inputs say; sets its outputs, adds to the summary of the job, and
 * annotates what went wrong.
 * @returns the exit status; never rejects
 */
export async function runAction(context: StepContext): Promise<number> {
  const log = createStepLog();
  let inputs: ActionInputs | undefined;
  try {
    hideSecrets();
    inputs = readInputs(core.getInput);
    const step = { inputs, log, context: withCredentials(context, inputs.credentials) };
    await (inputs.files.length > 0 ? applyFiles(step) : createList(step));
    return 0;
  } catch (error) {
    const thrown = stepFailureOf(error);
    const failure = inputs === undefined ? thrown : inInputWords(thrown, inputs);
    annotate(failure, log);
    // Of lists that failed the summary tells already.
    const summary = `### tsmanifest failed\n\n${plainLines(failure.message, failure.hint).join("<br>\n")}\n`;
    if (!(error instanceof ListsFailed)) await writeSummary(summary, context).catch(() => undefined);
    return 1;
  }
}

/** One annotation; of files that cannot be read, one for each fault, where it is. */
function annotate({ code, message, hint }: CommandError, log: StepLog): void {
  const title = `tsmanifest: ${code}`;
  const lines = [message, ...(hint === undefined ? [] : [hint])];
  if (code !== "INVALID_FILE") {
    log.error(title, { text: lines.join("\n") });
    return;
  }
  for (const fault of placedFaults(message)) log.error(title, fault);
  if (hint !== undefined) log.line(hint);
}

/** Before anything else may be printed: the inputs may turn out to be wrong. */
function hideSecrets(): void {
  const [username, password] = [core.getInput("username"), core.getInput("password")];
  if (password === "") return;
  core.setSecret(password);
  core.setSecret(basicAuth({ username, password }));
}

function withCredentials(context: StepContext, login: RegistryLogin | undefined): StepContext {
  if (login === undefined) return context;
  const auths = withLogin(context.env["DOCKER_AUTH_CONFIG"], login);
  return { ...context, env: { ...context.env, DOCKER_AUTH_CONFIG: auths } };
}
