/**
 * The media types of manifests and layers.
 * https://github.com/opencontainers/image-spec/blob/main/media-types.md
 * https://distribution.github.io/distribution/spec/manifest-v2-2/#media-types
 */
export const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
export const DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
export const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const OCI_INDEX = "application/vnd.oci.image.index.v1+json";

/** Every kind of manifest that is asked for; without all four a registry may answer with something else. */
export const MANIFEST_TYPES: readonly string[] = [DOCKER_MANIFEST, DOCKER_LIST, OCI_MANIFEST, OCI_INDEX];

/** What the config of an image says it is; the config of anything else makes an artifact of its manifest. */
export const IMAGE_CONFIGS: ReadonlySet<string> = new Set([
  "application/vnd.oci.image.config.v1+json",
  "application/vnd.docker.container.image.v1+json",
]);

/** Is it a manifest by its type? An index may name anything; what says no type is taken for one. */
export function mayBeManifest(mediaType: string): boolean {
  return mediaType === "" || MANIFEST_TYPES.includes(baseType(mediaType));
}

/** A list of manifests rather than a manifest? */
export function isListType(mediaType: string): boolean {
  return mediaType === DOCKER_LIST || mediaType === OCI_INDEX;
}

/**
 * Layers whose content may not be distributed by a registry (Windows base layers): they are never uploaded.
 * https://github.com/opencontainers/image-spec/blob/main/layer.md#non-distributable-layers
 */
export function isForeignLayer(mediaType: string): boolean {
  return (
    mediaType === "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" ||
    mediaType.startsWith("application/vnd.oci.image.layer.nondistributable.v1.tar")
  );
}

/** A Content-Type without its parameters, in lower case. */
export function baseType(contentType: string): string {
  return (contentType.split(";", 1)[0] ?? "").trim().toLowerCase();
}

/** https://www.rfc-editor.org/rfc/rfc6838#section-4.2 */
const MEDIA_TYPE = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/;

/** Is it a media type by its grammar, known or not? */
export function isMediaType(text: string): boolean {
  return MEDIA_TYPE.test(text);
}
