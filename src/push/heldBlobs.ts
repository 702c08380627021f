/** A blob that waits to be needed. */
interface Held {
  /** Manifests that need it, probably are there, and have not been heard of. */
  readonly waitsFor: Set<string>;
  readonly release: () => void;
}

/**
 * Holds back blobs that probably nobody needs: those of manifests that the target is expected to have. Each waits until the
 * target has said of one of these that it is missing, or of all that they are there.
 */
export class HeldBlobs {
  readonly #isExpected: (digest: string) => boolean;
  readonly #answers = new Map<string, "there" | "missing">();
  readonly #held = new Map<string, Held>();
  /** By the manifests that they wait for. */
  readonly #waiting = new Map<string, Held[]>();

  /** @param isExpected does the target probably have this manifest? */
  constructor(isExpected: (digest: string) => boolean) {
    this.#isExpected = isExpected;
  }

  /** A blob that these manifests need: when that is certain, or certainly not so; undefined for at once. */
  hold(blob: string, neededBy: Iterable<string>): Promise<void> | undefined {
    const unheard = this.#unheard(neededBy);
    if (unheard === undefined || unheard.length === 0) return undefined;
    return new Promise((release) => {
      const held = { waitsFor: new Set<string>(), release };
      this.#held.set(blob, held);
      this.#wait(held, unheard);
    });
  }

  /** More manifests need a blob that may be held back. */
  alsoNeededBy(blob: string, digests: Iterable<string>): void {
    const held = this.#held.get(blob);
    if (held === undefined) return;
    const unheard = this.#unheard(digests);
    if (unheard === undefined) held.release();
    else this.#wait(held, unheard);
  }

  /** The target has said whether it has a manifest. One that it says nothing of counts as missing. */
  answer(digest: string, is: "there" | "missing"): void {
    this.#answers.set(digest, is);
    for (const held of this.#waiting.get(digest) ?? []) {
      held.waitsFor.delete(digest);
      if (is === "missing" || held.waitsFor.size === 0) held.release();
    }
    this.#waiting.delete(digest);
  }

  /** Those to be heard of; undefined where one is missing for certain, or nobody knows. */
  #unheard(digests: Iterable<string>): readonly string[] | undefined {
    const open = [...digests].filter((digest) => this.#answers.get(digest) !== "there");
    const areExpected = open.every((digest) => !this.#answers.has(digest) && this.#isExpected(digest));
    return areExpected ? open : undefined;
  }

  #wait(held: Held, digests: readonly string[]): void {
    for (const digest of digests) {
      if (held.waitsFor.has(digest)) continue;
      held.waitsFor.add(digest);
      const waiting = this.#waiting.get(digest);
      if (waiting === undefined) this.#waiting.set(digest, [held]);
      else waiting.push(held);
    }
  }
}
