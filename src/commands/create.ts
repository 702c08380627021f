import type { Context } from "../context.js";
import { hintOf, ManifestError, messageOf } from "../errors.js";
import { addEntries, addOntoBase, emptyDraft, refreshed, type Draft } from "../list/draft.js";
import type { Entry } from "../list/entry.js";
import { formatReference, parseReference, type Reference } from "../oci/reference.js";
import { warnOn } from "../ui/warn.js";
import { defineCommand } from "./command.js";
import { createFlags, type CreateFlags } from "./create/createFlags.js";
import { namedSources, originsOf, type NamedSource } from "./create/createSources.js";
import type { readSources, ReadSources } from "./create/readSources.js";
import { checkOutputFlags } from "./outputFlags.js";
import { openUserStore } from "./userStore.js";

export const create = defineCommand({
  name: "create",
  args: "MANIFEST_LIST MANIFEST [MANIFEST...]",
  description:
    "Makes a local list out of images that a registry has already. Nothing is sent to the registry: push does that.",
  examples: [
    "tsmanifest create registry.example/app:v1 registry.example/app:v1-amd64 registry.example/app:v1-arm64",
    "tsmanifest create --amend registry.example/app:v1 registry.example/app:v1-s390x",
    "tsmanifest create --replace registry.example/app:v1 --from ./digests --expect linux/amd64,linux/arm64",
    "tsmanifest create --merge registry.example/app:v1 registry.example/app:build-8-arm64",
    "tsmanifest create registry.example/app:v1 oci-layout://out:v1",
  ],
  arity: { min: 2 },
  completes: ["list", "other"],
  flags: createFlags,
  arityFor: ({ from, amend, refresh }) => ({ min: from.length > 0 || (amend && refresh) ? 1 : 2 }),
  async run(context, flags, [listName = "", ...sourceNames]) {
    const list = parseListName(listName);
    checkFlags(flags);
    checkOutputFlags(flags);
    if (flags.subject !== "" || flags.artifactType !== "") {
      const { checkSettingFlags } = await import("./annotate/readSubject.js");
      checkSettingFlags(flags, list);
    }
    const store = openUserStore(context, flags);
    const stored = await store.read(list);
    refuseToAmend(list, stored, flags);
    const check = await expectations(context, flags, formatReference(list));

    const sources = [
      ...(flags.refresh ? originsOf(stored) : []),
      ...(await namedSources(sourceNames, flags.from, list)),
    ];
    const missing = flags.replace || flags.refresh ? sources : missingSources(sources, stored);
    const { entries, begin, finish } = await read(context, flags, list, missing);
    let created = stored;
    if (entries.length > 0 || begin !== undefined || finish !== undefined) {
      await store.change(list, (draft) => {
        refuseToAmend(list, draft, flags);
        const before = flags.replace ? undefined : draft;
        const begun = begin ?? before ?? emptyDraft(list);
        const added = flags.refresh ? refreshed(begun, entries) : addTo(begun, entries);
        const made = finish?.(added) ?? added;
        check(made);
        created = made;
        return made;
      });
    } else if (stored !== undefined) check(stored);
    if (flags.format === "json") {
      const { printDraft } = await import("./printDraft.js");
      printDraft(context.stdout, created ?? emptyDraft(list));
    } else if (!flags.quiet) context.stdout.write(`Created manifest list ${formatReference(list)}\n`);
  },
});

function parseListName(name: string): Reference {
  try {
    return parseReference(name);
  } catch (error) {
    throw new ManifestError(
      "INVALID_REFERENCE",
      `error parsing name for manifest list ${name}: ${messageOf(error)}`,
      { subject: name, hint: hintOf(error), cause: error },
    );
  }
}

function checkFlags({ amend, replace, refresh, append, merge }: CreateFlags): void {
  const fault =
    amend && replace
      ? "--amend and --replace: choose one of them"
      : refresh && !amend
        ? "--refresh goes with --amend"
        : append && merge
          ? "--append and --merge: choose one of them"
          : (append || merge) && amend
            ? "--append and --merge begin with the registry's list: use --replace in place of --amend"
            : undefined;
  if (fault !== undefined) throw new ManifestError("USAGE", fault);
}

function refuseToAmend(
  list: Reference,
  draft: Draft | undefined,
  { amend, replace, append, merge }: Pick<CreateFlags, "amend" | "replace" | "append" | "merge">,
): void {
  if (draft === undefined || amend || replace) return;
  throw new ManifestError("LIST_EXISTS", "refusing to amend an existing manifest list with no --amend flag", {
    subject: formatReference(list),
    hint: append || merge ? "--replace begins anew" : "--amend adds to it, --replace begins anew",
  });
}

/** The sources that are not in the list yet. An entry of an old docker version, without bytes, counts as none. */
function missingSources(sources: readonly NamedSource[], stored: Draft | undefined): NamedSource[] {
  const complete = new Set(
    stored?.entries.filter(({ raw }) => raw !== undefined).map(({ ref }) => formatReference(ref)),
  );
  const missing = new Map<string, NamedSource>();
  for (const source of sources) {
    const name = source.kind === "registry" ? formatReference(source.ref) : JSON.stringify(source.layout);
    if (!complete.has(name)) missing.set(name, source);
  }
  return [...missing.values()];
}

interface Read {
  readonly entries: readonly Entry[];
  /** What the list begins with, if not with what is stored. */
  readonly begin?: Draft;
  /** Settings that the flags ask for. */
  readonly finish?: (draft: Draft) => Draft;
}

/** Everything that takes time, before the list is locked. Loaded where there is something to read. */
async function read(
  context: Context,
  flags: CreateFlags,
  list: Reference,
  missing: readonly NamedSource[],
): Promise<Read> {
  const isNothing = missing.length === 0 && !flags.append && !flags.merge;
  const { entries, begin } = isNothing ? NOTHING : await readAll(context, flags, list, missing);
  if (flags.subject === "" && flags.artifactType === "") return { entries, ...(begin && { begin }) };
  const { readSubject } = await import("./annotate/readSubject.js");
  const change = await readSubject(context, flags, list);
  return {
    entries,
    ...(begin && { begin }),
    finish: (draft) => ({ ...draft, settings: change(draft.settings) }),
  };
}

const NOTHING: ReadSources = { entries: [] };

async function readAll(...given: Parameters<typeof readSources>): Promise<ReadSources> {
  return (await import("./create/readSources.js")).readSources(...given);
}

function addTo(draft: Draft, entries: readonly Entry[]): Draft {
  return draft.settings.base === undefined ? addEntries(draft, entries) : addOntoBase(draft, entries);
}

/** What must be so, or nothing is stored. What is only odd is for push to say: it may be annotated away. */
async function expectations(
  context: Context,
  flags: CreateFlags,
  name: string,
): Promise<(draft: Draft) => void> {
  if (flags.expect.length === 0 && !flags.strict) return () => undefined;
  const { expectationsOf } = await import("../apply/expectations.js");
  const check = expectationsOf(warnOn(context.stderr), flags, name);
  return ({ entries }) => {
    check(entries.map(({ descriptor }) => descriptor));
  };
}
