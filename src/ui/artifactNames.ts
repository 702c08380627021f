import type { TreeNode } from "../look/listTree.js";
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from "../oci/mediaTypes.js";

/** What people call manifests, artifacts and statements, by their types. */

const MANIFEST_NAMES = new Map([
  [OCI_INDEX, "OCI index"],
  [OCI_MANIFEST, "OCI manifest"],
  [DOCKER_LIST, "docker manifest list"],
  [DOCKER_MANIFEST, "docker manifest"],
]);

export function manifestName(mediaType: string): string {
  return MANIFEST_NAMES.get(mediaType) ?? (mediaType === "" ? "no type" : mediaType);
}

/** Types of artifacts, of their configs and of their layers. */
const ARTIFACTS: readonly (readonly [type: RegExp, name: string])[] = [
  [/^application\/vnd\.dev\.cosign\.(?:artifact\.sig|simplesigning)\./, "signature"],
  [/^application\/vnd\.cncf\.notary\.signature$/, "signature"],
  [/^application\/vnd\.(?:docker|oci)\.attestation\./, "attestation"],
  [/^application\/vnd\.(?:in-toto\b|dsse\.envelope)/, "attestation"],
  [/^application\/(?:vnd\.dev\.cosign\.artifact\.sbom\.|vnd\.cyclonedx|vnd\.syft|spdx)|^text\/spdx/, "SBOM"],
  [/^application\/sarif/, "report"],
  [/^application\/vnd\.cncf\.helm\.config\./, "Helm chart"],
  [/^application\/vnd\.wasm\.config\./, "WebAssembly module"],
  [/^application\/vnd\.dev\.sigstore\.bundle/, "sigstore bundle"],
];

const TAG_NAMES = new Map([
  ["sig", "signature"],
  ["att", "attestation"],
  ["sbom", "SBOM"],
]);

const PREDICATES: readonly (readonly [type: RegExp, name: string])[] = [
  [/^https:\/\/spdx\.dev\/Document/, "SPDX SBOM"],
  [/^https:\/\/cyclonedx\.org\/bom/, "CycloneDX SBOM"],
  [/^https:\/\/slsa\.dev\/provenance\//, "SLSA provenance"],
  [/^https:\/\/slsa\.dev\/verification_summary\//, "SLSA verification summary"],
  [/^https:\/\/sigstore\.dev\/cosign\/sign\//, "signature"],
  [/^https:\/\/cosign\.sigstore\.dev\/attestation\/vuln\//, "vulnerability report"],
  [/^https:\/\/in-toto\.io\/attestation\/vulns/, "vulnerability report"],
];

/** What the statements are about: `SLSA provenance v1`; the type itself where nobody has a word for it. */
export function predicateName(type: string): string {
  const name = PREDICATES.find(([known]) => known.test(type))?.[1];
  if (name === undefined) return type;
  const version = /\/(v\d[\w.]*)$/.exec(type)?.[1];
  return version === undefined || name === "signature" ? name : `${name} ${version}`;
}

/** In a word or two: `linux/arm64`, `attestation`, `signature`. */
export function nodeLabel(node: TreeNode): string {
  const { kind, platform, foundBy, tag, artifactType, layers, annotations, predicateTypes } = node;
  if (foundBy === undefined && kind === "image") return platform ?? "image";
  if (foundBy === undefined && kind === "index") return platform ?? "index";
  if (annotations["vnd.docker.reference.type"] === "attestation-manifest") return "attestation";
  const byTag = TAG_NAMES.get(tag?.slice(tag.lastIndexOf(".") + 1) ?? "");
  if (byTag !== undefined) return byTag;
  if (predicateTypes.some((type) => predicateName(type) === "signature")) return "signature";
  const types = [artifactType ?? "", ...layers.map(({ mediaType }) => mediaType)];
  const named = types.map((type) => ARTIFACTS.find(([known]) => known.test(type))?.[1]).find(Boolean);
  if (named === "sigstore bundle" && predicateTypes.length > 0) return "attestation";
  if (named !== undefined || kind !== "unknown") return named ?? kind;
  return foundBy === undefined ? (platform ?? "entry") : "referrer";
}
