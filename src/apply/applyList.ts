import { ManifestCache } from "../content/manifestCache.js";
import type { SharedManifests } from "../content/sharedManifests.js";
import type { SharedTargets } from "../content/sharedTargets.js";
import type { Repository } from "../content/repository.js";
import type { Context } from "../context.js";
import type { Location } from "../oci/location.js";
import type { PushEvent } from "../push/execute.js";
import type { ListResult } from "../ui/listResult.js";
import { pushedResult } from "../ui/pushedResult.js";
import { SentTally } from "../ui/sentTally.js";
import { warnOn } from "../ui/warn.js";
import { ListWork, type WorkTools } from "./listWork.js";
import { entriesOf } from "./makeList.js";
import type { ListOrder } from "./order.js";
import type { PublishSettings } from "./publish.js";
import type { WantedOrderSource } from "./readSource.js";
import { failureOf, targetName } from "./results.js";
import { targetsOf } from "./targets.js";
import { TagsBefore } from "./unchanged.js";
import { wantedSources } from "./wantedSources.js";

/** A list of a file, ready to be made. */
export interface ListToApply {
  readonly order: ListOrder;
  /** What its folders of digests and metadata files name. */
  readonly from: readonly WantedOrderSource[];
  readonly settings: PublishSettings;
}

export interface ApplyTools {
  readonly context: Context;
  readonly open: (location: Location) => Repository;
  readonly manifests: SharedManifests;
  readonly targets: SharedTargets;
}

/** Nobody knows whether the registry has acted on the last requests. */
const STOPPED_WHILE_MOVING: ListResult["error"] = {
  code: "INTERRUPTED",
  message: "interrupted while its tags were about to move",
  hint: "run it again: the tags are asked first",
};

/** Makes a list, unless it is as it should be. Never rejects: what went wrong is in the result. */
export async function applyList(list: ListToApply, tools: ApplyTools): Promise<ListResult> {
  const { order } = list;
  const tally = new SentTally();
  let isMoving = false;
  const onEvent = (event: PushEvent): void => {
    tally.onEvent(event);
    if (event.kind === "tagging") isMoving = true;
  };
  const done = { name: targetName(order.targets), targets: targetsOf(order.targets) };
  try {
    const before = tagsBefore(order, tools);
    const unchanged = await before.listByHeads(withType(order), wantedBy(list));
    if (unchanged !== undefined) return pushedResult({ ...done, ...unchanged, sent: tally.sent });
    const how = { use: "push", before, onEvent } as const;
    const work = newWork(list, tools, how);
    try {
      const { combined } = (await work.push()).made;
      return pushedResult({
        ...done,
        root: combined.descriptor,
        entries: entriesOf(combined),
        sent: tally.sent,
      });
    } finally {
      await work.end();
    }
  } catch (error) {
    const result = failureOf(order.targets, error, tally.sent);
    return isMoving && tools.context.signal.aborted ? { ...result, error: STOPPED_WHILE_MOVING } : result;
  }
}

/** The work of a list. */
export function newWork(
  list: ListToApply,
  { context, open, manifests, targets }: ApplyTools,
  how: Pick<WorkTools, "use" | "before" | "onEvent">,
): ListWork {
  const { order, settings } = list;
  const { signal, stderr, waits } = context;
  const name = targetName(order.targets);
  return new ListWork(withType(order), wantedBy(list), {
    ...how,
    open,
    cache: new ManifestCache({ signal, shared: manifests }),
    shared: targets,
    signal,
    stderr,
    tellsItself: "all",
    warn: (text) => {
      warnOn(stderr)(text.includes(name) ? text : `${name}: ${text}`);
    },
    settings,
    settleMs: waits?.settleMs,
    asksForAttached: false,
    beginsEarly: false,
  });
}

function wantedBy({ order, from }: ListToApply): readonly WantedOrderSource[] {
  return [...wantedSources(order), ...from];
}

/** What only an OCI index can say makes it one. */
function withType(order: ListOrder): ListOrder {
  const { type, annotations, sources, subject, artifactType } = order;
  const isAnnotated = annotations.length > 0 || sources.some(({ says }) => says?.annotations !== undefined);
  const saysMore = isAnnotated || subject !== undefined || artifactType !== undefined;
  return type === "auto" && saysMore ? { ...order, type: "oci" } : order;
}

function tagsBefore({ targets }: ListOrder, { context, open, targets: shared }: ApplyTools): TagsBefore {
  return new TagsBefore(targetsOf(targets), (location) => shared.around(open(location)), context.signal);
}
