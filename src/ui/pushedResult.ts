import type { Descriptor } from "../oci/descriptor.js";
import { formatLocation, type Location } from "../oci/location.js";
import { contentOf, describePushed, platformsIn } from "./describeEntries.js";
import type { ListResult } from "./listResult.js";

/** A list that is where it should be. */
export interface PushedList {
  /** Its own name, whole; unless told, that of the first tag. */
  readonly name?: string;
  /** Where it is, and by which tags. */
  readonly targets: readonly { readonly location: Location; readonly tags: readonly string[] }[];
  readonly root: Pick<Descriptor, "digest" | "mediaType" | "size">;
  /** What it names; of a single image, that itself. */
  readonly entries: readonly Descriptor[];
  readonly sent: ListResult["sent"];
}

/** What became of it: `unchanged` where no manifest was put. A mount that nobody needed in the end changes nothing. */
export function pushedResult({ name, targets, root, entries, sent }: PushedList): ListResult {
  const tags = targets.flatMap(({ location, tags: some }) =>
    some.map((tag) => `${formatLocation(location)}:${tag}`),
  );
  const [first] = targets.map(({ location }) => `${formatLocation(location)}@${root.digest}`);
  return {
    version: 1,
    target: name ?? tags[0] ?? first ?? root.digest,
    status: sent.manifests === 0 ? "unchanged" : "pushed",
    ...contentOf(root),
    tags,
    platforms: platformsIn(entries),
    manifests: entries.map(describePushed),
    sent,
  };
}
