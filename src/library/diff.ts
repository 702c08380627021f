import { readDifference } from "../look/readDifference.js";
import type { TreeDifference } from "../look/treeDifference.js";
import { overConnection, type CallOptions } from "./connect.js";
import { CALL_OPTIONS, checkOptions } from "./options.js";
import { accessesFor, lookAt, type Lookable } from "./look.js";

/**
 * How one list (or image) differs from another: by platform, down to the layers and configs of the images that changed.
 *
 * @param from what was, by its name or as a draft
 * @param to what is now
 * @param options how registries are reached
 * @returns plain data, digests whole, sizes in bytes; `isSame` where both have the same digest
 * @throws NotFoundError (MANIFEST_UNKNOWN) if one of them is not there; USAGE, INVALID_REFERENCE, LIMIT; UNAUTHENTICATED,
 *   REGISTRY, TRANSPORT
 * @example
 * const { isSame, images } = await diff("registry.example/app:v1", "registry.example/app:v2");
 * if (!isSame) for (const { platform, change } of images) console.log(`${platform}: ${change}`);
 */
export async function diff(from: Lookable, to: Lookable, options: CallOptions = {}): Promise<TreeDifference> {
  checkOptions(CALL_OPTIONS, options);
  const [before, after] = [lookAt(from), lookAt(to)];
  return overConnection(options, accessesFor([before, after]), async (tools) => {
    const [was, is] = await Promise.all([before.read(tools), after.read(tools)]);
    return readDifference(was, is, { signal: tools.signal });
  });
}
