import { setTimeout as sleep } from "node:timers/promises";
import type { Repository } from "../content/repository.js";
import type { Manifest } from "../oci/manifest.js";
import { either } from "../signals.js";

export interface TagWatchOptions {
  readonly repository: Repository;
  readonly tag: string;
  /** What the tag named when it was asked last, and when that question was sent (`performance.now()`). */
  readonly before: Manifest | undefined;
  readonly askedAt: number;
  /** What is being put. */
  readonly root: Manifest;
  /** Can only a list that was made of the root be this one? */
  readonly isMadeOfRoot: (list: Manifest) => boolean;
  /** What others put is there for so long at least before they count on it, in milliseconds. */
  readonly settleMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** What was seen of a tag while a request that moves it was under way. */
export interface Watched {
  /** What somebody else has put there, and was not made of what is being put: the last. */
  readonly other: Manifest | undefined;
  /** Could anything that was there for the settle time have been missed? */
  readonly isCertain: boolean;
}

/**
 * Polls a tag from right before a request that moves it until the request is answered. Everything that was there for the
 * settle time, and is overwritten by the request, has then been seen, unless two looks were further apart than that. A
 * request that is answered at once needs no look.
 */
export class TagWatch {
  readonly #options: TagWatchOptions;
  readonly #end = new AbortController();
  readonly #isOver: AbortSignal;
  /** When the last look that was answered had been begun. */
  #lookedAt: number;
  #longestGapMs = 0;
  /** What others have put meanwhile: the last, which is read while it is sure to be there. */
  #other: { readonly digest: string; readonly list: Promise<Manifest | undefined> } | undefined;
  /** The tag was seen moved by the request: it overwrites nothing any more. */
  #isDone = false;

  constructor(options: TagWatchOptions) {
    this.#options = options;
    this.#lookedAt = options.askedAt;
    this.#isOver = either(options.signal, this.#end.signal);
    void this.#run();
  }

  /** The request has been answered, or never will be. */
  async end(): Promise<Watched> {
    this.#end.abort();
    if (!this.#isDone) this.#looked(this.#lookedAt);
    const other = await this.#other?.list;
    const isRead = this.#other === undefined || other !== undefined;
    return { other, isCertain: isRead && this.#longestGapMs < this.#options.settleMs };
  }

  async #run(): Promise<void> {
    const { settleMs } = this.#options;
    while (!this.#isDone) {
      try {
        await sleep(settleMs / 4, undefined, { signal: this.#isOver });
        await this.#look();
      } catch {
        // A look that failed does not count: the gap grows.
        if (this.#isOver.aborted) return;
      }
    }
  }

  async #look(): Promise<void> {
    const { repository, tag, before, root, isMadeOfRoot, signal } = this.#options;
    const askedAt = performance.now();
    const found = await repository.resolve(tag, { signal: this.#isOver, mustKnow: true });
    if (this.#isOver.aborted) return;
    this.#looked(askedAt);
    if (found === undefined || found.digest === before?.digest) return;
    this.#isDone = found.digest === root.digest;
    if (this.#isDone || found.digest === this.#other?.digest) return;
    const last = this.#other;
    const other = {
      digest: found.digest,
      list: repository.get(found.digest, { signal }).catch(() => undefined),
    };
    this.#other = other;
    const list = await other.list;
    if (list === undefined || !isMadeOfRoot(list)) return;
    this.#isDone = true;
    this.#other = last;
  }

  #looked(askedAt: number): void {
    this.#longestGapMs = Math.max(this.#longestGapMs, performance.now() - this.#lookedAt);
    this.#lookedAt = askedAt;
  }
}
