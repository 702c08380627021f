import type { BlobInfo } from "../content/repository.js";
import { ManifestError } from "../errors.js";
import { compactJson, indentJson } from "../go/json.js";
import { inListOrder } from "../list/attestations.js";
import type { Draft } from "../list/draft.js";
import { encodeList } from "../list/encode.js";
import type { Entry } from "../list/entry.js";
import type { Descriptor } from "../oci/descriptor.js";
import { digestFault, digestLike } from "../oci/digest.js";
import { formatLocation, isSameLocation, locationOf, type Location } from "../oci/location.js";
import { withExactBytes, type Manifest } from "../oci/manifest.js";
import { isForeignLayer, mayBeManifest } from "../oci/mediaTypes.js";
import { formatReference, withDigest } from "../oci/reference.js";
import { PlanError } from "./errors.js";

/**
 * A push as plain data: every decision, computed without I/O. `requests` derives from it what will be sent, `execute`
 * does it.
 */
export interface Plan {
  /** Where all of it goes. */
  readonly target: Location;
  /** Every blob once. */
  readonly blobs: readonly BlobStep[];
  /** Every manifest once, the root last. */
  readonly manifests: readonly ManifestStep[];
  /** A refused mount is an error, as it is for docker, instead of a reason to copy. */
  readonly mountOnly: boolean;
}

/** A blob that must be in the target. */
export interface BlobStep extends BlobInfo {
  /** Where it is, in the order in which they are tried: those that can be mounted from come first. */
  readonly sources: readonly Location[];
  /** The digests of the children that need it. */
  readonly neededBy: readonly string[];
}

/** A manifest that must be in the target. */
export interface ManifestStep {
  /** The manifest to put. */
  readonly manifest: Manifest;
  /** `child`: what the root names, or an index that the root names; `referrer`: what names one of those as its subject. */
  readonly role: "child" | "referrer" | "root";
  /**
   * The digests that must be there before it: its blobs and, of an index, the manifests that it names; of the root all
   * other manifests, since it moves the tags.
   */
  readonly needs: readonly string[];
  /** What it is put as; by its digest where there are none. */
  readonly tags: readonly string[];
  /** What a layout's index.json says of it, besides what it is. */
  readonly says?: Pick<Descriptor, "platform" | "annotations"> | undefined;
  /** It is an image for Windows, which may have layers that no registry gives away: they may be missing. */
  readonly toleratesRefusal: boolean;
}

/** Where a draft goes, and from where it may be taken. */
export interface PlanOptions {
  /** Where to, if not to the repository of the list's name. */
  readonly target?: Location;
  /** If not the tag of the list's name, or none where that has a digest. */
  readonly tags?: readonly string[];
  /** Entries of other registries are taken too, by copying them. docker refuses them. */
  readonly anyRegistry?: boolean;
  /** Is a refused mount an error, instead of a reason to copy? Default: false. */
  readonly mountOnly?: boolean;
  /** By the digest of an entry, where else its blobs are: in the target's registry, from which they can be mounted. */
  readonly near?: ReadonlyMap<string, readonly Location[]>;
  /** What goes along besides the entries: what is attached to them. */
  readonly attached?: readonly PlanItem[];
}

/** A manifest that is to be in the target, besides the root. */
export interface PlanItem {
  /** The manifest itself. */
  readonly manifest: Manifest;
  /** `child`: it is below the root; `referrer`: it refers to one of those. */
  readonly role: "child" | "referrer";
  /** Where it and its blobs are: the first that holds them, and others that do. */
  readonly sources: readonly Location[];
  /** Of a referrer that is found by them (cosign's). Default: none. */
  readonly tags?: readonly string[];
  /** See {@link ManifestStep.toleratesRefusal}. */
  readonly toleratesRefusal: boolean;
}

