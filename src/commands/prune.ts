import type { Context } from "../context.js";
import { ManifestError, messageOf, UsageError } from "../errors.js";
import { parseDuration } from "../go/duration.js";
import { goQuote } from "../go/quote.js";
import { formatReference } from "../oci/reference.js";
import type { StoredList } from "../store/listed.js";
import type { Store } from "../store/store.js";
import { escapeControls } from "../ui/text.js";
import { defineCommand } from "./command.js";
import { openUserStore, storeFlags } from "./userStore.js";

const DEFAULT_AGE = "30d";

export const prune = defineCommand({
  name: "prune",
  args: "[OPTIONS]",
  description:
    `Deletes local lists in which nothing has changed for a while, ${DEFAULT_AGE} unless told. ` +
    "What is in a registry stays there; so does what is no list, or cannot be read.",
  examples: ["tsmanifest prune --dry-run", "tsmanifest prune --older-than 72h"],
  arity: { min: 0, max: 0 },
  flags: {
    olderThan: {
      kind: "string",
      value: "duration",
      default: DEFAULT_AGE,
      description: "How long nothing must have changed: 72h, 30d, 2w",
    },
    dryRun: { kind: "bool", description: "Show which lists would be deleted, and delete none" },
    ...storeFlags,
  },
  async run(context, flags) {
    const before = Date.now() - ageOf(flags.olderThan);
    const store = openUserStore(context, flags);
    const old = (await store.list()).filter(({ changedMs }) => changedMs < before);
    const faults: ManifestError[] = [];
    let removed = 0;
    for (const list of old) {
      try {
        if (!(await isRemoved(store, list, before, flags.dryRun))) continue;
        removed++;
        context.stdout.write(`${formatReference(list.name)}\n`);
      } catch (error) {
        if (!(error instanceof ManifestError)) throw error;
        faults.push(error);
      }
    }
    if (!flags.dryRun) await store.sweep();
    report(context, removed, flags.dryRun, faults);
  },
});

function ageOf(text: string): number {
  try {
    const age = parseDuration(text);
    if (age >= 0) return age;
    throw new ManifestError("USAGE", "must not be negative");
  } catch (error) {
    throw new UsageError(
      `invalid argument ${goQuote(text)} for "--older-than" flag: ${messageOf(error)}`,
      125,
    );
  }
}

/** In a dry run: would it be removed, as far as can be seen? */
async function isRemoved(store: Store, list: StoredList, before: number, dryRun: boolean): Promise<boolean> {
  if (!dryRun) return store.removeOlder(list.name, before);
  const [problem] = list.problems;
  if (problem !== undefined) throw new ManifestError("STORE", problem, { subject: list.folder });
  return true;
}

function report(
  { stderr }: Context,
  removed: number,
  dryRun: boolean,
  faults: readonly ManifestError[],
): void {
  const lists = removed === 1 ? "1 list" : `${removed} lists`;
  stderr.write(`${lists} ${dryRun ? "would be deleted" : "deleted"}\n`);
  const [first, ...more] = faults;
  if (first === undefined) return;
  for (const { message } of more) stderr.write(`${escapeControls(message)}\n`);
  throw first;
}
