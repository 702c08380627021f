import { formatLocation } from "../oci/location.js";
import type { RepositoryAccess } from "./session.js";

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
 * @returns the number of its group, for each
 */
export function groupsOf(
  lists: readonly { readonly accesses: readonly RepositoryAccess[]; readonly retries?: number | undefined }[],
): readonly number[] {
  const groups: number[] = [];
  let group = 0;
  let names = new Set<string>();
  let length = 0;
  let last: number | undefined;
  lists.forEach(({ accesses, retries }, at) => {
    const news = [...new Set(accesses.map(({ location }) => formatLocation(location)))];
    const added = news.filter((name) => !names.has(name));
    const more = added.reduce((sum, name) => sum + name.length + SCOPE_LENGTH, 0);
    const isFull = length + more > MAX_LENGTH || names.size + added.length > MAX_REPOSITORIES;
    if (at > 0 && ((added.length > 0 && isFull) || retries !== last)) {
      group++;
      names = new Set();
      length = 0;
    }
    for (const name of news) {
      if (!names.has(name)) length += name.length + SCOPE_LENGTH;
      names.add(name);
    }
    last = retries;
    groups.push(group);
  });
  return groups;
}
