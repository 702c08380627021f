import { lstat, readdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import * as z from "zod/mini";
import { hasCode, ManifestError, NotFoundError } from "../errors.js";
import { parseJson } from "../go/json.js";
import { goQuote } from "../go/quote.js";
import { limitTo } from "../limit.js";
import { descriptor, type Descriptor } from "../oci/descriptor.js";
import { checkDigest, digestFault, digestLike } from "../oci/digest.js";
import { formatLocation, isSameLocation, type Location } from "../oci/location.js";
import { parseManifest, withExactBytes, type Manifest } from "../oci/manifest.js";
import { isTag } from "../oci/reference.js";
import { either } from "../signals.js";
import { readBlob } from "./blobReader.js";
import { LayoutBlobs } from "./layoutBlobs.js";
import {
  isFolder,
  isScratch,
  makeFolder,
  withSubject,
  readFile,
  syncFolder,
  writeFile,
} from "./layoutFiles.js";
import { namesIn, onlyOf, rootsOf, shown, withManifest, taggedWith, type IndexEntry } from "./layoutIndex.js";
import { IndexFile } from "./layoutIndexFile.js";
import { ReferrerScan, type LayoutReferrer } from "./layoutReferrers.js";
import type {
  BlobInfo,
  BlobOutcome,
  BlobStream,
  EnsureOptions,
  Interruptible,
  PutOptions,
  Repository,
  ResolveOptions,
} from "./repository.js";

/** As much as a registry takes. */
const MAX_MANIFEST = 4 * 1024 * 1024;
const MAX_SMALL_BLOB = 16 * 1024 * 1024;
const MAX_LAYOUT_FILE = 64 * 1024;
/** Unfinished files that were not touched for this long were left by killed processes, and are removed. */
const LEFTOVER_MS = 3_600_000;

const LAYOUT_FILE = "oci-layout";
const LAYOUT_TEXT = `{"imageLayoutVersion":"1.0.0"}`;
const LayoutFile = z.object({ imageLayoutVersion: z.string().check(z.regex(/^1\./)) });

/** How blobs are copied into a layout. */
export interface LayoutOptions {
  /** How many blobs are copied into it at once. Default: 4. */
  readonly copies?: number;
  /** How often a download that breaks is taken up again. Default: 10. */
  readonly resumes?: number;
}

/** A {@link Repository} in a folder, and what only a folder can be asked. */
export interface Layout extends Repository {
  /** What its manifests are called: tags and, as some writers have it, whole references. In byte order. */
  names(): Promise<string[]>;

  /** All that index.json says of the manifest that a tag names; undefined if it names none. */
  listed(tag: string): Promise<Descriptor | undefined>;

  /** What refers to a manifest, with no more than what index.json and the indexes say of it: what buildx goes by. */
  listedReferrers(digest: string): Promise<Descriptor[]>;

  /**
   * What is meant where neither tag nor digest is given: `latest` if there is one, else the digest of the only manifest.
   * @throws MANIFEST_UNKNOWN, naming what there is
   */
  defaultReference(): Promise<string>;
}

/**
 * Opens an OCI image layout, to be read or written. It need not be there yet: the first write makes it.
 *
 * Whatever happens to the process, the folder is a valid layout or has no `oci-layout` file yet. Several processes may
 * write to it at once. Nothing that it holds can lead to reading or writing outside of it: what is no plain file or
 * folder is refused.
 * https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 * @param folder relative to the working directory, or absolute
 * @param options how blobs are copied into it
 * @example
 * const layout = openLayout("out");
 * const manifest = await layout.get(await layout.defaultReference());
 */
export function openLayout(folder: string, options: LayoutOptions = {}): Layout {
  return new OciLayout(resolve(folder), options);
}

/** Opens each layout once, so that what is known about it is shared. */
export function layoutsOnce(): (folder: string) => Layout {
  const opened = new Map<string, Layout>();
  return (folder) => {
    const layout = opened.get(resolve(folder)) ?? openLayout(folder);
    opened.set(resolve(folder), layout);
    return layout;
  };
}

class OciLayout implements Layout {
  readonly location: Location;
  readonly #folder: string;
  readonly #index: IndexFile;
  readonly #blobs: LayoutBlobs;
  readonly #referrers = new ReferrerScan((digest) => this.#read(digest));
  readonly #copies;
  readonly #resumes: number;
  #isThere = false;
  #made: Promise<void> | undefined;

  constructor(folder: string, { copies = 4, resumes = 10 }: LayoutOptions) {
    this.location = { kind: "layout", folder };
    this.#folder = folder;
    this.#index = new IndexFile(folder);
    this.#blobs = new LayoutBlobs(folder);
    this.#copies = limitTo(copies);
    this.#resumes = resumes;
  }

  async resolve(reference: string, options: ResolveOptions = {}): Promise<Descriptor | undefined> {
    options.signal?.throwIfAborted();
    if (!(await this.#isLayout())) return undefined;
    try {
      const { mediaType, digest, bytes, artifactType } = await this.#get(reference);
      return { ...descriptor(mediaType, digest, bytes.byteLength), artifactType };
    } catch (error) {
      // What is broken is not there: it will be put again.
      const isBroken = hasCode(error, "DIGEST_MISMATCH") && options.mustKnow !== true;
      if (isBroken || hasCode(error, "MANIFEST_UNKNOWN")) return undefined;
      throw error;
    }
  }

  async get(reference: string, options: Interruptible = {}): Promise<Manifest> {
    options.signal?.throwIfAborted();
    await this.#checkLayout();
    return this.#get(reference);
  }

  async names(): Promise<string[]> {
    await this.#checkLayout();
    return namesIn(await this.#entries());
  }

  async listed(tag: string): Promise<Descriptor | undefined> {
    await this.#checkLayout();
    return taggedWith(await this.#entries(), tag)[0]?.descriptor;
  }

  async defaultReference(): Promise<string> {
    await this.#checkLayout();
    const entries = rootsOf(await this.#entries());
    if (taggedWith(entries, "latest").length > 0) return "latest";
    const only = onlyOf(entries);
    if (only !== undefined) return only.descriptor.digest;
    throw unknown(formatLocation(this.location), choice(entries), "could be several images");
  }

  async statBlob(digest: string, options: Interruptible = {}): Promise<number | undefined> {
    options.signal?.throwIfAborted();
    return this.#blobs.size(digest);
  }

  async getBlob(digest: string, options: Interruptible = {}): Promise<Buffer> {
    options.signal?.throwIfAborted();
    const bytes = await this.#blobs.read(digest, MAX_SMALL_BLOB);
    if (bytes === undefined) throw this.#blobUnknown(digest);
    return bytes;
  }

  async openBlob({ digest }: BlobInfo, offset: number, options: Interruptible = {}): Promise<BlobStream> {
    options.signal?.throwIfAborted();
    const opened = await this.#blobs.open(digest);
    if (opened === undefined) throw this.#blobUnknown(digest);
    const { signal } = options;
    const stream = opened.handle.createReadStream({ start: offset, ...(signal && { signal }) });
    // A stream that is given up unread reports that as an error, which would end the program if nobody listened.
    stream.on("error", () => undefined);
    return { stream, length: opened.size, skip: 0 };
  }

  /**
   * See {@link Repository.ensureBlob}. Foreign layers are not copied here either: who runs the image gets them from where
   * its manifest says.
   */
  async ensureBlob(
    blob: BlobInfo,
    sources: readonly Repository[],
    options: EnsureOptions,
  ): Promise<BlobOutcome> {
    const { stop, mountOnly, isNeeded = () => true, isNeededAtLast = () => Promise.resolve(true) } = options;
    if (isAborted(stop)) return { kind: "stopped" };
    if (!isNeeded()) return { kind: "unneeded" };
    if ((await this.#blobs.size(blob.digest)) === blob.size) return { kind: "present" };
    const error = this.#blobUnknown(blob.digest);
    if (blob.foreign) return { kind: "absent", toleratedBy: "any", error };
    if (!(await isNeededAtLast())) return { kind: "unneeded" };
    if (mountOnly) {
      const what = `${this.#name(blob.digest)} would have to be copied: nothing can be mounted in a layout`;
      throw new ManifestError("MOUNT_REFUSED", what, { subject: blob.digest });
    }
    const others = sources.filter(({ location }) => !isSameLocation(location, this.location));
    const [first] = others;
    if (first !== undefined) options.onEvent?.({ kind: "queued", blob, source: first.location });
    return this.#copies(() => this.#copy(blob, others, options));
  }

  async put(manifest: Manifest, tags: readonly string[], options: PutOptions = {}): Promise<void> {
    const { digest, bytes } = manifest;
    const { signal, role, restore, says, aroundMove } = options;
    checkPut(this.#name(digest), manifest, tags);
    await this.#checkChildren(manifest, restore);
    signal?.throwIfAborted();
    if (!(await this.#isIntact(digest))) await this.#write(digest, [bytes]);
    const isListed =
      role === "root" || tags.length > 0 || (manifest.subject !== undefined && role !== "child");
    if (!isListed) return;
    signal?.throwIfAborted();
    await this.#make();
    // What index.json names is on the disk before it.
    await this.#blobs.sync();
    const move = (): Promise<void> =>
      this.#index.change((entries) => withManifest(entries, manifest, tags, says));
    await (aroundMove === undefined || tags.length === 0 ? move() : aroundMove(tags, move));
  }

  async *referrers(digest: string, artifactType?: string): AsyncGenerator<Descriptor> {
    for (const { descriptor: found } of await this.#referring(digest)) {
      if (artifactType === undefined || found.artifactType === artifactType) yield found;
    }
  }

  async listedReferrers(digest: string): Promise<Descriptor[]> {
    return (await this.#referring(digest)).map(({ listed }) => listed);
  }

  async #referring(digest: string): Promise<readonly LayoutReferrer[]> {
    checkDigest(digest);
    const index = (await this.#isLayout()) ? await this.#index.read() : undefined;
    return index === undefined ? [] : this.#referrers.of(index, digest);
  }

  async #get(reference: string): Promise<Manifest> {
    const name = this.#name(reference);
    if (reference.includes(":")) {
      const manifest = await this.#read(reference);
      if (manifest === undefined) throw unknown(name);
      return manifest;
    }
    const entries = await this.#entries();
    const tagged = taggedWith(entries, reference);
    if (tagged.length === 0) throw unknown(name, choice(rootsOf(entries)));
    const only = onlyOf(tagged);
    if (only === undefined) throw unknown(name, choice(tagged), "could be several images");
    const { digest, mediaType } = only.descriptor;
    const fault = digestFault(digest);
    if (fault !== undefined) throw invalidIndex(name, `${goQuote(digest)}: ${fault}`);
    const manifest = await this.#read(digest, mediaType);
    if (manifest === undefined) throw unknown(name, `index.json says that it is ${digest}, which is missing`);
    return manifest;
  }

  /** A manifest by its digest; undefined if it is not there. */
  async #read(digest: string, mediaType = ""): Promise<Manifest | undefined> {
    const bytes = await this.#blobs.read(digest, MAX_MANIFEST);
    if (bytes === undefined) return undefined;
    try {
      return withExactBytes(parseManifest(mediaType, bytes), bytes, digest);
    } catch (error) {
      if (!(error instanceof ManifestError)) throw error;
      const message = `${this.#name(digest)}: ${error.message}`;
      throw new ManifestError(error.code, message, { subject: digest, cause: error });
    }
  }

  async #isIntact(digest: string): Promise<boolean> {
    try {
      return (await this.#blobs.read(digest, MAX_MANIFEST)) !== undefined;
    } catch (error) {
      if (hasCode(error, "DIGEST_MISMATCH", "LIMIT")) return false;
      throw error;
    }
  }

  async #copy(blob: BlobInfo, sources: readonly Repository[], options: EnsureOptions): Promise<BlobOutcome> {
    const { signal, stop, onEvent } = options;
    const ends = either(signal, stop);
    let refusal: ManifestError | undefined;
    for (const source of sources) {
      if (isAborted(stop)) return { kind: "stopped" };
      signal?.throwIfAborted();
      onEvent?.({ kind: "copying", blob, source: source.location });
      const onBytes = (count: number, done: number): void => onEvent?.({ kind: "bytes", blob, count, done });
      try {
        await this.#write(
          blob.digest,
          readBlob(source, blob, { resumes: this.#resumes, signal: ends, onBytes }),
        );
        return { kind: "copied", source: source.location };
      } catch (error) {
        if (isAborted(stop)) return { kind: "stopped" };
        if (isHidden(error)) refusal ??= error;
        else if (!hasCode(error, "BLOB_UNKNOWN")) throw error;
      }
    }
    if (isAborted(stop)) return { kind: "stopped" };
    if (refusal !== undefined) throw refusal;
    return { kind: "absent", toleratedBy: "windows", error: this.#blobUnknown(blob.digest) };
  }

  async #write(digest: string, pieces: AsyncIterable<Buffer> | Iterable<Buffer>): Promise<void> {
    await this.#make();
    await this.#blobs.write(digest, pieces);
  }

  /** A registry refuses an index whose manifests it does not have, and some readers refuse a layout with one. */
  async #checkChildren({ digest, children }: Manifest, restore?: () => Promise<void>): Promise<void> {
    const firstMissing = async (): Promise<string | undefined> => {
      const sizes = await Promise.all(children.map((child) => this.#blobs.size(child.digest)));
      return children[sizes.indexOf(undefined)]?.digest;
    };
    if ((await firstMissing()) === undefined) return;
    await restore?.();
    const child = await firstMissing();
    if (child === undefined) return;
    throw new ManifestError(
      "MANIFEST_NOT_PUSHED",
      `${this.#name(digest)}: ${child}, which it names, is not there`,
      {
        subject: child,
      },
    );
  }

  async #isLayout(): Promise<boolean> {
    if (this.#isThere) return true;
    const path = join(this.#folder, LAYOUT_FILE);
    const bytes = await readFile(path, MAX_LAYOUT_FILE);
    if (bytes === undefined) return false;
    if (!isLayoutFile(bytes)) {
      throw new ManifestError("INVALID_MANIFEST", `${path}: not of an OCI image layout of version 1`, {
        subject: path,
        hint: "docker buildx build --output type=oci,tar=false,dest=DIR writes one",
      });
    }
    this.#isThere = true;
    return true;
  }

  async #checkLayout(): Promise<void> {
    if (await this.#isLayout()) return;
    const name = formatLocation(this.location);
    const found = await lstat(this.#folder).catch(() => undefined);
    if (found === undefined) throw unknown(name, "there is no such folder");
    const why = found.isFile()
      ? "a file, and layouts are read from folders only"
      : `it has no file ${LAYOUT_FILE}`;
    const message = `${name}: not an OCI image layout: ${why}`;
    throw new ManifestError("INVALID_MANIFEST", message, { subject: this.#folder });
  }

  #make(): Promise<void> {
    this.#made ??= this.#makeOnce().catch((error: unknown) => {
      this.#made = undefined;
      throw error;
    });
    return this.#made;
  }

  /** Makes the layout if there is none. The file by which it is one comes last. */
  async #makeOnce(): Promise<void> {
    await makeFolder(this.#folder);
    await sweep(this.#folder);
    if (await this.#isLayout()) return;
    const blobs = join(this.#folder, "blobs");
    if (!(await isFolder(blobs))) await makeFolder(blobs);
    await this.#index.change((entries) => entries);
    await writeFile(this.#folder, join(this.#folder, LAYOUT_FILE), [Buffer.from(LAYOUT_TEXT)]);
    await syncFolder(this.#folder);
  }

  async #entries(): Promise<readonly IndexEntry[]> {
    return (await this.#index.read())?.entries ?? [];
  }

  #blobUnknown(digest: string): ManifestError {
    return new NotFoundError("BLOB_UNKNOWN", `${this.#name(digest)} is not there`, { subject: digest });
  }

  #name(reference: string): string {
    return `${formatLocation(this.location)}${reference.includes(":") ? "@" : ":"}${reference}`;
  }
}

function checkPut(name: string, { digest, bytes }: Manifest, tags: readonly string[]): void {
  checkDigest(digest);
  const other = tags.find((tag) => !isTag(tag));
  if (other !== undefined)
    throw new ManifestError("INVALID_REFERENCE", `"${other}" is not a tag`, { subject: other });
  const actual = digestLike(digest, bytes);
  if (actual !== digest) {
    throw new ManifestError("DIGEST_MISMATCH", `${name}: given content with digest ${actual}`, {
      subject: digest,
    });
  }
  if (bytes.byteLength <= MAX_MANIFEST) return;
  throw new ManifestError("LIMIT", `${name}: a manifest of more than ${MAX_MANIFEST} bytes`, {
    subject: digest,
  });
}

function isLayoutFile(bytes: Buffer): boolean {
  try {
    return z.safeParse(LayoutFile, parseJson(bytes)).success;
  } catch {
    return false;
  }
}

/** Removes what killed processes left. */
async function sweep(folder: string): Promise<void> {
  const names = await withSubject(folder, () => readdir(folder));
  for (const name of names.filter(isScratch)) {
    const path = join(folder, name);
    const found = await lstat(path).catch(() => undefined);
    const isOld = found !== undefined && Date.now() - found.mtimeMs > LEFTOVER_MS;
    if (isOld) await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}

function invalidIndex(name: string, what: string): ManifestError {
  return new ManifestError("INVALID_DIGEST", `${name}: index.json says that it is ${what}`, {
    subject: name,
    hint: "the layout is damaged: write it anew",
  });
}

/** What there is to choose from, for people. */
function choice(entries: readonly IndexEntry[]): string {
  const names = shown(entries);
  return names === "" ? "name one by its digest: none has a tag" : `there are: ${names}`;
}

/** An error about our credentials: another source may show what this one hides. */
function isHidden(error: unknown): error is ManifestError {
  if (!(error instanceof ManifestError)) return false;
  if ("status" in error && (error.status === 401 || error.status === 403)) return true;
  return hasCode(error, "UNAUTHENTICATED", "CREDENTIALS_MISSING");
}

/** A function, because TypeScript would assume that `aborted` does not change. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

function unknown(subject: string, hint?: string, what = "is not there"): ManifestError {
  return new NotFoundError("MANIFEST_UNKNOWN", `${subject} ${what}`, { subject, hint });
}
