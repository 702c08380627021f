import type { AroundMove, BlobProgress, BlobOutcome, Repository } from "../content/repository.js";
import { hasCode, ManifestError } from "../errors.js";
import { limitTo } from "../limit.js";
import type { Location } from "../oci/location.js";
import { either } from "../signals.js";
import { PutError } from "./errors.js";
import { HeldBlobs } from "./heldBlobs.js";
import { PushTotals, type PlanProgress } from "./pushTotals.js";
import { childrenOf, namesOf, rootOf, type BlobStep, type ManifestStep, type Plan } from "./plan.js";
import { RootAnswers, type RootQuestions } from "./rootAnswers.js";

/** How a plan is followed and stopped, and what is known of its target. */
export interface ExecuteOptions {
  /** Gives up at once what is under way. */
  readonly signal?: AbortSignal | undefined;
  /** Called for each step, with what was done. */
  readonly onEvent?: (event: PushEvent) => void;
  /**
   * Has the target this manifest already, probably? What only such manifests need is not mounted before the target has said
   * that one of them is missing. Nothing is believed: a wrong guess costs a round trip. Default: nobody knows.
   * @example
   * expected: (digest) => pushedBefore.has(digest)
   */
  readonly expected?: ((digest: string, target: Location) => boolean) | undefined;
  /** The digest that a tag of the target names, where that was asked before. Default: the target is asked. */
  readonly tagged?: ((tag: string, target: Location) => Promise<string | undefined>) | undefined;
}

/** A step of a push. */
export type PushEvent =
  | BlobProgress
  /** What became of a blob. */
  | { readonly kind: "blob"; readonly blob: BlobStep; readonly outcome: BlobOutcome }
  /** A child is in the target: it was there, or it was put. */
  | { readonly kind: "child"; readonly child: ManifestStep; readonly outcome: "present" | "put" }
  /** A tag by which a referrer would be found names another one already, and stays. */
  | { readonly kind: "kept"; readonly tag: string; readonly digest: string }
  /** How much of how much is done: reported when all is known that is to be done, and after each event that changes it. */
  | PlanProgress
  /** All children are there: the tags are about to move, and have moved. */
  | { readonly kind: "tagging" | "tagged"; readonly target: Location }
  /** In place of these: all is there, under all tags, and nothing was put. */
  | { readonly kind: "unchanged"; readonly target: Location };

/** What became of a plan. */
export interface PushResult {
  /** Of the list. */
  readonly digest: string;
  /** `present`: it was there, under all its tags. */
  readonly root: "present" | "put";
  /** By the digest of each child. */
  readonly children: ReadonlyMap<string, "present" | "put">;
  /** By the digest of each blob. */
  readonly blobs: ReadonlyMap<string, BlobOutcome["kind"]>;
}

/**
 * Does what a plan says, in three dependent levels whatever its size: the target is asked for each child, and for what each
 * tag names, beside the mount of every blob; each child is put as soon as its own blobs are there; the root when all children
 * are, under the tags that do not name it yet. Nothing changes what a tag points to before that last step, and the same plan
 * can be executed again: where all is there, that is one level.
 *
 * @param plan what is to be done
 * @param open gives the repository at a location; asked once for each
 * @param options how it is followed and stopped
 * @throws the error that kept a blob from getting there, before any that kept a child from being put (PutError): those
 *   are told in the order of the list
 * @example
 * const { digest } = await execute(plan(draft), open);
 */
export async function execute(
  plan: Plan,
  open: (location: Location) => Repository,
  options: ExecuteOptions = {},
): Promise<PushResult> {
  const push = new Push(plan.target, open, { ...options, mountOnly: plan.mountOnly });
  await push.children(plan);
  return push.root(plan);
}

/** How one push is done. */
export interface PushOptions extends ExecuteOptions {
  /** Is a refused mount an error, instead of a reason to copy? Default: false. */
  readonly mountOnly?: boolean;
}

/** How the tags of a root are moved. */
export interface RootOptions {
  /** Goes around each request that moves tags. */
  readonly aroundMove?: AroundMove | undefined;
  /**
   * Are the tags asked once more where some of them were as they should be? It may have taken long to get everything to
   * other targets. Default: false.
   */
  readonly asksAgain?: boolean;
}

