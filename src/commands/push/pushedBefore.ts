import { openMemory, type Memory } from "../../memory/memory.js";
import type { Context } from "../../context.js";
import { formatLocation, type Location } from "../../oci/location.js";
import type { Plan } from "../../push/plan.js";

/** What this user has pushed before, as far as that is remembered. It is never believed without asking the registry. */
export class PushedBefore {
  readonly #memory: Memory;
  readonly #known = new Map<string, { has(digest: string): boolean }>();

  constructor({ env, home, platform }: Pick<Context, "env" | "home" | "platform">) {
    this.#memory = openMemory({ env, home, platform });
  }

  /** Has the target this manifest, probably? A layout is asked: that costs nothing. */
  readonly isExpected = (digest: string, target: Location): boolean => {
    if (target.kind === "layout") return false;
    const name = formatLocation(target);
    const known = this.#known.get(name) ?? this.#memory.manifests(target);
    this.#known.set(name, known);
    return known.has(digest);
  };

  /** All of a plan is in its target. */
  remember({ target, manifests }: Plan): void {
    if (target.kind === "layout") return;
    const digests = manifests.map(({ manifest }) => manifest.digest);
    // The list comes first: where there is no room for all, it says most.
    this.#memory.rememberManifests(target, digests.reverse());
  }
}
