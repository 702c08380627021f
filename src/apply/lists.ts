import { SharedManifests } from "../content/sharedManifests.js";
import { SharedTargets } from "../content/sharedTargets.js";
import type { Context } from "../context.js";
import { ManifestError } from "../errors.js";
import type { PushEvent } from "../push/execute.js";
import type { ListResult } from "../ui/listResult.js";
import { SentTally } from "../ui/sentTally.js";
import { applyList } from "./applyList.js";
import type { PreparedList } from "./prepareLists.js";
import { failureOf, targetName } from "./results.js";
import type { Registries } from "./registries.js";
import { Sessions } from "./session.js";

export interface ApplyOptions {
  /** Lists that are made at once. */
  readonly jobs: number;
  /** When one has failed, no more are begun. */
  readonly failFast: boolean;
  /** Told of each list that is done, in the order in which they are. What it throws ends everything. */
  readonly onResult: (result: ListResult) => Promise<void>;
  /** Told what happens on the wire, of all lists. */
  readonly onEvent?: ((event: PushEvent) => void) | undefined;
}

/**
 * Makes lists, as many at once as is allowed, over the same connections. One that fails keeps no other from being made,
 * but those that are made of it.
 * @returns how many were not begun, since it was interrupted or another one had failed
 */
export async function applyLists(
  lists: readonly PreparedList[],
  registries: Registries,
  context: Context,
  { jobs, failFast, onResult, onEvent }: ApplyOptions,
): Promise<number> {
  const sessions = new Sessions(registries, lists);
  const shared = { context, manifests: new SharedManifests(), targets: new SharedTargets(), onEvent };
  const waitedFor = new Set(lists.flatMap((list) => list.waitsFor));
  /** Of those that others wait for: were they made? */
  const outcomes = new Map<PreparedList, Promise<boolean>>();
  const stop = new AbortController();
  let begun = 0;

  async function apply(list: PreparedList): Promise<ListResult> {
    for (const other of list.waitsFor) {
      // It stands before this one, and has begun.
      if ((await outcomes.get(other)) !== true) return failure(list, sourceFailed(other));
    }
    try {
      return await sessions.use(list.group, ({ open }) => applyList(list, { ...shared, open }));
    } catch (error) {
      return failure(list, error);
    }
  }

  async function finish(list: PreparedList): Promise<boolean> {
    const result = await apply(list);
    const isFailed = result.status === "failed";
    if (isFailed && failFast) stop.abort();
    await onResult(result);
    return !isFailed;
  }

  const waiting = lists[Symbol.iterator]();
  async function work(): Promise<void> {
    for (;;) {
      if (stop.signal.aborted || context.signal.aborted) return;
      const next = waiting.next();
      if (next.done === true) return;
      begun++;
      const outcome = finish(next.value);
      if (waitedFor.has(next.value)) outcomes.set(next.value, outcome);
      try {
        await outcome;
      } catch (error) {
        stop.abort();
        throw error;
      }
    }
  }

  const results = await Promise.allSettled(Array.from({ length: Math.min(jobs, lists.length) }, work));
  for (const result of results) if (result.status === "rejected") throw result.reason;
  return lists.length - begun;
}

function sourceFailed({ order }: PreparedList): ManifestError {
  const name = targetName(order.targets);
  return new ManifestError("SOURCE_FAILED", `${name}, which it is made of, was not made`, { subject: name });
}

function failure({ order }: PreparedList, error: unknown): ListResult {
  return failureOf(order.targets, error, new SentTally().sent);
}
