import { pushAndPull } from "../apply/accesses.js";
import { expectationsOf } from "../apply/expectations.js";
import { attachedTo, nearDraft } from "../apply/nearDraft.js";
import { publish } from "../apply/publish.js";
import { pushOnto, type Plans } from "../apply/pushOnto.js";
import { targetsOf } from "../apply/targets.js";
import { nearCandidates } from "../content/near.js";
import type { Place } from "../content/place.js";
import { inListOrder } from "../list/attestations.js";
import type { Draft } from "../list/draft.js";
import { lostInList } from "../list/encode.js";
import { descriptor } from "../oci/descriptor.js";
import { isSameLocation, locationOf } from "../oci/location.js";
import type { Manifest } from "../oci/manifest.js";
import { formatReference, repositoryName } from "../oci/reference.js";
import type { MoveGuard } from "../push/executeAll.js";
import { plan, rootOf } from "../push/plan.js";
import type { ListResult } from "../ui/listResult.js";
import { pushedResult } from "../ui/pushedResult.js";
import { SentTally } from "../ui/sentTally.js";
import { overConnection } from "./connect.js";
import { readTargets } from "./names.js";
import { publishSettings, type TransferOptions } from "./pushSettings.js";
import type { ListOptions } from "./pushSources.js";

/** How a draft is pushed. */
export interface PushDraftOptions
  extends TransferOptions, Pick<ListOptions, "expect" | "strict" | "referrers"> {
  /** The target: one name, or several, also in other registries and in layouts. Default: the name of the draft. */
  readonly to?: string | readonly string[] | undefined;
  /**
   * May blobs be copied from another registry than the one that they go to? Default: true; `false` refuses that before
   * anything is sent, as docker does (OTHER_REGISTRY).
   */
  readonly crossRegistry?: boolean | undefined;
}

/** Pushes a draft to its own name, or to others. */
export async function pushDraftTo(draft: Draft, options: PushDraftOptions): Promise<ListResult> {
  const places = options.to === undefined ? [placeOf(draft)] : readTargets(options.to);
  const targets = targetsOf(places);
  const { expect = [], strict = false, referrers = false, crossRegistry = true } = options;
  const settings = publishSettings(options);
  // What docker refuses is refused before anything is asked for.
  if (!crossRegistry) for (const { location, tags } of targets) plan(draft, { target: location, tags });
  const locations = targets.map(({ location }) => location);
  const sources = draft.entries.map(({ source }) => source);
  const near = locations.flatMap((target) =>
    sources.flatMap((source) => nearCandidates(source, target, [...locations, ...sources])),
  );
  return overConnection(options, pushAndPull(locations, [...sources, ...near]), async (tools) => {
    const { open, signal, warn } = tools;
    const lost = lostInList(draft);
    for (const what of lost) warn(`docker's manifest list has no room for ${what}`);
    const listCheck = expectationsOf(warn, { expect, strict }, formatReference(draft.name));
    const check = ({ entries }: Draft): void => {
      listCheck(entries.map((entry) => entry.descriptor));
    };
    check(draft);
    const tally = new SentTally();
    const nearTools = { open, signal, targets, crossRegistry };

    const planAll = async (one: Draft): Promise<Plans> => {
      const attached = referrers ? await attachedTo(nearTools, one) : [];
      const plans = await Promise.all(
        targets.map(async ({ location, tags }) => {
          const { draft: own, near: nearer } = await nearDraft(nearTools, one, location);
          return plan(own, { target: location, tags, anyRegistry: crossRegistry, attached, near: nearer });
        }),
      );
      const [first, ...others] = plans;
      if (first === undefined) throw new Error("no target");
      return [first, ...others];
    };
    const send = async (plans: Plans, guard?: MoveGuard): Promise<Manifest> => {
      await publish(tools, settings, plans, open, {
        tellsItself: "all",
        guard,
        onEvent: (event) => {
          tally.onEvent(event);
          options.onEvent?.(event);
        },
      });
      return rootOf(plans[0]).manifest;
    };

    const { base } = draft.settings;
    const { tag } = draft.name;
    const [first] = targets;
    const isOnto = first !== undefined && isSameLocation(first.location, locationOf(draft.name));
    // What others have made meanwhile of the list that it began with is not lost.
    const pushed =
      base !== undefined && tag !== undefined && isOnto && first.tags.includes(tag)
        ? await pushOnto(
            { open, signal, warn, plan: planAll, send: (_, plans, guard) => send(plans, guard) },
            draft,
            base,
            tag,
            check,
          )
        : { draft, root: await send(await planAll(draft)) };
    const { mediaType, digest, bytes } = pushed.root;
    return pushedResult({
      targets,
      root: descriptor(mediaType, digest, bytes.byteLength),
      entries: inListOrder(pushed.draft.entries).map((entry) => entry.descriptor),
      sent: tally.sent,
    });
  });
}

/** The draft's own name. A list that is called by a digest has no tag. */
function placeOf({ name }: Draft): Place {
  const { tag, digest } = name;
  return { location: locationOf(name), name: repositoryName(name), tag, digest };
}
