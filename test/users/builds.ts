import { parseManifest, type Manifest } from "../../src/oci/manifest.js";
import { OCI_INDEX, OCI_MANIFEST } from "../../src/oci/mediaTypes.js";
import { formatPlatform } from "../../src/oci/platformName.js";
import type { Built, Content, Descriptor, ImageOptions } from "../../src/testing/index.js";

/** What builds leave in a registry, and what is found there afterwards. */

/** An index of images, each with its attestation, as `docker buildx build --push` makes one. */
export interface BuildxBuild {
  readonly index: Descriptor;
  readonly images: readonly Built[];
  readonly attestations: readonly Descriptor[];
}

/** Builds images of these platforms by buildx, with provenance, as it does unless told otherwise. */
export function buildxPush(
  registry: Content,
  name: string,
  ...platforms: readonly ImageOptions[]
): BuildxBuild {
  const [repository = "", tag] = name.split(":");
  const images = platforms.map((image) => registry.putImage(repository, { kind: "oci", ...image }));
  const attestations = images.map(({ digest }) => provenance(registry, repository, digest));
  const manifests = [
    ...images.map(({ mediaType, digest, size, platform }) => ({ mediaType, digest, size, platform })),
    ...attestations.map((attestation, at) => ({
      ...attestation,
      annotations: {
        "vnd.docker.reference.digest": images[at]?.digest,
        "vnd.docker.reference.type": "attestation-manifest",
      },
      platform: { architecture: "unknown", os: "unknown" },
    })),
  ];
  const body = JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }, undefined, 2);
  return { index: registry.putManifest(repository, OCI_INDEX, body, tag), images, attestations };
}

function provenance(registry: Content, repository: string, digest: string): Descriptor {
  const statement = JSON.stringify({ predicateType: "https://slsa.dev/provenance/v1", subject: [{ digest }] });
  const config = registry.putBlob(
    repository,
    JSON.stringify({ architecture: "unknown", os: "unknown", about: digest }),
    "application/vnd.oci.image.config.v1+json",
  );
  const layer = {
    ...registry.putBlob(repository, statement, "application/vnd.in-toto+json"),
    annotations: { "in-toto.io/predicate-type": "https://slsa.dev/provenance/v1" },
  };
  const body = JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [layer] });
  return registry.putManifest(repository, OCI_MANIFEST, body);
}

/** What the registry has under a name, `repository:tag`. */
export function listAt(registry: Content, name: string): Manifest {
  const [repository = "", tag = ""] = name.split(":");
  const found = registry.manifest(repository, tag);
  if (found === undefined) throw new Error(`the registry has no ${name}`);
  return parseManifest(found.mediaType, found.body);
}

/** The platforms of a list, in its order: `linux/arm64`; those of attestations are `unknown/unknown`. */
export function platformsAt(registry: Content, name: string): string[] {
  return listAt(registry, name).children.map(({ platform }) =>
    platform === undefined ? "" : formatPlatform(platform),
  );
}

/** The digests of a list's entries. */
export function digestsAt(registry: Content, name: string): string[] {
  return listAt(registry, name).children.map(({ digest }) => digest);
}

/** Which image each attestation of a list is for: `[attestation, image]`. */
export function attestedAt(registry: Content, name: string): (readonly [string, string | undefined])[] {
  return listAt(registry, name)
    .children.filter(({ annotations }) => annotations["vnd.docker.reference.type"] === "attestation-manifest")
    .map(({ digest, annotations }) => [digest, annotations["vnd.docker.reference.digest"]] as const);
}

/** Is a list in its repository with all that it is made of? */
export function isComplete(registry: Content, name: string): boolean {
  const [repository = ""] = name.split(":");
  return listAt(registry, name).children.every(({ digest }) => {
    const child = registry.manifest(repository, digest);
    if (child === undefined) return false;
    const { blobs } = parseManifest(child.mediaType, child.body);
    return blobs.every((blob) => blob.urls.length > 0 || registry.hasBlob(repository, blob.digest));
  });
}
