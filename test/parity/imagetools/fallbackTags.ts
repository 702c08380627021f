import { member } from "./closure.js";
import type { Holdings } from "./sides.js";

/**
 * Tags of ours that buildx does not leave, and that list nothing but what does refer to the manifest they are named for
 * and is there.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
 */
export function fallbackTagsOf(theirs: Holdings, ours: Holdings): ReadonlySet<string> {
  const added = [...ours.tags].filter(([name, { body }]) => {
    const [, repository = "", hex] = /^(.*):sha256-([0-9a-f]{64})$/.exec(name) ?? [];
    if (hex === undefined || theirs.tags.has(name)) return false;
    const manifests = member(JSON.parse(body.toString()), "manifests");
    const entries: unknown[] = Array.isArray(manifests) ? manifests : [];
    return entries.length > 0 && entries.every((entry) => refersTo(ours, repository, entry, `sha256:${hex}`));
  });
  return new Set(added.map(([name]) => name));
}

function refersTo(holdings: Holdings, repository: string, entry: unknown, subject: string): boolean {
  const digest = String(member(entry, "digest"));
  const bytes = holdings.manifests.get(digest);
  if (bytes === undefined || holdings.digests.get(repository)?.has(`manifest ${digest}`) !== true)
    return false;
  return member(member(JSON.parse(bytes.toString()), "subject"), "digest") === subject;
}

/** What there is but for these tags and what is under them, and what was under them before more was added. */
export function without(holdings: Holdings, names: ReadonlySet<string>): Holdings {
  const gone = [...holdings.tags].filter(([name]) => names.has(name));
  const isGone = (place: string, held: string): boolean => {
    const own = gone.filter(([name]) => name.startsWith(`${place}:`));
    const [, digest = ""] = /^manifest (.*)$/.exec(held) ?? [];
    const entries = entriesIn(holdings.manifests.get(digest));
    return own.some(([, { digest: last, body }]) => {
      if (digest === last) return true;
      const all = entriesIn(body);
      return entries.length > 0 && entries.every((entry) => all.includes(entry));
    });
  };
  return {
    ...holdings,
    tags: new Map([...holdings.tags].filter(([name]) => !names.has(name))),
    digests: new Map(
      [...holdings.digests].map(([place, held]) => [
        place,
        new Set([...held].filter((one) => !isGone(place, one))),
      ]),
    ),
  };
}

/** The entries of a list, as text. */
function entriesIn(body: Buffer | undefined): string[] {
  if (body === undefined) return [];
  const manifests = member(JSON.parse(body.toString()), "manifests");
  return Array.isArray(manifests) ? manifests.map((entry) => JSON.stringify(entry)) : [];
}
