import type { Repository } from "../content/repository.js";
import { inListOrder } from "../list/attestations.js";
import type { Draft } from "../list/draft.js";
import { encodeList } from "../list/encode.js";
import type { Entry } from "../list/entry.js";
import { digestLike, isDigest } from "../oci/digest.js";
import { locationOf, type Location } from "../oci/location.js";
import { parseManifest, withExactBytes, type Manifest } from "../oci/manifest.js";
import { formatReference } from "../oci/reference.js";
import type { LookOrigin } from "./listTree.js";

/** Something to look at: its root, and where the manifests and blobs below it are. */
export interface TreeSource {
  /** In full. */
  readonly name: string;
  readonly origin: LookOrigin;
  /** An index, an image or an artifact. */
  readonly root: Manifest;
  /** Where the root is, or would be pushed to. */
  readonly repository: Repository;
  /** Of a local list: what it knows of its entries, by their digests. */
  readonly entries: ReadonlyMap<string, TreeEntry>;
}

/** An entry of a local list: it may be in another repository than the list will be. */
export interface TreeEntry {
  readonly name: string;
  readonly repository: Repository;
  /** Kept on this machine; undefined where it is not. */
  readonly manifest: Manifest | undefined;
}

/** What a registry or a layout has under a name. */
export function namedSource(
  name: string,
  origin: "registry" | "layout",
  root: Manifest,
  repository: Repository,
): TreeSource {
  return { name, origin, root, repository, entries: new Map() };
}

/**
 * A local list, as a push would send it. Its manifests are here; what they name is where the list was made from.
 * @param open the repositories of the list and of its entries; see {@link locationsOf}
 * @throws ATTESTATION_LOST as a push would
 */
export function draftSource(draft: Draft, open: (location: Location) => Repository): TreeSource {
  const entries = inListOrder(draft.entries).map((entry) => {
    const name = formatReference(entry.ref);
    const { digest } = entry.descriptor;
    return [digest, { name, repository: open(entry.source), manifest: keptManifest(entry) }] as const;
  });
  return {
    name: formatReference(draft.name),
    origin: "local",
    root: encodeList(draft),
    repository: open(locationOf(draft.name)),
    // Of one image under two names the first is shown.
    entries: new Map(entries.reverse()),
  };
}

/** The manifest of an entry as it was read; undefined where docker kept no bytes of it, or others. */
function keptManifest({ descriptor: { mediaType, digest }, raw }: Entry): Manifest | undefined {
  if (raw === undefined || !isDigest(digest) || digestLike(digest, raw) !== digest) return undefined;
  return withExactBytes(parseManifest(mediaType, raw), raw, digest);
}

/** Every repository that looking at a local list may ask. */
export function locationsOf(draft: Draft): readonly Location[] {
  return [locationOf(draft.name), ...draft.entries.map(({ source }) => source)];
}
