import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import { ManifestError } from "../errors.js";
import { isBelowFile } from "../fileSystem.js";
import type { Draft } from "../list/draft.js";
import type { Entry } from "../list/entry.js";
import type { Reference } from "../oci/reference.js";
import { planChange } from "./change.js";
import { checkFolder, exists, isFull, naming } from "./disk.js";
import { applyChange, carryOut, removeList } from "./journal.js";
import type { StoredList } from "./listed.js";
import { listPaths, type ListPaths } from "./listPaths.js";
import { acquireLock } from "./lock.js";
import { storeName } from "./names.js";
import { settingsOf } from "./record.js";
import { readView, type View } from "./view.js";

/**
 * The folder in which docker keeps manifest lists: a folder a list, a file an entry.
 *
 * docker and tsmanifest can take turns on it, also at the same time: a file or a new list appears by a rename, never
 * half written. What tsmanifest needs besides is out of docker's sight (`listPaths.ts`).
 *
 * Every method throws a STORE error that names the file when the disk or a file's content is in the way.
 */
export interface Store {
  /** The draft of a list, or undefined if there is no such list. Takes no lock and writes nothing. */
  read(list: Reference): Promise<Draft | undefined>;
  /** The entry that docker finds by this reference, whatever the list's other files hold; undefined if there is none. */
  readEntry(list: Reference, ref: Reference): Promise<Entry | undefined>;
  /**
   * Changes a list under its lock, all of it or nothing, whenever the process is killed. `change` gets the draft as it
   * is, without entries that cannot be read (undefined: there is no such list), and says what it shall be: undefined
   * removes the list or makes none, the same object changes nothing. It is called again if docker, which knows no
   * locks, was faster; what it throws is thrown.
   */
  change(list: Reference, change: (draft: Draft | undefined) => Draft | undefined): Promise<void>;
  /** Every list, in the order of their folders' names. Takes no lock and writes nothing. */
  list(): Promise<readonly StoredList[]>;
  /**
   * Removes a list in which nothing has changed from this moment on (milliseconds since 1970), as is seen under its
   * lock. False: it has, or there is no such list.
   */
  removeOlder(list: Reference, thanMs: number): Promise<boolean>;
  /**
   * Carries out what killed processes had decided, and removes what they and lists that docker has removed left behind.
   * What is in use, or cannot be removed, stays.
   */
  sweep(): Promise<void>;
}

/** `changedMs` is as in {@link View}; 0 where there is no such list. */
type MakeDraft = (draft: Draft | undefined, changedMs: number) => Draft | undefined;

/** How often a change is begun again because docker made or removed the list meanwhile. */
const TRIES = 10;

const fileNames = new WeakMap<Entry, string>();

/** The entry of a draft that docker finds by this reference: by the name of its file, whatever the file says. */
export function findStored({ entries }: Draft, ref: Reference): Entry | undefined {
  const name = storeName(ref);
  return entries.find((entry) => (fileNames.get(entry) ?? storeName(entry.ref)) === name);
}

/**
 * Opens the store at `root` (docker's is `manifests` in its config folder). What only few commands need is loaded late. Nothing is created before it is needed.
 * @example
 * const store = openStore("manifests");
 * await store.change(draft.name, () => draft);
 */
export function openStore(root: string, signal?: AbortSignal): Store {
  return {
    read: (list) => {
      const paths = listPaths(root, list);
      return naming(paths, async () => {
        if (await isBelowFile(dirname(root))) return undefined;
        const view = await readView(list, paths);
        if (view?.broken[0] !== undefined) throw view.broken[0].error;
        return draftOf(list, view);
      });
    },

    readEntry: (list, ref) => {
      const paths = listPaths(root, list);
      return naming(paths, async () => {
        const view = await readView(list, paths, storeName(ref));
        if (view?.broken[0] !== undefined) throw view.broken[0].error;
        return view?.stored[0]?.entry;
      });
    },

    change: (list, change) => {
      const paths = listPaths(root, list);
      return naming(paths, () => changeList(list, paths, change, signal));
    },

    list: async () => {
      const { readStoredLists } = await import("./listed.js");
      return readStoredLists(root, signal);
    },

    removeOlder: async (list, thanMs) => {
      const paths = listPaths(root, list);
      let isOlder = false;
      const removeIfOlder: MakeDraft = (draft, changedMs) => {
        isOlder = draft !== undefined && changedMs < thanMs;
        return isOlder ? undefined : draft;
      };
      await naming(paths, () => changeList(list, paths, removeIfOlder, signal));
      return isOlder;
    },

    sweep: async () => {
      const { sweepStore } = await import("./sweep.js");
      await sweepStore(root, signal);
    },
  };
}

function draftOf(name: Reference, view: View | undefined): Draft | undefined {
  if (view === undefined) return undefined;
  for (const stored of view.stored) fileNames.set(stored.entry, stored.name);
  return { name, entries: view.stored.map(({ entry }) => entry), settings: settingsOf(view.record) };
}

async function changeList(
  list: Reference,
  paths: ListPaths,
  make: MakeDraft,
  signal: AbortSignal | undefined,
): Promise<void> {
  // What changes nothing leaves no trace, and needs no right to write.
  const isThere = await exists(paths.folder);
  const made = isThere ? undefined : make(undefined, 0);
  if (!isThere && made === undefined) return;
  const change: MakeDraft = (draft, changedMs) =>
    draft === undefined && made !== undefined ? made : make(draft, changedMs);

  await checkFolder(paths.private);
  await checkFolder(paths.work);
  const lock = await acquireLock(paths.work, signal).catch(async (error: unknown) => {
    if (!isFull(error)) throw error;
    await changeOnFullDisk(list, paths, change, error);
  });
  if (lock === undefined) return;
  try {
    for (let tries = 1; tries <= TRIES; tries++) {
      if (await changeOnce(list, paths, change, lock.scratch)) return;
    }
    throw new ManifestError("STORE", `${paths.folder}: made and removed all the time`, {
      subject: paths.folder,
    });
  } finally {
    await lock.release();
  }
}

/** A full disk has no room for a lock, but it must still be possible to delete lists. */
async function changeOnFullDisk(
  list: Reference,
  paths: ListPaths,
  change: MakeDraft,
  refusal: unknown,
): Promise<void> {
  const view = await readView(list, paths);
  const before = draftOf(list, view);
  const after = change(before, view?.changedMs ?? 0);
  if (after === before) return;
  if (view === undefined || after !== undefined) throw refusal;
  if (view.broken[0] !== undefined) throw view.broken[0].error;
  await rm(paths.folder, { recursive: true, force: true });
  for (const rest of [paths.record, paths.commit]) await rm(rest, { recursive: true, force: true });
}

/** False where docker was faster. */
async function changeOnce(
  list: Reference,
  paths: ListPaths,
  change: MakeDraft,
  scratch: string,
): Promise<boolean> {
  const stuck = await carryOut(paths, scratch).then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  const view = await readView(list, paths);
  const before = draftOf(list, view);
  const after = change(before, view?.changedMs ?? 0);
  if (after === before) return true;
  if (after === undefined) {
    // docker removes no list that it cannot read: the error names the file that is in the way.
    if (view?.broken[0] !== undefined) throw view.broken[0].error;
    if (view !== undefined) await removeList(paths, view.base, scratch);
    return true;
  }
  if (stuck !== undefined) throw stuck.error;
  const todo = await planChange(list, paths, view, after);
  return todo === undefined || applyChange(todo, paths, scratch);
}
