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
import { tellOn, warnOn } from "../ui/warn.js";
import { expectationsOf } from "./expectations.js";
import { ListWork, type WorkTools } from "./listWork.js";
import { entriesOf } from "./makeList.js";
import { listTypeOf, type ListOrder } from "./order.js";
import type { PublishSettings } from "./publish.js";
import type { WantedOrderSource } from "./readSource.js";
import { failureOf, targetName } from "./results.js";
import { targetsOf, type Target } from "./targets.js";
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
  readonly onEvent?: ((event: PushEvent) => void) | undefined;
}

/** Makes a list, unless it is as it should be. Never rejects: what went wrong is in the result. */
export async function applyList(list: ListToApply, tools: ApplyTools): Promise<ListResult> {
  const task = taskOf(list);
  const { order } = task;
  const tally = new SentTally();
  const tags = { areMoving: false };
  const onEvent = (event: PushEvent): void => {
    tally.onEvent(event);
    tools.onEvent?.(event);
    if (event.kind === "tagging") tags.areMoving = true;
  };
  const named = { name: targetName(order.targets), targets: targetsOf(order.targets) };
  let work: ListWork | undefined;
  try {
    const before = tagsBefore(order, tools);
    const unchanged = await before.listByHeads(order, task.wanted);
    if (unchanged !== undefined) {
      expectationsOf(warnOf(order, tools), order, named.name)(unchanged.entries);
      return pushedResult({ ...named, ...unchanged, sent: tally.sent });
    }
    work = newWork(task, tools, { use: "push", before, onEvent });
    const { combined } = (await work.push()).made;
    const made = { root: combined.descriptor, entries: entriesOf(combined) };
    return pushedResult({ ...named, ...made, sent: tally.sent });
  } catch (error) {
    const failure = failureOf(order.targets, error, tally.sent);
    if (!tags.areMoving || work === undefined) return failure;
    return await whileMoving(failure, named.targets, work, tools);
  } finally {
    await work?.end();
    // Who is made of this list is made of what it is now.
    if (tags.areMoving) {
      for (const target of named.targets) tools.manifests.forget(target.location, target.tags);
    }
  }
}

/** A failure behind which some of the tags may have moved: the registries are asked which. */
async function whileMoving(
  failure: ListResult,
  targets: readonly Target[],
  work: ListWork,
  { context: { signal }, open }: ApplyTools,
): Promise<ListResult> {
  const message = "interrupted while its tags were about to move";
  const hint = "run it again: the tags are asked first";
  if (signal.aborted) return { ...failure, error: { code: "INTERRUPTED", message, hint } };
  const root = work.made?.root;
  if (root === undefined) return failure;
  const moved = await new TagsBefore(targets, open, signal).naming(root.digest).catch(() => []);
  const { error } = failure;
  if (moved.length === 0 || error === undefined) return failure;
  const { digest, mediaType, bytes } = root;
  const told = `${error.message} (it is there already as ${moved.join(", ")})`;
  return {
    ...failure,
    digest,
    mediaType,
    size: bytes.byteLength,
    tags: [...moved],
    error: { ...error, message: told },
  };
}

/** A list with all that it is made of. */
export interface ListTask {
  readonly order: ListOrder;
  readonly wanted: readonly WantedOrderSource[];
  readonly settings: PublishSettings;
}

/** What is to be done for a list. */
export function taskOf({ order, from, settings }: ListToApply): ListTask {
  return { order: withType(order), wanted: [...wantedSources(order), ...from], settings };
}

/** The work of a list. */
export function newWork(
  { order, wanted, settings }: ListTask,
  { context, open, manifests, targets }: ApplyTools,
  how: Pick<WorkTools, "use" | "before" | "onEvent">,
): ListWork {
  const { signal, stderr, waits } = context;
  return new ListWork(order, wanted, {
    ...how,
    open,
    cache: new ManifestCache({ signal, shared: manifests }),
    shared: targets,
    signal,
    tell: tellOn(stderr),
    tellsItself: "all",
    warn: warnOf(order, { context }),
    settings,
    settleMs: waits?.settleMs,
    asksForAttached: false,
    beginsEarly: false,
  });
}

/** Says what is odd about a list, and of which. */
function warnOf(
  { targets }: ListOrder,
  { context: { stderr } }: Pick<ApplyTools, "context">,
): (text: string) => void {
  const name = targetName(targets);
  return (text) => {
    warnOn(stderr)(text.includes(name) ? text : `${name}: ${text}`);
  };
}

function withType(order: ListOrder): ListOrder {
  const isEntryAnnotated = order.sources.some(({ says }) => says?.annotations !== undefined);
  return { ...order, type: listTypeOf(order, isEntryAnnotated) };
}

function tagsBefore({ targets }: ListOrder, { context, open, targets: shared }: ApplyTools): TagsBefore {
  return new TagsBefore(targetsOf(targets), (location) => shared.around(open(location)), context.signal);
}
