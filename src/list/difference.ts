import { descriptor, encodeDescriptor, type Descriptor } from "../oci/descriptor.js";
import type { Manifest } from "../oci/manifest.js";
import { isListType, mayBeManifest } from "../oci/mediaTypes.js";
import { formatPlatformAll, normalizePlatform } from "../oci/platformName.js";
import type { Platform } from "../oci/platform.js";
import { attestedDigest, isAttestation } from "./attestations.js";
import { groupBy } from "./groupBy.js";

/** How one list differs from another, as its users see it: by platform. */
export interface ListDifference {
  /** Those that are not as they were: in the order of the new list, then those that have left it. */
  readonly images: readonly ImageChange[];
  /** How many images are as they were, with their attestations. */
  readonly unchanged: number;
  /** What is neither an image nor its attestation: indexes within the index, artifacts. */
  readonly others: readonly EntryChange[];
  /** Of the index itself. */
  readonly annotations: readonly ValueChange[];
  /** `mediaType`, `artifactType` and the digest of `subject`. */
  readonly fields: readonly ValueChange[];
}

/** An image that came, went, or is not as it was. */
export interface ImageChange {
  /** In normal form, `linux/arm/v7`; undefined where the list does not say it. */
  readonly platform: string | undefined;
  /**
   * `described`: the same image, of which the list says something else, such as an annotation; `unchanged`: only its
   * attestations are others.
   */
  readonly change: "added" | "removed" | "changed" | "described" | "unchanged";
  /** Its digest in the old list. */
  readonly from: string | undefined;
  /** Its digest in the new list. */
  readonly to: string | undefined;
  /** Undefined where they are the same, or none. */
  readonly attestation: "added" | "removed" | "changed" | undefined;
}

/** An entry that came, went, or is not as it was. */
export interface EntryChange {
  readonly change: "added" | "removed" | "described";
  readonly digest: string;
  readonly mediaType: string;
  readonly artifactType: string;
}

