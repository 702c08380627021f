import { setTimeout as sleep } from "node:timers/promises";
import { ManifestError } from "../errors.js";
import { limitTo } from "../limit.js";
import { formatReference, repositoryName } from "../manifest/reference.js";
import { BlobMissingError, copyBlob } from "../registry/copy.js";
import type { Mount, Registry } from "../registry/registry.js";
import { DEFAULT_CONCURRENCY } from "../registry/createRegistry.js";
import { DEFAULT_RETRIES } from "../registry/retryDelay.js";
import { RegistryError } from "../registry/registryError.js";
import type { PlannedBlob, PlannedChild, PlannedList, PushPlan } from "./plan.js";

export interface ExecuteOptions {
  /** The registry client of a domain: the target's, or with `--cross-registry` a source's. */
  readonly registryOf: (domain: string) => Registry;
  /** Requests under way at once; the client's default if left out. */
  readonly concurrency?: number;
  /** Blobs copied at once. */
  readonly copies?: number;
  /** How often a copy, or a manifest whose blobs the registry has not noticed yet, is tried again; 5 times if left out. */
  readonly retries?: number;
  /** A refused mount is an error, as it is for docker, instead of a reason to copy. */
  readonly mountOnly?: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: (event: PushEvent) => void;
}

export type PushEvent =
  /** A child is in the target; told in list order. `line` is what docker prints. */
  | { readonly kind: "pushed"; readonly child: PlannedChild; readonly line: string }
  | { readonly kind: "present" | "put"; readonly child: PlannedChild }
  | { readonly kind: "mounted" | "copying" | "copied" | "tolerated"; readonly blob: PlannedBlob }
  | { readonly kind: "bytes"; readonly blob: PlannedBlob; readonly count: number };

const DEFAULT_COPIES = 4;
const LAG_WAIT_MS = 500;

/** What became of making a blob known in the target. */
type BlobOutcome =
  | { readonly kind: "there" }
  /** Not there, and an image for Windows may do without. */
  | { readonly kind: "tolerable"; readonly error: ManifestError }
  | { readonly kind: "failed"; readonly error: unknown };

/**
 * Executes a plan in three dependent steps, whatever the size of the list: HEAD of every child beside the mount of
 * every blob; the PUT of a child as soon as its own blobs are there; the PUT of the list when all children are.
 * Nothing changes what the tag points to before that last step.
 *
 * Returns the list's digest. Throws the error of the first child, in list order, that failed; the children before it
 * are told as pushed, the tag has not moved.
 */
export async function executePush(plan: PushPlan, options: ExecuteOptions): Promise<string> {
  const target = options.registryOf(plan.target.domain);
  const run = new PushRun(plan, target, options);
  await run.children();
  await putList(plan, target, options);
  return plan.list.digest;
}

class PushRun {
  readonly #blobs = new Map<string, Promise<BlobOutcome>>();
  readonly #limit;
  readonly #copyLimit;
  readonly #plan: PushPlan;
  readonly #target: Registry;
  readonly #options: ExecuteOptions;
  /** Set by the first failure: what has not begun is not begun any more. */
  #stopped = false;

  constructor(plan: PushPlan, target: Registry, options: ExecuteOptions) {
    this.#plan = plan;
    this.#target = target;
    this.#options = options;
    this.#limit = limitTo(options.concurrency ?? DEFAULT_CONCURRENCY);
    this.#copyLimit = limitTo(options.copies ?? DEFAULT_COPIES);
  }

