import type { BigIntStats } from "node:fs";
import { lstat, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ManifestError, systemCode } from "../errors.js";
import { ignoreMissing } from "../fileSystem.js";
import type { Entry } from "../list/entry.js";
import type { Reference } from "../oci/reference.js";
import { checkFolder, exists, mapEach, readOwn, stampOf, statFolder } from "./disk.js";
import { decodeEntry, type DecodedEntry } from "./entryFile.js";
import { newFiles, newRecord, readJournal } from "./journal.js";
import type { ListPaths } from "./listPaths.js";
import { isFileName } from "./names.js";
import { readRecord, withSource, type ListRecord } from "./record.js";

/** More than twice the largest manifest (4 MiB), which is in there as base64 and re-encoded. */
const MAX_ENTRY_BYTES = 32 * 1024 * 1024;
/** No registry takes a list of more; bounds what a folder full of foreign files costs. */
const MAX_ENTRIES = 10_000;
/** How long to read a list again that others change meanwhile. */
const PATIENCE_MS = 30_000;
const READ_AGAIN_MS = 10;
/** How long docker may take to write a file on a busy disk, while others find it empty. */
const YOUNG_MS = 1_000;
/** System errors that concern one file. All others concern the whole machine. */
const FILE_FAULTS = new Set(["EACCES", "EPERM", "EIO", "EISDIR"]);

/** A list as it is at one moment, with a change that is decided but not carried out. */
export interface View {
  /** Identity of its folder. */
  readonly base: string;
  /** What can be read, in the order of the list: the byte order of the file names. */
  readonly stored: readonly StoredEntry[];
  /** What cannot be read, in the same order. */
  readonly broken: readonly BrokenFile[];
  readonly record: ListRecord | undefined;
  readonly recordBytes: Buffer | undefined;
  /** When any of its files, or which ones there are, last changed, in milliseconds since 1970. */
  readonly changedMs: number;
}

export interface StoredEntry {
  readonly name: string;
  readonly entry: Entry;
  /** See `entryFile.ts`. */
  readonly recordId: string;
  readonly stats: BigIntStats;
}

export interface BrokenFile {
  readonly name: string;
  readonly error: unknown;
  readonly stats: BigIntStats;
}

interface FoundFile {
  readonly name: string;
  readonly path: string;
  readonly stats: BigIntStats;
  readonly stamp: string;
}

interface Listing {
  readonly base: string;
  readonly files: readonly FoundFile[];
  readonly record: FoundFile | undefined;
  readonly changedMs: number;
  /** Equal for equal listings. */
  readonly key: string;
}

type Read = DecodedEntry | { readonly error: unknown };
type Known = { readonly stamp: string } & Read;

/**
 * Reads a list, or one file of it; undefined if there is no such list. Unless told whose folder it should be, it may be
 * any list's. It takes no lock and writes nothing. docker and
 * other processes may be at it: what was read is true when a second look finds the same files; those that are not the
 * same are read again.
 */
export async function readView(
  list: Reference | undefined,
  paths: ListPaths,
  only?: string,
): Promise<View | undefined> {
  await checkFolder(paths.private);
  await checkFolder(paths.work);
  const known = new Map<string, Known>();
  let record: { readonly stamp: string; readonly bytes: Buffer } | undefined;
  let last = "";
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline;) {
    const listing = await look(paths, only);
    if (listing === undefined) return undefined;
    const unread = listing.files.filter(({ name, stamp }) => known.get(name)?.stamp !== stamp);
    const isRecordRead = record?.stamp === listing.record?.stamp;
    if (listing.key === last && unread.length === 0 && isRecordRead) {
      const view = viewOf(list, paths, listing, known, record?.bytes);
      if (!view.broken.some(isYoung)) return view;
      await sleep(READ_AGAIN_MS);
    }
    if (forget(known, listing.files)) await sleep(READ_AGAIN_MS);
    last = listing.key;
    if (!isRecordRead) {
      const bytes = listing.record && (await readOwn(listing.record.path));
      record = listing.record && bytes && { stamp: listing.record.stamp, bytes };
    }
    await mapEach(unread, async (file) => {
      const read = await readEntryFile(file, join(paths.folder, file.name));
      if (read !== undefined) known.set(file.name, { stamp: file.stamp, ...read });
    });
  }
  throw new ManifestError("STORE", `${paths.folder}: changes all the time`, { subject: paths.folder });
}

/** docker may be writing it just now. */
function isYoung({ stats }: BrokenFile): boolean {
  return Math.abs(Date.now() - Number(stats.mtimeMs)) < YOUNG_MS;
}

/** Has a file gone? Where docker removes a list, file by file, the others will be gone soon. */
function forget(known: Map<string, Known>, files: readonly FoundFile[]): boolean {
  const names = new Set(files.map(({ name }) => name));
  const gone = [...known.keys()].filter((name) => !names.has(name));
  for (const name of gone) known.delete(name);
  return gone.length > 0;
}

