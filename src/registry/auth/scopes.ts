/**
 * Scopes, `type:name:action,action`: what a token is asked for.
 * https://distribution.github.io/distribution/spec/auth/scope/
 */

/** With what escaping adds, a URL of this many characters of scopes is one that servers take: most bound it at 8 KiB. */
const MAX_LENGTH = 4 * 1024;

/** One text for a list of scopes. The order counts: some token servers read only the first. */
export function scopesKey(scopes: readonly string[]): string {
  return scopes.join(" ");
}

/** Is each of the scopes in the list, by itself or within a scope of the same name and more actions? */
export function covers(list: readonly string[], scopes: readonly string[]): boolean {
  return scopes.every((scope) => {
    if (list.includes(scope)) return true;
    const { name, actions } = parseScope(scope);
    return list
      .map(parseScope)
      .some((one) => one.name === name && actions.every((a) => one.actions.includes(a)));
  });
}

/** A registry's port puts a colon more into the name. */
function parseScope(scope: string): { name: string; actions: readonly string[] } {
  const at = scope.lastIndexOf(":");
  return { name: scope.slice(0, at), actions: scope.slice(at + 1).split(",") };
}

/**
 * All that a piece of work needs, divided among as few tokens as URLs have room for: mostly one. The first scope leads
 * each of them, since it is the target's.
 */
export function dividedAmongTokens(scopes: readonly string[]): string[][] {
  const [first, ...others] = new Set(scopes);
  if (first === undefined) return [];
  const lists = [[first]];
  let length = first.length;
  for (const scope of others) {
    length += scope.length + "&scope=".length;
    const last = lists.at(-1);
    if (last !== undefined && (length <= MAX_LENGTH || last.length === 1)) {
      last.push(scope);
    } else {
      lists.push([first, scope]);
      length = first.length + scope.length;
    }
  }
  return lists;
}
