import type { BlobEvent, BlobOutcome, Repository } from "../content/repository.js";
import { hasCode, ManifestError } from "../errors.js";
import type { Location } from "../oci/location.js";
import { either } from "../signals.js";
import { PutError } from "./errors.js";
import { childrenOf, rootOf, type BlobStep, type ManifestStep, type Plan } from "./plan.js";

export interface ExecuteOptions {
  /** Gives up at once what is under way. */
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: (event: PushEvent) => void;
}

export type PushEvent =
  | BlobEvent
  /** What became of a blob. */
  | { readonly kind: "blob"; readonly blob: BlobStep; readonly outcome: BlobOutcome }
  /** A child is in the target: it was there, or it was put. */
  | { readonly kind: "child"; readonly child: ManifestStep; readonly outcome: "present" | "put" }
  /** All children are there: the tags are about to move, and have moved. */
  | { readonly kind: "tagging" | "tagged" };

export interface PushResult {
  /** Of the list. */
  readonly digest: string;
  /** By the digest of each child. */
  readonly children: ReadonlyMap<string, "present" | "put">;
  /** By the digest of each blob. */
  readonly blobs: ReadonlyMap<string, BlobOutcome["kind"]>;
}

/**
 * Does what a plan says, in three dependent levels whatever its size: the target is asked for each child beside the
 * mount of every blob; each child is put as soon as its own blobs are there; the root when all children are. Nothing
 * changes what a tag points to before that last step, and the same plan can be executed again.
 *
 * @param open gives the repository at a location; asked once for each
 * @throws the error that kept a blob from getting there, before any that kept a child from being put (PutError): those
 *   are told in the order of the list
 */
export async function execute(
  plan: Plan,
  open: (location: Location) => Repository,
  options: ExecuteOptions = {},
): Promise<PushResult> {
  const target = open(plan.target);
  const pushed = await pushChildren(plan, target, open, options);
  options.signal?.throwIfAborted();
  const root = rootOf(plan);
  options.onEvent?.({ kind: "tagging" });
  try {
    await target.put(root.manifest, root.tags, {
      signal: options.signal,
      role: "root",
      restore: pushed.restore,
    });
  } catch (error) {
    throw putError(root, error);
  }
  options.onEvent?.({ kind: "tagged" });
  return { digest: root.manifest.digest, children: pushed.children, blobs: pushed.blobs };
}

interface Pushed {
  readonly children: Map<string, "present" | "put">;
  readonly blobs: Map<string, BlobOutcome["kind"]>;
  /** Puts every child again, whatever the target said of it: it turned out not to have one. */
  readonly restore: () => Promise<void>;
}

async function pushChildren(
  plan: Plan,
  target: Repository,
  open: (location: Location) => Repository,
  { signal, onEvent }: ExecuteOptions,
): Promise<Pushed> {
  const children = childrenOf(plan);
  const failure = new AbortController();
  const stop = either(signal, failure.signal);
  const done = new Map<string, "present" | "put">();
  const blobOutcomes = new Map<string, BlobOutcome["kind"]>();
  const steps = new Map(plan.blobs.map((blob) => [blob.digest, blob]));

  // First: a child that is there needs none of the mounts that still wait for their turn.
  const answers = new Map(children.map(({ manifest: { digest } }) => [digest, isPresent(digest)] as const));
  const blobs = new Map(plan.blobs.map((blob) => [blob.digest, ensure(blob)] as const));
  for (const work of [...answers.values(), ...blobs.values()]) {
    // Whoever waits for it throws it in its turn; nobody may be waiting yet.
    work.catch(() => {
      failure.abort();
    });
  }

  async function isPresent(digest: string): Promise<boolean> {
    if ((await target.resolve(digest, { signal, stop })) === undefined) return false;
    done.set(digest, "present");
    return true;
  }

  async function ensure(blob: BlobStep, again = false): Promise<BlobOutcome> {
    const isNeeded = (): boolean => again || blob.neededBy.some((digest) => done.get(digest) !== "present");
    const outcome = await target.ensureBlob(blob, blob.sources.map(open), {
      signal,
      stop,
      mountOnly: plan.mountOnly,
      isNeeded,
      isNeededAtLast: async () => {
        await Promise.allSettled(blob.neededBy.flatMap((digest) => answers.get(digest) ?? []));
        return isNeeded();
      },
      ...(onEvent && { onEvent }),
    });
    blobOutcomes.set(blob.digest, outcome.kind);
    onEvent?.({ kind: "blob", blob, outcome });
    return outcome;
  }

  const ensureAgain = async ({ needs }: ManifestStep): Promise<void> => {
    await Promise.all(needs.flatMap((digest) => steps.get(digest) ?? []).map((blob) => ensure(blob, true)));
  };

  async function pushChild(child: ManifestStep): Promise<void> {
    const { digest } = child.manifest;
    if (!(await answers.get(digest))) {
      const outcomes = await Promise.allSettled(child.needs.flatMap((need) => blobs.get(need) ?? []));
      for (const outcome of outcomes) {
        if (outcome.status === "rejected") throw outcome.reason;
        if (outcome.value.kind === "absent" && !isTolerated(outcome.value, child)) throw outcome.value.error;
      }
      if (stop.aborted) throw new ManifestError("STOPPED", `${digest} was not put`);
      await putChild(child);
    }
    onEvent?.({ kind: "child", child, outcome: done.get(digest) ?? "put" });
  }

  async function putChild(child: ManifestStep): Promise<void> {
    try {
      await target.put(child.manifest, [], {
        signal,
        stop,
        role: "child",
        restore: () => ensureAgain(child),
      });
    } catch (error) {
      throw putError(child, error);
    }
    done.set(child.manifest.digest, "put");
  }

  const results = await Promise.allSettled(
    children.map(async (child) => {
      try {
        await pushChild(child);
      } catch (error) {
        failure.abort();
        throw error;
      }
    }),
  );
  // A child that was stopped does not say what by.
  const others = await Promise.allSettled([...blobs.values(), ...answers.values()]);
  signal?.throwIfAborted();
  const reason = firstFailure([...results, ...others]);
  if (reason !== undefined) throw reason;
  return {
    children: done,
    blobs: blobOutcomes,
    restore: async () => {
      await Promise.all(
        children.map(async (child) => {
          await ensureAgain(child);
          await putChild(child);
        }),
      );
    },
  };
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
