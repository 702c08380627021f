import { ManifestError, messageOf, UsageError } from "../errors.js";
import { parseDuration } from "../go/duration.js";
import { goQuote } from "../go/quote.js";
import { formatReference } from "../oci/reference.js";
import type { StoredList } from "../store/listed.js";
import type { Store } from "../store/store.js";
import { jsonDocument } from "../ui/jsonDocument.js";
import type { RemovalResult } from "../ui/removalResult.js";
import { counted } from "../ui/text.js";
import { progressMode, withProgress } from "../ui/terminal/progress.js";
import { defineCommand } from "./command.js";
import { checkOutputFlags, outputFlags } from "./outputFlags.js";
import { partlyDone } from "./partlyDone.js";
import { progressFlags } from "./progressFlags.js";
import { openUserStore, storeFlags } from "./userStore.js";

const DEFAULT_AGE = "30d";

export const prune = defineCommand({
  name: "prune",
  args: "[OPTIONS]",
  description:
    `Deletes local lists in which nothing has changed for a while, ${DEFAULT_AGE} by default. ` +
    "What is in a registry stays there. Anything that is not a list, or cannot be read, is left alone.",
  examples: ["tsmanifest prune --dry-run", "tsmanifest prune --older-than 72h"],
  arity: { min: 0, max: 0 },
  completes: [],
  flags: {
    olderThan: {
      kind: "string",
      group: "What is deleted",
      value: "duration",
      default: DEFAULT_AGE,
      description: "Delete those that have not changed for this long: 72h, 30d, 2w",
    },
    dryRun: { kind: "bool", description: "Show which lists would be deleted, and delete none" },
    ...outputFlags,
    ...progressFlags,
    ...storeFlags,
  },
  async run(context, flags) {
    checkOutputFlags(flags);
    const before = Date.now() - ageOf(flags.olderThan);
    const store = openUserStore(context, flags);
    const lists = await withProgress(context, progressMode(flags), (progress) => {
      progress.step("reading the local lists");
      return store.list();
    });
    const old = lists.filter(({ changedMs }) => changedMs < before);
    const isText = flags.format !== "json" && !flags.quiet;
    const faults: ManifestError[] = [];
    const removed: string[] = [];
    for (const list of old) {
      try {
        if (!(await isRemoved(store, list, before, flags.dryRun))) continue;
        const name = formatReference(list.name);
        removed.push(name);
        if (isText) context.stdout.write(`${name}\n`);
      } catch (error) {
        if (!(error instanceof ManifestError)) throw error;
        faults.push(error);
      }
    }
    if (!flags.dryRun) await store.sweep();
    if (!flags.quiet) context.stderr.write(summary(removed.length, flags.dryRun));
    const result: RemovalResult = {
      version: 1,
      lists: removed,
      entries: [],
      ...(flags.dryRun && { dryRun: true }),
    };
    const [first, ...more] = faults;
    if (first !== undefined) throw partlyDone([first, ...more], result);
    if (flags.format === "json") context.stdout.write(jsonDocument(result));
  },
});

function ageOf(text: string): number {
  try {
    const age = parseDuration(text);
    if (age >= 0) return age;
    throw new ManifestError("USAGE", "it must not be negative");
  } catch (error) {
    const message = `invalid argument ${goQuote(text)} for "--older-than" flag: ${messageOf(error)}`;
    throw new UsageError(message, 125, { hint: error instanceof ManifestError ? error.hint : undefined });
  }
}

/** In a dry run: would it be removed, as far as can be seen? */
async function isRemoved(store: Store, list: StoredList, before: number, dryRun: boolean): Promise<boolean> {
  if (!dryRun) return store.removeOlder(list.name, before);
  const [problem] = list.problems;
  if (problem !== undefined) throw new ManifestError("STORE", problem, { subject: list.folder });
  return true;
}

function summary(removed: number, dryRun: boolean): string {
  const lists = counted(removed, "list");
  return `${lists} ${dryRun ? "would be deleted" : "deleted"}\n`;
}
