import * as z from "zod/mini";
import { ManifestError } from "../errors.js";
import { compactJson, issueOf, parseJson } from "../go/json.js";
import { elementsOf, joinElements, joinMembers, membersOf, type Member } from "../go/jsonParts.js";
import { Descriptor, descriptor, encodeDescriptor } from "../oci/descriptor.js";
import type { Manifest } from "../oci/manifest.js";
import { encodePlatform } from "../oci/platform.js";
import { OCI_INDEX } from "../oci/mediaTypes.js";
import { referrerDescriptor } from "./referrer.js";

/**
 * The index.json of an OCI image layout, read and changed. Pure. What is not changed keeps its bytes but for white space
 * and Go's escapes.
 * https://github.com/opencontainers/image-spec/blob/main/image-layout.md#indexjson-file
 */
export interface LayoutIndex {
  /** The whole of it; the entries are those of `manifests`. */
  readonly members: readonly Member[];
  readonly entries: readonly IndexEntry[];
}

export interface IndexEntry {
  readonly descriptor: Descriptor;
  readonly json: Buffer;
}

/** What a manifest is called in the layout: a tag, or with some writers a whole reference. */
const REF_NAME = "org.opencontainers.image.ref.name";
/** The whole reference where REF_NAME is its tag alone: `docker save`, BuildKit and `ctr export` write both. */
const IMAGE_NAME = "io.containerd.image.name";
/** What an entry refers to; how buildx finds an attestation or signature that no index leads to. */
const SUBJECT = "io.containerd.manifest.subject";

/** Usual entries would take more than 16 MiB. */
const MAX_ENTRIES = 100_000;

export const EMPTY_INDEX = Buffer.from(`{"schemaVersion":2,"mediaType":"${OCI_INDEX}","manifests":[]}`);

/** @throws INVALID_JSON, INVALID_MANIFEST or LIMIT, without the name of the file */
export function parseLayoutIndex(bytes: Buffer): LayoutIndex {
  const value = parseJson(bytes);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalid("should be an object");
  const members = membersOf(compactJson(bytes));
  const manifests = members.findLast(isNamed("manifests"))?.value ?? Buffer.from("null");
  if (!isArray(manifests) && manifests.toString() !== "null") throw invalid("manifests should be an array");
  return {
    members,
    entries: isArray(manifests) ? elementsOf(manifests, MAX_ENTRIES).map(toEntry) : [],
  };
}

export function encodeLayoutIndex({ members, entries }: LayoutIndex): Buffer {
  return joinMembers(withMember(members, "manifests", joinElements(entries.map(({ json }) => json))));
}

function toEntry(json: Buffer): IndexEntry {
  const parsed = z.safeParse(Descriptor, parseJson(json));
  if (!parsed.success) throw invalid(`manifests: ${issueOf(parsed.error)}`);
  return { json, descriptor: parsed.data };
}

function invalid(what: string): ManifestError {
  return new ManifestError("INVALID_MANIFEST", what);
}

/**
 * The entries of a tag, which should all be of one manifest: the first that is called so, as with skopeo and buildx; else
 * those whose whole reference ends in it.
 */
export function taggedWith(entries: readonly IndexEntry[], tag: string): readonly IndexEntry[] {
  const found = entries.find((entry) => entry.descriptor.annotations[REF_NAME] === tag);
  if (found !== undefined) return [found];
  return entries.filter((entry) => namesOf(entry).some((name) => tagOf(name) === tag));
}

/** Those that are there for themselves: what refers to another manifest comes with that. */
export function rootsOf(entries: readonly IndexEntry[]): readonly IndexEntry[] {
  return entries.filter((entry) => subjectOf(entry) === undefined);
}

/** The entry of the only manifest, if all are of one. */
export function onlyOf(entries: readonly IndexEntry[]): IndexEntry | undefined {
  const [first] = entries;
  return entries.every(({ descriptor: { digest } }) => digest === first?.descriptor.digest)
    ? first
    : undefined;
}

/** What an entry refers to, if it says so itself. */
export function subjectOf({ descriptor: { annotations } }: IndexEntry): string | undefined {
  return annotations[SUBJECT];
}

/** Tags and whole references, each once, in byte order. */
export function namesIn(entries: readonly IndexEntry[]): string[] {
  return [...new Set(entries.flatMap((entry) => namesOf(entry).slice(0, 1)))].sort((a, b) =>
    Buffer.compare(Buffer.from(a), Buffer.from(b)),
  );
}

/** Names for people; the first ten where there are many. */
export function shown(entries: readonly IndexEntry[]): string {
  const names = namesIn(entries);
  const more = names.length - 10;
  return [...names.slice(0, 10), ...(more > 0 ? [`${more} more`] : [])].join(", ");
}

function namesOf({ descriptor: { annotations } }: IndexEntry): string[] {
  return [annotations[REF_NAME], annotations[IMAGE_NAME]].filter((name) => name !== undefined);
}

/** The tag at the end of a whole reference. */
function tagOf(name: string): string | undefined {
  return /^[^@]+:([^:/@]+)$/.exec(name)?.[1];
}

