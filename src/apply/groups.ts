import { formatLocation } from "../oci/location.js";
import { Accesses, type AccessGroup, type RepositoryAccess } from "./accesses.js";

/**
 * Lists that share a token: as many as it has room for. A URL with scopes of this many characters is one that servers take,
 * and some allow fewer than a hundred of them.
 */
const MAX_LENGTH = 3_000;
const MAX_REPOSITORIES = 40;

/** What a scope has besides the name of the repository: `&scope=repository::pull,push`, and what escaping adds. */
const SCOPE_LENGTH = 40;

/**
 * Puts lists into groups, by what they do where. Lists of the same repositories are in one group, however many they are and
 * wherever they stand.
 */
export class Groups {
  readonly #groups = new Map<string, readonly Group[]>();
  #last: Group | undefined;

  /** The group of the next list. */
  add(accesses: readonly RepositoryAccess[], retries: number | undefined): AccessGroup {
    const names = [...new Set(accesses.map(({ location }) => formatLocation(location)))];
    const group = this.#find(names, retries) ?? this.#begin(retries);
    const added = names.filter((name) => !group.names.has(name));
    for (const name of added) {
      group.names.add(name);
      this.#groups.set(name, [...(this.#groups.get(name) ?? []), group]);
    }
    group.length += lengthOf(added);
    group.accesses.add(accesses);
    return group;
  }

  #begin(retries: number | undefined): Group {
    this.#last = { retries, accesses: new Accesses(), names: new Set(), length: 0 };
    return this.#last;
  }

  /** One that has all of them already, or the last one if it has room. */
  #find(names: readonly string[], retries: number | undefined): Group | undefined {
    const [first = ""] = names;
    const known = this.#groups
      .get(first)
      ?.find((group) => group.retries === retries && names.every((name) => group.names.has(name)));
    const last = this.#last;
    return known ?? (last?.retries === retries && hasRoom(last, names) ? last : undefined);
  }
}

interface Group extends AccessGroup {
  readonly names: Set<string>;
  /** Of all scopes together. */
  length: number;
}

function hasRoom(group: Group | undefined, names: readonly string[]): boolean {
  if (group === undefined) return false;
  const added = names.filter((name) => !group.names.has(name));
  const isLong = group.length + lengthOf(added) > MAX_LENGTH;
  return !isLong && group.names.size + added.length <= MAX_REPOSITORIES;
}

function lengthOf(names: readonly string[]): number {
  return names.reduce((sum, name) => sum + name.length + SCOPE_LENGTH, 0);
}
