import { join } from "node:path";
import type { Reference } from "../oci/reference.js";
import { storeName } from "./names.js";

/**
 * Where things are. docker knows of the list's folder alone; the rest is in a folder that it never looks at, since no
 * reference begins with a dot.
 */
export interface ListPaths {
  /** docker's `manifests`. */
  readonly root: string;
  /** `<root>/<list>`: a file an entry. It may be a symbolic link. */
  readonly folder: string;
  /** `<root>/.tsmanifest` */
  readonly private: string;
  /** `<root>/.tsmanifest/<list>`: what follows, and the lock. */
  readonly work: string;
  /** What docker's files have no room for. */
  readonly record: string;
  /** A change that is decided: any process that finds this folder carries it out. */
  readonly commit: string;
}

export function listPaths(root: string, list: Reference): ListPaths {
  return folderPaths(root, storeName(list));
}

/** The same by the name of the list's folder, which must be one that a file can have. */
export function folderPaths(root: string, name: string): ListPaths {
  const own = join(root, ".tsmanifest");
  const work = join(own, name);
  return {
    root,
    folder: join(root, name),
    private: own,
    work,
    record: join(work, "record"),
    commit: join(work, "commit"),
  };
}