/** A value that is not as it was. */
export interface ValueChange {
  readonly name: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/**
 * What is new in a list, what has left it and what has changed. An image by itself is a list of one, whose platform is not
 * known. Attestations are told with their images; those whose image is not in the list are entries like any other.
 *
 * Two images for one platform are told apart by their order. Images of Windows are for one platform if they are of one
 * build: `10.0.17763.1` and `10.0.17763.2`.
 * @param before the old list; undefined where there was none
 * @param after the new list
 * @example
 * listDifference(await repository.get("v1"), root).images; // [{ platform: "linux/arm64", change: "added", … }]
 */
export function listDifference(before: Manifest | undefined, after: Manifest): ListDifference {
  const old = contentsOf(before);
  const now = contentsOf(after);
  const changes = comparedImages(old, now).map(({ change }) => change);
  const images = changes.filter(isChange);
  return {
    images,
    unchanged: changes.length - images.length,
    others: otherChanges(old.others, now.others),
    annotations: valueChanges(before === undefined ? {} : before.annotations, after.annotations),
    fields: before === undefined ? [] : manifestFieldChanges(before, after),
  };
}

/** An image that is not as it was, with what the two lists have of it. */
export interface ComparedImage {
  readonly change: ImageChange;
  /** As the old list lists it; undefined where it does not. */
  readonly old: ListedImage | undefined;
  /** As the new list lists it; undefined where it does not. */
  readonly now: ListedImage | undefined;
}

/** An image of a list, with the digests of its attestations, in the order of the list. */
export interface ListedImage {
  readonly descriptor: Descriptor;
  readonly attestations: readonly string[];
}

/** The images of {@link listDifference}, in its order. */
export function changedImages(before: Manifest | undefined, after: Manifest): readonly ComparedImage[] {
  return comparedImages(contentsOf(before), contentsOf(after)).filter(({ change }) => isChange(change));
}

function comparedImages(old: Contents, now: Contents): ComparedImage[] {
  const pairs = pairImages(old.images, now.images);
  const paired = new Set(pairs.values());
  return [
    ...now.images.map((image) => {
      const before = pairs.get(image);
      return { change: changeOf(before, image), old: before, now: image };
    }),
    ...old.images
      .filter((image) => !paired.has(image))
      .map((image) => ({ change: changeOf(image, undefined), old: image, now: undefined })),
  ];
}

function isChange({ change, attestation }: ImageChange): boolean {
  return change !== "unchanged" || attestation !== undefined;
}

/**
 * Is there no difference to show? The bytes of the lists may still differ, in their order for example.
 * @example
 * isSameList(listDifference(index, index)); // true
 */
export function isSameList({ images, others, annotations, fields }: ListDifference): boolean {
  return [images, others, annotations, fields].every((changes) => changes.length === 0);
}

interface Image extends ListedImage {
  /** Equal for images that stand in for each other; undefined where the platform is not known. */
  readonly key: string | undefined;
}

interface Contents {
  readonly images: readonly Image[];
  readonly others: readonly Descriptor[];
}

function contentsOf(manifest: Manifest | undefined): Contents {
  if (manifest === undefined) return { images: [], others: [] };
  const { kind, children } = manifest;
  if (kind !== "index") {
    const only = ownDescriptor(manifest);
    return kind === "image"
      ? { images: [{ descriptor: only, key: undefined, attestations: [] }], others: [] }
      : { images: [], others: [only] };
  }
  const found = children.filter(isImage);
  const digests = new Set(found.map(({ digest }) => digest));
  const isAttached = (child: Descriptor): boolean => digests.has(attestedDigest(child) ?? "");
  const attestations = groupBy(children.filter(isAttached), (child) => attestedDigest(child) ?? "");
  const others = children.filter((child) => !isImage(child) && !isAttached(child));
  const images = found.map((child) => ({
    descriptor: child,
    key: child.platform && keyOf(child.platform),
    attestations: (attestations.get(child.digest) ?? []).map(({ digest }) => digest),
  }));
  return { images, others };
}

function ownDescriptor({ mediaType, digest, bytes, artifactType }: Manifest): Descriptor {
  return { ...descriptor(mediaType, digest, bytes.byteLength), artifactType };
}

/** An entry for a platform. What is in an index beside images says `unknown/unknown`, or nothing. */
function isImage(child: Descriptor): boolean {
  const { mediaType, platform } = child;
  if (platform === undefined || isAttestation(child)) return false;
  if (isListType(mediaType) || !mayBeManifest(mediaType)) return false;
  return [platform.os, platform.architecture].every((part) => part !== "" && part !== "unknown");
}

/** The version of Windows counts by its build: what is behind that is a monthly update. */
function keyOf(platform: Platform): string {
  const build = platform["os.version"].split(".").slice(0, 3).join(".");
  return formatPlatformAll({ ...normalizePlatform(platform), "os.version": build });
}

/** For each new image the old one that it replaces, if there is one; the same image if possible. */
function pairImages(before: readonly Image[], after: readonly Image[]): ReadonlyMap<Image, Image> {
  const pairs = new Map<Image, Image>();
  const taken = new Set<Image>();
  const pairBy = (nameOld: NameOf, nameNew: NameOf = nameOld): void => {
    const free = before.filter((old) => !taken.has(old) && nameOld(old) !== undefined);
    const waiting = groupBy(free, (old) => nameOld(old) ?? "");
    for (const image of after) {
      const name = pairs.has(image) ? undefined : nameNew(image);
      const old = name === undefined ? undefined : waiting.get(name)?.shift();
      if (old === undefined) continue;
      pairs.set(image, old);
      taken.add(old);
    }
  };
  pairBy(({ descriptor: { digest }, key }) => `${digest} ${key ?? ""}`);
  const ofUnknown: NameOf = ({ descriptor: { digest }, key }) => (key === undefined ? digest : undefined);
  pairBy(ofUnknown, digestOfImage);
  pairBy(digestOfImage, ofUnknown);
  pairBy(({ key }) => key ?? "");
  return pairs;
}

/** Images of the same name make a pair; one without a name makes none. */
type NameOf = (image: Image) => string | undefined;

const digestOfImage: NameOf = ({ descriptor: { digest } }) => digest;

function changeOf(old: Image | undefined, image: Image): ImageChange;
function changeOf(old: Image, image: undefined): ImageChange;
function changeOf(old: Image | undefined, image: Image | undefined): ImageChange {
  const platform = (image?.key === undefined ? old : image)?.descriptor.platform;
  return {
    platform: platform && formatPlatformAll(normalizePlatform(platform)),
    change: kindOfChange(old, image),
    from: old?.descriptor.digest,
    to: image?.descriptor.digest,
    attestation: attestationChange(old?.attestations ?? [], image?.attestations ?? []),
  };
}

function kindOfChange(old: Image | undefined, image: Image | undefined): ImageChange["change"] {
  if (old === undefined) return "added";
  if (image === undefined) return "removed";
  if (old.descriptor.digest !== image.descriptor.digest) return "changed";
  // Of an image by itself nothing is said.
  const isListed = old.key !== undefined && image.key !== undefined;
  return isListed && !isSameDescriptor(old.descriptor, image.descriptor) ? "described" : "unchanged";
}

function isSameDescriptor(one: Descriptor, other: Descriptor): boolean {
  return encodeDescriptor(one) === encodeDescriptor(other);
}

function attestationChange(
  before: readonly string[],
  after: readonly string[],
): "added" | "removed" | "changed" | undefined {
  const now = new Set(after);
  if (before.length === after.length && before.every((digest) => now.has(digest))) return undefined;
  if (before.length === 0) return "added";
  return after.length === 0 ? "removed" : "changed";
}

function otherChanges(before: readonly Descriptor[], after: readonly Descriptor[]): EntryChange[] {
  const old = new Map(before.map((entry) => [entry.digest, entry]));
  const now = new Map(after.map((entry) => [entry.digest, entry]));
  const tell = (
    change: EntryChange["change"],
    { digest, mediaType, artifactType }: Descriptor,
  ): EntryChange => ({
    change,
    digest,
    mediaType,
    artifactType,
  });
  return [
    ...[...now.values()].flatMap((entry) => {
      const known = old.get(entry.digest);
      if (known === undefined) return [tell("added", entry)];
      return isSameDescriptor(known, entry) ? [] : [tell("described", entry)];
    }),
    ...[...old.values()].filter(({ digest }) => !now.has(digest)).map((entry) => tell("removed", entry)),
  ];
}

type Values = Readonly<Record<string, string>>;

/** How texts by name differ, by name in byte order. */
export function valueChanges(before: Values, after: Values): ValueChange[] {
  const old = new Map(Object.entries(before));
  const now = new Map(Object.entries(after));
  return [...new Set([...old.keys(), ...now.keys()])]
    .sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
    .map((name) => ({ name, from: old.get(name), to: now.get(name) }))
    .filter(({ from, to }) => from !== to);
}

/** `mediaType`, `artifactType` and the digest of `subject`, as far as two manifests differ in them. */
export function manifestFieldChanges(before: Manifest, after: Manifest): ValueChange[] {
  return valueChanges(fieldsOf(before), fieldsOf(after));
}

function fieldsOf({ mediaType, artifactType, subject }: Manifest): Values {
  return {
    mediaType,
    ...(artifactType !== "" && { artifactType }),
    ...(subject && { subject: subject.digest }),
  };
}
