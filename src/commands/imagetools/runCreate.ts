import { orderAccesses, ListWork } from "../../apply/listWork.js";
import { entriesOf } from "../../apply/makeList.js";
import type { ListOrder } from "../../apply/order.js";
import { reportPlans } from "../../apply/publish.js";
import { connectAhead } from "../../apply/connectAhead.js";
import { fromPlaces } from "../../apply/fromPlaces.js";
import { openSession } from "../../apply/session.js";
import { targetsOf } from "../../apply/targets.js";
import { TagsBefore } from "../../apply/unchanged.js";
import { ManifestCache } from "../../content/manifestCache.js";
import { placeSources } from "../../content/sourceText.js";
import type { Context } from "../../context.js";
import type { Descriptor } from "../../oci/descriptor.js";
import { SentTally } from "../../ui/sentTally.js";
import { escapeControls } from "../../ui/text.js";
import { tellOn, warnOn } from "../../ui/warn.js";
import { progressMode, withProgress, type Progress } from "../../ui/terminal/progress.js";
import { TransferSummary } from "../../ui/transferSummary.js";
import { PushedBefore } from "../push/pushedBefore.js";
import { waitMs, type PushFlags } from "../listFlags.js";
import type { NetworkFlags } from "../networkFlags.js";

type CreateFlags = NetworkFlags &
  PushFlags & {
    readonly dryRun: boolean;
    readonly progress: string;
  };

/** What got the tags. */
export interface Created {
  readonly root: Descriptor;
  readonly entries: readonly Descriptor[];
  readonly sent: SentTally["sent"];
}

/** Makes the list; undefined where nothing was pushed. */
export async function runImagetoolsCreate(
  context: Context,
  flags: CreateFlags,
  order: ListOrder,
): Promise<Created | undefined> {
  return withProgress(context, progressMode(flags), (progress) => make(context, flags, order, progress));
}

async function make(
  context: Context,
  flags: CreateFlags,
  order: ListOrder,
  progress: Progress,
): Promise<Created | undefined> {
  const { signal, stderr, stdout } = context;
  const [first] = order.targets;
  const added = [...placeSources(order.sources, order.targets), ...(await fromPlaces(order.from, first))];
  const accesses = orderAccesses(order, added);
  const session = await openSession(context, { ...flags, onWire: progress.onWire }, accesses);
  const use = useOf(flags);
  await connectAhead(
    session,
    added.map(({ place }) => place.location),
    use === "push" ? order.targets.map(({ location }) => location) : [],
  );
  const transfers = new TransferSummary({ isQuiet: flags.quiet, isSeen: () => stderr.isTTY === true });
  const tally = new SentTally();
  const pushed = new PushedBefore(context);
  // The first is the list that is added to, where there is one.
  const work = new ListWork(order, added.slice(order.onto === "append" && first !== undefined ? 1 : 0), {
    open: session.open,
    cache: new ManifestCache({ signal }),
    signal,
    tell: tellOn(stderr),
    warn: warnOn(stderr),
    onEvent: (event) => {
      tally.onEvent(event);
      transfers.onEvent(event);
      progress.onEvent(event);
    },
    onPlans: (plans) => {
      transfers.expect(plans);
    },
    progress,
    settings: { verify: flags.verify, waitMs: waitMs(flags) },
    settleMs: context.waits?.settleMs,
    use,
    asksForAttached: true,
    beginsEarly: true,
    pushed,
    // Who adds to a list reads what its tag names.
    ...(use === "push" &&
      order.onto === "nothing" && { before: new TagsBefore(targetsOf(order.targets), session.open, signal) }),
  });
  try {
    if (use === "show") {
      const { combined } = await work.make();
      const text = Buffer.concat([combined.bytes, Buffer.from("\n")]);
      progress.stop();
      // A script gets the bytes; a terminal might obey what is in them.
      stdout.write(stdout.isTTY === true ? escapeControls(text.toString("utf8")) : text);
      return undefined;
    }
    if (use === "plan") {
      const report = await reportPlans(await work.plan(), session.open, flags, signal, progress);
      progress.stop();
      stdout.write(report);
      return undefined;
    }
    const { combined } = (await work.push()).made;
    return { root: combined.descriptor, entries: entriesOf(combined), sent: tally.sent };
  } finally {
    await work.end();
    progress.stop();
    const { text } = transfers;
    if (text !== undefined) stderr.write(`${escapeControls(text)}\n`);
    await session.close();
  }
}

function useOf({ dryRun, plan }: CreateFlags): "push" | "plan" | "show" {
  if (dryRun) return "show";
  return plan ? "plan" : "push";
}
