import { OCI_INDEX } from "../../src/oci/mediaTypes.js";
import type { Built, Descriptor, ImageOptions } from "../../src/testing/index.js";
import type { Peer } from "./peer.js";

/** What the jobs of a build push, and what people attach to it afterwards. */

export const ATTESTATION_TYPE = "application/vnd.docker.attestation.manifest.v1+json";
export const COSIGN_SIGNATURE = "application/vnd.dev.cosign.artifact.sig.v1+json";
export const SIGSTORE_BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json";
export const SBOM = "application/spdx+json";

/** What `docker buildx build` pushes: an index of an image and its attestation. */
export interface Build {
  readonly index: Descriptor & { readonly body: Buffer };
  readonly image: Built;
  readonly attestation: Built;
}

export interface BuildOptions extends Pick<ImageOptions, "architecture" | "variant" | "layers" | "seed"> {
  readonly tag?: string;
}

export function putBuild(peer: Peer, repository: string, options: BuildOptions = {}): Build {
  const { tag, ...ofImage } = options;
  const image = peer.putImage(repository, { kind: "oci", ...ofImage });
  const attestation = peer.putImage(repository, {
    kind: "oci",
    os: "unknown",
    architecture: "unknown",
    layers: [JSON.stringify({ predicate: `how ${image.digest} was made` })],
  });
  const manifests = [
    { ...described(image), platform: image.platform },
    {
      ...described(attestation),
      annotations: {
        "vnd.docker.reference.digest": image.digest,
        "vnd.docker.reference.type": "attestation-manifest",
      },
      platform: { architecture: "unknown", os: "unknown" },
    },
  ];
  const body = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }, undefined, 2),
  );
  return { index: { ...peer.putManifest(repository, OCI_INDEX, body, tag), body }, image, attestation };
}

/** `sha256-<hex>`: the name that what is attached to a manifest has where there is no referrers API. */
export function attachedTag(digest: string): string {
  return digest.replace(":", "-");
}

/** Something of a type that is attached to a manifest: found by the referrers API, since it names its subject. */
export function attach(
  peer: Peer,
  repository: string,
  subject: Descriptor,
  artifactType: string,
  seed = "",
): Built {
  return peer.putImage(repository, {
    kind: "oci",
    subject: described(subject),
    artifactType,
    layers: [`${artifactType} of ${subject.digest} ${seed}`],
  });
}

/** Something that is attached as cosign does it by default: by a tag that has the digest in it. */
export function attachByTag(
  peer: Peer,
  repository: string,
  subject: Descriptor,
  suffix: "sig" | "att" | "sbom",
  seed = "",
): Built {
  return peer.putImage(repository, {
    kind: "oci",
    tag: `${attachedTag(subject.digest)}.${suffix}`,
    layers: [`${suffix} of ${subject.digest} ${seed}`],
  });
}

/** Lists referrers under the tag that stands in for the referrers API, as clients leave it there. */
export function putFallbackIndex(
  peer: Peer,
  repository: string,
  subject: Descriptor,
  referrers: readonly (Descriptor & { readonly artifactType: string })[],
): Descriptor {
  const manifests = referrers.map((one) => ({ ...described(one), artifactType: one.artifactType }));
  const body = JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests });
  return peer.putManifest(repository, OCI_INDEX, body, attachedTag(subject.digest));
}

/** An index of what a repository has. */
export function putIndex(
  peer: Peer,
  repository: string,
  children: readonly Descriptor[],
  { tag, ...more }: { readonly tag?: string; readonly annotations?: Readonly<Record<string, string>> } = {},
): Descriptor {
  const manifests = children.map((child) => ({
    ...described(child),
    ...("platform" in child && { platform: child.platform }),
    ...("annotations" in child && { annotations: child.annotations }),
  }));
  const body = JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests, ...more });
  return peer.putManifest(repository, OCI_INDEX, body, tag);
}

function described({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}
