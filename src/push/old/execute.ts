import { ManifestError } from "../../errors.js";
import { limitTo } from "../../limit.js";
import { repositoryName } from "../../oci/reference.js";
import { DEFAULT_CONCURRENCY } from "../../registry/createRegistry.js";
import type { Registry } from "../../registry/api.js";
import { DEFAULT_RETRIES, type RetryLimits } from "../../registry/retry/retryDelay.js";
import { Blobs, type BlobOutcome } from "./blobs.js";
import { describe } from "./describe.js";
import { putPatiently } from "./patience.js";
import type { PlannedBlob, PlannedChild, PushPlan } from "./plan.js";
import { putList } from "./putList.js";

export interface ExecuteOptions {
  /** The registry client of a domain: the target's, or with `--cross-registry` a source's. */
  readonly registryOf: (domain: string) => Registry;
  /** Requests under way at once; the client's default if left out. */
  readonly concurrency?: number;
  /** Blobs copied at once; each keeps a download and an upload busy. */
  readonly copies?: number;
  /** How often a copy, or a manifest whose blobs the registry has not noticed yet, is tried again; 5 times if left out. */
  readonly retries?: number;
  readonly limits?: RetryLimits | undefined;
  /** A refused mount is an error, as it is for docker, instead of a reason to copy. */
  readonly mountOnly?: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: (event: PushEvent) => void;
}

/** The options with nothing left out that has a default. */
export type Settings = ExecuteOptions &
  Required<Pick<ExecuteOptions, "concurrency" | "copies" | "retries" | "mountOnly">>;

const DEFAULTS = {
  concurrency: DEFAULT_CONCURRENCY,
  copies: 4,
  retries: DEFAULT_RETRIES,
  mountOnly: false,
};

export type PushEvent =
  /** A child is in the target; told in list order. `line` is what docker prints. */
  | { readonly kind: "pushed"; readonly child: PlannedChild; readonly line: string }
  | { readonly kind: "present" | "put"; readonly child: PlannedChild }
  | { readonly kind: "mounted" | "copying" | "copied" | "tolerated"; readonly blob: PlannedBlob }
  | { readonly kind: "bytes"; readonly blob: PlannedBlob; readonly count: number }
  /** All children are there: the tag is about to move, and has moved. */
  | { readonly kind: "tagging" | "tagged" };

/**
 * Executes a plan in three dependent steps, whatever the size of the list: HEAD of every child beside the mount of
 * every blob; the PUT of a child as soon as its own blobs are there; the PUT of the list when all children are.
 * Nothing changes what the tag points to before that last step.
 *
 * Returns the list's digest. Throws the error of the first child, in list order, that failed; the children before it
 * are told as pushed, the tag has not moved.
 */
export async function executePush(plan: PushPlan, given: ExecuteOptions): Promise<string> {
  const options: Settings = { ...DEFAULTS, ...given };
  const target = options.registryOf(plan.target.domain);
  await pushChildren(plan, target, options);
  options.signal?.throwIfAborted();
  options.onEvent?.({ kind: "tagging" });
  await putList(plan, target, options);
  options.onEvent?.({ kind: "tagged" });
  return plan.list.digest;
}