  async children(): Promise<void> {
    const { children } = this.#plan;
    const wanting = wantedBy(children);
    // HEADs first: a child that is there needs none of the mounts that are still waiting for their turn.
    const present = new Set<PlannedChild>();
    const heads = children.map((child) =>
      this.#limit(async () => {
        const isPresent =
          !this.#stopped && (await this.#target.hasManifest(this.#plan.target.path, child.digest));
        if (isPresent) present.add(child);
        return isPresent;
      }),
    );
    for (const child of children) {
      for (const blob of child.blobs) {
        if (this.#blobs.has(blob.digest)) continue;
        const users = wanting.get(blob.digest) ?? [];
        this.#blobs.set(
          blob.digest,
          this.#makeKnown(blob, () => users.some((user) => !present.has(user))),
        );
      }
    }
    const done = children.map((child, index) => this.#child(child, heads[index] ?? Promise.resolve(false)));
    // Nobody may miss a failure while the loop below waits for an earlier child.
    for (const one of done) one.catch(() => (this.#stopped = true));
    // docker mounts everything before it puts anything, and prints what it has put.
    let failure: { error: unknown } | undefined;
    const lines: PushEvent[] = [];
    for (const [index, child] of children.entries()) {
      try {
        await done[index];
        const line = `Pushed ref ${child.ref} with digest: ${child.digest}`;
        lines.push({ kind: "pushed", child, line });
      } catch (error) {
        failure = { error };
        break;
      }
    }
    await Promise.allSettled([...done, ...this.#blobs.values()]);
    if (failure === undefined || !(failure.error instanceof MountError)) {
      for (const event of lines) this.#options.onEvent?.(event);
    }
    if (failure !== undefined)
      throw failure.error instanceof MountError ? failure.error.cause : failure.error;
  }

  async #child(child: PlannedChild, head: Promise<boolean>): Promise<void> {
    if (await head) {
      this.#options.onEvent?.({ kind: "present", child });
      return;
    }
    for (const blob of child.blobs) {
      const outcome = await this.#blobs.get(blob.digest);
      if (outcome === undefined || outcome.kind === "there") continue;
      if (outcome.kind === "tolerable" && (child.toleratesRefusal || blob.foreign)) {
        this.#options.onEvent?.({ kind: "tolerated", blob });
        continue;
      }
      throw new MountError(outcome.error);
    }
    if (this.#stopped) throw new ManifestError("stopped");
    await this.#put(child);
    this.#options.onEvent?.({ kind: "put", child });
  }

  async #put(child: PlannedChild): Promise<void> {
    const { path } = this.#plan.target;
    for (let attempt = 0; ; attempt++) {
      try {
        await this.#limit(() => this.#target.putManifest(path, child.digest, child.mediaType, child.body));
        return;
      } catch (error) {
        if (attempt >= (this.#options.retries ?? DEFAULT_RETRIES) || !lacksContent(error))
          throw describe(`failed to put manifest ${child.ref}`, error);
        // Some registries take a moment to notice a mount; asking once more does no harm.
        await wait(attempt, this.#options.signal);
        await Promise.all(child.blobs.map((blob) => this.#makeKnown(blob, () => true)));
      }
    }
  }

  /** Mounts a blob, or copies it. Never rejects. */
  async #makeKnown(blob: PlannedBlob, isWanted: () => boolean): Promise<BlobOutcome> {
    try {
      const mount = await this.#limit(async () =>
        this.#stopped || !isWanted() ? undefined : await this.#mount(blob),
      );
      if (mount === undefined) return { kind: "there" };
      if (mount.kind === "mounted") {
        this.#options.onEvent?.({ kind: "mounted", blob });
        return { kind: "there" };
      }
      if (this.#options.mountOnly === true || blob.foreign) return await this.#refused(blob, mount);
      return await this.#copyLimit(() => this.#copy(blob, mount));
    } catch (error) {
      return { kind: "failed", error: describe(`failed to mount blob ${this.#mountName(blob)}`, error) };
    }
  }

  async #mount(blob: PlannedBlob): Promise<Mount | { readonly kind: "elsewhere" }> {
    // A registry can only mount what it has itself.
    if (blob.from.domain !== this.#plan.target.domain) return { kind: "elsewhere" };
    return this.#target.mountBlob(this.#plan.target.path, blob.from.path, blob.digest);
  }

  /** docker's answer to a refused mount: 202 can be tolerated, anything else cannot, except for foreign layers. */
  async #refused(blob: PlannedBlob, mount: Exclude<MountAttempt, { kind: "mounted" }>): Promise<BlobOutcome> {
    switch (mount.kind) {
      case "elsewhere":
        return { kind: "tolerable", error: new ManifestError(`cannot mount ${this.#mountName(blob)}`) };
      case "upload":
        await this.#target.cancelUpload(mount.upload);
        return { kind: "tolerable", error: new ManifestError(`error mounting ${this.#mountName(blob)}`) };
      case "refused": {
        const error = describe(`failed to mount blob ${this.#mountName(blob)}`, mount.error);
        return blob.foreign && this.#options.mountOnly !== true
          ? { kind: "tolerable", error }
          : { kind: "failed", error };
      }
    }
  }

  async #copy(blob: PlannedBlob, mount: Exclude<MountAttempt, { kind: "mounted" }>): Promise<BlobOutcome> {
    if (this.#stopped) return { kind: "there" };
    this.#options.onEvent?.({ kind: "copying", blob });
    try {
      await copyBlob({
        digest: blob.digest,
        size: blob.size,
        from: { registry: this.#options.registryOf(blob.from.domain), repository: blob.from.path },
        to: { registry: this.#target, repository: this.#plan.target.path },
        upload: mount.kind === "upload" ? mount.upload : undefined,
        retries: this.#options.retries ?? DEFAULT_RETRIES,
        onBytes: (count) => this.#options.onEvent?.({ kind: "bytes", blob, count }),
      });
    } catch (error) {
      const described = describe(`failed to copy blob ${this.#mountName(blob)}`, error);
      // The layers of Windows itself are often nowhere but at Microsoft's.
      return { kind: error instanceof BlobMissingError ? "tolerable" : "failed", error: described };
    }
    this.#options.onEvent?.({ kind: "copied", blob });
    return { kind: "there" };
  }

  #mountName(blob: PlannedBlob): string {
    return `${repositoryName(blob.from)}@${blob.digest} to ${formatReference(this.#plan.target)}`;
  }
}

type MountAttempt = Mount | { readonly kind: "elsewhere" };

/** A child that failed for one of its blobs; `cause` is what the user reads. */
class MountError extends Error {
  override readonly cause: unknown;

  constructor(cause: unknown) {
    super("a blob is missing");
    this.cause = cause;
  }
}

/** Which children have a blob. */
function wantedBy(children: readonly PlannedChild[]): Map<string, PlannedChild[]> {
  const users = new Map<string, PlannedChild[]>();
  for (const child of children) {
    for (const { digest } of child.blobs) {
      const known = users.get(digest);
      if (known === undefined) users.set(digest, [child]);
      else known.push(child);
    }
  }
  return users;
}

async function putList(plan: PushPlan, target: Registry, options: ExecuteOptions): Promise<void> {
  const { list } = plan;
  for (let attempt = 0; ; attempt++) {
    options.signal?.throwIfAborted();
    try {
      await target.putManifest(plan.target.path, list.reference, list.mediaType, list.body);
      return;
    } catch (error) {
      if (isImmutableTag(error)) return checkImmutable(plan, list, target, error);
      if (attempt >= (options.retries ?? DEFAULT_RETRIES) || !lacksContent(error)) {
        throw describe(`failed to put manifest ${formatReference(plan.target)}`, error);
      }
      await wait(attempt, options.signal);
    }
  }
}

/** A tag that may not be moved is fine when it is where it should be. */
async function checkImmutable(
  plan: PushPlan,
  list: PlannedList,
  target: Registry,
  refusal: RegistryError,
): Promise<void> {
  const name = formatReference(plan.target);
  const there = await target.getManifest(plan.target.path, list.reference).catch(() => undefined);
  if (there?.digest === list.digest) return;
  if (there === undefined) throw describe(`failed to put manifest ${name}`, refusal);
  throw new ManifestError(`failed to put manifest ${name}: ${refusal.message}`, {
    cause: refusal,
    hint: `the tag is immutable and stays at ${there.digest}; push under another tag`,
  });
}

/** Quay: 409; Harbor: 412; ECR: a 400 whose code or text says so. */
function isImmutableTag(error: unknown): error is RegistryError {
  if (!(error instanceof RegistryError)) return false;
  return (
    error.status === 409 || error.status === 412 || /immutable|ImageTagAlreadyExists/i.test(error.message)
  );
}

/** The registry says that something the manifest names is not there, which may only be a lag. */
function lacksContent(error: unknown): boolean {
  if (!(error instanceof RegistryError)) return false;
  return (
    error.codes.includes("MANIFEST_BLOB_UNKNOWN") ||
    (error.status < 500 && /required for pushing image .* do not exist/.test(error.message))
  );
}

async function wait(attempt: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(LAG_WAIT_MS * 2 ** attempt, undefined, signal && { signal });
}

/** An error of the registry or the network, with what was being done before it. */
function describe(what: string, error: unknown): ManifestError {
  if (!(error instanceof ManifestError)) throw error;
  return new ManifestError(`${what}: ${error.message}`, { cause: error, hint: error.hint });
}
