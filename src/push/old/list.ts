import { ManifestError } from "../../errors.js";
import { digestFault } from "../../oci/digest.js";
import type { Entry } from "../../list/entry.js";
import { goObject, goString, goStringOrOmit, indentJson } from "../../go/json.js";
import { DOCKER_LIST, OCI_INDEX, OCI_MANIFEST } from "../../oci/mediaTypes.js";
import type { Descriptor } from "../../oci/descriptor.js";
import { encodePlatform, NO_PLATFORM } from "../../oci/platform.js";
import { formatReference } from "../../oci/reference.js";

/** An OCI index if the first image is an OCI one, else docker's manifest list: docker's rule. */
export function listMediaType(manifests: readonly Descriptor[]): string {
  return manifests[0]?.mediaType === OCI_MANIFEST ? OCI_INDEX : DOCKER_LIST;
}

/**
 * The bytes of a list, as docker writes them: three spaces a level, no final newline, no annotations.
 * https://distribution.github.io/distribution/spec/manifest-v2-2/#manifest-list
 */
export function encodeList(manifests: readonly Descriptor[]): Buffer {
  const items = manifests.map((item) =>
    goObject([
      ["mediaType", goStringOrOmit(item.mediaType)],
      ["size", item.size === 0 ? undefined : String(item.size)],
      ["digest", goStringOrOmit(item.digest)],
      ["platform", encodePlatform(item.platform ?? NO_PLATFORM)],
    ]),
  );
  const list = goObject([
    ["schemaVersion", "2"],
    ["mediaType", goString(listMediaType(manifests))],
    ["manifests", `[${items.join(",")}]`],
  ]);
  return indentJson(Buffer.from(list), "   ");
}

/**
 * What a list of this registry says of an entry. Throws docker's message for an entry of another registry and for a
 * digest that is none.
 */
export function listItem(entry: Entry, targetDomain: string, anyRegistry = false): Descriptor {
  if (entry.ref.domain !== targetDomain && !anyRegistry) {
    throw new ManifestError(
      "INVALID_DIGEST",
      `cannot use source images from a different registry than the target image: ${entry.ref.domain} != ${targetDomain}`,
    );
  }
  const fault = digestFault(entry.descriptor.digest);
  if (fault !== undefined) {
    throw new ManifestError(
      "INVALID_DIGEST",
      `digest parse of image ${goString(formatReference(entry.ref))} failed: ${fault}`,
    );
  }
  return entry.descriptor;
}
