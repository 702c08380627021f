import { parseLayoutReference } from "../content/layoutReference.js";
import type { Context, Output } from "../context.js";
import { ManifestError } from "../errors.js";
import type { Draft, DraftBase } from "../list/draft.js";
import { lostInList } from "../list/encode.js";
import { formatLocation, isSameLocation, locationOf, type Location } from "../oci/location.js";
import type { Manifest } from "../oci/manifest.js";
import { formatReference, isTag, parseReference, type Reference } from "../oci/reference.js";
import { accessesOf, plan, rootOf, type Plan, type PlanItem } from "../push/plan.js";
import type { PushCommandFlags } from "./push.js";
import type { RepositoryAccess, Session } from "./session.js";

/** What was pushed, and what the local list began with from now on. */
export interface Pushed {
  readonly digest: string;
  readonly draft: Draft;
  /** Of a list that began with one of the registry. */
  readonly base?: DraftBase;
}

interface Target {
  readonly location: Location;
  readonly tags: readonly string[];
}

type Targets = readonly [Target, ...Target[]];
type Plans = readonly [Plan, ...Plan[]];

/**
 * Pushes a draft to its registry, and wherever else the flags say; undefined where it was only planned.
 * @throws PlanError for what docker refuses before its first request
 */
export async function pushDraft(
  context: Context,
  flags: PushCommandFlags,
  stored: Draft,
): Promise<Pushed | undefined> {
  const draft = withType(stored, flags.type);
  const targets = targetsOf(draft.name, flags);
  const planned = plansWithoutAsking(draft, targets, flags);
  await check(context, flags, draft);
  const { openSession } = await import("./session.js");
  const session = await openSession(context, flags, accessesFor(draft, targets, flags, planned));
  const work: Work = { context, flags, targets, session };
  try {
    const { base } = draft.settings;
    if (base !== undefined && !flags.plan && draft.name.tag !== undefined) {
      const { pushOnto } = await import("./pushOnto.js");
      return await pushOnto(work, draft, base, draft.name.tag);
    }
    const plans = planned ?? (await planAnywhere(work, draft));
    const root = await send(work, draft, plans, context.stdout);
    return root && { digest: root.digest, draft };
  } finally {
    await session.close();
  }
}

export interface Work {
  readonly context: Context;
  readonly flags: PushCommandFlags;
  readonly targets: Targets;
  readonly session: Session;
}

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
  const reference = parseReference(text);
  if (reference.tag !== undefined) return { location: locationOf(reference), tags: [reference.tag] };
  throw new ManifestError("INVALID_REFERENCE", `--tag ${text}: a list is pushed under a tag, not a digest`, {
    subject: text,
  });
}

function layoutTarget(text: string): Target {
  const { folder, tag, digest } = parseLayoutReference(text);
  if (digest !== undefined) {
    throw new ManifestError("INVALID_REFERENCE", `${text}: a list is written under a tag, not a digest`, {
      subject: text,
    });
  }
  return { location: { kind: "layout", folder }, tags: [tag ?? "latest"] };
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
  const first = planFor(draft, own, { ...flags, crossRegistry: flags.crossRegistry });
  if (mayAsk && (targets.some(isFar) || flags.referrers)) return undefined;
  if (others.some(isFar)) return undefined;
  return [first, ...others.map((target) => planFor(draft, target, flags))];
}

function planFor(
  draft: Draft,
  { location, tags }: Target,
  { crossRegistry, mountOnly }: Pick<PushCommandFlags, "crossRegistry" | "mountOnly">,
  attached: readonly PlanItem[] = [],
): Plan {
  return plan(draft, { target: location, tags, anyRegistry: crossRegistry, mountOnly, attached });
}

/** Plans with what only the registries can say: what they have already, and what is attached to the images. */
export async function planAnywhere(work: Work, draft: Draft): Promise<Plans> {
  const { nearer, attachedTo } = await import("./nearer.js");
  const { targets, flags } = work;
  const attached = flags.referrers ? await attachedTo(work, draft) : [];
  const plans = await Promise.all(
    targets.map(async (target) =>
      planFor(await nearer(work, draft, target.location), target, flags, attached),
    ),
  );
  const [first, ...others] = plans;
  if (first === undefined) throw new Error("no target");
  return [first, ...others];
}

/** The targets first: some token servers read no more than the first scope. */
function accessesFor(
  draft: Draft,
  targets: Targets,
  { crossRegistry }: PushCommandFlags,
  plans: Plans | undefined,
): RepositoryAccess[] {
  const [only] = plans ?? [];
  const isPlain = plans?.length === 1 && draft.settings.base === undefined;
  if (only !== undefined && isPlain) return accessesOf(only);
  const accesses = new Map<string, RepositoryAccess>();
  for (const { location } of targets) {
    accesses.set(formatLocation(location), { location, actions: ["pull", "push"] });
  }
  const near = targets.flatMap(({ location }) =>
    crossRegistry || !isSameLocation(location, targets[0].location)
      ? draft.entries.flatMap(({ source }) => alikeIn(location, source))
      : [],
  );
  for (const location of [...draft.entries.map(({ source }) => source), ...near]) {
    const name = formatLocation(location);
    if (!accesses.has(name)) accesses.set(name, { location, actions: ["pull"] });
  }
  return [...accesses.values()];
}

/** Where in a target's registry an image of another one is likely to be. */
function alikeIn(target: Location, source: Location): Location[] {
  if (target.kind !== "registry" || source.kind !== "registry" || source.domain === target.domain) return [];
  return [{ kind: "registry", domain: target.domain, path: source.path }];
}

/** What must be so, or nothing is pushed; what is odd, and what the list has no room for, is said. */
async function check(context: Context, flags: PushCommandFlags, draft: Draft): Promise<void> {
  for (const lost of lostInList(draft)) {
    context.stderr.write(`WARNING: docker's manifest list has no room for ${lost}\n`);
  }
  const { expectationsOf } = await import("./expectations.js");
  expectationsOf(
    context,
    flags,
    formatReference(draft.name),
  )(draft.entries.map(({ descriptor }) => descriptor));
}

/** Sends what is planned, and prints docker's lines on `stdout`. The root; undefined where it was only shown. */
export async function send(
  { context, flags, session }: Work,
  draft: Draft,
  plans: Plans,
  stdout: Output,
  beforeTags?: () => Promise<void>,
): Promise<Manifest | undefined> {
  const { publish } = await import("./publish.js");
  const { pushProgress } = await import("../ui/pushProgress.js");
  const { stderr, signal } = context;
  const progress = await pushProgress(draft, plans, { stdout, stderr, signal }, flags.plan ? "none" : "auto");
  try {
    const results = await publish(context, flags, plans, session.open, {
      onEvent: progress.onEvent,
      ...(beforeTags && { beforeTags }),
    });
    return results && rootOf(plans[0]).manifest;
  } catch (error) {
    progress.fail(error);
    throw error;
  } finally {
    progress.stop();
  }
}
