import type { ManifestError } from "../errors.js";
import type { Descriptor } from "../oci/descriptor.js";
import type { Location } from "../oci/location.js";
import type { Manifest } from "../oci/manifest.js";

/**
 * A repository of content-addressed manifests and blobs: one of a registry (`registry/repository.ts`) or an OCI image
 * layout (`content/layout.ts`). What is below, HTTP or files, does not show.
 *
 * Every method may throw a ManifestError; its `code` says what is wrong. `reference` is a tag or a digest.
 */
export interface Repository {
  readonly location: Location;

  /**
   * What a tag or digest names, or undefined if it is not there. Avoids reading content, and never answers from a cache.
   */
  resolve(reference: string, options?: ResolveOptions): Promise<Descriptor | undefined>;

  /**
   * A manifest, checked against its digest.
   * @throws MANIFEST_UNKNOWN if it is not there
   */
  get(reference: string, options?: Interruptible): Promise<Manifest>;

  /**
   * Stores a manifest under each of the tags, or by its digest alone where there are none. A tag that cannot be moved
   * keeps no other from being moved.
   * @throws TAG_IMMUTABLE for a tag that stays elsewhere; for several, the first that failed is told
   */
  put(manifest: Manifest, tags: readonly string[], options?: PutOptions): Promise<void>;

  /**
   * The size of a blob in bytes, or undefined if it is not there. The content is not read, and neither size nor content
   * is checked. Throws if it cannot find out.
   */
  statBlob(digest: string, options?: Interruptible): Promise<number | undefined>;

  /**
   * A whole blob, for one that is small and read, such as an image's config; checked against its digest.
   * @throws BLOB_UNKNOWN if it is not there, LIMIT if it is larger than 16 MiB
   */
  getBlob(digest: string, options?: Interruptible): Promise<Buffer>;

  /**
   * The bytes of a blob from `offset` on, as they come and unchecked: `content/blobReader.ts` checks and resumes.
   * @throws BLOB_UNKNOWN if it is not there
   */
  openBlob(blob: BlobInfo, offset: number, options?: Interruptible): Promise<BlobStream>;

  /**
   * Ensures that a blob is here: mounts it if possible, and copies it otherwise. `sources` should all have the blob; if
   * one turns out not to have it, or not to show it, the next is tried.
   * @throws what kept the blob from getting here, if it is neither a refusal that `absent` tells of nor a stop
   */
  ensureBlob(blob: BlobInfo, sources: readonly Repository[], options: EnsureOptions): Promise<BlobOutcome>;

  /** The manifests that refer to one, by their `subject`; of one type, or of all. */
  referrers(digest: string, artifactType?: string, options?: Interruptible): AsyncIterable<Descriptor>;
}

/** Two ways to end a request. */
export interface Interruptible {
  /** Ends it, wherever it is. */
  readonly signal?: AbortSignal | undefined;
  /** When aborted, nothing is tried again any more and no wait goes on (STOPPED); a try under way is left to end. */
  readonly stop?: AbortSignal | undefined;
}

/** How a name is looked up. */
export interface ResolveOptions extends Interruptible {
  /**
   * Throw what cannot be found out, for callers that then change what is there. Without it, that counts as not there.
   */
  readonly mustKnow?: boolean | undefined;
}

/** Wraps each request that moves tags: it may look first, watch meanwhile, or throw instead of sending it. */
export type AroundMove = <Result>(tags: readonly string[], move: () => Promise<Result>) => Promise<Result>;

/** How a manifest is put. */
export interface PutOptions extends Interruptible {
  /**
   * Called when the repository says that something the manifest names is not there, before it is put again: puts that
   * there. Without it the manifest is put again a few times all the same, since a registry may lag behind.
   */
  readonly restore?: () => Promise<void>;
  /**
   * What it is in what is being pushed. A layout lists a `root` without a tag in its index.json all the same, and a `child`
   * with a `subject` not. Default: what has a tag or a subject is listed: nothing else would lead to it. In a registry
   * without the referrers API, a `root` or `referrer` with a `subject` is listed under the tag that stands in for it.
   */
  readonly role?: "child" | "referrer" | "root" | undefined;
  /** What a layout's index.json says of it, besides what it is: the platform of an image, annotations. */
  readonly says?: Pick<Descriptor, "platform" | "annotations"> | undefined;
  /** For tags that others may move at the same moment: each try is one move. What it throws is thrown. */
  readonly aroundMove?: AroundMove | undefined;
}

/** A blob, as a manifest names it. */
export interface BlobInfo {
  /** `sha256:…`. */
  readonly digest: string;
  /** In bytes, as the manifest says. */
  readonly size: number;
  /** Its content may not be distributed: mounted where that is possible, never uploaded, never tried twice. */
  readonly foreign: boolean;
}

/** How a blob gets into a repository. */
export interface EnsureOptions extends Interruptible {
  /** A refused mount is not mended by a copy. */
  readonly mountOnly: boolean;
  /** It is known not to be here, whatever the repository says when it is asked: it is not asked before a copy. */
  readonly isMissing?: boolean | undefined;
  /** Is the blob still needed, as far as is known? Asked when its turn comes, before anything is sent. */
  readonly isNeeded?: () => boolean;
  /** Is it needed, when all is known that there is to know? Asked before a copy. */
  readonly isNeededAtLast?: () => Promise<boolean>;
  /** Called for each piece of a copy. */
  readonly onEvent?: (event: BlobProgress) => void;
}

/** How far a copy is. */
export type BlobProgress =
  /** It is going to be copied, as soon as its turn comes. */
  | { readonly kind: "queued"; readonly blob: BlobInfo; readonly source: Location }
  | { readonly kind: "copying"; readonly blob: BlobInfo; readonly source: Location }
  /**
   * So many more bytes have gone through: `count` since the last of these events, `done` since this try of the copy began.
   * A copy that has to be begun again counts from zero.
   */
  | { readonly kind: "bytes"; readonly blob: BlobInfo; readonly count: number; readonly done: number };

/** What became of making a blob known in a repository. */
export type BlobOutcome =
  | { readonly kind: "present" | "mounted" | "unneeded" }
  | { readonly kind: "copied"; readonly source: Location }
  /**
   * It is not here. `toleratedBy` says whose image may do without: `any` for foreign layers; `windows` where docker
   * forgives images of Windows, which have layers that no registry gives away. `error` is why, for all others.
   */
  | { readonly kind: "absent"; readonly toleratedBy: "any" | "windows"; readonly error: ManifestError }
  /** Given up or not begun, because of `stop`: this is how that shows here, in place of STOPPED. */
  | { readonly kind: "stopped" };

/** The bytes of a blob on their way. */
export interface BlobStream {
  /** The bytes of the blob. */
  readonly stream: NodeJS.ReadableStream & AsyncIterable<unknown> & { destroy(error?: Error): unknown };
  /** Length of the whole blob in bytes, as the source says or else as the manifest does. */
  readonly length: number;
  /** How many bytes at the beginning of the stream come before the offset that was asked for. */
  readonly skip: number;
}
