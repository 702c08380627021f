import type { Entry } from "../../src/list/entry.js";
import { withDigest } from "../../src/oci/reference.js";
import { entryOf } from "./entries.js";

/** The entry as `create` would have taken it from an index. */
export function inIndex(origin: string, entry: Entry): Entry {
  return { ...entry, ref: withDigest(entry.ref, entry.descriptor.digest), origins: [origin] };
}

/** BuildKit's attestation of an image, from the same index. */
export function attestationOf(image: Entry): Entry {
  const { digest } = image.descriptor;
  const [origin = "r.example/app:latest"] = image.origins ?? [];
  const entry = inIndex(origin, entryOf("r.example/app:latest", { seed: `attests ${digest}` }));
  const platform = { ...image.descriptor.platform!, os: "unknown", architecture: "unknown" };
  const annotations = {
    "vnd.docker.reference.digest": digest,
    "vnd.docker.reference.type": "attestation-manifest",
  };
  return { ...entry, descriptor: { ...entry.descriptor, platform, annotations } };
}
