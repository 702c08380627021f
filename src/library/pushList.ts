import { ManifestError } from "../errors.js";
import type { Draft } from "../list/draft.js";
import type { ListResult } from "../ui/listResult.js";
import { readTargets } from "./names.js";
import { checkOptions, isDraft, PUSH_DRAFT_OPTIONS, PUSH_LIST_OPTIONS } from "./options.js";
import { pushDraftTo, type PushDraftOptions } from "./pushDraft.js";
import type { TransferOptions } from "./pushSettings.js";
import { pushSources, type ListOptions } from "./pushSources.js";
import type { ListSource } from "./sources.js";

/** How a list is made of sources and pushed in one go. */
export interface PushListOptions extends TransferOptions, ListOptions {
  /** What the list is made of, in its order. */
  readonly from: readonly ListSource[];
}

/**
 * Makes a list of sources as `docker buildx imagetools create` does, and pushes it under all names: what its images need is
 * mounted, or copied where that cannot be done. The tags move when everything is there, everywhere; what is as it should
 * be already is not sent again.
 *
 * @param name of the list, or several: `registry.example/app:v1`, `oci-layout://out:v1`
 * @param options what it is made of, how registries are reached, progress
 * @returns what the names have now, with the digest of the list, its entries, and what was sent; see {@link ListResult}
 * @throws NotFoundError (MANIFEST_UNKNOWN) for a source that is not there; INVALID_REFERENCE, INVALID_PLATFORM,
 *   INVALID_SOURCE, USAGE for what it was called with; EXPECTATION, NO_MATCH for a list that is not as it should be;
 *   BLOB_NOT_PUSHED, MANIFEST_NOT_PUSHED, TAG_IMMUTABLE; UNAUTHENTICATED, REGISTRY, TRANSPORT; NOT_VERIFIED with `verify`
 * @example
 * const { digest } = await pushList(["registry.example/app:v1", "mirror.example/app:v1"], {
 *   from: ["registry.example/app:v1-amd64", "registry.example/app:v1-arm64"],
 *   expect: ["linux/amd64", "linux/arm64"],
 *   docker: userDocker(),
 * });
 */
export function pushList(name: string | readonly string[], options: PushListOptions): Promise<ListResult>;
/**
 * Pushes a draft as `docker manifest push` does, to its own name or to others.
 * @param draft as `createDraft` makes it
 * @param options where it goes, how registries are reached, progress
 * @throws PlanError for what docker refuses before its first request (LIST_EMPTY, PLATFORM_MISSING, …), and what is
 *   thrown above
 * @example
 * const draft = await createDraft("registry.example/app:v1", ["registry.example/app:v1-amd64"]);
 * await pushList(draft, { to: ["registry.example/app:v1", "registry.example/app:latest"] });
 */
export function pushList(draft: Draft, options?: PushDraftOptions): Promise<ListResult>;
export async function pushList(
  list: string | readonly string[] | Draft,
  options: PushListOptions | PushDraftOptions = {},
): Promise<ListResult> {
  if (isDraft(list)) {
    checkOptions(PUSH_DRAFT_OPTIONS, options);
    return pushDraftTo(list, options);
  }
  checkOptions(PUSH_LIST_OPTIONS, options);
  const targets = readTargets(list);
  if (!("from" in options)) throw new ManifestError("USAGE", "what the list is made of is missing: from");
  return pushSources(targets, options.from, "nothing", options);
}
