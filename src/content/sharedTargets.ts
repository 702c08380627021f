import { descriptor, type Descriptor } from "../oci/descriptor.js";
import { isDigest } from "../oci/digest.js";
import { formatLocation } from "../oci/location.js";
import type { BlobInfo, BlobOutcome, EnsureOptions, Repository } from "./repository.js";

/** Of what is known to be in a repository; it is forgotten where there is more. */
const MAX_KNOWN = 200_000;

/** What is known of a repository. */
interface Known {
  /** By their digests. */
  readonly manifests: Map<string, Descriptor>;
  readonly blobs: Set<string>;
  readonly questions: Map<string, Promise<Descriptor | undefined>>;
  readonly puts: Map<string, Promise<void>>;
  readonly transfers: Map<string, Promise<BlobOutcome>>;
}

/**
 * Repositories that several pieces of work push to at once: what one of them has put there, or found there, the others
 * neither ask for nor put again. Tags are asked and moved as ever, and so is whatever the registry says it lacks.
 */
export class SharedTargets {
  readonly #known = new Map<string, Known>();

  /** The repository, for one of them. A layout is asked each time: that costs nothing. */
  around(repository: Repository): Repository {
    if (repository.location.kind === "layout") return repository;
    const known = this.#of(repository);
    return {
      ...repository,
      resolve: async (reference, options = {}) => {
        const ask = (): Promise<Descriptor | undefined> => repository.resolve(reference, options);
        if (options.mustKnow === true || !isDigest(reference)) return ask();
        const found = known.manifests.get(reference) ?? (await once(known.questions, reference, ask));
        if (found !== undefined) keep(known.manifests, reference, found);
        return found;
      },
      put: async (manifest, tags, options = {}) => {
        const { restore } = options;
        const put = (): Promise<void> =>
          repository.put(manifest, tags, {
            ...options,
            ...(restore && {
              restore: () => {
                // What was believed of it was wrong.
                forget(known);
                return restore();
              },
            }),
          });
        if (tags.length > 0 || options.role !== "child") return put();
        const { digest, mediaType, bytes } = manifest;
        if (known.manifests.has(digest)) return;
        await once(known.puts, digest, put);
        keep(known.manifests, digest, descriptor(mediaType, digest, bytes.byteLength));
      },
      ensureBlob: (blob, sources, options) => ensureBlob(known, repository, blob, sources, options),
    };
  }

  #of({ location }: Repository): Known {
    const name = formatLocation(location);
    const known = this.#known.get(name) ?? {
      manifests: new Map<string, Descriptor>(),
      blobs: new Set<string>(),
      questions: new Map<string, Promise<Descriptor | undefined>>(),
      puts: new Map<string, Promise<void>>(),
      transfers: new Map<string, Promise<BlobOutcome>>(),
    };
    this.#known.set(name, known);
    return known;
  }
}

async function ensureBlob(
  known: Known,
  repository: Repository,
  blob: BlobInfo,
  sources: readonly Repository[],
  options: EnsureOptions,
): Promise<BlobOutcome> {
  const { digest } = blob;
  const ensure = (): Promise<BlobOutcome> => repository.ensureBlob(blob, sources, options);
  if (options.isMissing === true) return ensure();
  if (known.blobs.has(digest)) return { kind: "present" };
  const running = known.transfers.get(digest);
  if (running !== undefined && isThere(await settled(running))) return { kind: "present" };
  const transfer = ensure();
  known.transfers.set(digest, transfer);
  try {
    const outcome = await transfer;
    if (isThere(outcome)) known.blobs.add(digest);
    if (known.blobs.size > MAX_KNOWN) known.blobs.clear();
    return outcome;
  } finally {
    if (known.transfers.get(digest) === transfer) known.transfers.delete(digest);
  }
}

async function settled(transfer: Promise<BlobOutcome>): Promise<BlobOutcome | undefined> {
  try {
    return await transfer;
  } catch {
    // Another source may have it, and the one that failed may have been interrupted.
    return undefined;
  }
}

function isThere(outcome: BlobOutcome | undefined): boolean {
  return outcome?.kind === "present" || outcome?.kind === "mounted" || outcome?.kind === "copied";
}

/** Joins work that is already under way for another list. If it fails there, it is done again. */
async function once<Result>(
  running: Map<string, Promise<Result>>,
  key: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const other = running.get(key);
  if (other !== undefined) {
    try {
      return await other;
    } catch {
      // Theirs may have been given up for a reason of their own.
    }
  }
  const own = work();
  running.set(key, own);
  try {
    return await own;
  } finally {
    if (running.get(key) === own) running.delete(key);
  }
}

function forget({ manifests, blobs }: Known): void {
  manifests.clear();
  blobs.clear();
}

function keep(manifests: Map<string, Descriptor>, digest: string, found: Descriptor): void {
  if (manifests.size >= MAX_KNOWN) manifests.clear();
  manifests.set(digest, found);
}
