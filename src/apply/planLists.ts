import { newWork, taskOf, type ApplyTools } from "./applyList.js";
import type { PreparedList } from "./prepareLists.js";
import { asErrorData, targetName } from "./results.js";
import type { Registries } from "./registries.js";
import { Sessions } from "./session.js";
import { shardOf, type Shard } from "./shards.js";
import { targetKey } from "./targets.js";
import { SharedManifests } from "../content/sharedManifests.js";
import { SharedTargets } from "../content/sharedTargets.js";
import type { Context } from "../context.js";
import { limitTo } from "../limit.js";
import { groupBy } from "../list/groupBy.js";
import { survey, type Survey } from "../push/survey.js";
import type { ApplyPlan } from "../ui/applyResult.js";
import { planReport } from "../ui/planReport.js";

type PlannedList = ApplyPlan["shards"][number]["lists"][number];

export interface PlanListsOptions {
  /** Lists that are planned at once. */
  readonly jobs: number;
  readonly insecure: boolean;
  readonly plainHttp: boolean;
  /** Told of each list that is planned, by its target. */
  readonly onPlanned?: (target: string) => void;
}

/**
 * What applying lists would do, shard by shard; nothing is changed.
 * @param shard the only one, or the number of all of them
 */
export async function planLists(
  lists: readonly PreparedList[],
  shard: Shard | { readonly index: undefined; readonly count: number },
  registries: Registries,
  context: Context,
  { jobs, insecure, plainHttp, onPlanned }: PlanListsOptions,
): Promise<ApplyPlan> {
  const limit = limitTo(jobs);
  const sessions = new Sessions(registries, lists);
  const shared = { context, manifests: new SharedManifests(), targets: new SharedTargets() };
  const endpoint = { insecure, plainHttp, hasCertificates: false };

  async function plan(list: PreparedList): Promise<PlannedList> {
    const target = targetName(list.order.targets);
    if (list.waitsFor.length > 0) return { target, status: "waits" };
    try {
      const surveys = await sessions.use(list.group, ({ open }) => surveysOf(list, { ...shared, open }));
      if (surveys.every(isDone)) return { target, status: "unchanged" };
      return { target, status: "planned", plan: planReport(surveys, { endpointOf: () => endpoint }) };
    } catch (error) {
      context.signal.throwIfAborted();
      return { target, status: "failed", error: asErrorData(error) };
    }
  }

  const planned = await Promise.all(
    lists.map(async (list) => {
      const done = await limit(() => plan(list));
      onPlanned?.(done.target);
      return { number: shardOf(targetKey(list.order.targets), shard.count), list: done };
    }),
  );
  const numbers =
    shard.index === undefined ? Array.from({ length: shard.count }, (_, at) => at + 1) : [shard.index];
  const byShard = groupBy(planned, ({ number }) => number);
  return {
    version: 1,
    shards: numbers.map((number) => ({
      shard: number,
      of: shard.count,
      lists: (byShard.get(number) ?? []).map(({ list }) => list),
    })),
  };
}

async function surveysOf(list: PreparedList, tools: ApplyTools): Promise<readonly Survey[]> {
  const { open, context } = tools;
  const work = newWork(taskOf(list), tools, { use: "plan", onEvent: () => undefined });
  const plans = await work.plan();
  return Promise.all(plans.map((one) => survey(one, open, { signal: context.signal })));
}

/** Is all there, under all tags? */
function isDone({ manifests, tags }: Survey): boolean {
  return tags.every(({ state }) => state === "same") && manifests.every(({ isThere }) => isThere);
}
