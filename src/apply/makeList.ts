import type { ListAnnotation } from "../list/annotationFlags.js";
import { isAttestation } from "../list/attestations.js";
import { choosePlatforms, combine, withChildren, withChosen, type Combined } from "../list/combine.js";
import { chooseChildren, noManifestMatches } from "../list/choose.js";
import { withoutReplaced } from "../list/replace.js";
import type { Descriptor } from "../oci/descriptor.js";
import { parseManifest, type Manifest } from "../oci/manifest.js";
import { OCI_INDEX } from "../oci/mediaTypes.js";
import type { Platform } from "../oci/platform.js";
import type { ReadSource } from "./readSource.js";

/** What a list is made of, and how. */
export interface ListRequest {
  /** The list that is added to, if there is one. */
  readonly base: ReadSource | undefined;
  readonly added: readonly ReadSource[];
  /** Do images make room in the base for themselves? */
  readonly merges: boolean;
  readonly dropsAttestations: boolean;
  readonly preferIndex: boolean;
  readonly platforms: readonly Platform[];
  readonly annotations: readonly ListAnnotation[];
  readonly type?: "auto" | "docker" | "oci" | undefined;
  /** What the list refers to; of a list that is merged with what it refers to now, unless told. */
  readonly subject?: Descriptor | undefined;
  readonly artifactType?: string | undefined;
  /** BuildKit's attestations that refer to an image. */
  readonly attestationsOf: (source: ReadSource, digest: string) => Promise<readonly Descriptor[]>;
}

/** What gets the tags, and what it is made of. */
export interface Made {
  readonly combined: Combined;
  readonly root: Manifest;
  readonly sources: readonly ReadSource[];
}

/**
 * Makes the list; nothing is pushed yet.
 * @throws NO_MATCH where nothing is of the chosen platforms
 */
export async function makeList(request: ListRequest): Promise<Made> {
  const { base, merges, dropsAttestations, preferIndex, platforms, annotations, attestationsOf } = request;
  const taken = dropsAttestations
    ? request.added.map((source) => withChildren(source, withoutAttestations))
    : request.added;
  // buildx chooses among all that the list would have; what a merge does not replace stays as it is.
  const added = merges ? chosenOf(taken, platforms) : taken;
  const stays = base && merges ? withoutReplacedBy(base, added) : base;
  const sources = stays === undefined ? added : [stays, ...added];
  // buildx drops what the list says of itself; a merge changes nothing that it is not asked to change.
  const kept = merges ? base : undefined;
  const { type = "auto", subject, artifactType = "" } = request;
  const all = combine(sources, {
    annotations: kept === undefined ? annotations : [...annotationsOf(kept), ...annotations],
    preferIndex,
    type: type === "auto" && kept?.manifest.mediaType === OCI_INDEX ? "oci" : type,
    subject: subject ?? kept?.manifest.subject,
    artifactType: artifactType === "" ? kept?.manifest.artifactType : artifactType,
    keepsPlatforms: merges,
  });
  const chosen = choosePlatforms(all, merges ? [] : platforms);
  const found = await Promise.all(
    (dropsAttestations ? [] : chosen.unattested).map(
      async ({ descriptor: { digest }, sources: [at = 0] }) => {
        const source = sources[at];
        return [digest, source === undefined ? [] : await attestationsOf(source, digest)] as const;
      },
    ),
  );
  const combined = withChosen(all, chosen, new Map(found));
  const [only] = sources;
  const isCarried = combined.entries === undefined && only !== undefined;
  const root = isCarried ? only.manifest : parseManifest(combined.descriptor.mediaType, combined.bytes);
  return { combined, root, sources };
}

/** A list without what the images that are added replace of it. */
function withoutReplacedBy(base: ReadSource, added: readonly ReadSource[]): ReadSource {
  const news = added.length === 0 ? [] : entriesOf(combine(added, { annotations: [], preferIndex: true }));
  return withChildren(base, (there) => withoutReplaced(there, news));
}

/**
 * Of sources what is of the chosen platforms.
 * @throws NO_MATCH where nothing is
 */
function chosenOf(sources: readonly ReadSource[], platforms: readonly Platform[]): readonly ReadSource[] {
  if (platforms.length === 0) return sources;
  const choice = { platforms, attestations: "keep" } as const;
  const allOf = ({ descriptor, manifest }: ReadSource) =>
    manifest.kind === "index" ? manifest.children : [descriptor];
  const chosen = sources.flatMap((source): ReadSource[] => {
    if (chooseChildren(allOf(source), choice).length === 0) return [];
    return [withChildren(source, (children) => chooseChildren(children, choice))];
  });
  if (chosen.length === 0) throw noManifestMatches(platforms, sources.flatMap(allOf));
  return chosen;
}

/** What the list names; the image itself where that is carried over. */
export function entriesOf({ entries, descriptor: root }: Combined): readonly Descriptor[] {
  return entries === undefined ? [root] : entries.map((entry) => entry.descriptor);
}

const withoutAttestations = (children: readonly Descriptor[]): readonly Descriptor[] =>
  children.filter((child) => !isAttestation(child));

/** What a list says of itself. */
function annotationsOf({ manifest }: ReadSource): ListAnnotation[] {
  return Object.entries(manifest.annotations).map(([key, value]) => ({
    type: "index",
    platform: undefined,
    key,
    value,
  }));
}
