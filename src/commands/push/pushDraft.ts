import { resolve } from "node:path";
import { pushAndPull, type RepositoryAccess } from "../../apply/accesses.js";
import type { OntoTools, Plans } from "../../apply/pushOnto.js";
import type { Target } from "../../apply/targets.js";
import { parseLayoutReference } from "../../content/layoutReference.js";
import { nearCandidates } from "../../content/near.js";
import type { Context, Output } from "../../context.js";
import { ManifestError, messageOf } from "../../errors.js";
import { goQuote } from "../../go/quote.js";
import type { Draft, DraftBase } from "../../list/draft.js";
import { lostInList } from "../../list/encode.js";
import { formatLocation, isSameLocation, locationOf, type Location } from "../../oci/location.js";
import { formatReference, isTag, parseReference, type Reference } from "../../oci/reference.js";
import { accessesOf } from "../../push/plan.js";
import { progressMode, withProgress } from "../../ui/terminal/progress.js";
import { warnOn } from "../../ui/warn.js";
import { SentTally } from "../../ui/sentTally.js";
import { checkPushFlags } from "../listFlags.js";
import type { PushCommandFlags } from "./pushCommandFlags.js";
import { PushedBefore } from "./pushedBefore.js";
import type { Pushed, Targets, Work } from "./pushWork.js";
import { planAnywhere, planFor, send } from "./sendDraft.js";

/**
 * Pushes a draft to its registry, and wherever else the flags say; undefined where it was only planned.
 * @throws PlanError for what docker refuses before its first request
 */
export async function pushDraft(
  context: Context,
  flags: PushCommandFlags,
  stored: Draft,
): Promise<Pushed | undefined> {
  checkPushFlags(flags);
  const draft = withType(stored, flags.type);
  const targets = targetsOf(draft.name, flags);
  const planned = plansWithoutAsking(draft, targets, flags);
  const check = await checkOf(context, flags, draft);
  check(draft);
  return withProgress(context, progressMode(flags), async (progress) => {
    const { openSession } = await import("../../apply/session.js");
    const accesses = accessesFor(draft, targets, flags, planned);
    const session = await openSession(context, { ...flags, onWire: progress.onWire }, accesses);
    const lines = flags.quiet || flags.format !== "text" ? NOWHERE : context.stdout;
    const tally = new SentTally();
    // Each manifest and each tag is asked for at once, whatever else there is to do.
    const questions = draft.entries.length + targets[0].tags.length;
    await Promise.all(targets.map(({ location }) => session.connect(location, questions)));
    const before = new PushedBefore(context);
    const work: Work = { context, flags, targets, session, lines, tally, progress, before };
    try {
      const { base } = draft.settings;
      // A layout has nothing to do with what the list began with.
      if (base !== undefined && !flags.plan && flags.to === "" && draft.name.tag !== undefined) {
        return await pushDraftOnto(work, draft, base, draft.name.tag, check);
      }
      const plans = planned ?? (await planAnywhere(work, draft));
      const root = await send(work, draft, plans, lines);
      return root && { root, draft, targets, sent: tally.sent };
    } finally {
      await session.close();
    }
  });
}

/** Pushes a draft that began with a list of the registry; docker's lines are those of the try that stays. */
async function pushDraftOnto(
  work: Work,
  draft: Draft,
  base: DraftBase,
  tag: string,
  check: (draft: Draft) => void,
): Promise<Pushed> {
  const { pushOnto } = await import("../../apply/pushOnto.js");
  const { context, session, targets, tally, progress, lines } = work;
  const { signal, stderr, waits } = context;
  let printed: (string | Uint8Array)[] = [];
  const tools: OntoTools = {
    open: session.open,
    signal,
    settleMs: waits?.settleMs,
    warn: warnOn(stderr),
    plan: (merged) => planAnywhere(work, merged),
    send: async (merged, plans, guard) => {
      printed = [];
      const root = await send(work, merged, plans, { write: (text) => printed.push(text) }, guard);
      progress.step(`making sure that nobody has replaced ${formatReference(draft.name)}`);
      return root;
    },
  };
  const pushed = await pushOnto(tools, draft, base, tag, check);
  for (const text of printed) lines.write(text);
  return { ...pushed, targets, sent: tally.sent };
}

const NOWHERE: Output = { write: () => true };

function withType(draft: Draft, type: string): Draft {
  if (type !== "auto" && type !== "docker" && type !== "oci") return draft;
  return { ...draft, settings: { ...draft.settings, type } };
}

