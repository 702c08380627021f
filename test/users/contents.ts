import { parseManifest, type Manifest } from "../../src/oci/manifest.js";
import { OCI_INDEX } from "../../src/oci/mediaTypes.js";
import { formatPlatform } from "../../src/oci/platformName.js";
import type { Built, Content } from "../../src/testing/index.js";
import { putBuild, type BuildOptions } from "../helpers/builds.js";
import type { Peer } from "../helpers/peer.js";
import { listOf } from "../helpers/workplace.js";

/** What builds for several platforms leave in a registry, and what is found there afterwards. */

/** An index of images with an attestation each, the images first: `docker buildx build --platform A,B --push`. */
export function putMultiBuild(
  peer: Peer,
  name: string,
  ...platforms: readonly BuildOptions[]
): { readonly images: readonly Built[]; readonly attestations: readonly Built[] } {
  const [repository = "", tag] = name.split(":");
  const builds = platforms.map((options) => putBuild(peer, repository, options));
  const entries = builds.map(({ index }) => listOf(index.body).manifests);
  const manifests = [0, 1].flatMap((at) => entries.map((of) => of[at]));
  peer.putManifest(
    repository,
    OCI_INDEX,
    JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }),
    tag,
  );
  return {
    images: builds.map(({ image }) => image),
    attestations: builds.map(({ attestation }) => attestation),
  };
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
