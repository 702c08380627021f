import type { Repository } from "../content/repository.js";
import { formatLocation, isSameLocation, type Location } from "../oci/location.js";
import type { Push, PushResult } from "../push/execute.js";
import { executeAll, type ExecuteAllOptions } from "../push/executeAll.js";
import type { Plan } from "../push/plan.js";
import type { Progress } from "../ui/terminal/progress.js";

export interface PublishSettings {
  /** `manifests` or `blobs`: what is read back afterwards; nothing for an empty text. */
  readonly verify: string;
  /** How long a registry that lags behind may take to show it, in milliseconds. */
  readonly waitMs: number;
}

export interface PublishOptions extends Pick<ExecuteAllOptions, "guard" | "onEvent" | "expected" | "tagged"> {
  readonly begun?: ReadonlyMap<string, Push>;
  /** The repositories that tell whether it is there, if not those that it is sent to. */
  readonly readBackFrom?: (location: Location) => Repository;
  /** The target of which whoever calls tells how far it came when it is interrupted, or all of them. */
  readonly tellsItself?: Location | "all" | undefined;
  /** Told what is being done. */
  readonly progress?: Progress | undefined;
}

export interface PlanSettings {
  readonly format: string;
  readonly insecure: boolean;
  readonly plainHttp: boolean;
  /** See `ExecuteOptions`. */
  readonly expected?: ExecuteAllOptions["expected"];
}

/** What plans would do, as text for people or as JSON; nothing is changed. */
export async function reportPlans(
  plans: readonly Plan[],
  open: (location: Location) => Repository,
  { format, insecure, plainHttp, expected }: PlanSettings,
  signal: AbortSignal,
  progress?: Progress,
): Promise<string> {
  const { questionsOf, survey } = await import("../push/survey.js");
  const { formatPlanReport } = await import("../ui/planReport.js");
  const names = [...new Set(plans.map(({ target }) => formatLocation(target)))].join(", ");
  progress?.step(`asking what ${names} has`, {
    total: plans.reduce((sum, plan) => sum + questionsOf(plan), 0),
    unit: "manifest",
  });
  const onAnswer = (): void => progress?.advance();
  const surveys = await Promise.all(plans.map((plan) => survey(plan, open, { signal, onAnswer, expected })));
  return formatPlanReport(surveys, format === "json" || format === "markdown" ? format : "text", {
    endpointOf: () => ({ insecure, plainHttp, hasCertificates: false }),
  });
}

export interface PublishTools {
  readonly signal: AbortSignal;
  /** Told what is odd. */
  readonly warn: (text: string) => void;
  /** Told how far it came in a target, where it is interrupted. */
  readonly tell: (text: string) => void;
}

/** Does plans, one a target. With `verify` and `waitMs` what was pushed is read back. */
export async function publish(
  { signal, warn, tell }: PublishTools,
  settings: PublishSettings,
  plans: readonly Plan[],
  open: (location: Location) => Repository,
  { begun, readBackFrom = open, tellsItself, progress, ...options }: PublishOptions = {},
): Promise<PushResult[]> {
  const moved: Location[] = [];
  let isMoving = false;
  try {
    const onTagged = (target: Location): void => {
      moved.push(target);
    };
    const beforeTags = (): Promise<void> => {
      isMoving = true;
      progress?.step("moving the tags");
      return Promise.resolve();
    };
    const results = await executeAll(plans, open, { ...options, signal, beforeTags, onTagged }, begun);
    const { guard } = options;
    // Others may have added to it by now, as they may: that the tag stays is seen to by whoever guards it.
    const settled = plans.map((plan) =>
      guard !== undefined && isSameLocation(plan.target, guard.target) ? withRootTags(plan, []) : plan,
    );
    await verifyAll(signal, settings, settled, readBackFrom, progress);
    return results;
  } catch (error) {
    const told = plans
      .map(({ target }) => target)
      .filter((target) => tellsItself !== "all" && target !== tellsItself);
    if (signal.aborted) {
      for (const target of told) tell(interruption(target, moved.includes(target), isMoving));
    } else if (isPartly(moved, plans)) {
      warn(`in ${moved.map(formatLocation).join(", ")} the tags have moved already`);
    }
    throw error;
  }
}

/** The same with other tags for its root. */
function withRootTags(plan: Plan, tags: readonly string[]): Plan {
  return {
    ...plan,
    manifests: plan.manifests.map((step) => (step.role === "root" ? { ...step, tags } : step)),
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
  signal: AbortSignal,
  { verify, waitMs }: PublishSettings,
  plans: readonly Plan[],
  open: (location: Location) => Repository,
  progress: Progress | undefined,
): Promise<void> {
  if (verify === "" && waitMs === 0) return;
  progress?.step("reading back what was pushed");
  const { verifyWithin } = await import("../push/verify.js");
  const blobs = verify === "blobs";
  await Promise.all(plans.map((plan) => verifyWithin(plan, open, { blobs, waitMs, signal })));
}
