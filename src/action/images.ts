import { formatPlace, parsePlace } from "../content/place.js";
import { parseSourceText } from "../content/sourceText.js";
import { parseManifest } from "../oci/manifest.js";

/**
 * The repositories of names, each once, in their order, with a digest: what one signs.
 * @example
 * namesByDigest(["ghcr.io/me/app:1.2", "ghcr.io/me/app:latest"], digest); // ["ghcr.io/me/app@sha256:…"]
 */
export function namesByDigest(names: readonly string[], digest: string): string[] {
  return [...new Set(names.map((name) => formatPlace({ ...parsePlace(name), tag: undefined, digest })))];
}

/** The names of sources that say where they are. */
export function sourceNames(sources: readonly string[]): string[] {
  return sources.flatMap((text) => {
    const source = parseSourceText(text);
    return source.kind === "place" ? [formatPlace(source.place)] : [];
  });
}

/** How large an image is by its manifest, in bytes: its config and its layers. Undefined for what is no image. */
export function imageSize(bytes: Buffer): number | undefined {
  const { kind, blobs } = parseManifest("", bytes);
  return kind === "index" ? undefined : blobs.reduce((sum, { size }) => sum + Number(size), 0);
}
