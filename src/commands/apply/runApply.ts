import type { ListResult } from "../../ui/listResult.js";
import { readLists } from "../../apply/file/readLists.js";
import { applyLists } from "../../apply/lists.js";
import { prepareLists, type PreparedList } from "../../apply/prepareLists.js";
import { openResultFile, targetName } from "../../apply/results.js";
import type { Registries } from "../../apply/registries.js";
import { openRegistries } from "../../apply/session.js";
import { readShard, shardOf, type Shard } from "../../apply/shards.js";
import type { Context } from "../../context.js";
import { ManifestError } from "../../errors.js";
import { failedTable } from "../../ui/failedTable.js";
import { jsonDocument } from "../../ui/jsonDocument.js";
import { pushMetadata, type PushMetadata } from "../../ui/pushMetadata.js";
import { progressMode, withProgress, type Progress } from "../../ui/terminal/progress.js";
import { counted, escapeControls } from "../../ui/text.js";
import { warnOn } from "../../ui/warn.js";
import { writeOutputFile } from "../files.js";
import { waitMs } from "../listFlags.js";
import { checkOutputFiles } from "../outputFiles.js";
import { partlyDone } from "../partlyDone.js";
import type { ApplyFlags } from "./applyFlags.js";
import { ApplyOutcome } from "./applyOutcome.js";
import { boundMemory } from "./boundMemory.js";

/** Fewer are made before the memory that they take is worth any time. */
const MANY_LISTS = 1_000;

/**
 * Makes all lists of the files that are the user's shard.
 * @throws INVALID_FILE before anything is sent; LISTS_FAILED when all has been done that could be
 */
export async function runApply(context: Context, flags: ApplyFlags): Promise<void> {
  await withProgress(context, progressMode(flags), (progress) => applyAll(context, flags, progress));
}

async function applyAll(context: Context, flags: ApplyFlags, progress: Progress): Promise<void> {
  const { stdout, stderr } = context;
  const shards = flags.shards === 0 ? undefined : flags.shards;
  const shard = flags.shard === "" ? undefined : readShard(flags.shard, shards, context.env);
  if (shard === undefined && shards !== undefined && !flags.plan) {
    throw new ManifestError(
      "USAGE",
      "--shards says how many shards there are, but not which of them this is",
      { hint: "pass --shard 1/16, or --shard auto where the CI system knows" },
    );
  }
  progress.step("reading the file of lists");
  const orders = await readLists(flags.file, {
    env: context.env,
    stdin: () => context.stdin?.() ?? nothing(),
    onWarning: warnOn(stderr),
    signal: context.signal,
  });
  const defaults = { verify: flags.verify, waitMs: waitMs(flags) };
  const prepared = await prepareLists(orders, defaults, isIn(shard));
  if (prepared.length > MANY_LISTS) boundMemory();
  await checkOutputFiles(flags);
  const registries = await openRegistries(context, {
    ...flags,
    patient: true,
    onWire: progress.onWire,
  });
  if (flags.plan) {
    try {
      await showPlan(context, flags, prepared, shard, registries, progress);
      return;
    } finally {
      await registries.close();
    }
  }
  const results = flags.results === "" ? undefined : await openResultFile(flags.results);
  const outcome = new ApplyOutcome(prepared);
  const isJson = flags.format === "json";
  const isMarkdown = flags.format === "markdown";
  const told = new ListsTold(progress, prepared.length);
  const isKept = isJson || isMarkdown || flags.digestFile !== "" || flags.metadataFile !== "";
  try {
    const notBegun = await applyLists(prepared, registries, context, {
      jobs: flags.jobs,
      failFast: flags.failFast,
      onEvent: progress.onEvent,
      onResult: async (result) => {
        outcome.add(result, isKept);
        if (result.status !== "failed" && flags.format === "text" && !flags.quiet)
          stdout.write(lineOf(result));
        told.add(result);
        await results?.write(result);
      },
    });
    progress.stop();
    const document = { version: 1, lists: outcome.results } as const;
    const error = context.signal.aborted ? outcome.interruption() : outcome.failure(notBegun);
    // What is to be said of an interruption, the command line says of any command.
    if (context.signal.aborted) stderr.write(`${escapeControls(error?.message ?? "")}\n`);
    if (isMarkdown) stdout.write((await import("../../ui/applySummary.js")).applySummary(outcome.results));
    if (error !== undefined) throw isJson ? partlyDone([error], document) : error;
    await writeFiles(flags, outcome.results, prepared);
    if (isJson) stdout.write(jsonDocument(document));
  } finally {
    await results?.close();
    await registries.close();
  }
}

