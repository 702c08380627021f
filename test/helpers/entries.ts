import { descriptor } from "../../src/manifest/descriptor.js";
import { digestOf } from "../../src/manifest/digest.js";
import type { Entry } from "../../src/manifest/entry.js";
import { compactJson } from "../../src/manifest/goJson.js";
import { parseImageManifest } from "../../src/manifest/image.js";
import { DOCKER_MANIFEST } from "../../src/manifest/mediaTypes.js";
import { NO_PLATFORM } from "../../src/manifest/platform.js";
import { parseReference } from "../../src/manifest/reference.js";

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
    descriptor: { ...descriptor(DOCKER_MANIFEST, digestOf(raw), raw.byteLength), platform },
    raw,
    manifest: parseImageManifest("docker", compactJson(raw)),
  };
}