/**
 * The entries with a manifest among them, under each of the tags. Whatever had a tag loses it and, as with buildx and
 * regctl, its place: it can still be read by its digest. It stays where something else is known of it: containerd's
 * name, or what it refers to. The same array where nothing changes.
 */
export function withManifest(
  entries: readonly IndexEntry[],
  manifest: Manifest,
  tags: readonly string[],
  says: Said = {},
): readonly IndexEntry[] {
  const all = tags.reduce((before, tag) => moveTag(before, manifest, tag, says), entries);
  const isListed = all.some(({ descriptor: { digest } }) => digest === manifest.digest);
  return isListed ? all : [...all, newEntry(manifest, says)];
}

/** What an entry says about a manifest besides its type, digest and size. */
type Said = Partial<Pick<Descriptor, "platform" | "annotations">>;

function moveTag(
  entries: readonly IndexEntry[],
  manifest: Manifest,
  tag: string,
  says: Said,
): readonly IndexEntry[] {
  const isManifest = ({ descriptor: { digest } }: IndexEntry): boolean => digest === manifest.digest;
  const hasTag = ({ descriptor: { annotations } }: IndexEntry): boolean => annotations[REF_NAME] === tag;
  const holders = entries.filter(hasTag);
  const holder = holders.find(isManifest);
  if (holder !== undefined && holders.length === 1) {
    const said = withPlatform(holder, says);
    return said === holder ? entries : entries.map((entry) => (entry === holder ? said : entry));
  }
  const others = entries.flatMap((entry) =>
    entry === holder || !hasTag(entry) ? [entry] : withoutTag(entry),
  );
  if (holder !== undefined) return others;
  const nameless = others.findIndex((entry) => isManifest(entry) && namesOf(entry).length === 0);
  const entry = called(withPlatform(others[nameless] ?? newEntry(manifest, says), says), tag);
  return nameless === -1 ? [...others, entry] : others.with(nameless, entry);
}

function withoutTag(entry: IndexEntry): IndexEntry[] {
  const { annotations } = entry.descriptor;
  const isKept = annotations[IMAGE_NAME] !== undefined || annotations[SUBJECT] !== undefined;
  return isKept ? [called(entry, undefined)] : [];
}

/** A list's own type is not said; what refers to another manifest is described as a registry would. */
function newEntry(manifest: Manifest, { platform, annotations = {} }: Said): IndexEntry {
  const { mediaType, digest, bytes, kind, subject } = manifest;
  const plain = descriptor(mediaType, digest, bytes.byteLength);
  const described =
    subject === undefined
      ? { ...plain, artifactType: kind === "index" ? "" : manifest.artifactType, annotations }
      : { ...referrerDescriptor(manifest), annotations: ofReferrer(manifest, subject.digest) };
  const item = { ...described, ...(platform && { platform }) };
  return { descriptor: item, json: Buffer.from(encodeDescriptor(item)) };
}

/** A manifest's own annotations must not give it a name here. */
function ofReferrer({ annotations }: Manifest, subject: string): Record<string, string> {
  const own = Object.entries(annotations).filter(([key]) => key !== REF_NAME && key !== IMAGE_NAME);
  return { ...Object.fromEntries(own), [SUBJECT]: subject };
}

/** The same entry with a platform, if it says none. */
function withPlatform(entry: IndexEntry, { platform }: Said): IndexEntry {
  if (platform === undefined || entry.descriptor.platform !== undefined) return entry;
  const members = withMember(membersOf(entry.json), "platform", Buffer.from(encodePlatform(platform)));
  return toEntry(joinMembers(members));
}

/** The same entry under another tag, or under none. */
function called(entry: IndexEntry, tag: string | undefined): IndexEntry {
  const members = membersOf(entry.json);
  const annotations = members.findLast(isNamed("annotations"))?.value;
  const kept = annotations?.[0] === 0x7b ? membersOf(annotations).filter(({ key }) => key !== REF_NAME) : [];
  if (tag !== undefined) kept.push({ key: REF_NAME, value: Buffer.from(JSON.stringify(tag)) });
  const changed = kept.length === 0 ? undefined : joinMembers(kept);
  return toEntry(joinMembers(withMember(members, "annotations", changed)));
}

/** Members with another value for one of them, at its place, or without it. */
function withMember(members: readonly Member[], name: string, value: Buffer | undefined): Member[] {
  const place = members.findLastIndex(isNamed(name));
  const others = members.filter((member, index) => index === place || !isNamed(name)(member));
  if (value === undefined) return others.filter((member) => !isNamed(name)(member));
  if (place === -1) return [...others, { key: name, value }];
  return others.map((member) => (isNamed(name)(member) ? { ...member, value } : member));
}

/** As Go matches the name of a field: whatever the case. */
function isNamed(name: string): (member: Member) => boolean {
  return ({ key }) => key.toUpperCase() === name.toUpperCase();
}

function isArray(json: Buffer): boolean {
  return json[0] === 0x5b;
}
