import * as z from "zod/mini";
import { messageOf, ManifestError } from "../errors.js";
import { goObject, goString, issueOf, jsonMap, parseJson } from "../go/json.js";
import { DEFAULT_SETTINGS, type DraftBase, type Settings } from "../list/draft.js";
import type { Entry } from "../list/entry.js";
import { Descriptor, encodeDescriptor } from "../oci/descriptor.js";
import { formatLocation, isSameLocation, locationOf, parseLocation } from "../oci/location.js";
import { formatReference, parseCanonical, type Reference } from "../oci/reference.js";

/**
 * What docker's files have no room for: whose folder it is (`a/b` and `a_b` have the same one, as have `:v1` and `:V1`
 * where the file system does not tell them apart), the list's settings, and where its entries came from.
 *
 * It is for the folder that has this identity, and for a copy of that, whose files name the record by its `id`. Where
 * docker has removed the list and made it anew, neither is so, and the record counts for nothing.
 */
const ListRecord = z.object({
  /** Not empty, as it would be in the files of any list. */
  id: z.string().check(z.minLength(1)),
  list: z.string(),
  folder: z.string(),
  type: z.enum(["auto", "docker", "oci"]),
  annotations: jsonMap(z.string()),
  subject: z.optional(Descriptor),
  artifactType: z.string(),
  base: z.optional(
    z.object({
      digest: z.string(),
      mode: z.enum(["append", "merge"]),
      entries: z.array(Descriptor),
      annotations: jsonMap(z.string()),
    }),
  ),
  /** By the names of the files. What is said of another manifest than the file holds by now counts for nothing. */
  files: z.record(
    z.string(),
    z.object({
      digest: z.string(),
      source: z.optional(z.pipe(z.string(), z.transform(parseLocation))),
      origins: z.optional(z.array(z.string())),
    }),
  ),
});
export type ListRecord = z.infer<typeof ListRecord>;

/**
 * Reads a record; undefined where it is for another folder. Unless told whose folder it should be, it may be any list's.
 * Throws where it cannot be read, and where the folder is another list's.
 */
export function readRecord(
  bytes: Buffer,
  file: string,
  list: Reference | undefined,
  folder: { readonly path: string; readonly identity: string; readonly recordIds: ReadonlySet<string> },
): ListRecord | undefined {
  const record = parseRecord(bytes, file);
  if (record.folder !== folder.identity && !folder.recordIds.has(record.id)) return undefined;
  if (list === undefined || record.list === formatReference(list)) return record;
  throw new ManifestError(
    "STORE",
    `${formatReference(list)} and ${record.list} share the folder ${folder.path}, which holds ${record.list}; ` +
      "remove that list or choose another name",
    { subject: folder.path },
  );
}

function parseRecord(bytes: Buffer, file: string): ListRecord {
  try {
    const parsed = z.safeParse(ListRecord, parseJson(bytes));
    if (parsed.success) return parsed.data;
    throw new ManifestError("STORE", issueOf(parsed.error));
  } catch (error) {
    throw new ManifestError(
      "STORE",
      `${file}: ${messageOf(error)}; remove this file, and the settings of the list with it`,
      { cause: error, subject: file },
    );
  }
}

/** The list that a record is for; undefined where somebody has put something else there. */
export function parseRecordName({ list }: ListRecord): Reference | undefined {
  try {
    return parseCanonical(list);
  } catch {
    return undefined;
  }
}

export function settingsOf(record: ListRecord | undefined): Settings {
  if (record === undefined) return DEFAULT_SETTINGS;
  const { type, annotations, subject, artifactType, base } = record;
  return { type, annotations, ...(subject && { subject }), artifactType, ...(base && { base }) };
}

/** An entry as it was read from docker's file, with what the record knows of it. */
export function withSource(entry: Entry, name: string, record: ListRecord | undefined): Entry {
  const found = fileOf(record, name);
  if (found?.digest !== entry.descriptor.digest) return entry;
  const { source = entry.source, origins } = found;
  return { ...entry, source, ...(origins !== undefined && { origins }) };
}

/**
 * The bytes of the record of a folder, and whether docker's files would say it all. Of the files named in `unread`
 * it says what the old record said.
 */
export function encodeRecord(
  { id, list, folder }: Pick<ListRecord, "id" | "folder"> & { readonly list: Reference },
  settings: Settings,
  entries: ReadonlyMap<string, Entry>,
  old: ListRecord | undefined,
  unread: readonly string[],
): { readonly bytes: Buffer; readonly isNeeded: boolean } {
  const files = new Map<string, ListRecord["files"][string]>();
  for (const name of unread) {
    const file = fileOf(old, name);
    if (file !== undefined) files.set(name, file);
  }
  for (const [name, { ref, source, origins, descriptor }] of entries) {
    const isPlain = isSameLocation(source, locationOf(ref));
    if (isPlain && origins === undefined) continue;
    files.set(name, {
      digest: descriptor.digest,
      source: isPlain ? undefined : source,
      origins: origins && [...origins],
    });
  }
  const { type, annotations, subject, artifactType, base } = settings;
  const isDefault =
    type === DEFAULT_SETTINGS.type &&
    Object.keys(annotations).length === 0 &&
    subject === undefined &&
    artifactType === "" &&
    base === undefined;
  const json = goObject([
    ["id", goString(id)],
    ["list", goString(formatReference(list))],
    ["folder", goString(folder)],
    ["type", goString(type)],
    ["annotations", JSON.stringify(annotations)],
    ["subject", subject && encodeDescriptor(subject)],
    ["artifactType", goString(artifactType)],
    ["base", base && encodeBase(base)],
    ["files", goObject([...files].sort(([a], [b]) => (a < b ? -1 : 1)).map(encodeFile))],
  ]);
  return { bytes: Buffer.from(json), isNeeded: !isDefault || files.size > 0 };
}

function encodeBase({ digest, mode, entries, annotations }: DraftBase): string {
  return goObject([
    ["digest", goString(digest)],
    ["mode", goString(mode)],
    ["entries", `[${entries.map(encodeDescriptor).join(",")}]`],
    ["annotations", JSON.stringify(annotations)],
  ]);
}

function encodeFile([name, { digest, source, origins }]: [string, ListRecord["files"][string]]): [
  string,
  string,
] {
  return [name, JSON.stringify({ digest, source: source && formatLocation(source), origins })];
}

function fileOf(record: ListRecord | undefined, name: string): ListRecord["files"][string] | undefined {
  return record !== undefined && Object.hasOwn(record.files, name) ? record.files[name] : undefined;
}
