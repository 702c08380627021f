import { openSession, type NetworkSettings } from "../../apply/session.js";
import { openLayout } from "../../content/layout.js";
import {
  isLayoutReference,
  parseLayoutReference,
  type LayoutReference,
} from "../../content/layoutReference.js";
import { registrySource, SourceReader } from "../../content/resolve.js";
import type { Repository } from "../../content/repository.js";
import type { Context } from "../../context.js";
import { hasCode } from "../../errors.js";
import type { Draft } from "../../list/draft.js";
import { draftSource, locationsOf, namedSource, type TreeSource } from "../../look/treeSource.js";
import { isDigest } from "../../oci/digest.js";
import { formatLocation, LAYOUT_SCHEME, locationOf, type Location } from "../../oci/location.js";
import { formatReference, parseReference, type Reference } from "../../oci/reference.js";
import type { Store } from "../../store/store.js";

/** What is in front of a name that means what the registry has, also where there is a local list of that name. */
const REGISTRY_SCHEME = "registry://";

/** Something that a user wants to look at. */
export type LookTarget =
  | { readonly kind: "local"; readonly draft: Draft }
  /** `isElse`: a local list of that name would have been meant. */
  | { readonly kind: "registry"; readonly ref: Reference; readonly isElse: boolean }
  | ({ readonly kind: "layout" } & LayoutReference);

/**
 * Which one is meant by a name: a local list if there is one, else what the registry has; by `registry://NAME` the latter,
 * by `oci-layout://DIR[:TAG]` what is in a layout.
 * @param isRemote means the registry by every name
 * @throws INVALID_REFERENCE
 */
export async function lookTarget(text: string, store: Store, isRemote: boolean): Promise<LookTarget> {
  if (isLayoutReference(text)) return { kind: "layout", ...parseLayoutReference(text) };
  const isNamedRemote = text.startsWith(REGISTRY_SCHEME);
  const ref = parseReference(isNamedRemote ? text.slice(REGISTRY_SCHEME.length) : text);
  const isElse = !isRemote && !isNamedRemote;
  const draft = isElse ? await store.read(ref) : undefined;
  return draft === undefined ? { kind: "registry", ref, isElse } : { kind: "local", draft };
}

/** What people call it. */
export function lookTargetName(target: LookTarget): string {
  if (target.kind !== "layout") {
    return formatReference(target.kind === "local" ? target.draft.name : target.ref);
  }
  const { folder, tag, digest } = target;
  return `${LAYOUT_SCHEME}${folder}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}

/** Reads what targets name. What is not there is thrown by `open`, or undefined from `openIfThere`. */
export interface LookSources {
  readonly open: (target: LookTarget) => Promise<TreeSource>;
  readonly openIfThere: (target: LookTarget) => Promise<TreeSource | undefined>;
}

/** Opens the repositories of targets for as long as they are used. */
export async function withLookSources<Result>(
  context: Context,
  flags: NetworkSettings,
  targets: readonly LookTarget[],
  use: (sources: LookSources) => Promise<Result>,
): Promise<Result> {
  const accesses = targets
    .flatMap(locationsOfTarget)
    .map((location) => ({ location, actions: ["pull"] as const }));
  const session = await openSession(context, flags, accesses);
  const open = (target: LookTarget): Promise<TreeSource> => openTarget(target, session.open, context.signal);
  try {
    return await use({
      open,
      openIfThere: async (target) => {
        try {
          return await open(target);
        } catch (error) {
          if (hasCode(error, "MANIFEST_UNKNOWN")) return undefined;
          throw error;
        }
      },
    });
  } finally {
    await session.close();
  }
}

function locationsOfTarget(target: LookTarget): readonly Location[] {
  switch (target.kind) {
    case "local":
      return locationsOf(target.draft);
    case "registry":
      return [locationOf(target.ref)];
    case "layout":
      return [];
  }
}

async function openTarget(
  target: LookTarget,
  open: (location: Location) => Repository,
  signal: AbortSignal,
): Promise<TreeSource> {
  switch (target.kind) {
    case "local":
      return draftSource(target.draft, open);
    case "registry":
      return openNamed(target, open(locationOf(target.ref)), signal);
    case "layout":
      return openInLayout(target, signal);
  }
}

async function openNamed(
  { ref, isElse }: LookTarget & { readonly kind: "registry" },
  repository: Repository,
  signal: AbortSignal,
): Promise<TreeSource> {
  const source = registrySource(ref, repository);
  try {
    const root = await new SourceReader({ signal }).manifest(source);
    return namedSource(formatReference(ref), "registry", root, repository);
  } catch (error) {
    throw isElse ? (await import("../missing.js")).neitherHere(error, ref) : error;
  }
}

async function openInLayout(
  { folder, tag, digest }: LayoutReference,
  signal: AbortSignal,
): Promise<TreeSource> {
  const layout = openLayout(folder);
  const reference = digest ?? tag ?? (await layout.defaultReference());
  const name = `${formatLocation(layout.location)}${isDigest(reference) ? "@" : ":"}${reference}`;
  return namedSource(name, "layout", await layout.get(reference, { signal }), layout);
}
