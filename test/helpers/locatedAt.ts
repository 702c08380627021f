import type { Repository } from "../../src/content/repository.js";

/** A repository in which nothing works but what a test puts into it. */
export function locatedAt(path: string, parts: Partial<Repository> = {}): Repository {
  const unexpected = (): never => {
    throw new Error("not expected here");
  };
  return {
    location: { kind: "registry", domain: "registry.example", path },
    resolve: unexpected,
    get: unexpected,
    put: unexpected,
    statBlob: unexpected,
    getBlob: unexpected,
    openBlob: unexpected,
    ensureBlob: unexpected,
    referrers: unexpected,
    ...parts,
  };
}
