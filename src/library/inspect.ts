import type { ListTree } from "../look/listTree.js";
import { readTree } from "../look/readTree.js";
import { overConnection, type CallOptions } from "./connect.js";
import { CALL_OPTIONS, checkOptions } from "./options.js";
import { accessesFor, lookAt, type Lookable } from "./look.js";

/**
 * What is behind a name: an image, or a list with its images by platform, each with its layers, its size, and what is
 * attached to it: attestations, signatures, SBOMs. Of blobs nothing is read, but configs of images whose platform nobody says.
 *
 * @param name `registry.example/app:v1`, `registry.example/app@sha256:…`, `oci-layout://out:v1`; or a draft, which is shown as
 *   a push would send it
 * @param options how registries are reached
 * @returns plain data, digests whole, sizes in bytes. What cannot be read leaves a gap: `problems` tells of each
 * @throws NotFoundError (MANIFEST_UNKNOWN) if it is not there; USAGE, INVALID_REFERENCE, INVALID_MANIFEST, LIMIT;
 *   UNAUTHENTICATED, REGISTRY, TRANSPORT
 * @example
 * const { root, totals } = await inspect("registry.example/app:v1", { docker: userDocker() });
 * for (const { platform, digest, bytes } of root.children) console.log(platform, digest, bytes);
 * console.log(`${totals.images} images, ${totals.bytes} bytes`);
 */
export async function inspect(name: Lookable, options: CallOptions = {}): Promise<ListTree> {
  checkOptions(CALL_OPTIONS, options);
  const look = lookAt(name);
  return overConnection(options, accessesFor([look]), async (tools) =>
    readTree(await look.read(tools), { signal: tools.signal }),
  );
}
