import { opendir } from "node:fs/promises";
import { basename, join } from "node:path";
import { ManifestError } from "../errors.js";
import { digestFault } from "../oci/digest.js";
import { withSubject } from "./layoutFiles.js";

/** More files than any list has entries. */
const MAX_FILES = 10_000;

/** `sha256:…`, `sha256-…` where a file system has no colons, or the hex digits alone. */
const NAME = /^(?:(sha\d+)[:-])?([0-9a-fA-F]+)$/;

/** What git and file managers leave in folders. Any other file is somebody's mistake. */
const JUNK = new Set([".gitkeep", ".keep", ".DS_Store", "Thumbs.db", "desktop.ini"]);

const HINT = 'there must be a file for each image, named by its digest: touch "digests/${digest#sha256:}"';

/** A file, and the digest that its name says. */
export interface DigestFile {
  readonly digest: string;
  readonly file: string;
}

/**
 * The digests that the files of a folder are named by, in byte order, as the jobs of a build leave them for the one that
 * makes the list: `touch "digests/${digest#sha256:}"`. What is in the files does not matter. They may be in sub-folders
 * too, one a job, as actions/download-artifact has them without `merge-multiple`; a sub-folder without any is an error.
 * https://docs.docker.com/build/ci/github-actions/multi-platform/#distribute-build-across-multiple-runners
 * @throws INVALID_SOURCE for a file of another name, for no file, for folders in sub-folders; LIMIT above 10,000 files
 */
export async function readDigestFolder(folder: string, signal?: AbortSignal): Promise<DigestFile[]> {
  const budget = { left: MAX_FILES };
  const top = await listFolder(folder, budget, signal);
  const files = top.files.map(digestFileOf);
  for (const below of top.folders) {
    const { files: inner, folders: deeper } = await listFolder(below, budget, signal);
    if (deeper[0] !== undefined)
      throw sourceError(deeper[0], `too deep: ${folder} may have folders, they may not`);
    if (inner.length === 0) throw sourceError(below, "an empty folder");
    files.push(...inner.map(digestFileOf));
  }
  if (files.length === 0) throw sourceError(folder, "an empty folder");
  return files.sort((one, other) => compare(one.digest, other.digest) || compare(one.file, other.file));
}

/** What is in a folder, by the names. What is neither file nor folder has a name as well. */
async function listFolder(
  folder: string,
  budget: { left: number },
  signal: AbortSignal | undefined,
): Promise<{ readonly files: string[]; readonly folders: string[] }> {
  const [files, folders]: [string[], string[]] = [[], []];
  await withSubject(folder, async () => {
    for await (const entry of await opendir(folder)) {
      signal?.throwIfAborted();
      if (budget.left-- <= 0)
        throw new ManifestError("LIMIT", `${folder}: more than ${MAX_FILES} files`, { subject: folder });
      if (JUNK.has(entry.name)) continue;
      (entry.isDirectory() ? folders : files).push(join(folder, entry.name));
    }
  });
  return { files: files.sort(compare), folders: folders.sort(compare) };
}

function digestFileOf(file: string): DigestFile {
  const [, algorithm = "sha256", hex] = NAME.exec(basename(file)) ?? [];
  if (hex === undefined) throw sourceError(file, "its name is not a digest");
  const digest = `${algorithm}:${hex.toLowerCase()}`;
  const fault = digestFault(digest);
  if (fault === "invalid checksum digest length")
    throw sourceError(file, `its name has ${hex.length} hex digits, which are no ${algorithm} digest`);
  if (fault !== undefined) throw sourceError(file, `its name is not a digest: ${fault}`);
  if (hex !== hex.toLowerCase())
    throw sourceError(file, "its name has capital letters", `a digest is in lower case: ${digest}`);
  return { digest, file };
}

function sourceError(path: string, what: string, hint: string = HINT): ManifestError {
  return new ManifestError("INVALID_SOURCE", `${path}: ${what}`, { subject: path, hint });
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
