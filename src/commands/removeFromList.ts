import { resolve } from "node:path";
import { isLayoutReference, parseLayoutReference } from "../content/layoutReference.js";
import { hasCode, hintOf, ManifestError, messageOf } from "../errors.js";
import { attestedDigest } from "../list/attestations.js";
import type { Entry } from "../list/entry.js";
import { removeImages } from "../list/remove.js";
import { isDigest } from "../oci/digest.js";
import { formatLocation } from "../oci/location.js";
import { formatPlatform } from "../oci/platformName.js";
import { formatReference, parseReference, type Reference } from "../oci/reference.js";
import type { Store } from "../store/store.js";
import { escapeControls } from "../ui/text.js";
import { listNotFound } from "./userStore.js";

/**
 * `rm LIST --entry IMAGE`: takes all of the images out of the list or, where one of them is not there, none.
 * @returns the entries that have left, attestations of the images included
 */
export async function removeFromList(
  store: Store,
  list: Reference,
  images: readonly string[],
): Promise<readonly Entry[]> {
  const names = images.map(fullName);
  let removed: readonly Entry[] = [];
  try {
    await store.change(list, (draft) => {
      if (draft === undefined) throw listNotFound(list);
      const removal = removeImages(draft, names);
      removed = removal.removed;
      return removal.draft;
    });
  } catch (error) {
    // One whose file is broken is not in the draft; this says what is wrong with it.
    if (hasCode(error, "ENTRY_NOT_FOUND")) await store.read(list);
    throw await (await import("./missing.js")).withMissingHint(error, store, list);
  }
  return removed;
}

/** As the list calls its entries, and remembers what they came from. */
function fullName(image: string): string {
  if (isDigest(image)) return image;
  if (isLayoutReference(image)) {
    const { folder, tag, digest } = parseLayoutReference(image);
    const whole = formatLocation({ kind: "layout", folder: resolve(folder) });
    return `${whole}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
  }
  try {
    return formatReference(parseReference(image));
  } catch (error) {
    throw new ManifestError(
      "INVALID_REFERENCE",
      `error parsing name for manifest ${image}: ${messageOf(error)}`,
      { subject: image, hint: hintOf(error), cause: error },
    );
  }
}

/** `registry.example/app:v1-arm linux/arm/v7`, safe to print. */
export function entryLine({ ref, descriptor }: Entry): string {
  const attested = attestedDigest(descriptor);
  const what =
    attested === undefined
      ? descriptor.platform && formatPlatform(descriptor.platform)
      : `attestation of ${attested}`;
  const words = [formatReference(ref), what].filter((word) => word !== undefined && word !== "");
  return escapeControls(words.join(" "));
}