/** The state of a manifest that the target must have. */
interface Child {
  readonly step: ManifestStep;
  /** Does the target say that it has it? */
  readonly answer: Promise<boolean>;
  /** Of the tags that it must have, those that nothing else in the target has. */
  tags: readonly string[];
  /** Undefined until all is known that it needs. */
  pushed: Promise<void> | undefined;
}

/**
 * Questions and blobs that are begun at once, each: as many as a host is sent at most by itself, and none of what thousands would
 * take that only wait for their turn.
 */
const AT_ONCE = 256;

interface NeededBlob {
  readonly step: BlobStep;
  /** The digests of those that need it: more may come. */
  readonly neededBy: Set<string>;
  readonly outcome: Promise<BlobOutcome>;
}

/**
 * One push into one target. A plan is done by {@link Push.children}, then {@link Push.root}, which moves the tags; between
 * the two whoever pushes to several targets waits for all of them. What is known before the whole plan is can be begun
 * by {@link Push.begin}, and a second plan finds what the first has done.
 * @example
 * const push = new Push(target, open);
 * push.begin({ blobs, manifests }); // as soon as something is known
 * await push.children(planned);
 * await push.root(planned);
 */
export class Push {
  readonly #target: Repository;
  readonly #open: (location: Location) => Repository;
  readonly #signal: AbortSignal | undefined;
  readonly #tell: ((event: PushEvent) => void) | undefined;
  readonly #totals: PushTotals;
  /** Until the whole plan is known, nobody can say how much there is to do. */
  #isPlanned = false;
  readonly #mountOnly: boolean;
  readonly #expected: (digest: string) => boolean;
  readonly #tagged: RootQuestions["tagged"];
  readonly #failure = new AbortController();
  readonly #stop: AbortSignal;
  readonly #children = new Map<string, Child>();
  readonly #outcomes = new Map<string, "present" | "put">();
  /** Manifests that the target says it has, the root among them. */
  readonly #present = new Set<string>();
  #root: RootAnswers | undefined;
  /** What is still to be put of the last plan. */
  #missing: readonly string[] = [];
  readonly #held: HeldBlobs;
  /** Apart from each other: a blob may wait for what the target says of manifests. */
  readonly #questions = limitTo(AT_ONCE);
  readonly #transfers = limitTo(AT_ONCE);
  readonly #blobs = new Map<string, NeededBlob>();
  readonly #blobOutcomes = new Map<string, BlobOutcome["kind"]>();

  constructor(
    target: Location,
    open: (location: Location) => Repository,
    { signal, onEvent, mountOnly = false, expected, tagged }: PushOptions = {},
  ) {
    this.#target = open(target);
    this.#open = open;
    this.#signal = signal;
    this.#tell = onEvent;
    this.#totals = new PushTotals(target);
    this.#mountOnly = mountOnly;
    this.#expected = (digest) => expected?.(digest, target) === true;
    this.#tagged = tagged && ((tag) => tagged(tag, target));
    this.#held = new HeldBlobs(this.#expected);
    this.#stop = either(signal, this.#failure.signal);
  }

  /** Asks for manifests, and mounts or copies blobs; nothing is put yet. What failed is thrown by {@link children}. */
  begin({ blobs, manifests }: Pick<Plan, "blobs" | "manifests">): void {
    // First the manifests: one that is there needs none of the mounts that still wait for their turn.
    for (const step of manifests) {
      const { digest } = step.manifest;
      if (step.role === "root") {
        this.#beginRoot(step, { blobs, manifests });
        continue;
      }
      const known = this.#children.get(digest);
      // More may be known of it by now: what it must be called.
      const isNew = known === undefined || step.tags.some((tag) => !known.step.tags.includes(tag));
      if (!isNew || known?.pushed !== undefined) continue;
      const answer = this.#watched(this.#isThere(step));
      this.#children.set(digest, { step, answer, tags: step.tags, pushed: undefined });
    }
    for (const step of blobs) {
      const known = this.#blobs.get(step.digest);
      if (known !== undefined) {
        for (const digest of step.neededBy) known.neededBy.add(digest);
        this.#held.alsoNeededBy(step.digest, step.neededBy);
        continue;
      }
      const neededBy = new Set(step.neededBy);
      const outcome = this.#watched(this.#ensure(step, neededBy));
      this.#blobs.set(step.digest, { step, neededBy, outcome });
    }
  }

