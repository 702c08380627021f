import { join } from "node:path";
import type { Reference } from "../oci/reference.js";
import { storeName } from "./names.js";

/**
 * Where things are. docker knows of the list's folder alone; the rest is in a folder that it never looks at, since no
 * reference begins with a dot.
 */
export interface ListPaths {
  /** `<root>/<list>`: a file an entry. */
  readonly folder: string;
  /** `<root>/.tsmanifest` */
  readonly private: string;
  /** `<root>/.tsmanifest/<list>`: what follows, and the lock. */
  readonly work: string;
  /** A change that is decided: whoever finds this folder moves its files into the list. */
  readonly commit: string;
  /** Whose folder it is, since two names can map to one. */
  readonly owner: string;
}

export function listPaths(root: string, list: Reference): ListPaths {
  const name = storeName(list);
  const own = join(root, ".tsmanifest");
  const work = join(own, name);
  return {
    folder: join(root, name),
    private: own,
    work,
    commit: join(work, "commit"),
    owner: join(work, "name"),
  };
}
