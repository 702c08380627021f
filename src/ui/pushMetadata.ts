import * as z from "zod/mini";
import { formatLocation, type Location } from "../oci/location.js";
import { jsonDocument } from "./jsonDocument.js";
import type { ListResult } from "./listResult.js";

/**
 * What `--metadata-file` holds after a push: docker buildx's keys, so that whatever reads the metadata of a build reads this,
 * and ours behind them.
 * https://docs.docker.com/reference/cli/docker/buildx/build/#metadata-file
 */
export const PushMetadata = z.object({
  "containerimage.descriptor": z.object({ mediaType: z.string(), digest: z.string(), size: z.int() }),
  "containerimage.digest": z.string(),
  /** The repositories that the list was pushed to, sorted, separated by commas; layouts are none. */
  "image.name": z.string(),
  /** `linux/arm/v7`, each once, in the order of the list. */
  "tsmanifest.platforms": z.array(z.string()),
  /** The names that it has now, whole. */
  "tsmanifest.tags": z.array(z.string()),
});
export type PushMetadata = z.infer<typeof PushMetadata>;

/** The metadata of what was pushed to these places, as the bytes of the file: two spaces a level, as docker buildx has it. */
export function encodePushMetadata(
  result: ListResult,
  targets: readonly { readonly location: Location }[],
): Buffer {
  return Buffer.from(jsonDocument(pushMetadata(result, targets)));
}

/** The same as data. */
export function pushMetadata(
  { digest = "", mediaType = "", size = 0, platforms, tags }: ListResult,
  targets: readonly { readonly location: Location }[],
): PushMetadata {
  const repositories = targets.flatMap(({ location }) =>
    location.kind === "registry" ? [formatLocation(location)] : [],
  );
  return {
    "containerimage.descriptor": { mediaType, digest, size },
    "containerimage.digest": digest,
    "image.name": [...new Set(repositories)].sort().join(","),
    "tsmanifest.platforms": platforms,
    "tsmanifest.tags": tags,
  };
}
