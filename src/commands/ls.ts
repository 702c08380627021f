import type { RegistryCheck } from "../apply/checkDrafts.js";
import type { Context } from "../context.js";
import { ManifestError } from "../errors.js";
import { formatReference } from "../oci/reference.js";
import type { StoredList } from "../store/listed.js";
import type { Store } from "../store/store.js";
import { jsonDocument } from "../ui/jsonDocument.js";
import { listTable, type ListRow } from "../ui/listTable.js";
import type { LsResult } from "../ui/lsResult.js";
import { progressMode, withProgress } from "../ui/terminal/progress.js";
import { escapeControls } from "../ui/text.js";
import { defineCommand } from "./command.js";
import { networkFlags, type NetworkFlags } from "./networkFlags.js";
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
  examples: [
    "tsmanifest ls",
    "tsmanifest ls --check",
    "tsmanifest ls --quiet | xargs tsmanifest rm",
    "tsmanifest ls --format json",
  ],
  arity: { min: 0, max: 0 },
  completes: [],
  flags: {
    quiet: { kind: "bool", short: "q", description: "Names only, one per line" },
    check: {
      kind: "bool",
      description:
        "Ask the registries what they have by each name: the same, something that differs, or nothing (missing)",
    },
    format: {
      kind: "string",
      value: "format",
      choices: ["table", "json", "markdown"],
      default: "table",
      description: "table, json or markdown",
    },
    ...storeFlags,
    ...networkFlags,
  },
  async run(context, flags) {
    if (flags.quiet && flags.check) {
      throw new ManifestError("USAGE", "--check and --quiet: choose one of them");
    }
    const store = openUserStore(context, flags);
    const stored = await withProgress(context, progressMode(flags), (progress) => {
      progress.step("reading the local lists");
      return store.list();
    });
    const lists = byName(stored);
    const checks = flags.check ? await checkLists(context, flags, store, lists) : undefined;
    context.stdout.write(await show(context, flags, lists, checks));
    if (flags.format === "json") return;
    for (const warning of [...warningsOf(lists), ...checkWarnings(checks ?? [])]) {
      context.stderr.write(`${escapeControls(warning)}\n`);
    }
  },
});

/** Loaded only where it is wanted: a table of what is here needs no network. */
async function checkLists(
  context: Context,
  flags: NetworkFlags,
  store: Store,
  lists: readonly StoredList[],
): Promise<readonly RegistryCheck[]> {
  const { checkDrafts } = await import("../apply/checkDrafts.js");
  return withProgress(context, progressMode(flags), (progress) => {
    progress.step("asking registries", { total: lists.length, unit: "list" });
    const drafts = lists.map(
      ({ name }) =>
        () =>
          store.read(name),
    );
    return checkDrafts(context, flags, drafts, () => {
      progress.advance();
    });
  });
}

async function show(
  { stdout }: Context,
  { format, quiet }: { readonly format: string; readonly quiet: boolean },
  lists: readonly StoredList[],
  checks: readonly RegistryCheck[] | undefined,
): Promise<string> {
  if (format === "json") return jsonDocument(resultOf(lists, checks));
  if (quiet) return lists.map(({ name }) => `${formatReference(name)}\n`).join("");
  const rows = rowsOf(lists, checks, Date.now());
  if (format === "markdown") return (await import("../ui/listMarkdown.js")).listMarkdown(rows);
  const isTerminal = stdout.isTTY === true;
  // What every character takes is known for those of ASCII alone.
  const isPlain = rows.every(({ platforms }) => /^[ -~]*$/.test(platforms.join("")));
  const measure = isTerminal || !isPlain ? await import("../ui/terminal/width.js") : undefined;
  return listTable(rows, isTerminal ? stdout.columns : undefined, measure);
}

/** By the order of characters, whatever the language of the machine. */
function byName(lists: readonly StoredList[]): StoredList[] {
  const named = lists.map((list) => ({ list, name: formatReference(list.name) }));
  return named.sort((one, other) => (one.name < other.name ? -1 : 1)).map(({ list }) => list);
}

function rowsOf(
  lists: readonly StoredList[],
  checks: readonly RegistryCheck[] | undefined,
  now: number,
): ListRow[] {
  return lists.map(({ name, entries, platforms, changedMs }, index) => {
    const check = checks?.[index];
    return {
      name: formatReference(name),
      entries,
      platforms,
      ageMs: now - changedMs,
      ...(check && { registry: check.state === "silent" ? "no answer" : check.state }),
    };
  });
}

function resultOf(lists: readonly StoredList[], checks: readonly RegistryCheck[] | undefined): LsResult {
  return {
    version: 1,
    lists: lists.map(({ name, isGuessed, folder, entries, platforms, changedMs, problems }, index) => {
      const check = checks?.[index];
      return {
        name: formatReference(name),
        guessed: isGuessed,
        folder,
        entries: entries ?? null,
        platforms: [...platforms],
        changed: new Date(Math.min(changedMs, LATEST_MS)).toISOString(),
        problems: [...problems],
        ...(check && { registry: { ...check } }),
      };
    }),
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

/** Why it is not known what registries have, each reason once. */
function checkWarnings(checks: readonly RegistryCheck[]): string[] {
  const reasons = [...new Set(checks.flatMap(({ reason }) => reason ?? []))];
  const rest = reasons.length - MAX_SHOWN;
  return [
    ...reasons.slice(0, MAX_SHOWN).map((reason) => `WARNING: ${reason}`),
    ...(rest > 0 ? [`WARNING: ${rest} more lists could not be checked; --format json says why`] : []),
  ];
}
