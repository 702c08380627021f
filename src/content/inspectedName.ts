import * as z from "zod/mini";
import { hasCode, ManifestError } from "../errors.js";
import { goStruct, goText, parseJson } from "../go/json.js";
import { descriptor, type Descriptor } from "../oci/descriptor.js";
import { isDigest } from "../oci/digest.js";
import type { Manifest } from "../oci/manifest.js";
import { DOCKER_LIST, DOCKER_MANIFEST } from "../oci/mediaTypes.js";
import { formatReference, type Reference } from "../oci/reference.js";
import type { Layout } from "./layout.js";
import { taggedWith } from "./layoutIndex.js";
import { IndexFile } from "./layoutIndexFile.js";
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
    return named(
      descriptor(manifest.mediaType, digest ?? manifest.digest, manifest.bytes.byteLength),
      manifest,
    );
  } catch (error) {
    if (!hasCode(error, "MANIFEST_UNKNOWN")) throw error;
    const bytes = digest && (await readJsonBlob(repository, digest, signal));
    if (bytes)
      return { descriptor: descriptor(BLOB_TYPE, digest, bytes.byteLength), bytes, manifest: undefined };
    const { message, hint, cause } = error;
    throw new ManifestError("MANIFEST_UNKNOWN", message, { subject: formatReference(ref), hint, cause });
  }
}

/** Which manifest of a layout is meant. Where neither is given, it is the one that `defaultReference` says. */
export async function chooseInLayout(layout: Layout, { tag, digest }: LayoutChoice): Promise<LayoutChoice> {
  if (tag !== undefined || digest !== undefined) return { tag, digest };
  const reference = await layout.defaultReference();
  return isDigest(reference) ? { digest: reference } : { tag: reference };
}

interface LayoutChoice {
  readonly tag?: string | undefined;
  readonly digest?: string | undefined;
}

/**
 * Reads a manifest of a layout. One that is named by a tag alone comes with what index.json says of it: its annotations
 * and its platform.
 * @throws MANIFEST_UNKNOWN if it is not there
 */
export async function readInLayout(
  layout: Layout,
  { tag = "latest", digest }: LayoutChoice,
  signal: AbortSignal,
): Promise<Named> {
  if (digest !== undefined) return readDigestInLayout(layout, digest, signal);
  const manifest = await layout.get(tag, { signal });
  const listed = taggedWith((await indexOf(layout))?.entries ?? [], tag).find(
    (entry) => entry.descriptor.digest === manifest.digest,
  );
  const { mediaType, bytes } = manifest;
  return named(listed?.descriptor ?? descriptor(mediaType, manifest.digest, bytes.byteLength), manifest);
}

async function readDigestInLayout(layout: Layout, digest: string, signal: AbortSignal): Promise<Named> {
  const describe = (bytes: Buffer): Descriptor =>
    descriptor(detectMediaType(bytes), digest, bytes.byteLength);
  try {
    const manifest = await layout.get(digest, { signal });
    return named(describe(manifest.bytes), manifest);
  } catch (error) {
    if (!hasCode(error, "INVALID_MANIFEST", "UNSUPPORTED_MANIFEST", "LIMIT")) throw error;
    const bytes = await readJsonBlob(layout, digest, signal);
    if (bytes === undefined) throw error;
    return { descriptor: describe(bytes), bytes, manifest: undefined };
  }
}

function indexOf({ location }: Layout): ReturnType<IndexFile["read"]> {
  if (location.kind !== "layout") throw new Error("a layout is in a folder");
  return new IndexFile(location.folder).read();
}

function named(item: Descriptor, manifest: Manifest): Named {
  return { descriptor: item, bytes: manifest.bytes, manifest };
}

/** A blob that is an object of JSON; undefined if it is not there or anything else. */
async function readJsonBlob(
  repository: Repository,
  digest: string,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  try {
    const bytes = await repository.getBlob(digest, { signal });
    return z.safeParse(Typed, parseJson(bytes)).success ? bytes : undefined;
  } catch (error) {
    if (hasCode(error, "BLOB_UNKNOWN", "INVALID_JSON", "LIMIT")) return undefined;
    throw error;
  }
}

const Typed = goStruct({ mediaType: goText, config: z.optional(z.unknown()) });

/** What buildx takes content of a layout for that it is given by its digest alone. */
function detectMediaType(bytes: Buffer): string {
  const parsed = z.safeParse(Typed, parseJson(bytes));
  if (parsed.success && parsed.data.mediaType !== "") return parsed.data.mediaType;
  return parsed.data?.config === undefined ? DOCKER_LIST : DOCKER_MANIFEST;
}