/** A tree of manifests that is to be in a target. */
export interface ManifestsToPlan {
  /** Where all of it goes. */
  readonly target: Location;
  /** The manifest that the tags name. */
  readonly root: Manifest;
  /** Of the root; without tags it is put by its digest. */
  readonly tags: readonly string[];
  /** Where the root's own blobs are, if it is an image. */
  readonly rootSources?: readonly Location[];
  /** The same blob by blob, for a list that was made of several: an index may name blobs. */
  readonly rootSourcesOf?: (digest: string) => readonly Location[];
  /** Its platform and its annotations, for a layout's index.json. */
  readonly rootSays?: Pick<Descriptor, "platform" | "annotations">;
  /** What is in the target already, since it is one of an item's sources, is left out. */
  readonly items: readonly PlanItem[];
  /** Is a refused mount an error, instead of a reason to copy? Default: false. */
  readonly mountOnly?: boolean;
}

/**
 * Plans how any manifest gets into a target with all that it needs: an image, an index of images, or an index of indexes.
 * @throws PlanError for blobs that are named by no digest
 * @example
 * planManifests({ target, root, tags: ["v1", "latest"], items }); // to several targets: one plan for each
 */
export function planManifests({
  target,
  root,
  tags,
  rootSources = [],
  rootSourcesOf,
  rootSays,
  items,
  mountOnly = false,
}: ManifestsToPlan): Plan {
  // Without a source of its own it is a list of what the items say, whatever types it gives them.
  const isRootThere =
    rootSourcesOf === undefined && (rootSources.length === 0 || includesLocation(rootSources, target));
  const content = isRootThere ? [] : [{ manifest: root, sources: rootSources, sourcesOf: rootSourcesOf }];
  const { blobs, manifests } = planItems(target, items, content);
  const needed = blobs.filter(({ neededBy }) => neededBy.includes(root.digest));
  return {
    target,
    blobs,
    manifests: [
      ...manifests,
      {
        manifest: root,
        role: "root",
        needs: [...needed.map(({ digest }) => digest), ...manifests.map(({ manifest }) => manifest.digest)],
        tags,
        ...(rootSays && { says: { platform: rootSays.platform, annotations: rootSays.annotations } }),
        toleratesRefusal: false,
      },
    ],
    mountOnly,
  };
}

/** The part of a plan that some manifests are, before the whole is known. What is in the target already is left out. */
export function planItems(
  target: Location,
  items: readonly PlanItem[],
  more: readonly Content[] = [],
): Pick<Plan, "blobs" | "manifests"> {
  const distinct = new Map<string, PlanItem>();
  for (const item of items) {
    const known = distinct.get(item.manifest.digest);
    distinct.set(item.manifest.digest, known === undefined ? item : together(known, item));
  }
  const absent = [...distinct.values()].filter(({ sources }) => !includesLocation(sources, target));
  const digests = new Set(absent.map(({ manifest }) => manifest.digest));
  const steps = absent.map(({ manifest, role, tags = [], toleratesRefusal }): ManifestStep => {
    const blobs = blobsOf(manifest, digests).map(({ digest }) => digest);
    const children = manifest.children.map(({ digest }) => digest).filter((digest) => digests.has(digest));
    return { manifest, role, needs: [...new Set([...blobs, ...children])], tags, toleratesRefusal };
  });
  return { blobs: blobSteps([...absent, ...more], target, digests), manifests: inNeedOrder(steps) };
}

/** One manifest that several sources have, or that is wanted for several reasons. */
function together(one: PlanItem, other: PlanItem): PlanItem {
  return {
    ...one,
    role: one.role === "child" ? "child" : other.role,
    sources: [...one.sources, ...other.sources],
    tags: [...new Set([...(one.tags ?? []), ...(other.tags ?? [])])],
    toleratesRefusal: one.toleratesRefusal || other.toleratesRefusal,
  };
}

function includesLocation(locations: readonly Location[], wanted: Location): boolean {
  return locations.some((location) => isSameLocation(location, wanted));
}

/** What is no manifest and must be there before it. An index may name anything. */
function blobsOf({ blobs, children }: Manifest, planned: ReadonlySet<string>): readonly Descriptor[] {
  if (children.length === 0) return blobs;
  const isBlob = ({ mediaType, digest }: Descriptor): boolean =>
    !mayBeManifest(mediaType) && !planned.has(digest);
  return [...blobs, ...children.filter(isBlob)];
}

