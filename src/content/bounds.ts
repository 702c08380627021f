/** Limits to the work that a hostile index can cause. */

/** How deep indexes in indexes, and signatures of signatures, are followed. */
export const MAX_NESTING = 4;
/** No registry takes a larger index: 4 MiB hold some 20,000 of the shortest descriptors. */
export const MAX_MANIFESTS = 10_000;
