import { ManifestError } from "../errors.js";
import { formatReference } from "../oci/reference.js";
import { withEntries, type Draft } from "./draft.js";
import type { Entry } from "./entry.js";
import { selectEntries } from "./select.js";

export interface Removal {
  readonly draft: Draft;
  /** What has left, attestations of removed images included, in the order of the list. */
  readonly removed: readonly Entry[];
}

/**
 * The draft without the images of these names (see {@link selectEntries}), and without their attestations. Of an index or
 * a layout leaves what came from there and nowhere else; an image for several platforms leaves with all of them.
 * @throws what `selectEntries` throws, and LIST_EMPTY where nothing would be left
 */
export function removeImages(draft: Draft, names: readonly string[]): Removal {
  /** What becomes of the entries that are meant. */
  const remains = new Map<Entry, Entry | undefined>();
  for (const name of names) {
    const { entries, origin } = selectEntries(draft, name);
    for (const entry of entries) {
      const now = remains.has(entry) ? remains.get(entry) : entry;
      remains.set(entry, origin === undefined ? undefined : now && withoutOrigin(now, origin));
    }
  }
  const left = draft.entries.map((entry) => (remains.has(entry) ? remains.get(entry) : entry));
  const after = withEntries(
    draft,
    left.filter((entry) => entry !== undefined),
  );
  if (after.entries.length === 0) throw wouldBeEmpty(draft);
  const staying = new Set(after.entries);
  const removed = draft.entries.filter((entry) => !staying.has(remains.get(entry) ?? entry));
  return { draft: after, removed };
}

function withoutOrigin(entry: Entry, origin: string): Entry | undefined {
  const origins = entry.origins?.filter((one) => one !== origin) ?? [];
  return origins.length === 0 ? undefined : { ...entry, origins };
}

function wouldBeEmpty({ name }: Draft): ManifestError {
  const list = formatReference(name);
  return new ManifestError("LIST_EMPTY", `nothing would be left in ${list}`, {
    subject: list,
    hint: `tsmanifest rm ${list} deletes the list itself`,
  });
}
