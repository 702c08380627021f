import { formatLocation } from "../oci/location.js";
import { Accesses, type AccessGroup, type RepositoryAccess } from "./session.js";

/**
 * Lists that share a token: as many as it has room for. A URL with scopes of this many characters is one that servers take,
 * and some allow fewer than a hundred of them.
 */
const MAX_LENGTH = 3_000;
const MAX_REPOSITORIES = 40;

/** What a scope has besides the name of the repository: `&scope=repository::pull,push`, and what escaping adds. */
const SCOPE_LENGTH = 40;

/**
 * Puts lists that follow each other into groups, by what they do where. Lists of the same repositories are in one group
 * however many they are.
 */
export class Groups {
  #group: AccessGroup | undefined;
  #names = new Set<string>();
  #length = 0;

  /** The group of the next list. */
  add(accesses: readonly RepositoryAccess[], retries: number | undefined): AccessGroup {
    const added = [...new Set(accesses.map(({ location }) => formatLocation(location)))].filter(
      (name) => !this.#names.has(name),
    );
    if (this.#group === undefined || retries !== this.#group.retries || this.#isFull(added)) {
      this.#group = { retries, accesses: new Accesses() };
      this.#names = new Set();
      this.#length = 0;
      return this.add(accesses, retries);
    }
    for (const name of added) this.#names.add(name);
    this.#length += lengthOf(added);
    this.#group.accesses.add(accesses);
    return this.#group;
  }

  /** One list is taken whatever its length. */
  #isFull(added: readonly string[]): boolean {
    if (added.length === 0 || this.#names.size === 0) return false;
    const isLong = this.#length + lengthOf(added) > MAX_LENGTH;
    return isLong || this.#names.size + added.length > MAX_REPOSITORIES;
  }
}

function lengthOf(names: readonly string[]): number {
  return names.reduce((sum, name) => sum + name.length + SCOPE_LENGTH, 0);
}
