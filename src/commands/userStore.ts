import { join } from "node:path";
import type { Context } from "../context.js";
import { dockerConfigDir } from "../docker/config.js";
import { ManifestError } from "../errors.js";
import { formatReference, type Reference } from "../oci/reference.js";
import { openStore, type Store } from "../store/store.js";

/** The store that docker uses for this user. */
export function openUserStore(context: Context): Store {
  return openStore(join(dockerConfigDir(context), "manifests"), context.signal);
}

/** docker's message for a list or an entry that is not in the store. */
export function listNotFound(ref: Reference): ManifestError {
  const subject = formatReference(ref);
  return new ManifestError("LIST_NOT_FOUND", `No such manifest: ${subject}`, { subject });
}
