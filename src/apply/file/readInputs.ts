import { isUtf8 } from "node:buffer";
import { readdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { addAbortSignal, Readable } from "node:stream";
import { readBounded, readFault } from "../../docker/readBounded.js";
import { ManifestError, systemCode } from "../../errors.js";
import type { Faults } from "./faults.js";
import { FileText } from "./fileText.js";
import { hasHidden } from "./maskVariables.js";
import { openPipe } from "./readPipe.js";

/** Files of lists, on the disk and on standard input. */

export const MAX_FILE_BYTES = 32 * 1024 * 1024;
const TOO_LARGE = "larger than 32 MiB: split it into several files, and pass each with -f";
const NAMES = /\.(?:ya?ml|json)$/;
const STDIN = "-";

/** A file that was named, or found in a folder that was. */
export interface InputFile {
  /** As it is shown: as it was named. */
  readonly name: string;
  /** What relative paths in it are relative to, absolute. */
  readonly folder: string;
  /** The same as it is shown: relative if the file was named by a relative path. */
  readonly shownFolder: string;
  /** Its bytes. @throws what the disk has against that */
  readonly read: (signal: AbortSignal | undefined) => Promise<Buffer>;
}

/** What is needed of the outside world. */
export interface InputOptions {
  readonly stdin: () => AsyncIterable<Uint8Array>;
  readonly cwd: string;
}

/**
 * The files behind `-f`, in their order: a folder stands for the YAML and JSON files in it, in byte order. A file that is
 * given twice is a fault, told once for all of its lists.
 */
export async function findInputs(
  paths: readonly string[],
  { stdin, cwd }: InputOptions,
  faults: Faults,
): Promise<InputFile[]> {
  const found: InputFile[] = [];
  const given = new Set<string>();
  const add = (file: DiskFile): void => {
    if (given.has(file.at)) faults.addFile(file.name, "the file was given twice: pass it only once");
    else found.push(inputFile(file));
    given.add(file.at);
  };
  for (const [index, path] of paths.entries()) {
    if (path === STDIN) {
      if (paths.indexOf(STDIN) < index) faults.addFile(STDIN, "standard input can be read only once");
      else
        found.push({
          name: STDIN,
          folder: cwd,
          shownFolder: "",
          read: (signal) => readStream(stdin(), signal),
        });
      continue;
    }
    try {
      const at = resolve(cwd, path);
      const files = (await stat(at)).isDirectory() ? await filesIn(path, at) : [{ name: path, at }];
      files.forEach(add);
    } catch (error) {
      faults.addFile(path === "" ? '""' : path, faultOf(error));
    }
  }
  return found;
}

interface DiskFile {
  readonly name: string;
  /** Absolute. */
  readonly at: string;
}

async function filesIn(path: string, at: string): Promise<DiskFile[]> {
  const entries = await readdir(at, { withFileTypes: true });
  const names = entries
    .filter((entry) => !entry.isDirectory() && NAMES.test(entry.name))
    .map(({ name }) => name);
  if (names.length === 0) {
    throw new ManifestError(
      "INVALID_FILE",
      "there are no files of lists in this folder: their names end in .yaml, .yml or .json",
    );
  }
  return names
    .sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
    .map((name) => ({ name: join(path, name), at: join(at, name) }));
}

function inputFile({ name, at }: DiskFile): InputFile {
  const folder = dirname(name);
  return {
    name,
    folder: dirname(at),
    shownFolder: folder === "." ? "" : folder,
    read: (signal) => readFile(at, signal),
  };
}

async function readFile(at: string, signal: AbortSignal | undefined): Promise<Buffer> {
  const isPipe = (await stat(at)).isFIFO();
  return isPipe ? readStream(await openPipe(at), signal) : readBounded(at, MAX_FILE_BYTES);
}

/**
 * The text of a file; undefined where it cannot be read, which is told.
 * @param signal aborts the wait for what is piped in
 */
export async function readInput(
  { name, read }: InputFile,
  faults: Faults,
  signal?: AbortSignal,
): Promise<FileText | undefined> {
  let bytes: Buffer;
  try {
    bytes = await read(signal);
  } catch (error) {
    signal?.throwIfAborted();
    faults.addFile(name, faultOf(error));
    return undefined;
  }
  const text = bytes.toString("utf8").replace(/^\uFEFF/, "");
  const file = new FileText(name, text);
  if (isUtf8(bytes) && !hasHidden(text)) return file;
  const at = Math.max(0, text.search(/[\uFFFD\uFDD0\uFDD1]/));
  faults.add(file.placeOf(at), "not a text in UTF-8: save it as UTF-8");
  return undefined;
}

async function readStream(
  stream: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  if (signal !== undefined && stream instanceof Readable) addAbortSignal(signal, stream);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.byteLength;
    if (length > MAX_FILE_BYTES) throw new ManifestError("INVALID_FILE", TOO_LARGE);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function faultOf(error: unknown): string {
  if (error instanceof ManifestError) return error.code === "CONFIG" ? TOO_LARGE : error.message;
  return systemCode(error) === "ENOENT" ? "no such file or folder" : readFault(error);
}
