import { basename } from "node:path";
import { ManifestError } from "../errors.js";
import { formatReference, type Reference } from "../oci/reference.js";

/**
 * The name of a list's folder and of an entry's file: docker's mapping. It is not injective: `a_b` and `a/b` share
 * a name, as do `a:1` and `a-1`… which is why the store remembers whose folder it is (see `record.ts`).
 *
 * No reference that was parsed can make a name that leads out of the store; one that was put together by hand could.
 */
export function storeName(ref: Reference): string {
  const name = formatReference(ref).replaceAll(":", "-").replaceAll("/", "_");
  if (!isFileName(name) || name.includes("\\")) {
    throw new ManifestError("STORE", `${formatReference(ref)} cannot be the name of a file`, {
      subject: formatReference(ref),
    });
  }
  return name;
}

/**
 * The file of the `number`th entry of one image, which may stand for several platforms. docker reads a list's files
 * whatever they are called, and makes no name with a `+` in it.
 */
export function numberedName(base: string, number: number): string {
  return number === 1 ? base : `${base}+${number}`;
}

/** Which of an image's entries the file is for; undefined for a name that somebody made by hand. */
export function numberOf(base: string, name: string): number | undefined {
  if (name === base) return 1;
  if (!name.startsWith(`${base}+`)) return undefined;
  const digits = name.slice(base.length + 1);
  return /^[1-9]\d{0,5}$/.test(digits) && digits !== "1" ? Number(digits) : undefined;
}

/** Can a file of a list have this name? What begins with a dot (`.DS_Store`, `.nfs…`) is never an entry. */
export function isFileName(name: string): boolean {
  return name !== "" && !name.startsWith(".") && !name.includes("\0") && basename(name) === name;
}
