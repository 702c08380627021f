import { repositoryScope } from "./auth/token.js";

/** What a piece of work does in a repository. */
export interface Access {
  readonly path: string;
  readonly actions: readonly ("pull" | "push")[];
}

/**
 * The scopes of a piece of work. Each repository has one, in all requests, so that one token has what each of them needs.
 */
export function createScopes(accesses: readonly Access[]) {
  const actions = new Map<string, Set<"pull" | "push">>();
  for (const access of accesses) {
    actions.set(access.path, new Set([...(actions.get(access.path) ?? []), ...access.actions]));
  }
  const scopeOf = (path: string, action: "pull" | "push"): string =>
    action === "push" || actions.get(path)?.has("push") === true
      ? repositoryScope(path, "pull", "push")
      : repositoryScope(path, "pull");
  return {
    /** All of them, in the order that was given. */
    all: [...actions.keys()].map((path) => scopeOf(path, "pull")),
    /** Those of a request; `source` is another repository that it reads. */
    of: (path: string, action: "pull" | "push", source?: string): string[] => [
      scopeOf(path, action),
      ...(source === undefined || source === path ? [] : [scopeOf(source, "pull")]),
    ],
  };
}
