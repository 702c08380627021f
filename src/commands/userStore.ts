import { join } from "node:path";
import type { Context } from "../context.js";
import { dockerConfigDir } from "../docker/config.js";
import { openStore, type Store } from "../store/store.js";

/** The store that docker uses for this user. */
export function openUserStore(context: Context): Store {
  return openStore(join(dockerConfigDir(context), "manifests"), context.signal);
}
