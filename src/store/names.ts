import { formatReference, type Reference } from "../manifest/reference.js";

/**
 * The name of a list's folder and of an entry's file: docker's mapping. It is not injective: `a_b` and `a/b` share
 * a name, as do `a:1` and `a-1`… which is why the store remembers whose folder it is (see `store.ts`).
 */
export function storeName(ref: Reference): string {
  return formatReference(ref).replaceAll(":", "-").replaceAll("/", "_");
}
