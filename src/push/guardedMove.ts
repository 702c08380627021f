import type { AroundMove, Repository } from "../content/repository.js";
import { ManifestError } from "../errors.js";
import { formatLocation } from "../oci/location.js";
import type { Manifest } from "../oci/manifest.js";
import type { MoveGuard } from "./executeAll.js";
import { TagWatch } from "./tagWatch.js";

export interface GuardedMoveOptions {
  readonly repository: Repository;
  readonly tag: string;
  /** Does a list have all that is being added? */
  readonly isIn: (list: Manifest) => boolean;
  /** See `TagWatch`. */
  readonly settleMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** A list of somebody else's that we have overwritten. */
export interface Overwritten {
  /** What it was made of. */
  readonly before: Manifest | undefined;
  readonly list: Manifest;
}

/**
 * Moves a tag, if it still names what was read. That is checked before each try of the request, and the tag is watched until
 * the try has ended. If a try gets no answer but has moved the tag, that is recognised as ours.
 */
export class GuardedMove {
  readonly guard: MoveGuard;
  readonly #options: GuardedMoveOptions;
  readonly #from: Manifest | undefined;
  readonly #overwritten: Overwritten[] = [];
  #isCertain = true;
  #isRefused = false;
  #begunAt: number | undefined;

  constructor(from: Manifest | undefined, options: GuardedMoveOptions) {
    this.#options = options;
    this.#from = from;
    const { repository, tag } = options;
    const around =
      (root: Manifest): AroundMove =>
      (tags, move) =>
        tags.includes(tag) ? this.#guarded(root, move) : move();
    this.guard = { target: repository.location, around };
  }

  /** Somebody else had moved the tag: a try was not made. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** When the first try was begun with, if any was (`performance.now()`). */
  get begunAt(): number | undefined {
    return this.#begunAt;
  }

  /** What was seen there during a try: overwritten, if that try was acted on. */
  get overwritten(): readonly Overwritten[] {
    return this.#overwritten;
  }

  /** All has been seen that others could have counted on. */
  get isCertain(): boolean {
    return this.#isCertain;
  }

  async #guarded<Result>(root: Manifest, move: () => Promise<Result>): Promise<Result> {
    const { repository, tag, isIn, signal } = this.#options;
    const askedAt = performance.now();
    this.#begunAt ??= askedAt;
    const found = await repository.resolve(tag, { signal, mustKnow: true });
    const isOurs = found?.digest === root.digest;
    if (!isOurs && found?.digest !== this.#from?.digest) {
      this.#isRefused = true;
      const name = `${formatLocation(repository.location)}:${tag}`;
      throw new ManifestError("TAG_MOVED", `${name}: somebody else has moved the tag meanwhile`, {
        subject: name,
      });
    }
    const before = isOurs ? root : this.#from;
    const wasIn = before !== undefined && isIn(before);
    const watch = new TagWatch({
      ...this.#options,
      before,
      askedAt,
      root,
      isMadeOfRoot: (list) => !wasIn && isIn(list),
    });
    try {
      return await move();
    } finally {
      const { other, isCertain } = await watch.end();
      if (other !== undefined) this.#overwritten.push({ before, list: other });
      this.#isCertain &&= isCertain && (other === undefined || other.kind === "index");
    }
  }
}