/** Where the list goes: its own name or a layout, then what `--tag` says; each repository once. */
function targetsOf(list: Reference, { to, tag }: Pick<PushCommandFlags, "to" | "tag">): Targets {
  const own = to === "" ? { location: locationOf(list), tags: ownTags(list) } : layoutTarget(to);
  const targets = new Map<string, { location: Location; tags: string[] }>();
  for (const text of tag) {
    const { location, tags } = isTag(text) ? { ...own, tags: [text] } : elsewhere(text);
    const name = formatLocation(location);
    const before = targets.get(name)?.tags ?? [];
    targets.set(name, { location, tags: [...before, ...tags] });
  }
  const more = targets.get(formatLocation(own.location))?.tags ?? [];
  targets.delete(formatLocation(own.location));
  const first = { ...own, tags: [...new Set([...own.tags, ...more])] };
  return [
    first,
    ...[...targets.values()].map(({ location, tags }) => ({ location, tags: [...new Set(tags)] })),
  ];
}

function ownTags({ tag }: Reference): readonly string[] {
  return tag === undefined ? [] : [tag];
}

function elsewhere(text: string): Target {
  const reference = parseTagReference(text);
  if (reference.tag !== undefined) return { location: locationOf(reference), tags: [reference.tag] };
  throw new ManifestError("INVALID_REFERENCE", `--tag ${text}: a list is pushed under a tag, not a digest`, {
    subject: text,
  });
}

function parseTagReference(text: string): Reference {
  try {
    return parseReference(text);
  } catch (error) {
    throw new ManifestError("INVALID_REFERENCE", `--tag ${goQuote(text)}: ${messageOf(error)}`, {
      subject: text,
      hint: "write a tag, or a whole reference: latest, registry.example/team/app:v1",
      cause: error,
    });
  }
}

function layoutTarget(text: string): Target {
  const { folder, tag, digest } = parseLayoutReference(text);
  if (digest !== undefined) {
    throw new ManifestError("INVALID_REFERENCE", `${text}: a list is written under a tag, not a digest`, {
      subject: text,
    });
  }
  return { location: { kind: "layout", folder: resolve(folder) }, tags: [tag ?? "latest"] };
}

/**
 * The plans, where nothing needs to be asked for them; what docker refuses is refused here. Where images may be taken from
 * other registries, it is found out first what the target's own has of them.
 */
function plansWithoutAsking(draft: Draft, targets: Targets, flags: PushCommandFlags): Plans | undefined {
  const isFar = ({ location }: Target): boolean =>
    location.kind === "registry" &&
    draft.entries.some(({ source }) => source.kind !== "registry" || source.domain !== location.domain);
  const [own, ...others] = targets;
  const mayAsk = flags.crossRegistry || flags.referrers;
  // Whatever else there is to find out, the list's own registry refuses images of others as docker's does.
  const first = planFor(draft, own, flags);
  if (mayAsk && (targets.some(isFar) || flags.referrers)) return undefined;
  if (others.some(isFar)) return undefined;
  return [first, ...others.map((target) => planFor(draft, target, flags))];
}

function accessesFor(
  draft: Draft,
  targets: Targets,
  { crossRegistry }: PushCommandFlags,
  plans: Plans | undefined,
): readonly RepositoryAccess[] {
  const [only] = plans ?? [];
  const isPlain = plans?.length === 1 && draft.settings.base === undefined;
  if (only !== undefined && isPlain) return accessesOf(only);
  const near = targets.flatMap(({ location }) =>
    crossRegistry || !isSameLocation(location, targets[0].location)
      ? draft.entries.flatMap(({ source }) => nearCandidates(source, location, []))
      : [],
  );
  const to = targets.map(({ location }) => location);
  return pushAndPull(to, [...draft.entries.map(({ source }) => source), ...near]);
}

/** What must be so of a draft, or nothing is pushed; what is odd, and what the list has no room for, is said. */
async function checkOf(
  context: Context,
  flags: PushCommandFlags,
  draft: Draft,
): Promise<(draft: Draft) => void> {
  for (const lost of lostInList(draft)) {
    context.stderr.write(`WARNING: docker's manifest list has no room for ${lost}\n`);
  }
  const { expectationsOf } = await import("../../apply/expectations.js");
  const check = expectationsOf(warnOn(context.stderr), flags, formatReference(draft.name));
  return ({ entries }) => {
    check(entries.map(({ descriptor }) => descriptor));
  };
}
