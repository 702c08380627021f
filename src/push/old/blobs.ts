import { ManifestError } from "../../errors.js";
import { limitTo, type Limit } from "../../limit.js";
import { formatReference, repositoryName } from "../../oci/reference.js";
import { BlobMissingError, copyBlob, UploadRefusedError } from "../../registry/transfer/copy.js";
import type { Mount, Registry } from "../../registry/api.js";
import { describe } from "./describe.js";
import type { Settings } from "./execute.js";
import type { PlannedBlob, PushPlan } from "./plan.js";

/** What became of making a blob known in the target. */
export type BlobOutcome =
  | { readonly kind: "there" }
  /** Not there; whose image can do without it? */
  | { readonly kind: "missing"; readonly forgivenFor: "windows" | "anyone"; readonly error: ManifestError }
  | { readonly kind: "failed"; readonly error: unknown }
  /** Not tried, or given up, because something else has failed. */
  | { readonly kind: "stopped" };

export interface BlobSurroundings {
  readonly plan: PushPlan;
  readonly target: Registry;
  readonly options: Settings;
  /** Bounds the requests under way. */
  readonly limit: Limit;
  /** Aborted by the first failure. */
  readonly stopped: AbortSignal;
}

/** `elsewhere`: in another registry, and a registry can only mount what it has itself. */
type Refusal = Exclude<Mount, { kind: "mounted" }> | { readonly kind: "elsewhere" };

/** The engine's way with blobs: mounted where that is possible, copied where not. */
export class Blobs {
  readonly #copyLimit: Limit;
  readonly #with: BlobSurroundings;

  constructor(surroundings: BlobSurroundings) {
    const { copies, concurrency } = surroundings.options;
    this.#with = surroundings;
    this.#copyLimit = limitTo(Math.min(copies, concurrency));
  }

  /**
   * Makes a blob known in the target. Never rejects. The sources have the same blob: where one turns out not to have it,
   * the next is tried. A foreign layer, which is often nowhere, is asked for once.
   *
   * @param isWantedSoFar is it worth a mount, as far as one can tell now?
   * @param isWanted is it worth a copy, when all is known that there is to know?
   */
  async makeKnown(
    sources: readonly PlannedBlob[],
    isWantedSoFar: () => boolean = () => true,
    isWanted: () => Promise<boolean> = () => Promise.resolve(true),
  ): Promise<BlobOutcome> {
    let outcome: BlobOutcome = { kind: "there" };
    for (const blob of sources) {
      outcome = await this.#makeKnownFrom(blob, isWantedSoFar, isWanted);
      if (outcome.kind !== "missing" || blob.foreign) break;
    }
    return outcome;
  }

  async #makeKnownFrom(
    blob: PlannedBlob,
    isWantedSoFar: () => boolean,
    isWanted: () => Promise<boolean>,
  ): Promise<BlobOutcome> {
    const { options, limit, stopped } = this.#with;
    try {
      const mount = await limit(async () =>
        stopped.aborted || !isWantedSoFar() ? undefined : await this.#mount(blob),
      );
      if (mount === undefined) return stopped.aborted ? { kind: "stopped" } : { kind: "there" };
      if (mount.kind === "mounted") {
        options.onEvent?.({ kind: "mounted", blob });
        return { kind: "there" };
      }
      if (!(await isWanted())) return await this.#cancel(mount, { kind: "there" });
      if (options.mountOnly) return await this.#refuseLikeDocker(blob, mount);
      if (blob.foreign) return await this.#goWithout(blob, mount);
      return await this.#copyLimit(() => this.#copy(blob, mount));
    } catch (error) {
      if (stopped.aborted && !(error instanceof ManifestError)) return { kind: "stopped" };
      return { kind: "failed", error: this.#mountFailed(blob, error) };
    }
  }

  async #mount(blob: PlannedBlob): Promise<Mount | { readonly kind: "elsewhere" }> {
    const { plan, target } = this.#with;
    if (blob.from.domain !== plan.target.domain) return { kind: "elsewhere" };
    return target.mountBlob(plan.target.path, blob.from.path, blob.digest);
  }

  async #cancel(mount: Refusal, outcome: BlobOutcome): Promise<BlobOutcome> {
    if (mount.kind === "upload") await this.#with.target.cancelUpload(mount.upload);
    return outcome;
  }

  /** docker forgives an upload in place of a mount, for images of Windows; it forgives nothing else. */
  async #refuseLikeDocker(blob: PlannedBlob, mount: Refusal): Promise<BlobOutcome> {
    switch (mount.kind) {
      case "upload": {
        const error = new ManifestError("MANIFEST_NOT_PUSHED", `error mounting ${this.#name(blob)}`);
        return this.#cancel(mount, { kind: "missing", forgivenFor: "windows", error });
      }
      case "refused":
        return { kind: "failed", error: this.#mountFailed(blob, mount.error) };
      case "elsewhere":
        return { kind: "failed", error: this.#elsewhere(blob) };
    }
  }

  /** Its content may not be distributed: whoever runs the image gets it from where the manifest says. */
  async #goWithout(blob: PlannedBlob, mount: Refusal): Promise<BlobOutcome> {
    const error = this.#elsewhere(blob);
    return this.#cancel(mount, { kind: "missing", forgivenFor: "anyone", error });
  }

  async #copy(blob: PlannedBlob, mount: Refusal): Promise<BlobOutcome> {
    const { plan, target, options, stopped } = this.#with;
    if (this.#isStopped()) return this.#cancel(mount, { kind: "stopped" });
    options.onEvent?.({ kind: "copying", blob });
    try {
      await copyBlob({
        digest: blob.digest,
        size: blob.size,
        from: { registry: options.registryOf(blob.from.domain), repository: blob.from.path },
        to: { registry: target, repository: plan.target.path },
        upload: mount.kind === "upload" ? mount.upload : undefined,
        retries: options.retries,
        limits: options.limits,
        signal: stopped,
        onBytes: (count) => options.onEvent?.({ kind: "bytes", blob, count }),
      });
    } catch (error) {
      if (this.#isStopped()) return { kind: "stopped" };
      if (error instanceof UploadRefusedError)
        return { kind: "failed", error: this.#mountFailed(blob, error) };
      const what = `failed to copy blob ${this.#name(blob)}`;
      if (!(error instanceof BlobMissingError)) return { kind: "failed", error: describe(what, error) };
      // The layers of Windows itself are often nowhere but at Microsoft's.
      return this.#cancel(mount, { kind: "missing", forgivenFor: "windows", error: describe(what, error) });
    }
    options.onEvent?.({ kind: "copied", blob });
    return { kind: "there" };
  }

  #isStopped(): boolean {
    return this.#with.stopped.aborted;
  }

  #mountFailed(blob: PlannedBlob, error: unknown): unknown {
    return describe(`failed to mount blob ${this.#name(blob)}`, error);
  }

  #elsewhere(blob: PlannedBlob): ManifestError {
    return new ManifestError("MANIFEST_NOT_PUSHED", `cannot mount ${this.#name(blob)}`);
  }

  #name(blob: PlannedBlob): string {
    const { target } = this.#with.plan;
    // docker, which has one registry only, names it once.
    const source = blob.from.domain === target.domain ? blob.from.path : repositoryName(blob.from);
    return `${source}@${blob.digest} to ${formatReference(target)}`;
  }
}
