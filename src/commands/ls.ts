import { formatReference } from "../oci/reference.js";
import type { StoredList } from "../store/listed.js";
import { jsonDocument } from "../ui/jsonDocument.js";
import { listTable } from "../ui/listTable.js";
import type { LsResult } from "../ui/lsResult.js";
import { escapeControls } from "../ui/text.js";
import { defineCommand } from "./command.js";
import { openUserStore, storeFlags } from "./userStore.js";

/** The last moment that a date can say. Some file systems know later ones. */
const LATEST_MS = 8.64e15;
/** Problems that are shown one by one. */
const MAX_SHOWN = 10;

export const ls = defineCommand({
  name: "ls",
  args: "[OPTIONS]",
  description:
    "Shows the local lists. docker's own lists do not say what they are called: where several names are possible, the likeliest is shown.",
  examples: ["tsmanifest ls", "tsmanifest ls --quiet | xargs tsmanifest rm", "tsmanifest ls --format json"],
  arity: { min: 0, max: 0 },
  flags: {
    quiet: { kind: "bool", short: "q", description: "Names only, one a line" },
    format: {
      kind: "string",
      value: "format",
      choices: ["table", "json"],
      default: "table",
      description: "table or json",
    },
    ...storeFlags,
  },
  async run(context, flags) {
    const lists = byName(await openUserStore(context, flags).list());
    const isJson = flags.format === "json";
    if (isJson) context.stdout.write(jsonDocument(resultOf(lists)));
    else if (flags.quiet)
      context.stdout.write(lists.map(({ name }) => `${formatReference(name)}\n`).join(""));
    else context.stdout.write(showTable(lists, Date.now()));
    if (isJson) return;
    for (const warning of warningsOf(lists)) context.stderr.write(`${escapeControls(warning)}\n`);
  },
});

/** By the order of characters, whatever the language of the machine. */
function byName(lists: readonly StoredList[]): StoredList[] {
  const named = lists.map((list) => ({ list, name: formatReference(list.name) }));
  return named.sort((one, other) => (one.name < other.name ? -1 : 1)).map(({ list }) => list);
}

function showTable(lists: readonly StoredList[], now: number): string {
  return listTable(
    lists.map(({ name, entries, platforms, changedMs }) => ({
      name: formatReference(name),
      entries,
      platforms,
      ageMs: now - changedMs,
    })),
  );
}

function resultOf(lists: readonly StoredList[]): LsResult {
  return {
    version: 1,
    lists: lists.map(({ name, isGuessed, folder, entries, platforms, changedMs, problems }) => ({
      name: formatReference(name),
      guessed: isGuessed,
      folder,
      entries: entries ?? null,
      platforms: [...platforms],
      changed: new Date(Math.min(changedMs, LATEST_MS)).toISOString(),
      problems: [...problems],
    })),
  };
}

/** What a table has no room for. */
function warningsOf(lists: readonly StoredList[]): string[] {
  const problems = lists.flatMap((list) => list.problems);
  const rest = problems.length - MAX_SHOWN;
  const warnings = [
    ...problems.slice(0, MAX_SHOWN).map((problem) => `WARNING: ${problem}`),
    ...(rest > 0 ? [`WARNING: ${rest} more files cannot be read; --format json names them`] : []),
  ];
  const guessed = lists.filter(({ isGuessed }) => isGuessed).map(({ name }) => formatReference(name));
  const [first] = guessed;
  if (first === undefined) return warnings;
  const which = guessed.length === 1 ? `the name ${first} is` : `${guessed.length} names (${first}, …) are`;
  return [
    ...warnings,
    `NOTE: ${which} guessed: docker, which made the list, keeps no difference between / and _, : and -`,
  ];
}
