import { setTimeout as sleep } from "node:timers/promises";
import type { Repository } from "../content/repository.js";
import { hasCode, ManifestError } from "../errors.js";
import { hasLost, withLost } from "../list/lost.js";
import { formatLocation } from "../oci/location.js";
import type { Manifest } from "../oci/manifest.js";
import type { MoveGuard } from "./executeAll.js";
import { GuardedMove, type Overwritten } from "./guardedMove.js";

/**
 * Changes a list that others may change at the same time. Registries have no conditional PUT, so this is what is left:
 *
 *     read the tag → make the new list → check the tag → PUT → check the tag, now and after the settle time
 *
 * - Somebody moves the tag before our PUT: it is not sent, and we start again from their list. The tag is checked right
 *   before each try of the PUT, so that a retry (after a 429, say) does not overwrite what came meanwhile.
 * - Somebody who had checked the tag before our PUT puts after it, and overwrites us: the check after our PUT finds that, if
 *   their PUT is done within the settle time. We start again.
 * - Somebody puts between our check and our PUT, and we overwrite them: they notice in the same way, if our PUT takes no
 *   longer than their settle time. In case it does, we look at the tag while the PUT is under way, so often that no list can
 *   be there for the settle time unseen, and put back what we have overwritten.
 * - If those looks are not answered in time either, the error says that something may be lost (OTHERS_OVERWRITTEN).
 */

/** How often it starts again. With twenty jobs at once, ten times are usual. */
const MAX_TRIES = 40;
/** How long others may take from their check to the end of their PUT. All who append must use the same value. */
const SETTLE_MS = 2_000;
/** The same on one disk. */
const FOLDER_SETTLE_MS = 200;
/** If we take longer than usual, others may, too. */
const MAX_SETTLE_MS = 15_000;
/** A tag that others move all the time, and never without what we have added, is looked at so often, for 30 s. */
const MAX_LOOKS = 60;

/** What is added to which list, and how. */
export interface AppendOptions {
  /** Where the list is. */
  readonly repository: Repository;
  /** The tag that names the list. */
  readonly tag: string;
  /**
   * Makes the new list of what the tag names, and puts it under `guard`; see `executeAll`. Called again for every try.
   * The root that was put, or undefined where there was nothing to add.
   */
  readonly put: (base: Manifest | undefined, guard: MoveGuard) => Promise<Manifest | undefined>;
  /** Does a list that others have made of ours still have all that was added? */
  readonly isIn: (list: Manifest) => boolean;
  /** Aborts the call, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** In milliseconds. Default: 2 s. It is safe only where all who append to the list are told the same. */
  readonly settleMs?: number | undefined;
}

/**
 * Adds to a list without losing what others add.
 * @throws TAG_MOVED where others were faster each time, and nothing was added; OTHERS_OVERWRITTEN where all was added, but
 *   nobody can tell what was overwritten by that; whatever `put` throws
 * @example
 * await appendTo({
 *   repository,
 *   tag: "v1",
 *   put: async (base, guard) => {
 *     const planned = plan(draft); // of what `base` has, and what is added
 *     await executeAll([planned], open, { guard });
 *     return rootOf(planned).manifest;
 *   },
 *   isIn: ({ children }) => children.length >= draft.entries.length,
 * });
 */
export async function appendTo(options: AppendOptions): Promise<void> {
  await new Appending(options).run();
}

class Appending {
  readonly #options: AppendOptions;
  readonly #settleMs: number;
  readonly #name: string;
  /** Lists that were overwritten, and whose changes must be put back. */
  #lost: readonly Overwritten[] = [];
  #isCertain = true;

  constructor(options: AppendOptions) {
    const { repository, tag, settleMs } = options;
    this.#options = options;
    this.#settleMs = settleMs ?? (repository.location.kind === "layout" ? FOLDER_SETTLE_MS : SETTLE_MS);
    this.#name = `${formatLocation(repository.location)}:${tag}`;
  }