/** What an index names comes before it; otherwise the order stays. */
function inNeedOrder(steps: readonly ManifestStep[]): ManifestStep[] {
  const byDigest = new Map(steps.map((step) => [step.manifest.digest, step]));
  const ordered = new Set<ManifestStep>();
  const add = (step: ManifestStep): void => {
    if (ordered.has(step)) return;
    // A digest cannot be among what it is a digest of: no index leads back to itself.
    for (const need of step.needs) {
      const needed = byDigest.get(need);
      if (needed !== undefined) add(needed);
    }
    ordered.add(step);
  };
  for (const step of steps) add(step);
  return [...ordered];
}

/**
 * Plans the push of a list.
 * @throws PlanError for what docker refuses before its first request: a list without entries, an entry without platform,
 *   of another registry, or with bytes that are not its own
 * @example
 * const { blobs, manifests } = plan(draft);
 * manifests.at(-1)?.manifest.digest; // what the tag will point to
 */
export function plan(draft: Draft, options: PlanOptions = {}): Plan {
  const { name, entries } = draft;
  const { target = locationOf(name), anyRegistry = false, mountOnly = false } = options;
  if (entries.length === 0) throw new PlanError({ code: "LIST_EMPTY", list: formatReference(name) });
  for (const entry of entries) checkEntry(entry, target, anyRegistry);
  const root = encodeList(target.kind === "layout" ? asIndex(draft) : draft);
  return planManifests({
    target,
    root,
    tags: options.tags ?? (name.tag === undefined ? [] : [name.tag]),
    items: [...itemsOf(draft, target, options.near), ...(options.attached ?? [])],
    mountOnly,
  });
}

/** What reads OCI layouts looks for an OCI index there, and for nothing else. */
function asIndex({ entries, settings }: Draft): Pick<Draft, "entries" | "settings"> {
  return { entries, settings: { ...settings, type: settings.type === "auto" ? "oci" : settings.type } };
}

/**
 * The last step, which moves the tags.
 * @example
 * rootOf(plan(draft)).tags; // ["v1"]
 */
export function rootOf({ manifests }: Plan): ManifestStep {
  const root = manifests.at(-1);
  if (root === undefined) throw new ManifestError("USAGE", "a plan without a root");
  return root;
}

export function childrenOf({ manifests }: Plan): readonly ManifestStep[] {
  return manifests.slice(0, -1);
}

/** What a root is called in its target: its tags, or its digest where there are none. */
export function namesOf({ manifest, tags }: ManifestStep): readonly string[] {
  return tags.length === 0 ? [manifest.digest] : [...new Set(tags)];
}

/** What a root names, and is in no plan since it is the target's own. */
export function ownChildren({ children }: Manifest, planned: ReadonlySet<string>): readonly string[] {
  return children
    .filter(({ mediaType, digest }) => mayBeManifest(mediaType) && !planned.has(digest))
    .map(({ digest }) => digest);
}

/**
 * The access that the work needs: push to the target, which comes first, and pull from every source, each once.
 * @example
 * accessesOf(plan(draft))[0]?.actions; // ["pull", "push"]
 */
export function accessesOf({ target, blobs }: Plan): { location: Location; actions: ("pull" | "push")[] }[] {
  const sources = new Map(
    blobs.flatMap((blob) => blob.sources).map((source) => [formatLocation(source), source]),
  );
  sources.delete(formatLocation(target));
  return [
    { location: target, actions: ["pull", "push"] },
    ...[...sources.values()].map((location) => ({ location, actions: ["pull" as const] })),
  ];
}

function checkEntry(entry: Entry, target: Location, anyRegistry: boolean): void {
  const { platform } = entry.descriptor;
  const isArtifact = entry.manifest?.kind === "artifact" && platform === undefined;
  if (!isArtifact && (platform === undefined || platform.architecture === "" || platform.os === "")) {
    throw new PlanError({ code: "PLATFORM_MISSING", entry: formatReference(entry.ref) });
  }
  checkEntrySource(entry, target, anyRegistry);
}

