import type { Repository } from "../content/repository.js";
import type { Context } from "../context.js";
import { formatLocation, type Location } from "../oci/location.js";
import type { Push, PushResult } from "../push/execute.js";
import { executeAll, type ExecuteAllOptions } from "../push/executeAll.js";
import type { Plan } from "../push/plan.js";
import { escapeControls } from "../ui/text.js";
import { waitMs, type PushFlags } from "./listFlags.js";
import type { NetworkFlags } from "./networkFlags.js";

export interface PublishOptions extends Pick<ExecuteAllOptions, "guard" | "onEvent"> {
  readonly begun?: ReadonlyMap<string, Push>;
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
  { begun, ...options }: PublishOptions = {},
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
  try {
    const onTagged = (target: Location): void => {
      moved.push(target);
    };
    const results = await executeAll(plans, open, { ...options, signal, onTagged }, begun);
    await verifyAll(context, flags, plans, open);
    return results;
  } catch (error) {
    if (moved.length > 0 && moved.length < plans.length) {
      const names = moved.map(formatLocation).join(", ");
      stderr.write(`WARNING: ${escapeControls(`in ${names} the tags have moved already`)}\n`);
    }
    throw error;
  }
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
