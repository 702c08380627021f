import { ManifestError, NotFoundError } from "../errors.js";
import { parseJson } from "../go/json.js";
import { descriptor, type Descriptor } from "../oci/descriptor.js";
import type { Manifest } from "../oci/manifest.js";
import { formatReference, type Reference } from "../oci/reference.js";
import type { Repository } from "./repository.js";

/** What a registry says of a blob when it is asked for its type. */
const BLOB_TYPE = "application/octet-stream";

/** What a name stands for. */
export interface Named {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
  /** Undefined for another blob of JSON, such as a config: both can be named by their digest. */
  readonly manifest: Manifest | undefined;
}

/**
 * Reads what a reference names; by digest where it has both tag and digest, as buildx does (docker goes by the tag).
 * @throws MANIFEST_UNKNOWN, with the whole reference as its subject, if it is not there
 */
export async function readReference(
  ref: Reference,
  repository: Repository,
  signal: AbortSignal,
): Promise<Named> {
  const { tag = "latest", digest } = ref;
  try {
    const manifest = await repository.get(digest ?? tag, { signal });
    return namedManifest(
      descriptor(manifest.mediaType, digest ?? manifest.digest, manifest.bytes.byteLength),
      manifest,
    );
  } catch (error) {
    if (!(error instanceof NotFoundError) || error.code !== "MANIFEST_UNKNOWN") throw error;
    const bytes = digest && (await readJsonBlob(repository, digest, signal));
    if (bytes)
      return { descriptor: descriptor(BLOB_TYPE, digest, bytes.byteLength), bytes, manifest: undefined };
    const { message, hint, mayBeHidden, cause } = error;
    const subject = formatReference(ref);
    throw new NotFoundError("MANIFEST_UNKNOWN", message, { subject, hint, mayBeHidden, cause });
  }
}

export function namedManifest(item: Descriptor, manifest: Manifest): Named {
  return { descriptor: item, bytes: manifest.bytes, manifest };
}

/** A blob that is an object of JSON; undefined if it is anything else, or cannot be read. */
export async function readJsonBlob(
  repository: Repository,
  digest: string,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  try {
    const bytes = await repository.getBlob(digest, { signal });
    return isObject(parseJson(bytes)) ? bytes : undefined;
  } catch (error) {
    if (error instanceof ManifestError) return undefined;
    throw error;
  }
}

function isObject(json: unknown): boolean {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