/** What is there at this moment, without reading it. */
async function look(paths: ListPaths, only: string | undefined): Promise<Listing | undefined> {
  const found = await readJournal(paths);
  const folder = await statFolder(paths.folder);
  const base = folder?.identity;
  const journal = found?.base === base ? found : undefined;
  if (folder === undefined || base === undefined || journal?.drop === true) return undefined;

  const there = only === undefined ? await listFolder(paths.folder) : [only];
  if (there === undefined) return undefined;
  const names = new Set([...there, ...(journal?.write ?? [])]);
  for (const name of journal?.remove ?? []) names.delete(name);
  if (names.size > MAX_ENTRIES) {
    throw new ManifestError("STORE", `${paths.folder}: more than ${MAX_ENTRIES} files`, {
      subject: paths.folder,
    });
  }
  const sorted = [...names]
    .filter((name) => isFileName(name) && (only === undefined || name === only))
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const isNew = new Set(journal?.write);
  const files = await mapEach(sorted, async (name) => {
    const ours = isNew.has(name) ? await statOwn(name, join(newFiles(paths), name)) : undefined;
    return ours ?? statAny(name, join(paths.folder, name));
  });
  const present = files.filter((file) => file !== undefined);
  const record =
    (journal && (await statOwn("record", newRecord(paths)))) ?? (await statOwn("record", paths.record));
  const all = [record, ...present];
  const changedMs = all.map((file) => Number(file?.stats.mtimeMs ?? 0)).reduce(latest, folder.changedMs);
  const key = [base, ...all.map((file) => file && `${file.name} ${file.stamp}`)].join("\n");
  return { base, files: present, record, changedMs, key };
}

const latest = (one: number, other: number): number => Math.max(one, other);

/** Undefined where docker has removed it just now. */
async function listFolder(folder: string): Promise<string[] | undefined> {
  return readdir(folder).catch(async (error: unknown) => {
    if (await exists(folder)) throw error;
    return undefined;
  });
}

/** A file of docker's may be a link. One that leads nowhere is there, too. */
async function statAny(name: string, path: string): Promise<FoundFile | undefined> {
  const stats = await stat(path, { bigint: true }).catch(() => undefined);
  return stats === undefined ? statOwn(name, path) : { name, path, stats, stamp: stampOf(stats) };
}

async function statOwn(name: string, path: string): Promise<FoundFile | undefined> {
  const stats = await lstat(path, { bigint: true }).catch(ignoreMissing);
  return stats && { name, path, stats, stamp: stampOf(stats) };
}

/** Undefined where the file has gone meanwhile. */
async function readEntryFile({ path, stats }: FoundFile, shown: string): Promise<Read | undefined> {
  const fault = faultOf(stats);
  if (fault !== undefined)
    return { error: new ManifestError("STORE", `${shown}: ${fault}`, { subject: shown }) };
  try {
    return decodeEntry(await readFile(path), shown);
  } catch (error) {
    const code = systemCode(error) ?? "";
    if (code === "ENOENT") return undefined;
    if (error instanceof ManifestError || FILE_FAULTS.has(code)) return { error };
    throw error;
  }
}

/** To read a pipe or a device could take for ever. */
function faultOf(stats: BigIntStats): string | undefined {
  if (stats.isDirectory()) return "a folder among the entries of a list; move it elsewhere";
  if (stats.isSymbolicLink()) return "a symbolic link that leads nowhere";
  if (!stats.isFile()) return "not a file";
  return stats.size > MAX_ENTRY_BYTES ? `larger than any entry (${stats.size} bytes)` : undefined;
}

function viewOf(
  list: Reference | undefined,
  paths: ListPaths,
  { base, files, changedMs }: Listing,
  known: ReadonlyMap<string, Known>,
  recordBytes: Buffer | undefined,
): View {
  // An empty one is what a power failure leaves of one that said no more than whose folder it is.
  const isRecord = recordBytes !== undefined && recordBytes.byteLength > 0;
  const recordIds = new Set([...known.values()].flatMap((read) => ("entry" in read ? [read.recordId] : [])));
  const folder = { path: paths.folder, identity: base, recordIds };
  const record = isRecord ? readRecord(recordBytes, paths.record, list, folder) : undefined;
  const stored: StoredEntry[] = [];
  const broken: BrokenFile[] = [];
  for (const { name, stats } of files) {
    const read = known.get(name);
    if (read === undefined) continue;
    if ("entry" in read) {
      const { entry, recordId } = read;
      stored.push({ name, stats, recordId, entry: withSource(entry, name, record) });
    } else broken.push({ name, stats, error: read.error });
  }
  return { base, stored, broken, record, recordBytes: record && recordBytes, changedMs };
}
