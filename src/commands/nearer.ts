import { ManifestCache } from "../content/manifestCache.js";
import { TreeReader } from "../content/manifestTree.js";
import { findNear, isThere, type Placed } from "../content/near.js";
import type { Draft } from "../list/draft.js";
import { formatLocation, type Location } from "../oci/location.js";
import type { PlanItem } from "../push/plan.js";
import type { Work } from "./pushWork.js";

/** What only registries can say before a push is planned. */

/** The draft with those entries of other registries that the target's own has, too, taken from there. */
export async function nearer(
  { context, targets, session }: Work,
  draft: Draft,
  target: Location,
): Promise<Draft> {
  const named = [...targets.map(({ location }) => location), ...draft.entries.map(({ source }) => source)];
  const placed = draft.entries.map(({ descriptor: { digest }, source }) => ({ digest, location: source }));
  const near = await findNear(placed, target, named, session.open, context.signal);
  const isFar = ({ location }: Placed): boolean =>
    target.kind === "registry" && !(location.kind === "registry" && location.domain === target.domain);
  const open = session.open(target);
  const present = new Set<string>();
  await Promise.all(
    placed.filter(isFar).map(async ({ digest }) => {
      if (await isThere(open, digest, context.signal)) present.add(digest);
    }),
  );
  const entries = draft.entries.map((entry) => {
    const { digest } = entry.descriptor;
    const [source = entry.source] = present.has(digest) ? [target] : (near.get(digest) ?? []);
    return { ...entry, source };
  });
  return { ...draft, entries };
}

/** All that is attached to the images of a draft where they are, and to what is attached. */
export async function attachedTo({ context, session }: Work, draft: Draft): Promise<PlanItem[]> {
  const reader = new TreeReader(new ManifestCache({ signal: context.signal }), {
    signal: context.signal,
    isWanted: () => true,
    byTags: true,
  });
  const places = new Map(
    draft.entries.map(({ source, descriptor: { digest } }) => [
      `${formatLocation(source)}@${digest}`,
      { source, digest },
    ]),
  );
  const items = await Promise.all(
    [...places.values()].map(({ source, digest }) => reader.readAttached(session.open(source), digest)),
  );
  return items.flat().map(({ manifest, role, location, tags }) => ({
    manifest,
    role,
    sources: [location],
    tags,
    toleratesRefusal: false,
  }));
}
