import { createHash, randomUUID, type Hash } from "node:crypto";

/** What a registry holds. No HTTP here. */
export class RegistryState {
  readonly repositories = new Map<string, Repository>();
  readonly uploads = new Map<string, Upload>();

  /** The repository of that name, made when there is none. */
  open(name: string): Repository {
    const known = this.repositories.get(name);
    if (known !== undefined) return known;
    const repository: Repository = { name, blobs: new Map(), manifests: new Map(), tags: new Map() };
    this.repositories.set(name, repository);
    return repository;
  }

  startUpload(repository: string): Upload {
    const upload = new Upload(repository);
    this.uploads.set(upload.id, upload);
    return upload;
  }
}

export interface Repository {
  readonly name: string;
  /** By digest. A mounted blob is the same object in both repositories. */
  readonly blobs: Map<string, StoredBlob>;
  /** By digest. */
  readonly manifests: Map<string, StoredManifest>;
  /** Tag to digest. */
  readonly tags: Map<string, string>;
}

export interface StoredBlob {
  readonly size: number;
  /** Undefined where the registry discards contents. */
  readonly bytes: Buffer | undefined;
}

export interface StoredManifest {
  readonly mediaType: string;
  /** The exact bytes that were pushed. */
  readonly body: Buffer;
}

/** An open upload session. */
export class Upload {
  readonly id = randomUUID();
  readonly repository: string;
  /** Is a request writing to it? */
  busy = false;
  received: Received = { chunks: [], size: 0, sha256: createHash("sha256") };

  constructor(repository: string) {
    this.repository = repository;
  }
}

/** Bytes that came in so far, with their running hash. */
export interface Received {
  readonly chunks: readonly Buffer[];
  readonly size: number;
  readonly sha256: Hash;
}

/** What a tag or digest stands for in a repository. */
export function resolveManifest(
  repository: Repository | undefined,
  reference: string,
): (StoredManifest & { readonly digest: string }) | undefined {
  const digest = repository?.tags.get(reference) ?? reference;
  const manifest = repository?.manifests.get(digest);
  return manifest === undefined ? undefined : { ...manifest, digest };
}

/** Removes a manifest and every tag that points to it. */
export function removeManifest(repository: Repository, digest: string): boolean {
  for (const [tag, target] of repository.tags) if (target === digest) repository.tags.delete(tag);
  return repository.manifests.delete(digest);
}
