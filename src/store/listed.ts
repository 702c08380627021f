import { lstat, readdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { messageOf } from "../errors.js";
import { ignoreMissing, isBelowFile } from "../fileSystem.js";
import { isAttestation } from "../list/attestations.js";
import type { Entry } from "../list/entry.js";
import { formatPlatform } from "../oci/platformName.js";
import type { Reference } from "../oci/reference.js";
import { mapEach, naming } from "./disk.js";
import { nameOfFolder } from "./folderName.js";
import { folderPaths } from "./listPaths.js";
import { storeName } from "./names.js";
import { parseRecordName } from "./record.js";
import { readView, type View } from "./view.js";

/** Lists looked at together: each of them may read as many files at once as the disk is given. */
const LISTS_AT_ONCE = 4;

/** What is known of a list without knowing its name. */
export interface StoredList {
  /** Leads to this list, and is its name unless it is guessed. */
  readonly name: Reference;
  /** docker keeps no more of a name than that of the folder, which several names may share. */
  readonly isGuessed: boolean;
  /** The name of its folder in the store. */
  readonly folder: string;
  /** How many files of entries it has; undefined where even that cannot be told. */
  readonly entries: number | undefined;
  /** Those of its images, each once, in the order of the list: `linux/arm/v7`. */
  readonly platforms: readonly string[];
  /** When its entries or settings last changed, in milliseconds since 1970. */
  readonly changedMs: number;
  /** What is wrong with it, a line for each file that cannot be read. */
  readonly problems: readonly string[];
}

/**
 * Every list of a store, in the order of their folders' names. Takes no lock and writes nothing; what cannot be read
 * hides nothing else. Folders with a name that docker gives to none are left out.
 * @throws STORE where the store itself cannot be read
 */
export async function readStoredLists(root: string, signal?: AbortSignal): Promise<StoredList[]> {
  const names = await naming(folderPaths(root, ""), async () =>
    (await isBelowFile(dirname(root))) ? [] : ((await readdir(root).catch(ignoreMissing)) ?? []),
  );
  const lists = await mapEach(
    names.sort().filter((name) => nameOfFolder(name, []) !== undefined),
    async (folder) => {
      signal?.throwIfAborted();
      return readList(root, folder);
    },
    LISTS_AT_ONCE,
  );
  return lists.filter((list) => list !== undefined);
}

/** Undefined where it is no folder, or has been removed just now. */
async function readList(root: string, folder: string): Promise<StoredList | undefined> {
  const paths = folderPaths(root, folder);
  try {
    if ((await stat(paths.folder).catch(ignoreMissing))?.isDirectory() !== true) return undefined;
    const view = await naming(paths, () => readView(undefined, paths));
    return view && summaryOf(folder, view);
  } catch (error) {
    const guess = nameOfFolder(folder, []);
    const found = await lstat(paths.folder).catch(() => undefined);
    if (guess === undefined || found === undefined) return undefined;
    const problems = [messageOf(error)];
    return {
      ...guess,
      folder,
      entries: undefined,
      platforms: [],
      changedMs: found.mtimeMs,
      problems,
    };
  }
}

function summaryOf(folder: string, { stored, broken, record, changedMs }: View): StoredList | undefined {
  const entries = stored.map(({ entry }) => entry);
  const remembered = record && parseRecordName(record);
  const name =
    remembered !== undefined && storeName(remembered) === folder
      ? { name: remembered, isGuessed: false }
      : nameOfFolder(
          folder,
          entries.map(({ ref }) => ref),
        );
  return (
    name && {
      ...name,
      folder,
      entries: stored.length + broken.length,
      platforms: platformsOf(entries),
      changedMs,
      problems: broken.map(({ error }) => messageOf(error)),
    }
  );
}

function platformsOf(entries: readonly Entry[]): string[] {
  const images = entries.filter(({ descriptor }) => !isAttestation(descriptor));
  const platforms = images.flatMap(({ descriptor: { platform } }) =>
    platform === undefined ? [] : [platform],
  );
  return [...new Set(platforms.map(formatPlatform))];
}
