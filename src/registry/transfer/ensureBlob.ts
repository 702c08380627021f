import { BlobError } from "../../content/blobError.js";
import type { BlobInfo, BlobOutcome, EnsureOptions, Repository } from "../../content/repository.js";
import { hasCode, ManifestError, NotFoundError } from "../../errors.js";
import type { Limit } from "../../limit.js";
import { NotNeededError } from "../http/message.js";
import { RegistryError } from "../http/registryError.js";
import type { RepositoryClient } from "../http/repositoryClient.js";
import { either } from "../../signals.js";
import type { RetryLimits } from "../retry/backoff.js";
import { copyBlob, SourceError, UploadRefusedError } from "./copy.js";
import { UploadHolder } from "./uploadHolder.js";
import { hasBlob, mountBlob, type Mount } from "./uploads.js";

export interface TransferSettings {
  /** Of the target's client. */
  readonly retries: number;
  readonly limits?: RetryLimits | undefined;
  readonly patient?: boolean | undefined;
  /** Bounds the copies under way: each keeps a download and an upload busy. */
  readonly copyLimit: Limit;
}

/** Mounts a blob, or copies it where it is not yet; see `Repository.ensureBlob`. No upload stays open, whatever happens. */
export async function ensureBlob(
  target: RepositoryClient,
  settings: TransferSettings,
  blob: BlobInfo,
  sources: readonly Repository[],
  options: EnsureOptions,
): Promise<BlobOutcome> {
  const { signal, stop } = options;
  const uploads = new UploadHolder(target);
  const isNeeded = (): boolean => stop?.aborted !== true && (options.isNeeded?.() ?? true);
  let presence: Promise<boolean> | undefined;
  const isPresent = (): Promise<boolean> => (presence ??= hasBlob(target, blob, { signal, stop, isNeeded }));
  try {
    return await fromAny({ target, settings, blob, options, isNeeded, isPresent, uploads }, sources);
  } catch (error) {
    signal?.throwIfAborted();
    const isStopped = stop?.aborted === true;
    if (error instanceof NotNeededError) return { kind: isStopped ? "stopped" : "unneeded" };
    if (isStopped && (!(error instanceof ManifestError) || error.code === "STOPPED"))
      return { kind: "stopped" };
    throw error;
  } finally {
    await uploads.cancel();
  }
}

interface Work {
  readonly target: RepositoryClient;
  readonly settings: TransferSettings;
  readonly blob: BlobInfo;
  readonly options: EnsureOptions;
  /** As far as is known, and if nothing has stopped it. */
  readonly isNeeded: () => boolean;
  /** Does the target have it already? Asked once, whatever the sources. */
  readonly isPresent: () => Promise<boolean>;
  readonly uploads: UploadHolder;
}

/** What one source came to. `refused`: not shown to us there; another source may. */
type Attempt = BlobOutcome | { readonly kind: "refused"; readonly error: ManifestError };

/** Tries the sources one after another. A foreign layer, which is often nowhere, is asked for once. */
async function fromAny(work: Work, sources: readonly Repository[]): Promise<BlobOutcome> {
  const failed: Attempt[] = [];
  for (const source of work.blob.foreign ? sources.slice(0, 1) : sources) {
    const attempt = await fromOne(work, source);
    if (attempt.kind !== "absent" && attempt.kind !== "refused") return attempt;
    failed.push(attempt);
  }
  for (const attempt of failed) if (attempt.kind === "refused") throw attempt.error;
  for (const attempt of failed) if (attempt.kind === "absent") return attempt;
  throw new ManifestError("USAGE", `no source for ${work.blob.digest}`, { subject: work.blob.digest });
}

async function fromOne(work: Work, source: Repository): Promise<Attempt> {
  const { blob, options, uploads } = work;
  const mount = await mountFrom(work, source);
  if (mount.kind === "mounted") return { kind: "mounted" };
  if (mount.kind === "upload") await uploads.hold(mount.upload);
  if (options.isNeededAtLast !== undefined && !(await options.isNeededAtLast())) return { kind: "unneeded" };
  const absent = (toleratedBy: "any" | "windows", cause: ManifestError): Attempt => {
    const error = new BlobError("mount", blob.digest, source.location, cause, "MOUNT_REFUSED");
    return { kind: "absent", toleratedBy, error };
  };
  if (options.mountOnly) {
    // docker forgives an upload in place of a mount, for images of Windows; it forgives nothing else.
    if (mount.kind === "upload") return absent("windows", mount.error);
    return { kind: "refused", error: described("mount", blob, source.location, mount.error) };
  }
  // Its content may not be distributed: clients that run the image get it from the URLs in the manifest.
  if (blob.foreign) return absent("any", mount.error);
  // To ask costs little beside a copy, and what was pushed before under another name is there.
  if (await isThere(work, source)) return { kind: "present" };
  return copyFrom(work, source);
}

