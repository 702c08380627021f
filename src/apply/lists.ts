import { SharedManifests } from "../content/sharedManifests.js";
import { SharedTargets } from "../content/sharedTargets.js";
import type { Context } from "../context.js";
import { ManifestError } from "../errors.js";
import { limitTo } from "../limit.js";
import type { ListResult } from "../ui/listResult.js";
import { SentTally } from "../ui/sentTally.js";
import { applyList, type ApplyTools, type ListToApply } from "./applyList.js";
import { dependencies, inOrder, namesIn } from "./dependencies.js";
import { formatFilePlace, type FileOrder } from "./file/fileOrder.js";
import { groupsOf } from "./groups.js";
import { accessesOf } from "./listWork.js";
import { failureOf, targetName } from "./results.js";
import { Accesses, Sessions, type AccessGroup, type Connections } from "./session.js";
import { wantedSources } from "./wantedSources.js";

/** What the command line says of all lists; a list may say otherwise. */
export interface ListDefaults {
  readonly verify: string;
  readonly waitMs: number;
}

/** Lists in the order in which they are made, with what each of them waits for. */
export interface PreparedLists {
  readonly lists: readonly PreparedList[];
}

export interface PreparedList extends ListToApply {
  /** Which of all lists of the files it is, whatever the shard. */
  readonly place: number;
  /** Those that it shares a token with. */
  readonly group: AccessGroup;
  /** Lists that it is made of. */
  readonly waitsFor: readonly PreparedList[];
}

/**
 * Reads what is on this machine of what the lists are made of, and puts them in order. Nothing is sent.
 * @param isMine tells which of the lists are made here: those of a shard
 * @throws INVALID_FILE for lists that are made of each other, and for what cannot be read
 */
export async function prepareLists(
  orders: readonly FileOrder[],
  defaults: ListDefaults,
  isMine: (target: string) => boolean = () => true,
): Promise<PreparedLists> {
  const wanted = await allWanted(orders);
  const names = orders.map(({ order }, at) =>
    namesIn(
      order,
      (wanted[at] ?? []).map(({ place }) => place),
    ),
  );
  const waitsFor = dependencies(names);
  const sorted = inOrder(waitsFor);
  if ("cycle" in sorted) throw cycleError(sorted.cycle.flatMap((at) => orders[at] ?? []));
  const mine = sorted.order.filter((at) => {
    const list = orders[at];
    return list !== undefined && isMine(targetName(list.order.targets));
  });
  checkShard(orders, waitsFor, new Set(mine));
  return inGroups(orders, wanted, waitsFor, mine, defaults);
}

function inGroups(
  orders: readonly FileOrder[],
  wanted: readonly ListToApply["wanted"][],
  waitsFor: readonly (readonly number[])[],
  mine: readonly number[],
  defaults: ListDefaults,
): PreparedLists {
  const described = mine.flatMap((at) => {
    const list = orders[at];
    if (list === undefined) return [];
    const sources = wanted[at] ?? [];
    return [{ at, list, sources, accesses: accessesOf(list.order, sources), retries: list.retries }];
  });
  const numbers = groupsOf(described);
  const groups: AccessGroup[] = [];
  const prepared = new Map<number, PreparedList>();
  described.forEach(({ at, list, sources, accesses, retries }, index) => {
    const number = numbers[index] ?? 0;
    const group = (groups[number] ??= { retries, accesses: new Accesses() });
    group.accesses.add(accesses);
    const { order, verify, wait } = list;
    prepared.set(at, {
      place: at,
      order,
      wanted: sources,
      settings: {
        verify: verify === "none" ? "" : (verify ?? defaults.verify),
        waitMs: wait ?? defaults.waitMs,
      },
      group,
      waitsFor: (waitsFor[at] ?? []).flatMap((other) => prepared.get(other) ?? []),
    });
  });
  return { lists: [...prepared.values()] };
}

