import type { Repository } from "../content/repository.js";
import type { Context } from "../context.js";
import { formatLocation, isSameLocation, type Location } from "../oci/location.js";
import type { Push, PushResult } from "../push/execute.js";
import { executeAll, type ExecuteAllOptions } from "../push/executeAll.js";
import type { Plan } from "../push/plan.js";
import { escapeControls } from "../ui/text.js";
import { waitMs, type PushFlags } from "./listFlags.js";
import type { NetworkFlags } from "./networkFlags.js";

export interface PublishOptions extends Pick<ExecuteAllOptions, "guard" | "onEvent"> {
  readonly begun?: ReadonlyMap<string, Push>;
  /** The target of which whoever calls tells how far it came when it is interrupted. */
  readonly tellsItself?: Location;
}

/**
 * Does plans, one a target; or, with `--plan`, shows them. With `--verify` and `--wait` what was pushed is read back.
 * @returns undefined where nothing was pushed
 */
export async function publish(
  context: Context,
  flags: PushFlags & NetworkFlags,
  plans: readonly Plan[],
  open: (location: Location) => Repository,
  { begun, tellsItself, ...options }: PublishOptions = {},
): Promise<PushResult[] | undefined> {
  const { signal, stdout, stderr } = context;
  if (flags.plan) {
    const { survey } = await import("../push/survey.js");
    const { formatPlanReport } = await import("../ui/planReport.js");
    const surveys = await Promise.all(plans.map((plan) => survey(plan, open, { signal })));
    const { insecure, plainHttp } = flags;
    const format = flags.format === "json" ? "json" : "text";
    stdout.write(
      formatPlanReport(surveys, format, {
        endpointOf: () => ({ insecure, plainHttp, hasCertificates: false }),
      }),
    );
    return undefined;
  }
  const moved: Location[] = [];
  let isMoving = false;
  try {
    const onTagged = (target: Location): void => {
      moved.push(target);
    };
    const beforeTags = (): Promise<void> => {
      isMoving = true;
      return Promise.resolve();
    };
    const results = await executeAll(plans, open, { ...options, signal, beforeTags, onTagged }, begun);
    const { guard } = options;
    // Others may have added to it by now, as they may: that the tag stays is seen to by whoever guards it.
    const settled = plans.map((plan) =>
      guard !== undefined && isSameLocation(plan.target, guard.target) ? withoutTags(plan) : plan,
    );
    await verifyAll(context, flags, settled, open);
    return results;
  } catch (error) {
    const told = plans.map(({ target }) => target).filter((target) => target !== tellsItself);
    const lines = signal.aborted
      ? told.map((target) => interruption(target, moved.includes(target), isMoving))
      : isPartly(moved, plans)
        ? [`WARNING: in ${moved.map(formatLocation).join(", ")} the tags have moved already`]
        : [];
    for (const line of lines) stderr.write(`${escapeControls(line)}\n`);
    throw error;
  }
}

function withoutTags(plan: Plan): Plan {
  return {
    ...plan,
    manifests: plan.manifests.map((step) => ({ ...step, tags: step.role === "root" ? [] : step.tags })),
  };
}

function isPartly(moved: readonly Location[], plans: readonly Plan[]): boolean {
  return moved.length > 0 && moved.length < plans.length;
}

/** How far it came in a target until the user stopped it. */
function interruption(target: Location, hasMoved: boolean, isMoving: boolean): string {
  const name = formatLocation(target);
  if (hasMoved) return `${name}: the tags have moved`;
  return isMoving
    ? `${name}: the tags were about to move: inspect them, or run it again`
    : `${name}: the tags were not moved`;
}

async function verifyAll(
  { signal }: Context,
  flags: PushFlags,
  plans: readonly Plan[],
  open: (location: Location) => Repository,
): Promise<void> {
  const wait = waitMs(flags);
  if (flags.verify === "" && wait === 0) return;
  const { verifyWithin } = await import("../push/verify.js");
  const blobs = flags.verify === "blobs";
  await Promise.all(plans.map((plan) => verifyWithin(plan, open, { blobs, waitMs: wait, signal })));
}
