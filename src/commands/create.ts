import { ManifestError } from "../errors.js";
import type { Entry } from "../list/entry.js";
import { formatReference, parseReference, type Reference } from "../oci/reference.js";
import { refuseToAmend } from "../store/store.js";
import { storeName } from "../store/names.js";
import { defineCommand } from "./command.js";
import { networkFlags } from "./networkFlags.js";
import { openUserStore } from "./userStore.js";

export const create = defineCommand({
  name: "create",
  args: "MANIFEST_LIST MANIFEST [MANIFEST...]",
  description:
    "Makes a local list out of images that a registry has already. The registry learns nothing of it: push does that.",
  examples: [
    "tsmanifest create registry.example/app:v1 registry.example/app:v1-amd64 registry.example/app:v1-arm64",
    "tsmanifest create --amend registry.example/app:v1 registry.example/app:v1-s390x",
  ],
  arity: { min: 2 },
  flags: {
    amend: { kind: "bool", short: "a", description: "Add to a list that exists already" },
    ...networkFlags,
  },
  async run(context, flags, [listName = "", ...sourceNames]) {
    const list = parseListName(listName);
    const store = openUserStore(context);
    const stored = await store.readList(list);
    if (stored !== undefined && !flags.amend) throw refuseToAmend();

    const missing = missingSources(sourceNames.map(parseReference), stored ?? []);
    const fetched = missing.length === 0 ? [] : await fetchAll(context, flags, missing);
    if (fetched.length > 0) await store.write(list, fetched, flags.amend ? "amend" : "create");
    context.stdout.write(`Created manifest list ${formatReference(list)}\n`);
  },
});

function parseListName(name: string): Reference {
  try {
    return parseReference(name);
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    throw new ManifestError("STORE", `error parsing name for manifest list ${name}: ${error.message}`, {
      cause: error,
    });
  }
}

/** The sources that are not in the list yet, each once. An entry of an old docker version, without bytes, counts as none. */
function missingSources(sources: readonly Reference[], stored: readonly Entry[]): Reference[] {
  const byFile = new Map(stored.map((entry) => [storeName(entry.ref), entry.ref]));
  const complete = new Set(stored.filter(({ raw }) => raw !== undefined).map(({ ref }) => storeName(ref)));
  const missing = new Map<string, Reference>();
  for (const source of sources) {
    const file = storeName(source);
    const owner = byFile.get(file) ?? source;
    if (formatReference(owner) !== formatReference(source)) {
      throw new ManifestError(
        "STORE",
        `${formatReference(source)} and ${formatReference(owner)} have the same name in the local list; ` +
          "name one of them by its digest",
      );
    }
    byFile.set(file, source);
    if (!complete.has(file)) missing.set(file, source);
  }
  return [...missing.values()];
}

async function fetchAll(
  context: Parameters<typeof create.run>[0],
  flags: Parameters<typeof create.run>[1],
  sources: readonly Reference[],
): Promise<Entry[]> {
  const { openSession, fetchSources } = await import("./session.js");
  const session = await openSession(context, flags, { pull: sources });
  try {
    return await fetchSources(session, sources);
  } finally {
    await session.close();
  }
}
