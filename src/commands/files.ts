import { access, constants, lstat, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { readBounded, readFault } from "../docker/readBounded.js";
import { ManifestError, messageOf } from "../errors.js";
import { diskFault, ignoreMissing, move, outputFault, outputHint, uniqueName } from "../fileSystem.js";

/** Files that the user names on the command line. */

/** As much as the largest manifest. */
const MAX_INPUT = 4 * 1024 * 1024;

/**
 * A file that is read whole, of at most 4 MiB.
 * @throws CONFIG, naming it
 */
export async function readInputFile(path: string): Promise<Buffer> {
  try {
    return await readBounded(path, MAX_INPUT);
  } catch (error) {
    const name = path === "" ? '""' : path;
    throw new ManifestError("CONFIG", `${name}: ${readFault(error)}`, { subject: path, cause: error });
  }
}

/**
 * Can a file be written there? To be asked before what it is to tell of is done.
 * @throws CONFIG, naming it
 */
export async function checkOutputFile(path: string): Promise<void> {
  try {
    const there = await lstat(path).catch(ignoreMissing);
    if (there?.isDirectory() === true) throw outputError(path, "is a folder, not a file");
    if (there === undefined || there.isFile()) await access(dirname(path), constants.W_OK);
  } catch (error) {
    if (error instanceof ManifestError) throw error;
    throw outputError(path, outputFault(error), error);
  }
}

function outputError(path: string, why: string, cause?: unknown): ManifestError {
  return new ManifestError("CONFIG", `${path}: ${why}`, { subject: path, hint: outputHint(cause), cause });
}

/**
 * Writes a file, all of it or nothing. What is no file (`/dev/stdout`, a pipe) is written to.
 * @throws CONFIG, naming it
 */
export async function writeOutputFile(path: string, bytes: Buffer): Promise<void> {
  const temporary = `${path}.${uniqueName()}`;
  try {
    const there = await lstat(path).catch(ignoreMissing);
    if (there !== undefined && !there.isFile()) {
      await writeFile(path, bytes);
      return;
    }
    await writeFile(temporary, bytes, { mode: 0o644, flag: "wx" });
    await move(temporary, path);
  } catch (error) {
    // Where its folder is gone, it is gone, too.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw outputError(path, diskFault(error) ?? messageOf(error), error);
  }
}
