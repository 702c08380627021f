import { ManifestError } from "../errors.js";
import { digestFault } from "../oci/digest.js";
import { LAYOUT_SCHEME } from "../oci/location.js";
import { isTag } from "../oci/reference.js";

/** An OCI image layout, and which of its manifests is meant. */
export interface LayoutReference {
  /** As it was written, relative or not. */
  readonly folder: string;
  /** `v1`; undefined where it has none. */
  readonly tag?: string;
  /** `sha256:…`; undefined where it has none. */
  readonly digest?: string;
}

/** Is it written as the reference of a layout, rightly or wrongly? */
export function isLayoutReference(input: string): boolean {
  return input.startsWith(LAYOUT_SCHEME);
}

/**
 * Reads `oci-layout://DIR[:TAG][@DIGEST]`, as `docker buildx imagetools` has it. Nothing in DIR is decoded.
 *
 * What follows the last `@` is the digest if it begins like one (`sha256:`); what follows the last colon after that is
 * the tag, unless it has a `/` or `\`: `C:\out` and `./a:b/c` are folders, `C:\out:v1` has a tag. The folder `a:b` is
 * written `a:b/`.
 *
 * Without tag and digest, a layout is written under `latest`, and read as its `defaultReference` says.
 * @throws INVALID_REFERENCE for anything else. buildx makes a folder `out:` of `out:`, where more likely a variable was empty
 * @example
 * parseLayoutReference("oci-layout://out:v1"); // { "folder": "out", "tag": "v1" }
 */
export function parseLayoutReference(input: string): LayoutReference {
  const refuse = (fault: string): never => {
    throw new ManifestError("INVALID_REFERENCE", `${input}: ${fault}`, { subject: input });
  };
  if (!isLayoutReference(input)) return refuse(`does not begin with ${LAYOUT_SCHEME}`);
  const [named, digest] = cutLast(input.slice(LAYOUT_SCHEME.length), "@", /^sha\d+:/);
  if (digest !== undefined) {
    const fault = digestFault(digest);
    if (fault !== undefined) return refuse(fault);
  }
  const [folder, tag] = cutLast(named, ":", /^[^/\\]*$/);
  if (tag !== undefined && !isTag(tag))
    return refuse(`"${tag}" is not a tag; a folder of that name needs a / behind it`);
  if (folder === "" || folder.includes("\0")) return refuse("the folder is missing");
  return { folder, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
}

/** What is before and after the last separator, if what is after it fits. */
function cutLast(text: string, separator: string, fits: RegExp): [before: string, after: string | undefined] {
  const at = text.lastIndexOf(separator);
  const after = text.slice(at + 1);
  return at === -1 || !fits.test(after) ? [text, undefined] : [text.slice(0, at), after];
}
