import { ManifestError } from "../errors.js";
import { parseReference } from "../oci/reference.js";
import { defineCommand } from "./command.js";
import { listNotFound, openUserStore } from "./userStore.js";

export const rm = defineCommand({
  name: "rm",
  args: "MANIFEST_LIST [MANIFEST_LIST...]",
  description: "Deletes local lists. What is in a registry stays there.",
  examples: ["tsmanifest rm registry.example/app:v1"],
  arity: { min: 1 },
  flags: {},
  async run(context, _flags, names) {
    const store = openUserStore(context);
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
  },
});
