import type { ListResult } from "../ui/listResult.js";
import { readTargets } from "./names.js";
import { APPEND_OPTIONS, checkOptions } from "./options.js";
import { pushSources, type ListOptions } from "./pushSources.js";
import type { TransferOptions } from "./pushSettings.js";
import type { ListSource } from "./sources.js";

/** How images are added to a list. */
export interface AppendListOptions extends TransferOptions, ListOptions {
  /**
   * `merge`: an image takes the place of the one for its platform, and where there is no list one is begun. `append`: it is
   * put beside those there are, and a list that is not there is an error. Default: `merge`.
   */
  readonly mode?: "append" | "merge" | undefined;
}

/**
 * Adds images to the list that a tag names, and moves the tag. Others may do the same at the same moment: nobody's images
 * are lost, as docs/imagetools.md explains under "Appending".
 *
 * @param name of the list; of several names the first is the one that is added to, and all get the new list
 * @param sources the images that are added
 * @param options how they are added, how registries are reached, progress
 * @returns what the names have now; see {@link ListResult}
 * @throws NotFoundError (MANIFEST_UNKNOWN) for what is not there, TAG_MOVED where others were faster each time,
 *   OTHERS_OVERWRITTEN where nobody can tell what was overwritten, and what `pushList` throws
 * @example
 * await append("registry.example/app:v1", ["registry.example/app:v1-arm64"], { docker: userDocker() });
 */
export async function append(
  name: string | readonly string[],
  sources: readonly ListSource[],
  options: AppendListOptions = {},
): Promise<ListResult> {
  checkOptions(APPEND_OPTIONS, options);
  return pushSources(readTargets(name), sources, options.mode ?? "merge", options);
}
