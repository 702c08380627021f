import { ManifestError } from "../errors.js";
import { parseReference } from "../oci/reference.js";
import { defineCommand } from "./command.js";
import { openUserStore } from "./userStore.js";

export const rm = defineCommand({
  name: "rm",
  args: "MANIFEST_LIST [MANIFEST_LIST...]",
  description: "Deletes local lists. What is in a registry stays there.",
  examples: ["tsmanifest rm registry.example/app:v1"],
  arity: { min: 1 },
  flags: {},
  async run(context, _flags, names) {
    const store = openUserStore(context);
    const faults: string[] = [];
    for (const name of names) {
      try {
        await store.remove(parseReference(name));
      } catch (error) {
        if (!(error instanceof ManifestError)) throw error;
        faults.push(error.message);
      }
    }
    if (faults.length > 0) throw new ManifestError("STORE", faults.join("\n"));
  },
});
