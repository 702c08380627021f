import { join } from "node:path";
import type { Context } from "../context.js";
import { dockerConfigDir } from "../docker/config.js";
import { variable } from "../docker/environment.js";
import { NotFoundError } from "../errors.js";
import type { FlagTable, FlagValues } from "../go/flags.js";
import { formatReference, type Reference } from "../oci/reference.js";
import { openStore, type Store } from "../store/store.js";

/** What the commands that work on local lists have in common. */
export const storeFlags = {
  store: {
    kind: "string",
    value: "dir",
    description: "Keep lists in this folder, in place of TSMANIFEST_STORE or docker's own",
  },
} as const satisfies FlagTable;
export type StoreFlags = FlagValues<typeof storeFlags>;

/**
 * The store that the user has chosen, by the flag or by TSMANIFEST_STORE; unless told, the one that docker uses. Lists
 * lie directly in it, as they do in `~/.docker/manifests`.
 */
export function openUserStore(context: Context, flags: StoreFlags = { store: "" }): Store {
  const chosen = flags.store || variable(context, "TSMANIFEST_STORE");
  return openStore(chosen ?? join(dockerConfigDir(context), "manifests"), context.signal);
}

/** docker's message for a list or an entry that is not in the store. */
export function listNotFound(ref: Reference, hint?: string): NotFoundError {
  const subject = formatReference(ref);
  return new NotFoundError("LIST_NOT_FOUND", `No such manifest: ${subject}`, { subject, hint });
}
