import { ManifestError, NotFoundError } from "../errors.js";
import { isDigest } from "../oci/digest.js";
import { nearestName } from "../oci/editDistance.js";
import { formatReference } from "../oci/reference.js";
import type { Draft } from "./draft.js";
import type { Entry } from "./entry.js";

/** Entries that an error names. */
const MAX_NAMED = 10;

/** The entries that a name stands for. */
export interface Selection {
  readonly entries: readonly Entry[];
  /** The index or layout that was named, where they are what came from there. */
  readonly origin?: string;
}

/**
 * The entries of a draft that are meant by a name in full: an entry's reference, which several have where one image is for
 * several platforms; a digest; or what `create` was given, an index or a layout.
 * @throws ENTRY_NOT_FOUND where there is none, USAGE for a digest of entries that are called differently
 */
export function selectEntries(draft: Draft, name: string): Selection {
  if (isDigest(name)) return { entries: entriesOfDigest(draft, name) };
  const entries = draft.entries.filter(({ ref }) => formatReference(ref) === name);
  if (entries.length > 0) return { entries };
  const contributed = draft.entries.filter(({ origins }) => origins?.includes(name));
  if (contributed.length === 0) throw notInList(draft, name);
  return { entries: contributed, origin: name };
}

function entriesOfDigest(draft: Draft, digest: string): Entry[] {
  const entries = draft.entries.filter(({ descriptor }) => descriptor.digest === digest);
  const names = namesOf(entries);
  if (names.length === 0) throw notInList(draft, digest);
  if (names.length === 1) return entries;
  throw new ManifestError(
    "USAGE",
    `${digest} has several names in ${formatReference(draft.name)}: ${someOf(names)}`,
    { subject: digest, hint: "name the one that is meant" },
  );
}

function notInList(draft: Draft, name: string): ManifestError {
  const list = formatReference(draft.name);
  return new NotFoundError("ENTRY_NOT_FOUND", `manifest for image ${name} does not exist in ${list}`, {
    subject: name,
    hint: entriesHint(draft, name),
  });
}

/** What a list has in place of an image that it does not have, and which of them may be meant. */
export function entriesHint({ entries }: Draft, name: string): string {
  const names = namesOf(entries);
  if (names.length === 0) return "it has no images: tsmanifest create --amend adds some";
  const meant = names.length === 1 ? undefined : nearestName(name, names);
  return `it has ${someOf(names)}${meant === undefined ? "" : `; did you mean ${meant}?`}`;
}

function namesOf(entries: readonly Entry[]): string[] {
  return [...new Set(entries.map(({ ref }) => formatReference(ref)))];
}

function someOf(names: readonly string[]): string {
  const more = names.length - MAX_NAMED;
  return names.slice(0, MAX_NAMED).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
