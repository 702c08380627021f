import type { ListResult } from "../../ui/listResult.js";
import { readLists } from "../../apply/file/readLists.js";
import { applyLists } from "../../apply/lists.js";
import { prepareLists, type PreparedList } from "../../apply/prepareLists.js";
import { openResultFile, targetName } from "../../apply/results.js";
import { openRegistries, type Registries } from "../../apply/session.js";
import { readShard, shardOf, type Shard } from "../../apply/shards.js";
import type { Context } from "../../context.js";
import { ManifestError } from "../../errors.js";
import { failedTable } from "../../ui/failedTable.js";
import { jsonDocument } from "../../ui/jsonDocument.js";
import { pushMetadata, type PushMetadata } from "../../ui/pushMetadata.js";
import { listsProgress } from "../../ui/listsProgress.js";
import { escapeControls } from "../../ui/text.js";
import { warnOn } from "../../ui/warn.js";
import { writeOutputFile } from "../files.js";
import { waitMs } from "../listFlags.js";
import { checkOutputFiles } from "../outputFiles.js";
import { partlyDone } from "../partlyDone.js";
import type { ApplyFlags } from "./applyFlags.js";
import { boundMemory } from "./boundMemory.js";

/**
 * Makes all lists of the files that are the user's shard.
 * @throws INVALID_FILE before anything is sent; LISTS_FAILED when all has been done that could be
 */
export async function runApply(context: Context, flags: ApplyFlags): Promise<void> {
  const { stdout, stderr } = context;
  const shards = flags.shards === 0 ? undefined : flags.shards;
  const shard = flags.shard === "" ? undefined : readShard(flags.shard, shards, context.env);
  if (shard === undefined && shards !== undefined && !flags.plan) {
    throw new ManifestError(
      "USAGE",
      "--shards says how many shards there are, and nothing which of them this is",
      {
        hint: "pass --shard 1/16, or --shard auto where the CI system knows",
      },
    );
  }
  boundMemory();
  const orders = await readLists(flags.file, {
    env: context.env,
    stdin: () => context.stdin?.() ?? nothing(),
    onWarning: warnOn(stderr),
  });
  const defaults = { verify: flags.verify, waitMs: waitMs(flags) };
  const prepared = await prepareLists(orders, defaults, isIn(shard));
  await checkOutputFiles(flags);
  const results = flags.results === "" ? undefined : await openResultFile(flags.results);
  const registries = await openRegistries(context, { ...flags, patient: true });
  if (flags.plan) {
    try {
      await showPlan(context, flags, prepared, shard, registries);
      return;
    } finally {
      await registries.close();
    }
  }
  const progress = await listsProgress(stderr, prepared.length, flags.quiet);
  const failed: ListResult[] = [];
  const done: ListResult[] = [];
  const isJson = flags.format === "json";
  const isKept = isJson || flags.digestFile !== "" || flags.metadataFile !== "";
  try {
    const notBegun = await applyLists(prepared, registries, context, {
      jobs: flags.jobs,
      failFast: flags.failFast,
      onResult: async (result) => {
        if (isKept) done.push(result);
        if (result.status === "failed") failed.push(result);
        else if (!isJson && !flags.quiet) stdout.write(lineOf(result));
        progress.onResult(result);
        await results?.write(result);
      },
    });
    progress.stop();
    context.signal.throwIfAborted();
    if (failed.length > 0)
      throw failure(inFileOrder(failed, prepared), notBegun, prepared.length, isJson ? done : undefined);
    if (flags.digestFile !== "")
      await writeOutputFile(flags.digestFile, Buffer.from(done.map(lineOf).join("")));
    if (flags.metadataFile !== "") await writeOutputFile(flags.metadataFile, metadataOf(done, prepared));
    if (isJson) stdout.write(jsonDocument({ version: 1, lists: done }));
  } finally {
    progress.stop();
    await results?.close();
    await registries.close();
  }
}

function inFileOrder(results: readonly ListResult[], lists: readonly PreparedList[]): readonly ListResult[] {
  const places = new Map(lists.map(({ order, place }) => [targetName(order.targets), place]));
  const placeOf = ({ target }: ListResult): number => places.get(target) ?? 0;
  return [...results].sort((one, other) => placeOf(one) - placeOf(other));
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
): Promise<void> {
  const { planLists } = await import("../../apply/planLists.js");
  const { applyPlanText } = await import("../../ui/applyPlanText.js");
  const all = { index: undefined, count: Math.max(1, flags.shards) };
  const plan = await planLists(prepared, shard ?? all, registries, context, flags);
  const failed = plan.shards.flatMap(({ lists }) => lists).filter(({ status }) => status === "failed");
  if (flags.format === "text") context.stdout.write(applyPlanText(plan));
  else if (failed.length === 0) context.stdout.write(jsonDocument(plan));
  if (failed.length === 0) return;
  const error = new ManifestError(
    "LISTS_FAILED",
    `${counted(failed.length)} would fail:\n${failedTable(failed)}`,
  );
  throw flags.format === "text" ? error : partlyDone([error], plan);
}

function isIn(shard: Shard | undefined): (target: string) => boolean {
  return (target) => shard === undefined || shardOf(target, shard.count) === shard.index;
}

function failure(
  failed: readonly ListResult[],
  notBegun: number,
  total: number,
  done: readonly ListResult[] | undefined,
): ManifestError {
  const lines = [
    `${failed.length} of ${counted(total)} failed:`,
    failedTable(failed),
    ...(notBegun === 0 ? [] : [`${notBegun} were not begun (--fail-fast)`]),
  ];
  const error = new ManifestError("LISTS_FAILED", lines.join("\n"), {
    hint: "the others are as they should be; running it again goes on with these",
  });
  return done === undefined ? error : partlyDone([error], { version: 1, lists: done });
}

function counted(count: number): string {
  return `${count} ${count === 1 ? "list" : "lists"}`;
}

async function* nothing(): AsyncIterable<Uint8Array> {
  // Nothing is piped in.
}
