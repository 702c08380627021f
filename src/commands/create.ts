import { layoutSource, registrySource, SourceReader, type Source } from "../content/resolve.js";
import { isLayoutReference, parseLayoutReference, type LayoutReference } from "../content/layoutReference.js";
import type { Context } from "../context.js";
import { ManifestError, messageOf } from "../errors.js";
import { addEntries, emptyDraft, type Draft } from "../list/draft.js";
import type { Entry } from "../list/entry.js";
import { locationOf } from "../oci/location.js";
import { formatReference, parseReference, type Reference } from "../oci/reference.js";
import { defineCommand } from "./command.js";
import { networkFlags, type NetworkFlags } from "./networkFlags.js";
import { openUserStore } from "./userStore.js";

export const create = defineCommand({
  name: "create",
  args: "MANIFEST_LIST MANIFEST [MANIFEST...]",
  description:
    "Makes a local list out of images that a registry has already. The registry learns nothing of it: push does that.",
  examples: [
    "tsmanifest create registry.example/app:v1 registry.example/app:v1-amd64 registry.example/app:v1-arm64",
    "tsmanifest create --amend registry.example/app:v1 registry.example/app:v1-s390x",
    "tsmanifest create registry.example/app:v1 oci-layout://out:v1",
  ],
  arity: { min: 2 },
  flags: {
    amend: { kind: "bool", short: "a", description: "Add to a list that exists already" },
    ...networkFlags,
  },
  async run(context, flags, [listName = "", ...sourceNames]) {
    const list = parseListName(listName);
    const store = openUserStore(context);
    const stored = await store.read(list);
    refuseToAmend(list, stored, flags.amend);

    const missing = missingSources(sourceNames.map(parseSource), stored);
    const entries = missing.length === 0 ? [] : await readSources(context, flags, list, missing);
    if (entries.length > 0) {
      await store.change(list, (draft) => {
        refuseToAmend(list, draft, flags.amend);
        return addEntries(draft ?? emptyDraft(list), entries);
      });
    }
    context.stdout.write(`Created manifest list ${formatReference(list)}\n`);
  },
});

type NamedSource =
  | { readonly kind: "registry"; readonly ref: Reference }
  | { readonly kind: "layout"; readonly layout: LayoutReference };

function parseSource(name: string): NamedSource {
  return isLayoutReference(name)
    ? { kind: "layout", layout: parseLayoutReference(name) }
    : { kind: "registry", ref: parseReference(name) };
}

function parseListName(name: string): Reference {
  try {
    return parseReference(name);
  } catch (error) {
    throw new ManifestError(
      "INVALID_REFERENCE",
      `error parsing name for manifest list ${name}: ${messageOf(error)}`,
      { subject: name, cause: error },
    );
  }
}

function refuseToAmend(list: Reference, draft: Draft | undefined, amend: boolean): void {
  if (draft === undefined || amend) return;
  throw new ManifestError("LIST_EXISTS", "refusing to amend an existing manifest list with no --amend flag", {
    subject: formatReference(list),
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

/** The entries that sources stand for, all read at once. Throws what went wrong with the first that failed. */
async function readSources(
  context: Context,
  flags: NetworkFlags,
  list: Reference,
  named: readonly NamedSource[],
): Promise<Entry[]> {
  const { openSession } = await import("./session.js");
  const refs = named.flatMap((source) => (source.kind === "registry" ? [source.ref] : []));
  const session = await openSession(
    context,
    flags,
    refs.map((ref) => ({ location: locationOf(ref), actions: ["pull"] })),
  );
  const sourceOf = async (source: NamedSource): Promise<Source> => {
    if (source.kind === "registry") return registrySource(source.ref, session.open(locationOf(source.ref)));
    const { openLayout } = await import("../content/layout.js");
    return layoutSource(list, openLayout(source.layout.folder), source.layout);
  };
  try {
    const reader = new SourceReader({ signal: context.signal });
    const results = await Promise.allSettled(
      named.map(async (source) => reader.entries(await sourceOf(source))),
    );
    return results.flatMap((result) => {
      if (result.status === "rejected") throw result.reason;
      return result.value;
    });
  } finally {
    await session.close();
  }
}