async function allWanted(orders: readonly FileOrder[]): Promise<readonly ListToApply["wanted"][]> {
  const faults: string[] = [];
  const wanted: ListToApply["wanted"][] = [];
  // One by one: ten thousand folders at once are more than may be open.
  for (const { order, at } of orders) {
    try {
      wanted.push(await wantedSources(order));
    } catch (error) {
      if (!(error instanceof ManifestError)) throw error;
      const hint = error.hint === undefined ? "" : ` (${error.hint})`;
      faults.push(`${formatFilePlace(at)}: ${error.message}${hint}`);
      wanted.push([]);
    }
  }
  if (faults.length > 0) throw invalidFile(faults.join("\n"));
  return wanted;
}

function cycleError(lists: readonly FileOrder[]): ManifestError {
  const [first] = lists;
  if (first === undefined) throw new Error("a cycle of nothing");
  const names = [...lists, first].map(({ order }) => targetName(order.targets));
  return invalidFile(`${formatFilePlace(first.at)}: lists are made of each other: ${names.join(" of ")}`);
}

/** A list of another shard may not be there yet when it is wanted here, and nobody would notice that it is an old one. */
function checkShard(
  orders: readonly FileOrder[],
  waitsFor: readonly (readonly number[])[],
  mine: ReadonlySet<number>,
): void {
  const faults = [...mine].flatMap((at) => {
    const list = orders[at];
    const missing = waitsFor[at]?.find((other) => !mine.has(other));
    const other = missing === undefined ? undefined : orders[missing];
    if (list === undefined || other === undefined) return [];
    const [target, source] = [list, other].map(({ order }) => targetName(order.targets));
    return `${formatFilePlace(list.at)}: ${target} is made of ${source}, which is in another shard: apply the two without --shard, one file after the other`;
  });
  if (faults.length > 0) throw invalidFile(faults.join("\n"));
}

function invalidFile(message: string): ManifestError {
  return new ManifestError("INVALID_FILE", message, { hint: "nothing was sent" });
}

export interface ApplyOptions {
  /** Lists that are made at once. */
  readonly jobs: number;
  /** When one has failed, no more are begun. */
  readonly failFast: boolean;
  /** Told of each list that is done, in the order in which they are. What it throws ends everything. */
  readonly onResult: (result: ListResult) => Promise<void>;
}

/**
 * Makes lists, as many at once as is allowed, over the same connections. One that fails keeps no other from being made,
 * but those that are made of it.
 * @returns how many were not begun, since it was interrupted or another one had failed
 */
export async function applyLists(
  { lists }: PreparedLists,
  connections: Connections,
  context: Context,
  { jobs, failFast, onResult }: ApplyOptions,
): Promise<number> {
  const limit = limitTo(jobs);
  const sessions = new Sessions(connections);
  const shared = { context, manifests: new SharedManifests(), targets: new SharedTargets() };
  const done = new Map<PreparedList, Promise<boolean>>();
  let isStopped = false;
  let notBegun = 0;

  async function apply(list: PreparedList): Promise<ListResult> {
    const failed = await firstFailed(list, done);
    if (failed !== undefined)
      return failureOf(list.order.targets, sourceFailed(failed), new SentTally().sent);
    const { open } = await sessions.of(list.group);
    const tools: ApplyTools = { ...shared, open };
    return applyList(list, tools);
  }

  const all = lists.map((list) => {
    const work = limit(async () => {
      if (isStopped || context.signal.aborted) {
        notBegun++;
        return false;
      }
      const result = await apply(list);
      if (result.status === "failed" && failFast) isStopped = true;
      await onResult(result);
      return result.status !== "failed";
    });
    work.catch(() => {
      isStopped = true;
    });
    done.set(list, work);
    return work;
  });
  const results = await Promise.allSettled(all);
  for (const result of results) if (result.status === "rejected") throw result.reason;
  return notBegun;
}

/** A list stands behind those that it is made of: they have begun before it, and none of them waits for it. */
async function firstFailed(
  { waitsFor }: PreparedList,
  done: ReadonlyMap<PreparedList, Promise<boolean>>,
): Promise<PreparedList | undefined> {
  for (const other of waitsFor) if ((await done.get(other)) !== true) return other;
  return undefined;
}

function sourceFailed({ order }: PreparedList): ManifestError {
  const name = targetName(order.targets);
  return new ManifestError("SOURCE_FAILED", `${name}, which it is made of, was not made`, { subject: name });
}
