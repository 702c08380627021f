import { join } from "node:path";
import { ManifestError } from "../errors.js";
import { limitTo } from "../limit.js";
import { algorithmOf, checkDigest, digestLike } from "../oci/digest.js";
import {
  isFolder,
  makeFolder,
  openFile,
  readFile,
  sizeOf,
  syncFolder,
  writeFile,
  type OpenFile,
} from "./layoutFiles.js";

/** Files read at once. */
const MAX_OPEN = 16;

/**
 * The blobs of a layout, manifests among them: `blobs/sha256/<hex>`.
 * https://github.com/opencontainers/image-spec/blob/main/image-layout.md#blobs
 */
export class LayoutBlobs {
  readonly #layout: string;
  readonly #limit = limitTo(MAX_OPEN);
  /** Folders whose new names may not be on the disk yet. */
  readonly #unsynced = new Set<string>();

  constructor(layout: string) {
    this.#layout = layout;
  }

  /** In bytes; undefined if it is not there. */
  size(digest: string): Promise<number | undefined> {
    return this.#limit(async () => {
      const path = await this.#find(digest);
      return path === undefined ? undefined : sizeOf(path);
    });
  }

  /**
   * A whole blob, checked; undefined if it is not there.
   * @throws DIGEST_MISMATCH; LIMIT if it has more than `limit` bytes
   */
  read(digest: string, limit: number): Promise<Buffer | undefined> {
    return this.#limit(async () => {
      const path = await this.#find(digest);
      const bytes = path === undefined ? undefined : await readFile(path, limit);
      if (path === undefined || bytes === undefined) return undefined;
      const actual = digestLike(digest, bytes);
      if (actual === digest) return bytes;
      const message = `${path}: its content has the digest ${actual}`;
      throw new ManifestError("DIGEST_MISMATCH", message, { subject: digest });
    });
  }

  /** Undefined if it is not there. */
  async open(digest: string): Promise<OpenFile | undefined> {
    const path = await this.#find(digest);
    return path === undefined ? undefined : openFile(path);
  }

  /** Replaces what is there. Nothing is if the pieces, which must be checked, end by an error. */
  async write(digest: string, pieces: AsyncIterable<Buffer> | Iterable<Buffer>): Promise<void> {
    const path = this.#pathOf(digest);
    if ((await this.#find(digest)) === undefined) await makeFolder(join(path, ".."));
    await writeFile(this.#layout, path, pieces);
    this.#unsynced.add(join(path, ".."));
  }

  /** Returns when what was written is on the disk under its name. */
  async sync(): Promise<void> {
    const folders = [...this.#unsynced];
    this.#unsynced.clear();
    await Promise.all(folders.map(syncFolder));
  }

  #pathOf(digest: string): string {
    checkDigest(digest);
    const hex = digest.slice(digest.indexOf(":") + 1);
    return join(this.#layout, "blobs", algorithmOf(digest), hex);
  }

  /** Where a blob is, if anywhere; undefined where there is no folder for it. */
  async #find(digest: string): Promise<string | undefined> {
    const path = this.#pathOf(digest);
    const isThere = (await isFolder(join(path, "..", ".."))) && (await isFolder(join(path, "..")));
    return isThere ? path : undefined;
  }
}
