import * as z from "zod/mini";
import { hasCode } from "../errors.js";
import { goStruct, goText, parseJson } from "../go/json.js";
import { descriptor, type Descriptor } from "../oci/descriptor.js";
import { isDigest } from "../oci/digest.js";
import { DOCKER_LIST, DOCKER_MANIFEST } from "../oci/mediaTypes.js";
import { namedManifest, readJsonBlob, type Named } from "./inspectedName.js";
import type { Layout } from "./layout.js";
import { taggedWith } from "./layoutIndex.js";
import { IndexFile } from "./layoutIndexFile.js";

/** What names stand for in OCI layouts, as `docker buildx imagetools` has it. */

/** A tag, a digest, or both; the digest comes first. */
export interface LayoutChoice {
  readonly tag?: string | undefined;
  readonly digest?: string | undefined;
}

/** Which manifest of a layout is meant. Where neither is given, it is the one that `defaultReference` says. */
export async function chooseInLayout(layout: Layout, { tag, digest }: LayoutChoice): Promise<LayoutChoice> {
  if (tag !== undefined || digest !== undefined) return { tag, digest };
  const reference = await layout.defaultReference();
  return isDigest(reference) ? { digest: reference } : { tag: reference };
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
  return namedManifest(
    listed?.descriptor ?? descriptor(mediaType, manifest.digest, bytes.byteLength),
    manifest,
  );
}

async function readDigestInLayout(layout: Layout, digest: string, signal: AbortSignal): Promise<Named> {
  const describe = (bytes: Buffer): Descriptor =>
    descriptor(detectMediaType(bytes), digest, bytes.byteLength);
  try {
    const manifest = await layout.get(digest, { signal });
    return namedManifest(describe(manifest.bytes), manifest);
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

const Typed = goStruct({ mediaType: goText, config: z.optional(z.unknown()) });

/** What buildx takes content of a layout for that it is given by its digest alone. */
function detectMediaType(bytes: Buffer): string {
  const parsed = z.safeParse(Typed, parseJson(bytes));
  if (parsed.success && parsed.data.mediaType !== "") return parsed.data.mediaType;
  return parsed.data?.config === undefined ? DOCKER_LIST : DOCKER_MANIFEST;
}
