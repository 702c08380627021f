import type { Repository } from "../content/repository.js";
import { isDigest } from "../oci/digest.js";
import type { Manifest } from "../oci/manifest.js";
import { either } from "../signals.js";
import { namesOf, ownChildren, type ManifestStep } from "./plan.js";

export interface RootQuestions {
  readonly target: Repository;
  /** What a tag names, where that has been asked before. */
  readonly tagged: ((tag: string) => Promise<string | undefined>) | undefined;
  /** The manifests of the plan, which are seen to in another way. */
  readonly planned: ReadonlySet<string>;
  readonly signal: AbortSignal | undefined;
  readonly stop: AbortSignal;
}

/** Other questions may wait for a busy registry, and tags move meanwhile: older answers, in milliseconds, are asked for again. */
export const FRESH_MS = 5_000;

/**
 * What a target says of the root of a plan, so that what is as it should be is not put again. It is asked for each name at
 * once. What cannot be found out counts as not so: the root is put then, and that finds out.
 */
export class RootAnswers {
  readonly #root: ManifestStep;
  readonly #questions: RootQuestions;
  readonly #end = new AbortController();
  readonly #named: ReadonlyMap<string, Promise<string | undefined>>;
  #isWhole: Promise<boolean> | undefined;
  /** When all names had been answered for (`performance.now()`). */
  #answeredAt: number | undefined;

  constructor(root: ManifestStep, questions: RootQuestions) {
    this.#root = root;
    this.#questions = questions;
    this.#named = new Map(namesOf(root).map((name) => [name, this.#ask(name)]));
    void Promise.all(this.#named.values()).then(() => (this.#answeredAt = performance.now()));
  }

  /** Has all been answered a short while ago, or not yet? */
  get isFresh(): boolean {
    return this.#answeredAt === undefined || performance.now() - this.#answeredAt <= FRESH_MS;
  }

  /** Asks all once more. */
  again(): RootAnswers {
    return new RootAnswers(this.#root, { ...this.#questions, tagged: undefined });
  }

  get digest(): string {
    return this.#root.manifest.digest;
  }

  async #ask(name: string): Promise<string | undefined> {
    const { target, tagged, signal, stop } = this.#questions;
    const options = { signal, stop: either(stop, this.#end.signal) };
    try {
      if (tagged !== undefined && !isDigest(name)) return await tagged(name);
      return (await target.resolve(name, options))?.digest;
    } catch {
      return undefined;
    }
  }

  /** Nobody wants to know any more: nothing is asked again. */
  end(): void {
    this.#end.abort();
  }

  /** Is it in the target, whatever it is called there? */
  async isThere(): Promise<boolean> {
    return (await this.missing()).length < this.#named.size;
  }

  /** Those of its names that do not name it. */
  async missing(): Promise<readonly string[]> {
    const names = [...this.#named];
    const found = await Promise.all(names.map(([, answer]) => answer));
    return names.filter((_, index) => found[index] !== this.digest).map(([name]) => name);
  }

  /**
   * Has the target what the root names and no plan has, since it is the target's own? Is the root found by what it refers
   * to? Asked when somebody wants to know.
   */
  isWhole(): Promise<boolean> {
    this.#isWhole ??= this.#askForRest().catch(() => false);
    return this.#isWhole;
  }

  async #askForRest(): Promise<boolean> {
    const { target, planned, signal, stop } = this.#questions;
    const { manifest } = this.#root;
    const own = ownChildren(manifest, planned);
    const answers = await Promise.all([
      isListed(target, manifest, signal),
      ...own.map(async (digest) => (await target.resolve(digest, { signal, stop })) !== undefined),
    ]);
    return answers.every((is) => is);
  }
}

/**
 * Is a manifest found by what it refers to? A registry without the referrers API is told of it after the tags have moved:
 * somebody may have been stopped between the two.
 */
export async function isListed(
  target: Repository,
  { digest, subject }: Pick<Manifest, "digest" | "subject">,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  if (subject === undefined) return true;
  for await (const one of target.referrers(subject.digest, undefined, { signal })) {
    if (one.digest === digest) return true;
  }
  return false;
}
