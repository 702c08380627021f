import { lstat, rm, writeFile } from "node:fs/promises";
import { readBounded, readFault } from "../docker/readBounded.js";
import { ManifestError, messageOf } from "../errors.js";
import { diskFault, ignoreMissing, move, uniqueName } from "../fileSystem.js";

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
    throw new ManifestError("CONFIG", `${path}: ${readFault(error)}`, { subject: path, cause: error });
  }
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
    await writeFile(temporary, bytes, { mode: 0o644 });
    await move(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw new ManifestError("CONFIG", `${path}: ${diskFault(error) ?? messageOf(error)}`, {
      subject: path,
      cause: error,
    });
  }
}
