import { ManifestError } from "../errors.js";
import { formatReference, type Reference } from "../oci/reference.js";

/**
 * The name of a list's folder and of an entry's file: docker's mapping. It is not injective: `a_b` and `a/b` share
 * a name, as do `a:1` and `a-1`… which is why the store remembers whose folder it is (see `owner.ts`).
 *
 * No reference that was parsed can make a name that leads out of the store; one that was put together by hand could.
 */
export function storeName(ref: Reference): string {
  const name = formatReference(ref).replaceAll(":", "-").replaceAll("/", "_");
  if (name === "" || name.startsWith(".") || name.includes("\\") || name.includes("\0")) {
    throw new ManifestError("STORE", `${formatReference(ref)} cannot be the name of a file`);
  }
  return name;
}
