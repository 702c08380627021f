import { descriptor } from "../../src/oci/descriptor.js";
import { digestOf } from "../../src/oci/digest.js";
import type { Entry } from "../../src/list/entry.js";
import { compactJson } from "../../src/go/json.js";
import { parseImageManifest } from "../../src/oci/manifest.js";
import { DOCKER_MANIFEST } from "../../src/oci/mediaTypes.js";
import { locationOf } from "../../src/oci/location.js";
import { NO_PLATFORM } from "../../src/oci/platform.js";
import { parseReference } from "../../src/oci/reference.js";

/** An entry of a made-up image, for tests of the store. `seed` makes its manifest differ from others. */
export function entryOf(name: string, { seed = name, architecture = "amd64" } = {}): Entry {
  const raw = Buffer.from(
    JSON.stringify(
      {
        schemaVersion: 2,
        mediaType: DOCKER_MANIFEST,
        config: {
          mediaType: "application/vnd.docker.container.image.v1+json",
          size: seed.length,
          digest: digestOf(Buffer.from(seed)),
        },
        layers: [],
      },
      undefined,
      3,
    ),
  );
  const platform = { ...NO_PLATFORM, architecture, os: "linux" };
  return {
    ref: parseReference(name),
    source: locationOf(parseReference(name)),
    descriptor: { ...descriptor(DOCKER_MANIFEST, digestOf(raw), raw.byteLength), platform },
    raw,
    manifest: parseImageManifest(DOCKER_MANIFEST, compactJson(raw)),
  };
}