/** How many of many lists are done, and what became of them. */
class ListsTold {
  readonly #progress: Progress;
  readonly #counts = { pushed: 0, unchanged: 0, failed: 0 };

  constructor(progress: Progress, total: number) {
    this.#progress = progress;
    progress.step("applying", { total, unit: "list" });
  }

  add({ target, status }: ListResult): void {
    this.#counts[status]++;
    const { unchanged, failed } = this.#counts;
    this.#progress.advance(`${target}: ${status}`, [
      ...(unchanged === 0 ? [] : [`${unchanged} unchanged`]),
      ...(failed === 0 ? [] : [`${failed} failed`]),
    ]);
  }
}

async function writeFiles(
  { digestFile, metadataFile }: ApplyFlags,
  results: readonly ListResult[],
  lists: readonly PreparedList[],
): Promise<void> {
  if (digestFile !== "") await writeOutputFile(digestFile, Buffer.from(results.map(lineOf).join("")));
  if (metadataFile !== "") await writeOutputFile(metadataFile, metadataOf(results, lists));
}

/** `sha256:…  docker.io/library/app:v1`, as sha256sum has it. */
function lineOf({ digest = "", target }: ListResult): string {
  return `${escapeControls(`${digest}  ${target}`)}\n`;
}

/** By the target of each list, what a push of it alone would write; docker buildx bake has it like that. */
function metadataOf(done: readonly ListResult[], lists: readonly PreparedList[]): Buffer {
  const targets = new Map(lists.map(({ order }) => [targetName(order.targets), order.targets]));
  const metadata: Record<string, PushMetadata> = {};
  for (const result of done) {
    metadata[result.target] = pushMetadata(result, targets.get(result.target) ?? []);
  }
  return Buffer.from(jsonDocument(metadata));
}

async function showPlan(
  context: Context,
  flags: ApplyFlags,
  prepared: readonly PreparedList[],
  shard: Shard | undefined,
  registries: Registries,
  progress: Progress,
): Promise<void> {
  const { planLists } = await import("../../apply/planLists.js");
  const { applyPlanText } = await import("../../ui/applyPlanText.js");
  const all = { index: undefined, count: Math.max(1, flags.shards) };
  progress.step("asking what is there", { total: prepared.length, unit: "list" });
  const onPlanned = (target: string): void => {
    progress.advance(target);
  };
  const plan = await planLists(prepared, shard ?? all, registries, context, { ...flags, onPlanned });
  progress.stop();
  const failed = plan.shards.flatMap(({ lists }) => lists).filter(({ status }) => status === "failed");
  if (flags.format === "text") context.stdout.write(applyPlanText(plan));
  else if (flags.format === "markdown") {
    const { planSummary } = await import("../../ui/applySummary.js");
    context.stdout.write(planSummary(plan));
  } else if (failed.length === 0) context.stdout.write(jsonDocument(plan));
  if (failed.length === 0) return;
  const error = new ManifestError(
    "LISTS_FAILED",
    `${counted(failed.length, "list")} would fail:\n${failedTable(failed)}`,
  );
  throw flags.format !== "json" ? error : partlyDone([error], plan);
}

function isIn(shard: Shard | undefined): (target: string) => boolean {
  return (target) => shard === undefined || shardOf(target, shard.count) === shard.index;
}

async function* nothing(): AsyncIterable<Uint8Array> {
  // Nothing is piped in.
}
