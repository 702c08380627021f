import { descriptor, type Descriptor } from "../oci/descriptor.js";
import { parseIndex, type Manifest } from "../oci/manifest.js";
import { DOCKER_LIST, OCI_INDEX } from "../oci/mediaTypes.js";
import { withChildren } from "./combine.js";
import { withoutReplaced } from "./replace.js";

/**
 * Does a list still have what was added to it? Where images make room for those of their platform, one that somebody else
 * has replaced since was there.
 * @param before what the list had before anything was added
 */
export function hasAll(
  list: readonly Descriptor[],
  added: readonly Descriptor[],
  before: readonly Descriptor[],
  mode: "append" | "merge",
): boolean {
  const there = digestsOf(list);
  const missing = added.filter(({ digest }) => !there.has(digest));
  if (mode === "append" || missing.length === 0) return missing.length === 0;
  const known = digestsOf(before);
  return (
    withoutReplaced(
      missing,
      list.filter(({ digest }) => !known.has(digest)),
    ).length === 0
  );
}

/**
 * A list with what another, which was overwritten, had added to what both were made of, and without what that had removed.
 * As it is, where nothing is to be put back, or one of them is no list.
 */
export function withLost(list: Manifest, before: Manifest | undefined, lost: Manifest): Manifest {
  const { mediaType, digest, bytes } = list;
  if (lost.kind !== "index" || (mediaType !== DOCKER_LIST && mediaType !== OCI_INDEX)) return list;
  const base = digestsOf(before?.children ?? []);
  const there = digestsOf(list.children);
  const kept = digestsOf(lost.children);
  const added = lost.children.filter(({ digest }) => !base.has(digest) && !there.has(digest));
  const source = { descriptor: descriptor(mediaType, digest, bytes.byteLength), bytes };
  const restored = withChildren(source, (children) => [
    ...children.filter(({ digest }) => !base.has(digest) || kept.has(digest)),
    ...added,
  ]);
  return restored === source ? list : parseIndex(mediaType, restored.bytes);
}

/** Does a list contain again what an overwritten list had added to the list that both were made of? */
export function hasLost(
  list: readonly Descriptor[],
  before: readonly Descriptor[],
  lost: readonly Descriptor[],
): boolean {
  const [known, there] = [digestsOf(before), digestsOf(list)];
  return lost.every(({ digest }) => known.has(digest) || there.has(digest));
}

function digestsOf(descriptors: readonly Descriptor[]): ReadonlySet<string> {
  return new Set(descriptors.map(({ digest }) => digest));
}
