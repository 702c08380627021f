import { parseManifest } from "../../src/oci/manifest.js";
import { isForeignLayer } from "../../src/oci/mediaTypes.js";
import type { RunningRegistry } from "../../src/testing/index.js";

/** What tags stand for and is not there, directly or below: `multi/app:v1 lacks sha256:…`. */
export function findIncomplete(registry: RunningRegistry): string[] {
  return registry
    .repositories()
    .flatMap((name) =>
      registry
        .tags(name)
        .flatMap((tag) =>
          missingBelow(registry, name, tag).map((digest) => `${name}:${tag} lacks ${digest}`),
        ),
    );
}

function missingBelow(registry: RunningRegistry, repository: string, reference: string): string[] {
  const found = registry.manifest(repository, reference);
  if (found === undefined) return [reference];
  const manifest = parseManifest(found.mediaType, found.body);
  if (manifest.kind === "index") {
    return manifest.children.flatMap(({ digest }) => missingBelow(registry, repository, digest));
  }
  return manifest.blobs
    .filter(({ digest, mediaType }) => !isForeignLayer(mediaType) && !registry.hasBlob(repository, digest))
    .map(({ digest }) => digest);
}
