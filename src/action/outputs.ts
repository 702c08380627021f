import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as core from "@actions/core";
import { escapeControls } from "../ui/text.js";
import type { StepContext } from "./step.js";

/** What steps behind this one get. */
export interface ActionOutputs {
  /** Of the list; empty where there are several. */
  readonly digest: string;
  /** `name@digest`, one a repository. */
  readonly image: readonly string[];
  readonly platforms: readonly string[];
  /** The names that the lists have now, whole. */
  readonly tags: readonly string[];
  /** What the program printed, as JSON. */
  readonly document: unknown;
}

/** GitHub takes outputs of 1 MiB, in UTF-16. */
const MAX_OUTPUT = 500_000;

/** GitHub takes summaries of 1 MiB, and drops larger ones. */
const MAX_SUMMARY = 1024 * 1024 - 1;

export async function setOutputs(outputs: ActionOutputs, { env }: StepContext): Promise<void> {
  // Within the strings of JSON these escapes mean the same.
  const json = escapeControls(JSON.stringify(outputs.document));
  const isShort = json.length <= MAX_OUTPUT;
  core.setOutput("digest", outputs.digest);
  core.setOutput("image", shortened(outputs.image));
  core.setOutput("platforms", outputs.platforms.join(","));
  core.setOutput("tags", shortened(outputs.tags));
  core.setOutput("json", isShort ? json : "");
  const folder = env["RUNNER_TEMP"] ?? "";
  if (folder === "") return;
  const file = join(folder, `tsmanifest-${env["GITHUB_ACTION"] ?? ""}-${Date.now()}.json`);
  await writeFile(file, json);
  core.setOutput("json-file", file);
}

/** One a line; nothing where that is more than an output may have. */
function shortened(lines: readonly string[]): string {
  const text = lines.join("\n");
  return text.length <= MAX_OUTPUT ? text : "";
}

/** Adds to the summary of the job, where the runner shows one. */
export async function writeSummary(markdown: string, { env }: StepContext): Promise<void> {
  if ((env["GITHUB_STEP_SUMMARY"] ?? "") === "") return;
  if (Buffer.byteLength(markdown) > MAX_SUMMARY) return;
  await core.summary.addRaw(markdown).write();
}
