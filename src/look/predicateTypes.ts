import type { Manifest } from "../oci/manifest.js";

/** What says of a layer that its statement is about: BuildKit's annotation, and cosign's. */
const LAYER_KEYS = ["in-toto.io/predicate-type", "predicateType"] as const;
/** https://github.com/sigstore/cosign/blob/main/specs/BUNDLE_SPEC.md */
const BUNDLE_KEY = "dev.sigstore.bundle.predicateType";

/** What the statements in a manifest are about, each once: `https://spdx.dev/Document`. */
export function predicateTypesOf({ blobs, annotations }: Manifest): string[] {
  const said = [
    ...blobs.flatMap((blob) => LAYER_KEYS.map((key) => blob.annotations[key])),
    annotations[BUNDLE_KEY],
  ];
  const types = said.filter((type): type is string => type !== undefined && type !== "");
  return [...new Set(types)];
}
