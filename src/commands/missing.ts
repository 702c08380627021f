import { NotFoundError } from "../errors.js";
import { entriesHint } from "../list/select.js";
import { nearestName } from "../oci/editDistance.js";
import { formatReference, type Reference } from "../oci/reference.js";
import type { Store } from "../store/store.js";
import { listNotFound } from "./userStore.js";

/** The line below docker's where something local is not there. Loaded when that has happened. */

/**
 * Says which of the two is not there, what may be meant, and what to do.
 * @param image the full name of an image of the list, where it is one that was asked for
 */
async function missingHint(store: Store, list: Reference, image?: string): Promise<string> {
  const draft = image === undefined ? undefined : await store.read(list);
  if (draft !== undefined && image !== undefined) return entriesHint(draft, image);
  const name = formatReference(list);
  // Whatever is wrong with other lists is not what this is about.
  const lists = await store.list().catch(() => []);
  const meant = nearestName(
    name,
    lists.map((one) => formatReference(one.name)),
  );
  const way =
    meant === undefined
      ? "tsmanifest create makes one, tsmanifest ls shows your lists"
      : `did you mean ${meant}?`;
  return `there is no local list ${name}: ${way}`;
}

/**
 * docker's error for a list that is not in the store, or for an image that is not in the list, with that line below it.
 */
export async function notInStore(store: Store, list: Reference, image?: Reference): Promise<NotFoundError> {
  return listNotFound(
    image ?? list,
    await missingHint(store, list, image === undefined ? undefined : formatReference(image)),
  );
}

/** The same error with that hint, if it is about a list or an entry that is not there and has none. */
export async function withMissingHint(error: unknown, store: Store, list: Reference): Promise<unknown> {
  if (!(error instanceof NotFoundError) || error.hint !== undefined) return error;
  const { code, message, subject, cause } = error;
  if (code !== "LIST_NOT_FOUND" && code !== "ENTRY_NOT_FOUND") return error;
  const hint = await missingHint(store, list, code === "ENTRY_NOT_FOUND" ? subject : undefined);
  return new NotFoundError(code, message, { subject, hint, cause });
}

/** Says of what a registry does not have that there is no local list of that name either, which would have been shown. */
export function neitherHere(error: unknown, ref: Reference): unknown {
  if (!(error instanceof NotFoundError) || error.hint === undefined) return error;
  const { code, message, subject, hint, cause } = error;
  if (code !== "MANIFEST_UNKNOWN" || subject !== formatReference(ref)) return error;
  return new NotFoundError(code, message, {
    subject,
    hint: `there is no local list of that name, and ${hint}`,
    cause,
  });
}
