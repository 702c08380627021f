import { ManifestError } from "../errors.js";
import { goQuote } from "../go/quote.js";
import { applyFlags } from "./apply/applyFlags.js";
import { defineCommand } from "./command.js";
import { waitMs } from "./listFlags.js";
import { checkOutputFlags } from "./outputFlags.js";

export const apply = defineCommand({
  name: "apply",
  args: "[OPTIONS] -f FILE",
  description:
    "Makes all lists of a file, over the same connections and at a rate that the registry takes. Lists that are up to date are left alone, so a second run continues where the first one stopped. A list that fails does not stop the others.",
  examples: [
    "tsmanifest apply -f lists.yaml",
    "VERSION=1.4.0 tsmanifest apply -f release.yaml --results results.jsonl",
    "tsmanifest apply -f lists/ --plan",
    "tsmanifest apply -f lists.yaml --shard auto --shards 16",
  ],
  arity: { min: 0 },
  completes: [],
  flags: applyFlags,
  async run(context, flags, [stray]) {
    if (stray !== undefined) {
      throw new ManifestError("USAGE", `what is ${goQuote(stray)}? Files of lists are given by -f`, {
        hint: `tsmanifest apply -f ${stray}`,
      });
    }
    if (flags.file.length === 0) {
      throw new ManifestError("USAGE", "no file of lists: pass -f FILE", {
        hint: "a YAML or JSON file, a folder of them, or - for what is piped in",
      });
    }
    checkOutputFlags(flags);
    waitMs(flags);
    const { runApply } = await import("./apply/runApply.js");
    await runApply(context, flags);
  },
});
