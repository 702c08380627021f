import type { Target } from "../../apply/targets.js";
import type { Output } from "../../context.js";
import type { Draft } from "../../list/draft.js";
import { formatLocation } from "../../oci/location.js";
import type { Manifest } from "../../oci/manifest.js";
import type { MoveGuard } from "../../push/executeAll.js";
import { plan, rootOf, type Plan, type PlanOptions } from "../../push/plan.js";
import { tellOn, warnOn } from "../../ui/warn.js";
import { waitMs } from "../listFlags.js";
import type { PushCommandFlags } from "./pushCommandFlags.js";
import type { Plans } from "../../apply/pushOnto.js";
import type { Work } from "./pushWork.js";

/** The plan for one target. */
export function planFor(
  draft: Draft,
  { location, tags }: Target,
  { crossRegistry, mountOnly }: Pick<PushCommandFlags, "crossRegistry" | "mountOnly">,
  more: Pick<PlanOptions, "attached" | "near"> = {},
): Plan {
  return plan(draft, { target: location, tags, anyRegistry: crossRegistry, mountOnly, ...more });
}

/** Plans with what only the registries can say: what they have already, and what is attached to the images. */
export async function planAnywhere(work: Work, draft: Draft): Promise<Plans> {
  const { nearDraft, attachedTo } = await import("../../apply/nearDraft.js");
  const { targets, flags, progress, context, session } = work;
  const tools = { open: session.open, signal: context.signal, targets, crossRegistry: flags.crossRegistry };
  const names = targets.map(({ location }) => formatLocation(location)).join(", ");
  progress.step(flags.referrers ? "reading what is attached to the images" : `asking what ${names} has`);
  const attached = flags.referrers ? await attachedTo(tools, draft) : [];
  const plans = await Promise.all(
    targets.map(async (target) => {
      const { draft: own, near } = await nearDraft(tools, draft, target.location);
      return planFor(own, target, flags, { attached, near });
    }),
  );
  const [first, ...others] = plans;
  if (first === undefined) throw new Error("no target");
  return [first, ...others];
}

/** Sends what is planned, and prints docker's lines on `stdout`. The root; undefined where it was only shown. */
export async function send(
  { context, flags, session, tally, progress, before }: Work,
  draft: Draft,
  plans: Plans,
  stdout: Output,
  guard?: MoveGuard,
): Promise<Manifest | undefined> {
  const { publish, reportPlans } = await import("../../apply/publish.js");
  if (flags.plan) {
    const settings = { ...flags, expected: before.isExpected };
    const report = await reportPlans(plans, session.open, settings, context.signal, progress);
    progress.stop();
    context.stdout.write(report);
    return undefined;
  }
  const { pushProgress } = await import("../../ui/pushProgress.js");
  const { signal } = context;
  const outputs = {
    stdout,
    signal,
    // To open it delays what nothing is to be said of.
    get stderr() {
      return context.stderr;
    },
  };
  const shown = pushProgress(draft, plans, outputs, { progress, isQuiet: flags.quiet });
  try {
    const told = {
      signal,
      warn: (text: string) => {
        warnOn(context.stderr)(text);
      },
      tell: (text: string) => {
        tellOn(context.stderr)(text);
      },
    };
    await publish(told, { ...flags, waitMs: waitMs(flags) }, plans, session.open, {
      onEvent: (event) => {
        tally.onEvent(event);
        shown.onEvent(event);
      },
      tellsItself: plans[0].target,
      guard,
      progress,
      expected: before.isExpected,
    });
    for (const plan of plans) before.remember(plan);
    return rootOf(plans[0]).manifest;
  } catch (error) {
    shown.fail(error);
    throw error;
  } finally {
    shown.stop();
  }
}
