/** What bounds the work that a hostile index could make. */

/** Indexes in indexes, and signatures of signatures, are followed this deep. */
export const MAX_NESTING = 4;
/** No registry takes a larger index: 4 MiB hold some 20,000 of the shortest descriptors. */
export const MAX_MANIFESTS = 10_000;
