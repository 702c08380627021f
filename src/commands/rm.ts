import type { Context } from "../context.js";
import { hasCode, ManifestError, UsageError } from "../errors.js";
import { formatReference, parseReference, type Reference } from "../oci/reference.js";
import type { Store } from "../store/store.js";
import { jsonDocument } from "../ui/jsonDocument.js";
import type { RemovalResult } from "../ui/removalResult.js";
import { defineCommand } from "./command.js";
import { checkOutputFlags, outputFlags, type OutputFlags } from "./outputFlags.js";
import { partlyDone } from "./partlyDone.js";
import { listNotFound, openUserStore, storeFlags } from "./userStore.js";

export const rm = defineCommand({
  name: "rm",
  args: "MANIFEST_LIST [MANIFEST_LIST...]",
  description: "Deletes local lists, or images of one. What is in a registry stays there.",
  examples: [
    "tsmanifest rm registry.example/app:v1",
    "tsmanifest rm registry.example/app:v1 --entry registry.example/app:v1-arm64",
  ],
  arity: { min: 1 },
  completes: ["list"],
  flags: {
    entry: {
      kind: "stringArray",
      value: "image",
      group: "What is deleted",
      description:
        "Take this image out of the list, and keep the list: its name in the list, the index it came from, or a digest; may be repeated",
    },
    ...outputFlags,
    ...storeFlags,
  },
  async run(context, flags, names) {
    const [name = "", ...more] = names;
    if (flags.entry.length > 0 && more.length > 0) {
      throw new UsageError(`--entry is for one list, and here are ${names.length}`, 125);
    }
    checkOutputFlags(flags);
    const store = openUserStore(context, flags);
    const result =
      flags.entry.length === 0
        ? await removeLists(store, names)
        : await removeEntries(context, store, parseReference(name), flags);
    if (flags.format === "json") context.stdout.write(jsonDocument(result));
  },
});

async function removeLists(store: Store, names: readonly string[]): Promise<RemovalResult> {
  const faults: ManifestError[] = [];
  const removed: string[] = [];
  for (const name of names) {
    try {
      const list = parseReference(name);
      await store.change(list, (draft) => {
        if (draft === undefined) throw listNotFound(list);
        return undefined;
      });
      removed.push(formatReference(list));
    } catch (error) {
      if (!(error instanceof ManifestError)) throw error;
      faults.push(error);
    }
  }
  const result: RemovalResult = { version: 1, lists: removed, entries: [] };
  const [first, ...more] = faults;
  if (first === undefined) return result;
  // docker tells of each list on a line of its own.
  throw partlyDone([more.length > 0 ? first : await withWayOut(first, store), ...more], result);
}

/** The same error, with what to do below it. */
async function withWayOut(fault: ManifestError, store: Store): Promise<ManifestError> {
  if (!hasCode(fault, "LIST_NOT_FOUND") || fault.subject === undefined) return fault;
  const { notInStore } = await import("./missing.js");
  return notInStore(store, parseReference(fault.subject));
}

/** A line on stdout for each entry that has left, unless something else is printed, or nothing. */
async function removeEntries(
  { stdout }: Context,
  store: Store,
  list: Reference,
  { entry, format, quiet }: OutputFlags & { readonly entry: readonly string[] },
): Promise<RemovalResult> {
  const { entryLine, removeFromList } = await import("./removeFromList.js");
  const removed = await removeFromList(store, list, entry);
  if (format !== "json") {
    if (!quiet) for (const one of removed) stdout.write(`${entryLine(one)}\n`);
    return { version: 1, lists: [], entries: [] };
  }
  const { describeLocalEntry } = await import("../ui/describeEntries.js");
  return { version: 1, lists: [], entries: removed.map(describeLocalEntry) };
}