async function pushChildren(plan: PushPlan, registry: Registry, options: Settings): Promise<void> {
  const { children } = plan;
  const failure = new AbortController();
  const stopped = options.signal ? AbortSignal.any([options.signal, failure.signal]) : failure.signal;
  const limit = limitTo(options.concurrency);
  const target = registry.until(stopped);
  const blobs = new Blobs({ plan, target, options, limit, stopped });

  // HEADs first: a child that is there needs none of the mounts that are still waiting for their turn.
  const present = new Set<PlannedChild>();
  const heads = new Map(
    children.map((child) => [
      child,
      limit(async () => {
        if (!stopped.aborted && (await target.hasManifest(plan.target.path, child.digest)))
          present.add(child);
      }),
    ]),
  );
  const outcomes = new Map<string, Promise<BlobOutcome>>();
  for (const [digest, { sources, users }] of usedBlobs(plan)) {
    const isWanted = (): boolean => users.some((user) => !present.has(user));
    const isWantedAfterAll = async (): Promise<boolean> => {
      await Promise.allSettled(users.map((user) => heads.get(user) ?? Promise.resolve()));
      return isWanted();
    };
    outcomes.set(digest, blobs.makeKnown(sources, isWanted, isWantedAfterAll));
  }

  async function push(child: PlannedChild): Promise<void> {
    await heads.get(child);
    if (present.has(child)) {
      options.onEvent?.({ kind: "present", child });
      return;
    }
    for (const blob of child.blobs) {
      const outcome = await outcomes.get(blob.digest);
      if (outcome !== undefined && !isForgiven(outcome, child)) throw new MountError(outcome);
      if (outcome?.kind === "missing") options.onEvent?.({ kind: "tolerated", blob });
    }
    if (stopped.aborted) throw new MountError({ kind: "stopped" });
    await put(child);
    options.onEvent?.({ kind: "put", child });
  }

  async function put(child: PlannedChild): Promise<void> {
    try {
      await putPatiently(
        () => limit(() => target.putManifest(plan.target.path, child.digest, child.mediaType, child.body)),
        { ...options, signal: stopped },
        () => Promise.all(child.blobs.map((blob) => blobs.makeKnown([blob]))),
      );
    } catch (error) {
      // Its wait for another try was cut short by what went wrong elsewhere.
      if (stopped.aborted && !(error instanceof ManifestError)) throw new MountError({ kind: "stopped" });
      throw describe(`failed to put manifest ${child.ref}`, error);
    }
  }

  const results = await Promise.allSettled(
    children.map(async (child) => {
      try {
        await push(child);
      } catch (error) {
        failure.abort();
        throw error;
      }
    }),
  );
  await Promise.allSettled(outcomes.values());
  report(plan, results, options);
}

/** Tells of the children in list order, as far as docker would have come, and throws what stopped it there. */
function report(
  plan: PushPlan,
  results: readonly PromiseSettledResult<void>[],
  options: ExecuteOptions,
): void {
  options.signal?.throwIfAborted();
  const failures = results.flatMap((result): unknown[] =>
    result.status === "rejected" ? [result.reason] : [],
  );
  // docker mounts everything before it puts anything, and prints what it has put.
  const unmounted = failures.find((error) => error instanceof MountError && error.outcome.kind !== "stopped");
  if (unmounted instanceof MountError) throw unmounted.cause;
  const failed = results.findIndex(({ status }) => status === "rejected");
  for (const child of plan.children.slice(0, failed < 0 ? undefined : failed)) {
    options.onEvent?.({
      kind: "pushed",
      child,
      line: `Pushed ref ${child.ref} with digest: ${child.digest}`,
    });
  }
  if (failed >= 0) throw failures.find((error) => !(error instanceof MountError)) ?? failures[0];
}

/** A child that was not put, for one of its blobs or because all was stopped; `cause` is what the user reads. */
class MountError extends Error {
  readonly outcome: Exclude<BlobOutcome, { kind: "there" }>;

  constructor(outcome: Exclude<BlobOutcome, { kind: "there" }>) {
    super("a blob is missing", { cause: outcome.kind === "stopped" ? undefined : outcome.error });
    this.outcome = outcome;
  }
}

function isForgiven(
  outcome: BlobOutcome,
  child: PlannedChild,
): outcome is Extract<BlobOutcome, { kind: "there" | "missing" }> {
  switch (outcome.kind) {
    case "there":
      return true;
    case "missing":
      return outcome.forgivenFor === "anyone" || child.toleratesRefusal;
    case "failed":
    case "stopped":
      return false;
  }
}

interface UsedBlob {
  /** Where it is, each repository once, those of the target's own registry first: only from there it can be mounted. */
  readonly sources: readonly PlannedBlob[];
  readonly users: readonly PlannedChild[];
}

/** Every blob once, with all children that need it. */
function usedBlobs({ children, target }: PushPlan): Map<string, UsedBlob> {
  const used = new Map<string, UsedBlob>();
  for (const child of children) {
    for (const blob of child.blobs) {
      const { sources, users } = used.get(blob.digest) ?? { sources: [], users: [] };
      const isNew = sources.every(({ from }) => repositoryName(from) !== repositoryName(blob.from));
      const isNear = blob.from.domain === target.domain && sources[0]?.from.domain !== target.domain;
      used.set(blob.digest, {
        sources: !isNew ? sources : isNear ? [blob, ...sources] : [...sources, blob],
        users: [...users, child],
      });
    }
  }
  return used;
}
