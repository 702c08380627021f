import type { Blob } from "../content/repository.js";
import { compactJson, indentJson } from "../go/json.js";
import { inListOrder } from "../list/attestations.js";
import type { Draft } from "../list/draft.js";
import { encodeList } from "../list/encode.js";
import type { Entry } from "../list/entry.js";
import { digestFault, digestLike } from "../oci/digest.js";
import { formatLocation, isSameLocation, locationOf, type Location } from "../oci/location.js";
import { withExactBytes, type Manifest } from "../oci/manifest.js";
import { isForeignLayer } from "../oci/mediaTypes.js";
import { formatReference, withDigest } from "../oci/reference.js";
import { PlanError } from "./errors.js";

/**
 * A push as plain data: every decision, computed without I/O. `requests` derives from it what will be sent, `execute`
 * does it.
 */
export interface Plan {
  readonly target: Location;
  /** Every blob once. */
  readonly blobs: readonly BlobStep[];
  /** Every manifest once, the root last. */
  readonly manifests: readonly ManifestStep[];
  /** A refused mount is an error, as it is for docker, instead of a reason to copy. */
  readonly mountOnly: boolean;
}

export interface BlobStep extends Blob {
  /** Where it is, in the order in which they are tried: those that can be mounted from come first. */
  readonly sources: readonly Location[];
  /** The digests of the children that need it. */
  readonly neededBy: readonly string[];
}

export interface ManifestStep {
  readonly manifest: Manifest;
  readonly role: "child" | "root";
  /** The digests that must be there before it: of a child its blobs, of the root its children. */
  readonly needs: readonly string[];
  /** What it is put as; by its digest where there are none. */
  readonly tags: readonly string[];
  /** It is an image for Windows, which may have layers that no registry gives away: they may be missing. */
  readonly toleratesRefusal: boolean;
}

export interface PlanOptions {
  /** Where to, if not to the repository of the list's name. */
  readonly target?: Location;
  /** If not the tag of the list's name, or none where that has a digest. */
  readonly tags?: readonly string[];
  /** Entries of other registries are taken too, by copying them. docker refuses them. */
  readonly anyRegistry?: boolean;
  readonly mountOnly?: boolean;
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
  const children = childrenToPush(draft, target);
  const steps = [...new Map(children.map(({ step }) => [step.manifest.digest, step])).values()];
  return {
    target,
    blobs: blobSteps(children, target),
    manifests: [
      ...steps,
      {
        manifest: root,
        role: "root",
        needs: steps.map(({ manifest }) => manifest.digest),
        tags: options.tags ?? (name.tag === undefined ? [] : [name.tag]),
        toleratesRefusal: false,
      },
    ],
    mountOnly,
  };
}

/** What reads OCI layouts looks for an OCI index there, and for nothing else. */
function asIndex({ entries, settings }: Draft): Pick<Draft, "entries" | "settings"> {
  return { entries, settings: { ...settings, type: settings.type === "auto" ? "oci" : settings.type } };
}

/** The last step, which moves the tags. */
export function rootOf({ manifests }: Plan): ManifestStep {
  const root = manifests.at(-1);
  if (root === undefined) throw new Error("a plan without a root");
  return root;
}

export function childrenOf({ manifests }: Plan): readonly ManifestStep[] {
  return manifests.slice(0, -1);
}

/** What the work needs to do where: push to the target, which comes first, and pull from every source, each once. */
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

interface Child {
  readonly step: ManifestStep;
  readonly blobs: readonly Blob[];
  readonly source: Location;
}

/** The entries of other repositories than the target, in list order. What is in the target is there already. */
function childrenToPush(draft: Draft, target: Location): Child[] {
  return inListOrder(draft.entries)
    .filter(({ source }) => !isSameLocation(source, target))
    .map((entry) => {
      const manifest = exactManifest(entry, draft);
      const blobs = manifest.blobs.map((blob): Blob => {
        const why = digestFault(blob.digest);
        if (why !== undefined) {
          const ref = formatReference(entry.ref);
          throw new PlanError({ code: "INVALID_MANIFEST", entry: ref, blob: blob.digest, why });
        }
        return { digest: blob.digest, size: Number(blob.size), foreign: isForeignLayer(blob.mediaType) };
      });
      return {
        step: {
          manifest,
          role: "child",
          needs: [...new Set(blobs.map(({ digest }) => digest))],
          tags: [],
          toleratesRefusal: entry.descriptor.platform?.os === "windows",
        },
        blobs,
        source: entry.source,
      };
    });
}

function blobSteps(children: readonly Child[], target: Location): BlobStep[] {
  const isNear = (location: Location): boolean =>
    location.kind === "registry" && target.kind === "registry" && location.domain === target.domain;
  const steps = new Map<string, BlobStep>();
  for (const { step, blobs, source } of children) {
    for (const blob of blobs) {
      const { sources, neededBy }: Pick<BlobStep, "sources" | "neededBy"> = steps.get(blob.digest) ?? {
        sources: [],
        neededBy: [],
      };
      const isNew = !sources.some((known) => isSameLocation(known, source));
      const isFirst = isNear(source) && sources[0] !== undefined && !isNear(sources[0]);
      steps.set(blob.digest, {
        ...blob,
        sources: !isNew ? sources : isFirst ? [source, ...sources] : [...sources, source],
        neededBy: neededBy.includes(step.manifest.digest) ? neededBy : [...neededBy, step.manifest.digest],
      });
    }
  }
  return [...steps.values()];
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
