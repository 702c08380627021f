import type { AroundMove, Repository } from "../content/repository.js";
import { hasCode } from "../errors.js";
import { formatLocation, isSameLocation, type Location } from "../oci/location.js";
import type { Manifest } from "../oci/manifest.js";
import { Push, type ExecuteOptions, type PushResult } from "./execute.js";
import { rootOf, type Plan } from "./plan.js";

/** Protects a tag that others may move at the same time; see `appendTo.ts`. */
export interface MoveGuard {
  /** The repository whose tag is protected. */
  readonly target: Location;
  /** What goes around the requests that make tags name this manifest. */
  readonly around: (root: Manifest) => AroundMove;
}

/** How several plans are done at once. */
export interface ExecuteAllOptions extends ExecuteOptions {
  /** Everything is there and tags are about to move; what it throws stops that. Not called where all name their lists already. */
  readonly beforeTags?: () => Promise<void>;
  /** Of a target in which others may move a tag at the same moment: its tags move before those of all others. */
  readonly guard?: MoveGuard | undefined;
  /** The tags of a target have moved. Whatever fails then elsewhere, these stay. */
  readonly onTagged?: (target: Location) => void;
}

/**
 * Executes several plans, one for each target, at the same time. No tag moves before everything is in all targets: if one
 * fails, the tags of all stay as they were.
 * @param plans one for each target
 * @param open gives the repository at a location
 * @param options how they are followed, guarded and stopped
 * @param begun what was begun before the plans were whole, by the name of its target
 * @throws what went wrong in the first target in which something did
 * @example
 * await executeAll([plan(draft), plan(draft, { target: elsewhere, anyRegistry: true })], open);
 */
export async function executeAll(
  plans: readonly Plan[],
  open: (location: Location) => Repository,
  options: ExecuteAllOptions = {},
  begun: ReadonlyMap<string, Push> = new Map(),
): Promise<PushResult[]> {
  const pushes = plans.map((plan) => {
    const push =
      begun.get(formatLocation(plan.target)) ??
      new Push(plan.target, open, { ...options, mountOnly: plan.mountOnly });
    return { plan, push };
  });
  const prepared = pushes.map(async ({ plan, push }) => {
    try {
      await push.children(plan);
    } catch (error) {
      for (const other of pushes) if (other.push !== push) void other.push.abandon();
      throw error;
    }
  });
  await all(prepared);
  options.signal?.throwIfAborted();
  const { beforeTags, guard, onTagged } = options;
  const isAnyLeft = pushes.some(({ push }) => !push.isUnchanged);
  if (isAnyLeft) await beforeTags?.();
  const move = async (
    { plan, push }: (typeof pushes)[number],
    aroundMove?: AroundMove,
  ): Promise<PushResult> => {
    const result = await push.root(plan, { aroundMove, asksAgain: isAnyLeft && pushes.length > 1 });
    if (result.root === "put") onTagged?.(plan.target);
    return result;
  };
  const guarded = guard && pushes.find(({ plan }) => isSameLocation(plan.target, guard.target));
  const first = guarded && (await move(guarded, guard.around(rootOf(guarded.plan).manifest)));
  return all(pushes.map(async (one) => (one === guarded && first !== undefined ? first : move(one))));
}

/** Waits for all, and throws the first failure. What was only stopped because of another failure is not reported. */
async function all<Value>(work: readonly Promise<Value>[]): Promise<Value[]> {
  const results = await Promise.allSettled(work);
  const failures = results.flatMap((result): unknown[] =>
    result.status === "rejected" ? [result.reason] : [],
  );
  if (failures.length > 0) throw failures.find((error) => !hasCode(error, "STOPPED")) ?? failures[0];
  return results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
}