  async run(): Promise<void> {
    for (let attempt = 1; attempt <= MAX_TRIES; attempt++) {
      if (await this.#try(attempt)) {
        if (!this.#isCertain) throw this.#overwritten();
        return;
      }
      await this.#pause(Math.random() * Math.min(this.#settleMs, (this.#settleMs / 32) * 2 ** attempt));
    }
    const last = await this.#read(this.#options.tag);
    throw this.#overtaken(last !== undefined && this.#isIn(last));
  }

  /** Is it done? */
  async #try(attempt: number): Promise<boolean> {
    const readAt = performance.now();
    const now = await this.#read(this.#options.tag);
    const move = new GuardedMove(now, { ...this.#options, settleMs: this.#settleMs, isIn: this.#isIn });
    let root: Manifest | undefined;
    try {
      root = await this.#options.put(await this.#restored(now), move.guard);
    } catch (error) {
      if (!move.isRefused) throw error;
      return false;
    } finally {
      this.#lost = [...this.#lost, ...move.overwritten];
      this.#isCertain &&= move.isCertain;
    }
    if (root === undefined) return true;
    if (!this.#hasLost(root)) return false;
    // Nothing was added: there is nothing that could be lost.
    if (attempt === 1 && root.digest === now?.digest) return true;
    const tookMs = performance.now() - (move.begunAt ?? readAt);
    return this.#isSettled(root, Math.min(MAX_SETTLE_MS, Math.max(this.#settleMs, 3 * tookMs)));
  }

  /** What the tag names, with what was lost: put by its digest, so that a list can be made of it. */
  async #restored(now: Manifest | undefined): Promise<Manifest | undefined> {
    if (now === undefined) return undefined;
    const { repository, signal } = this.#options;
    const restored = this.#lost.reduce((list, { before, list: lost }) => withLost(list, before, lost), now);
    if (restored !== now) await repository.put(restored, [], { signal, role: "child" });
    return restored;
  }

  /**
   * Is what was put there to stay? Nobody overwrites it any more who had asked for the tag before, if it has been there for
   * the settle time. Where others have added to it, that counts from when their list was first seen: it may have brought
   * back what had been overwritten.
   */
  async #isSettled(root: Manifest, settleMs: number): Promise<boolean> {
    const { repository, tag, signal } = this.#options;
    let there = root.digest;
    let since = performance.now();
    // If we are overwritten, it is mostly at once.
    await this.#pause(settleMs / 8);
    for (let look = 1; look <= MAX_LOOKS; look++) {
      const askedAt = performance.now();
      const found = await repository.resolve(tag, { signal, mustKnow: true });
      if (found === undefined) return false;
      if (found.digest !== there) {
        const list = await this.#read(found.digest);
        if (list === undefined || !this.#isIn(list)) return false;
        there = found.digest;
        since = performance.now();
      } else if (askedAt - since >= settleMs) break;
      const rest = since + settleMs - performance.now();
      // Where others are at it, what becomes of it shows soon.
      await this.#pause(there === root.digest ? rest : Math.min(rest, settleMs / 4));
    }
    this.#lost = [];
    return true;
  }

  readonly #isIn = (list: Manifest): boolean => this.#options.isIn(list) && this.#hasLost(list);

  #hasLost({ children }: Manifest): boolean {
    return this.#lost.every(({ before, list }) => hasLost(children, before?.children ?? [], list.children));
  }

  async #read(reference: string): Promise<Manifest | undefined> {
    const { repository, signal } = this.#options;
    try {
      return await repository.get(reference, { signal });
    } catch (error) {
      if (hasCode(error, "MANIFEST_UNKNOWN")) return undefined;
      throw error;
    }
  }

  #overtaken(isThere: boolean): ManifestError {
    const isAlone = this.#isCertain && this.#lost.length === 0;
    const missing = isAlone
      ? "what was to be added is not in it; run it again when the others are done"
      : "what was to be added is not in it, and what others have added may be missing; run them again one by one";
    const hint = isThere
      ? "what was to be added is in it now, but others may overwrite it yet: look again when they are done"
      : missing;
    const message = `${this.#name}: others have changed it ${MAX_TRIES} times meanwhile`;
    return new ManifestError("TAG_MOVED", message, { subject: this.#name, hint });
  }

  #overwritten(): ManifestError {
    const message = `${this.#name} has what was added to it, but the registry was too slow to tell whether that has overwritten what others added meanwhile`;
    return new ManifestError("OTHERS_OVERWRITTEN", message, {
      subject: this.#name,
      hint: "see whether the list has all that was added, and run again what added the rest",
    });
  }

  async #pause(ms: number): Promise<void> {
    const { signal } = this.#options;
    // A timer may fire a little early.
    await sleep(Math.max(0, Math.ceil(ms)) + 2, undefined, signal && { signal });
  }
}
