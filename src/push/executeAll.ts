import type { Repository } from "../content/repository.js";
import { hasCode } from "../errors.js";
import { formatLocation, type Location } from "../oci/location.js";
import { Push, type ExecuteOptions, type PushResult } from "./execute.js";
import type { Plan } from "./plan.js";

export interface ExecuteAllOptions extends ExecuteOptions {
  /** Everything is there and the tags are about to move; what it throws stops that. */
  readonly beforeTags?: () => Promise<void>;
  /** The tags of a target have moved. Whatever fails then elsewhere, these stay. */
  readonly onTagged?: (target: Location) => void;
}

/**
 * Does several plans, one a target, at once. No tag moves anywhere before everything is there everywhere: what fails in one
 * target leaves the tags of all as they were.
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
  await options.beforeTags?.();
  return all(
    pushes.map(async ({ plan, push }) => {
      const result = await push.root(plan);
      options.onTagged?.(plan.target);
      return result;
    }),
  );
}

/** Waits for all; throws what failed first. What was only given up because of another failure says nothing. */
async function all<Value>(work: readonly Promise<Value>[]): Promise<Value[]> {
  const results = await Promise.allSettled(work);
  const failures = results.flatMap((result): unknown[] =>
    result.status === "rejected" ? [result.reason] : [],
  );
  if (failures.length > 0) throw failures.find((error) => !hasCode(error, "STOPPED")) ?? failures[0];
  return results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
}
