import type { Descriptor } from "../oci/descriptor.js";
import { digestLike, isDigest } from "../oci/digest.js";

/**
 * The content that a descriptor carries itself, if it is the right one.
 * https://github.com/opencontainers/image-spec/blob/main/descriptor.md#embedded-content
 */
export function embeddedContent({ data, digest, size }: Descriptor): Buffer | undefined {
  const isWhole = data.byteLength > 0 && data.byteLength === Number(size);
  return isWhole && isDigest(digest) && digestLike(digest, data) === digest ? data : undefined;
}
