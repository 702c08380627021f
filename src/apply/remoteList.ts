import { registrySource, SourceReader } from "../content/resolve.js";
import type { Repository } from "../content/repository.js";
import { hasCode } from "../errors.js";
import { DEFAULT_SETTINGS, type Draft, type DraftBase } from "../list/draft.js";
import { locationOf, type Location } from "../oci/location.js";
import { OCI_INDEX } from "../oci/mediaTypes.js";
import type { Reference } from "../oci/reference.js";

interface RemoteTools {
  readonly open: (location: Location) => Repository;
  readonly signal: AbortSignal;
}

/** What a registry has under a name, as a draft would have it; nothing, where that may be missing. */
export async function readRemoteList(
  { open, signal }: RemoteTools,
  list: Reference,
  mayBeMissing: boolean,
): Promise<Pick<Draft, "entries" | "settings"> & Pick<DraftBase, "digest" | "annotations">> {
  const repository = open(locationOf(list));
  const source = registrySource(list, repository);
  const reader = new SourceReader({ signal });
  try {
    const manifest = await reader.manifest(source);
    const { digest, annotations, subject, artifactType, kind, mediaType } = manifest;
    const entries = await reader.entries({ ...source, byDigest: true }, manifest);
    const isIndex = kind === "index";
    const settings = isIndex
      ? {
          type: mediaType === OCI_INDEX ? ("oci" as const) : ("auto" as const),
          annotations,
          subject,
          artifactType,
        }
      : DEFAULT_SETTINGS;
    return { entries, settings, digest, annotations: isIndex ? annotations : {} };
  } catch (error) {
    if (!mayBeMissing || !hasCode(error, "MANIFEST_UNKNOWN")) throw error;
    // Some registries do not show what they have. Taken for nothing, it would be replaced.
    const there = await repository.resolve(list.digest ?? list.tag ?? "", {
      signal,
      mustKnow: true,
    });
    if (there !== undefined) throw error;
    return { entries: [], settings: DEFAULT_SETTINGS, digest: "", annotations: {} };
  }
}