  /**
   * Asks what the root's names name, where that costs no round trip: beside other questions, or where the target is likely
   * to have it. Where there is nothing else to ask, putting it is one request as well.
   */
  #beginRoot(root: ManifestStep, { blobs, manifests }: Pick<Plan, "blobs" | "manifests">): void {
    const { digest } = root.manifest;
    // What was said of the root of an earlier plan says nothing of this one.
    this.#root?.end();
    this.#root = undefined;
    const isExpected = this.#expected(digest);
    const isBeside = blobs.length > 0 || manifests.length > 1;
    if (!isBeside && !isExpected && this.#tagged === undefined) return;
    const planned = new Set(manifests.map(({ manifest }) => manifest.digest));
    const answers = this.#askForRoot(root, planned, this.#tagged);
    this.#root = answers;
    if (isExpected) void answers.isWhole();
    void answers.isThere().then((isThere) => {
      this.#answered(digest, isThere);
    });
  }

  #askForRoot(
    root: ManifestStep,
    planned: ReadonlySet<string>,
    tagged?: RootQuestions["tagged"],
  ): RootAnswers {
    const [target, signal, stop] = [this.#target, this.#signal, this.#stop];
    return new RootAnswers(root, { target, tagged, planned, signal, stop });
  }

  #answered(digest: string, isThere: boolean): void {
    if (isThere) this.#present.add(digest);
    else this.#present.delete(digest);
    this.#held.answer(digest, isThere ? "there" : "missing");
  }

  /** Puts what was begun, each as soon as what it needs is there. What failed is thrown by {@link children}. */
  proceed(): void {
    for (const child of this.#children.values()) this.#pushed(child).catch(() => undefined);
  }

  /**
   * Sees to it that all manifests of the plan but its root are there, and the root's own blobs; and finds out whether there
   * is anything left to do.
   */
  async children(plan: Plan): Promise<void> {
    this.#totals.expect(plan);
    this.#isPlanned = true;
    this.#tell?.(this.#totals.progress);
    this.begin(plan);
    const children = childrenOf(plan).flatMap(({ manifest }) => this.#children.get(manifest.digest) ?? []);
    const results = await Promise.allSettled([
      ...children.map((child) => this.#pushed(child)),
      this.#blobsOf(rootOf(plan)),
    ]);
    // One that was stopped does not say what by.
    const blobs = [...this.#blobs.values()].map(({ outcome }) => outcome);
    const others = await Promise.allSettled([...blobs, ...children.map(({ answer }) => answer)]);
    this.#signal?.throwIfAborted();
    const reason = firstFailure([...results, ...others]);
    if (reason !== undefined) {
      await this.#root?.isThere();
      throw reason;
    }
    this.#missing = await this.#missingNames(plan);
    this.#signal?.throwIfAborted();
  }

  /** Whether anything is left to do for {@link root}: known when {@link children} has ended. */
  get isUnchanged(): boolean {
    return this.#missing.length === 0;
  }

  /**
   * Those of the root's names under which it must be put: all of them where a child was missing, since somebody has taken
   * that away, and where the target lacks what the root counts on.
   */
  async #missingNames(plan: Plan): Promise<readonly string[]> {
    const root = rootOf(plan);
    const areThere = childrenOf(plan).every(({ manifest }) => this.#present.has(manifest.digest));
    if (!areThere || this.#root === undefined) {
      this.#root?.end();
      return namesOf(root);
    }
    if (!this.#root.isFresh) this.#root = this.#root.again();
    const missing = await this.#root.missing();
    return missing.length > 0 || (await this.#root.isWhole()) ? missing : namesOf(root);
  }

  /**
   * Puts the root of a plan whose children are there, under the tags that do not name it yet.
   * @param plan the one that {@link children} was given last
   * @param options how its tags are moved
   */
  async root(plan: Plan, options: RootOptions = {}): Promise<PushResult> {
    const { aroundMove, asksAgain = false } = options;
    const root = rootOf(plan);
    const { manifest } = root;
    this.#signal?.throwIfAborted();
    if (asksAgain && this.#missing.length < namesOf(root).length) {
      this.#missing = await this.#askForRoot(root, new Set()).missing();
      this.#signal?.throwIfAborted();
    }
    const is = this.isUnchanged ? "present" : "put";
    if (is === "put") this.#onEvent({ kind: "tagging", target: plan.target });
    // A layout knows more of its tags than what they name, and writes nothing where all is as it should be.
    const isLayout = plan.target.kind === "layout";
    if (is === "put" || isLayout) {
      const tags = isLayout ? root.tags : root.tags.filter((tag) => this.#missing.includes(tag));
      await this.#putRoot(root, tags, aroundMove);
    }
    this.#onEvent({ kind: is === "put" ? "tagged" : "unchanged", target: plan.target });
    return { digest: manifest.digest, root: is, children: this.#outcomes, blobs: this.#blobOutcomes };
  }

  async #putRoot(root: ManifestStep, tags: readonly string[], aroundMove?: AroundMove): Promise<void> {
    try {
      await this.#target.put(root.manifest, tags, {
        signal: this.#signal,
        role: "root",
        says: root.says,
        aroundMove,
        restore: () => this.#restore(root.needs),
      });
    } catch (error) {
      throw putError(root, error);
    }
  }

  /** Ends what was begun, since there will be no plan. Resolves when nothing is under way any more. */
  async abandon(): Promise<void> {
    this.#failure.abort();
    await Promise.allSettled([
      ...[...this.#children.values()].flatMap(({ answer, pushed }) => [answer, pushed]),
      ...[...this.#blobs.values()].map(({ outcome }) => outcome),
      this.#root?.isThere(),
    ]);
  }

  readonly #onEvent = (event: PushEvent): void => {
    this.#tell?.(event);
    switch (event.kind) {
      case "child":
        this.#totals.childDone(event.child.manifest.digest);
        break;
      case "blob":
        this.#totals.blobDone(event.blob, event.outcome.kind);
        break;
      case "bytes":
        this.#totals.copied(event.blob, event.done);
        break;
      case "copying":
      case "kept":
      case "progress":
      case "queued":
      case "tagged":
      case "tagging":
      case "unchanged":
        return;
    }
    if (this.#isPlanned) this.#tell?.(this.#totals.progress);
  };

  /** Errors are thrown where they are awaited; nobody may be waiting yet. */
  #watched<Value>(work: Promise<Value>): Promise<Value> {
    work.catch(() => {
      this.#failure.abort();
    });
    return work;
  }

  async #isThere(step: ManifestStep): Promise<boolean> {
    let isThere = false;
    try {
      isThere = await this.#questions(() => this.#ask(step));
      return isThere;
    } finally {
      this.#answered(step.manifest.digest, isThere);
    }
  }

  /** By its digest, and by each tag that it must have; what nothing but its tags leads to, by those alone. */
  async #ask({ manifest: { digest }, role, tags }: ManifestStep): Promise<boolean> {
    const options = { signal: this.#signal, stop: this.#stop };
    const names = role === "child" || tags.length === 0 ? [digest, ...tags] : tags;
    const found = await Promise.all(names.map((name) => this.#target.resolve(name, options)));
    const absent = names.filter((_, index) => found[index] === undefined);
    for (const [index, one] of found.entries()) {
      // What others have attached under that name is not to be lost.
      if (one !== undefined && one.digest !== digest)
        this.#onEvent({ kind: "kept", tag: names[index] ?? "", digest: one.digest });
    }
    const child = this.#children.get(digest);
    if (child !== undefined) child.tags = absent.filter((name) => name !== digest);
    if (absent.length > 0) return false;
    // Before anybody is told: what a mount waits for is known by then.
    this.#outcomes.set(digest, "present");
    return true;
  }

  async #ensure(step: BlobStep, neededBy: ReadonlySet<string>): Promise<BlobOutcome> {
    const held = this.#held.hold(step.digest, neededBy);
    if (held !== undefined) await held;
    return this.#transfers(() => this.#bring(step, neededBy));
  }

  async #bring(step: BlobStep, neededBy: ReadonlySet<string>, again = false): Promise<BlobOutcome> {
    const isNeeded = (): boolean => again || [...neededBy].some((digest) => !this.#present.has(digest));
    const outcome = await this.#target.ensureBlob(step, step.sources.map(this.#open), {
      signal: this.#signal,
      stop: this.#stop,
      mountOnly: this.#mountOnly,
      isNeeded,
      isMissing: again,
      isNeededAtLast: async () => {
        await Promise.allSettled([...neededBy].flatMap((digest) => this.#answerOf(digest) ?? []));
        return isNeeded();
      },
      ...(this.#tell && { onEvent: this.#onEvent }),
    });
    this.#blobOutcomes.set(step.digest, outcome.kind);
    this.#onEvent({ kind: "blob", blob: step, outcome });
    return outcome;
  }

  #answerOf(digest: string): Promise<boolean> | undefined {
    return this.#root?.digest === digest ? this.#root.isThere() : this.#children.get(digest)?.answer;
  }

  #pushed(child: Child): Promise<void> {
    child.pushed ??= this.#watched(this.#push(child));
    return child.pushed;
  }

  async #push(child: Child): Promise<void> {
    const { step } = child;
    if (!(await child.answer)) {
      await this.#blobsOf(step);
      // By what it names: when it was begun, not all of that may have been known.
      for (const { digest } of step.manifest.children) {
        const nested = this.#children.get(digest);
        if (nested !== undefined) await this.#pushed(nested);
      }
      if (this.#stop.aborted) throw new ManifestError("STOPPED", `${step.manifest.digest} was not put`);
      await this.#put(child);
    }
    this.#onEvent({
      kind: "child",
      child: step,
      outcome: this.#outcomes.get(step.manifest.digest) ?? "put",
    });
  }

  /** Waits for the blobs that a manifest needs; throws what kept one from getting there. */
  async #blobsOf(step: ManifestStep): Promise<void> {
    const blobs = step.needs.flatMap((need) => this.#blobs.get(need)?.outcome ?? []);
    for (const outcome of await Promise.allSettled(blobs)) {
      if (outcome.status === "rejected") throw outcome.reason;
      if (outcome.value.kind === "absent" && !isTolerated(outcome.value, step)) throw outcome.value.error;
    }
  }

  async #put(child: Child): Promise<void> {
    const { manifest, role, needs } = child.step;
    try {
      await this.#target.put(manifest, child.tags, {
        signal: this.#signal,
        stop: this.#stop,
        role: role === "referrer" ? "referrer" : "child",
        restore: () => this.#restore(needs),
      });
    } catch (error) {
      throw putError(child.step, error);
    }
    this.#outcomes.set(manifest.digest, "put");
  }

  /** Brings again what something needs, whatever the target said of it: it turned out not to have it. */
  async #restore(needs: readonly string[]): Promise<void> {
    await Promise.all(
      needs.map(async (need) => {
        const blob = this.#blobs.get(need);
        if (blob !== undefined) await this.#bring(blob.step, blob.neededBy, true);
        const child = this.#children.get(need);
        if (child === undefined) return;
        await this.#restore([...child.step.needs, ...child.step.manifest.children.map((one) => one.digest)]);
        await this.#put(child);
      }),
    );
  }
}

function isTolerated(outcome: Extract<BlobOutcome, { kind: "absent" }>, child: ManifestStep): boolean {
  return outcome.toleratedBy === "any" || child.toleratesRefusal;
}

/** What went wrong first, as docker would have met it: blobs before manifests, each in the order of the list. */
function firstFailure(results: readonly PromiseSettledResult<unknown>[]): Error | undefined {
  const failures = results.flatMap((result): Error[] => {
    if (result.status === "fulfilled") return [];
    return [result.reason instanceof Error ? result.reason : new Error(String(result.reason))];
  });
  const causes = failures.filter((error) => !hasCode(error, "STOPPED"));
  return causes.find((error) => !(error instanceof PutError)) ?? causes[0] ?? failures[0];
}

/** With what was being put; as it is, if it was only given up because something else had failed, or is no error of ours. */
function putError({ manifest, role }: ManifestStep, error: unknown): unknown {
  if (!(error instanceof ManifestError) || error.code === "STOPPED") return error;
  return new PutError(manifest.digest, role, error);
}