async function isThere({ blob, options, isPresent }: Work, { location }: Repository): Promise<boolean> {
  if (options.isMissing === true) return false;
  try {
    return await isPresent();
  } catch (error) {
    throw described("copy", blob, location, error);
  }
}

/** Why it was not mounted, where the registry did not say so by an error. */
type Unmounted =
  | (Extract<Mount, { kind: "upload" }> & { readonly error: ManifestError })
  /** `elsewhere`: a registry can only mount what it has itself. */
  | { readonly kind: "refused" | "elsewhere"; readonly error: ManifestError };

async function mountFrom(
  { target, blob, options, isNeeded }: Work,
  { location }: Repository,
): Promise<Unmounted | { readonly kind: "mounted" }> {
  const { signal, stop } = options;
  if (location.kind !== "registry" || location.domain !== target.location.domain) {
    if (!isNeeded()) throw new NotNeededError();
    const message = `only what is in ${target.location.domain} can be mounted there`;
    return {
      kind: "elsewhere",
      error: new ManifestError("MOUNT_REFUSED", message, { subject: blob.digest }),
    };
  }
  try {
    const mount = await mountBlob(target, location.path, blob.digest, { signal, stop, isNeeded });
    if (mount.kind !== "upload") return mount;
    const message = `${target.location.domain} opened an upload in place of a mount`;
    return { ...mount, error: new ManifestError("MOUNT_REFUSED", message, { subject: blob.digest }) };
  } catch (error) {
    // For the source or for the target? A copy asks each of them by itself.
    if (hasCode(error, "CREDENTIALS_MISSING")) return { kind: "refused", error };
    throw described("mount", blob, location, error);
  }
}

async function copyFrom(work: Work, source: Repository): Promise<Attempt> {
  const { target, settings, blob, options, isNeeded, uploads } = work;
  const { location } = source;
  try {
    options.onEvent?.({ kind: "queued", blob, source: location });
    await settings.copyLimit(async () => {
      if (!isNeeded()) throw new NotNeededError();
      options.onEvent?.({ kind: "copying", blob, source: location });
      await copyBlob({
        blob,
        source,
        target,
        uploads,
        retries: settings.retries,
        limits: settings.limits,
        patient: settings.patient,
        signal: either(options.signal, options.stop),
        onBytes: (count, done) => options.onEvent?.({ kind: "bytes", blob, count, done }),
      });
    });
    return { kind: "copied", source: location };
  } catch (error) {
    if (error instanceof UploadRefusedError) throw described("mount", blob, location, error.cause);
    if (!(error instanceof SourceError)) throw described("copy", blob, location, error);
    const { cause } = error;
    if (hasCode(cause, "BLOB_UNKNOWN")) {
      return {
        kind: "absent",
        toleratedBy: "windows",
        error: absence(new BlobError("copy", blob.digest, location, cause)),
      };
    }
    if (isHidden(cause)) return { kind: "refused", error: described("copy", blob, location, cause) };
    throw described("copy", blob, location, cause);
  }
}

/** A blob could not be copied, since its source has not got it. */
function absence(error: BlobError): NotFoundError {
  const { message, digest, hint } = error;
  return new NotFoundError("BLOB_UNKNOWN", message, { subject: digest, hint, cause: error });
}

/** Does a source not show a blob to us? */
function isHidden(error: unknown): error is ManifestError {
  if (error instanceof RegistryError) return error.status === 401 || error.status === 403;
  return hasCode(error, "CREDENTIALS_MISSING");
}

/** With what was being done. What is about who we are, or about a stop, is about more than this blob. */
function described<Thrown>(
  action: "mount" | "copy",
  blob: BlobInfo,
  source: Repository["location"],
  error: Thrown,
): Thrown | BlobError {
  if (
    !(error instanceof ManifestError) ||
    hasCode(error, "UNAUTHENTICATED", "CREDENTIALS_MISSING", "STOPPED")
  )
    return error;
  return new BlobError(action, blob.digest, source, error);
}
