import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { emptyDraft, type Draft, type Settings } from "../../src/list/draft.js";
import type { Entry } from "../../src/list/entry.js";
import { descriptor } from "../../src/oci/descriptor.js";
import { OCI_INDEX } from "../../src/oci/mediaTypes.js";
import { formatReference, parseReference } from "../../src/oci/reference.js";
import { storeName } from "../../src/store/names.js";
import { openStore, type Store } from "../../src/store/store.js";
import { entryOf } from "../helpers/entries.js";

export const LIST = parseReference("x.example/multi/app:v1");
export const NAMES = ["x.example/app:amd64", "x.example/app:arm64", "x.example/app:s390x"];
export const entries = NAMES.map((name) => entryOf(name));

/** All that docker has no word for. */
export const SETTINGS: Settings = {
  type: "oci",
  annotations: { "org.example.b": "<1>", "org.example.a": "ü" },
  subject: { ...descriptor(OCI_INDEX, `sha256:${"a".repeat(64)}`, 7), annotations: { a: "b" } },
  artifactType: "application/x.example",
};

/** A store in a folder of its own, gone after the test. */
export interface Place {
  readonly home: string;
  readonly root: string;
  readonly store: Store;
  /** docker's folder of {@link LIST}. */
  readonly folder: string;
  /** What is not docker's. */
  readonly work: string;
  readonly fileOf: (name: string) => string;
  /** Makes the list, or makes it anew. */
  readonly make: (made?: readonly Entry[], settings?: Settings) => Promise<void>;
  readonly read: () => Promise<readonly Entry[] | undefined>;
  readonly remove: () => Promise<void>;
}

export async function place(): Promise<Place> {
  const home = await mkdtemp(join(tmpdir(), "store-"));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  const root = join(home, "manifests");
  const store = openStore(root);
  const folder = join(root, storeName(LIST));
  return {
    home,
    root,
    store,
    folder,
    work: join(root, ".tsmanifest", storeName(LIST)),
    fileOf: (name) => join(folder, storeName(parseReference(name))),
    make: (made = entries, settings) =>
      store.change(LIST, () => ({ ...emptyDraft(LIST), entries: made, ...(settings && { settings }) })),
    read: async () => (await store.read(LIST))?.entries,
    remove: () => store.change(LIST, () => undefined),
  };
}

/** The draft, of which there must be one, with other entries. */
export function changing(change: (entries: readonly Entry[]) => readonly Entry[]) {
  return (draft: Draft | undefined): Draft => {
    if (draft === undefined) throw new Error("no such list");
    return { ...draft, entries: change(draft.entries) };
  };
}

export const adding =
  (...more: readonly Entry[]) =>
  (before: readonly Entry[]): readonly Entry[] => [...before, ...more];

export const removing =
  (...names: readonly string[]) =>
  (before: readonly Entry[]): readonly Entry[] =>
    before.filter(({ ref }) => !names.includes(formatReference(ref)));

export const annotating =
  (name: string, variant: string) =>
  (before: readonly Entry[]): readonly Entry[] =>
    before.map((entry) => (formatReference(entry.ref) === name ? asVariant(entry, variant) : entry));

export function asVariant(entry: Entry, variant: string): Entry {
  return {
    ...entry,
    descriptor: { ...entry.descriptor, platform: { ...entry.descriptor.platform!, variant } },
  };
}

export const namesOf = (list: readonly Entry[] | undefined) => list?.map(({ ref }) => formatReference(ref));
export const variantsOf = (list: readonly Entry[] | undefined) =>
  list?.map(({ descriptor: { platform } }) => platform?.variant);

/** Can this process mount file systems? Root in most containers may not. */
export const mountable =
  process.platform === "linux" &&
  process.getuid?.() === 0 &&
  spawnSync("unshare", ["--mount", "true"]).status === 0;

/** A small file system in memory on a folder, gone after the test. */
export async function mountMemory(folder: string, size: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tsmanifest-test", folder]);
  expect(String(mounted.stderr)).toBe("");
  onTestFinished(() => {
    spawnSync("umount", [folder]);
  });
}

export function remount(folder: string, mode: "ro" | "rw"): void {
  expect(spawnSync("mount", ["-o", `remount,${mode}`, folder]).status).toBe(0);
}
