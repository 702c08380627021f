import { formatLocation, type Location } from "../oci/location.js";

/** What the command is going to do where; one token for each registry then does for all of it. The target comes first. */
export interface RepositoryAccess {
  readonly location: Location;
  readonly actions: readonly ("pull" | "push")[];
}

/** What pieces of work do where, put together: each repository once. */
export class Accesses {
  readonly #pushed = new Map<string, RepositoryAccess>();
  readonly #pulled = new Map<string, RepositoryAccess>();

  add(accesses: readonly RepositoryAccess[]): void {
    for (const access of accesses) {
      const name = formatLocation(access.location);
      const isPush = access.actions.includes("push");
      if (isPush) this.#pulled.delete(name);
      if (!isPush && this.#pushed.has(name)) continue;
      (isPush ? this.#pushed : this.#pulled).set(name, access);
    }
  }

  /** The targets first: some token servers read no more than the first scope. */
  get all(): readonly RepositoryAccess[] {
    return [...this.#pushed.values(), ...this.#pulled.values()];
  }
}

/** To push to targets, and to pull from whatever else there is; each repository once. */
export function pushAndPull(
  targets: readonly Location[],
  others: readonly Location[],
): readonly RepositoryAccess[] {
  const accesses = new Accesses();
  accesses.add(targets.map((location) => ({ location, actions: ["pull", "push"] })));
  accesses.add(others.map((location) => ({ location, actions: ["pull"] })));
  return accesses.all;
}

/** Pieces of work that share a token for each registry. */
export interface AccessGroup {
  readonly retries: number | undefined;
  readonly accesses: Accesses;
}