/** What keeps an entry out of any list of this target: another registry, and a digest that is none. */
export function checkEntrySource(
  { ref, source, descriptor }: Entry,
  target: Location,
  anyRegistry = false,
): void {
  const entry = formatReference(ref);
  if (
    !anyRegistry &&
    source.kind === "registry" &&
    target.kind === "registry" &&
    source.domain !== target.domain
  ) {
    throw new PlanError({ code: "OTHER_REGISTRY", entry, source: source.domain, target: target.domain });
  }
  const why = digestFault(descriptor.digest);
  if (why !== undefined) throw new PlanError({ code: "INVALID_DIGEST", entry, why });
}

/** The entries of other repositories than the target, in list order. What is in the target is there already. */
function itemsOf(draft: Draft, target: Location, near: PlanOptions["near"]): PlanItem[] {
  return inListOrder(draft.entries)
    .filter(({ source }) => !isSameLocation(source, target))
    .map((entry) => ({
      manifest: exactManifest(entry, draft),
      role: "child",
      sources: [...(near?.get(entry.descriptor.digest) ?? []), entry.source],
      toleratesRefusal: entry.descriptor.platform?.os === "windows",
    }));
}

interface Content {
  readonly manifest: Manifest;
  readonly sources: readonly Location[];
  /** Of one of its blobs, where that is not the same for all. */
  readonly sourcesOf?: ((digest: string) => readonly Location[]) | undefined;
}

function blobSteps(contents: readonly Content[], target: Location, planned: ReadonlySet<string>): BlobStep[] {
  const isNear = (location: Location): boolean =>
    location.kind === "registry" && target.kind === "registry" && location.domain === target.domain;
  const steps = new Map<string, BlobStep>();
  for (const { manifest, sources: own, sourcesOf } of contents) {
    for (const { digest, size, mediaType } of blobsOf(manifest, planned)) {
      const places = sourcesOf?.(digest) ?? own;
      if (sourcesOf !== undefined && (places.length === 0 || includesLocation(places, target))) continue;
      checkBlobDigest(digest, manifest, places[0] ?? target);
      const { sources, neededBy }: Pick<BlobStep, "sources" | "neededBy"> = steps.get(digest) ?? {
        sources: [],
        neededBy: [],
      };
      const all = distinctLocations([...sources, ...places]);
      const near = all.filter(isNear);
      const nearFirst = isNear(all[0] ?? target) ? all : [...near, ...all.filter((one) => !isNear(one))];
      steps.set(digest, {
        digest,
        size: Number(size),
        foreign: isForeignLayer(mediaType),
        sources: nearFirst,
        neededBy: neededBy.includes(manifest.digest) ? neededBy : [...neededBy, manifest.digest],
      });
    }
  }
  return [...steps.values()];
}

function distinctLocations(locations: readonly Location[]): Location[] {
  return [...new Map(locations.map((location) => [formatLocation(location), location])).values()];
}

function checkBlobDigest(blob: string, { digest }: Manifest, source: Location): void {
  const why = digestFault(blob);
  if (why === undefined) return;
  throw new PlanError({ code: "INVALID_MANIFEST", entry: `${formatLocation(source)}@${digest}`, blob, why });
}

/**
 * The manifest with the bytes that have the entry's digest. An entry of an old docker version has only the re-encoded
 * manifest; what registries of its time stored was that, indented.
 */
function exactManifest(entry: Entry, { name }: Draft): Manifest {
  const { manifest, raw } = entry;
  const expected = entry.descriptor.digest;
  const ref = formatReference(entry.ref);
  if (manifest === undefined) {
    const { domain, path } = name;
    throw new PlanError({
      code: "PAYLOAD_MISSING",
      entry: ref,
      ref: formatReference(withDigest({ domain, path }, expected)),
    });
  }
  const docker = (): Buffer => indentJson(compactJson(manifest.bytes), "   ");
  const candidates =
    raw === undefined ? [docker(), manifest.bytes, indentJson(compactJson(manifest.bytes), "  ")] : [raw];
  const bytes = candidates.find((candidate) => digestLike(expected, candidate) === expected);
  if (bytes !== undefined) return withExactBytes(manifest, bytes, expected);
  const actual = digestLike(expected, candidates[0] ?? manifest.bytes);
  throw new PlanError({ code: "DIGEST_MISMATCH", entry: ref, expected, actual });
}
