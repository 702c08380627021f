import { ManifestError, UsageError } from "../errors.js";
import { parseReference } from "../oci/reference.js";
import type { Store } from "../store/store.js";
import { defineCommand } from "./command.js";
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
  flags: {
    entry: {
      kind: "stringArray",
      value: "image",
      description:
        "Take this image out of the list in place of deleting it: its name in the list, the index it came from, or a digest; may be repeated",
    },
    ...storeFlags,
  },
  async run(context, flags, names) {
    const [name = "", ...more] = names;
    if (flags.entry.length > 0 && more.length > 0) {
      throw new UsageError(`--entry is for one list, and here are ${names.length}`, 125);
    }
    const store = openUserStore(context, flags);
    if (flags.entry.length === 0) return removeLists(store, names);
    const { removeFromList } = await import("./removeFromList.js");
    return removeFromList(context, store, parseReference(name), flags.entry);
  },
});

async function removeLists(store: Store, names: readonly string[]): Promise<void> {
  const faults: ManifestError[] = [];
  for (const name of names) {
    try {
      const list = parseReference(name);
      await store.change(list, (draft) => {
        if (draft === undefined) throw listNotFound(list);
        return undefined;
      });
    } catch (error) {
      if (!(error instanceof ManifestError)) throw error;
      faults.push(error);
    }
  }
  const [first] = faults;
  if (first === undefined) return;
  const { code, subject } = first;
  const message = faults.map((fault) => fault.message).join("\n");
  const hint = faults.find((fault) => fault.hint !== undefined)?.hint;
  throw new ManifestError(code, message, { subject, hint, cause: first });
}
