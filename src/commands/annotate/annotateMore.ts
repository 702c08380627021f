import type { Context } from "../../context.js";
import { parseAnnotations } from "../../list/annotationFlags.js";
import type { Draft } from "../../list/draft.js";
import { annotateEntries, annotateIndex } from "../../list/listAnnotations.js";
import { selectEntries } from "../../list/select.js";
import { formatReference, type Reference } from "../../oci/reference.js";
import type { NetworkFlags } from "../networkFlags.js";
import { readSubject, type SettingFlags } from "./readSubject.js";

/**
 * What `annotate` does that docker has no word for: what it makes of a draft, and of the image that is named. All that
 * takes time, and all that may be wrong with the flags themselves, comes before. Loaded where it is asked for.
 * @throws USAGE, and what the registry has against the subject
 */
export async function readMore(
  context: Context,
  flags: { readonly annotation: readonly string[] } & SettingFlags & NetworkFlags,
  list: Reference,
): Promise<(draft: Draft, image: Reference | undefined) => Draft> {
  const annotations = parseAnnotations(flags.annotation, { requireKey: true });
  const settingsAfter = await readSubject(context, flags, list);
  return (draft, image) => {
    const { entries } =
      image === undefined
        ? draft
        : annotateEntries(draft, selectEntries(draft, formatReference(image)).entries, annotations);
    const { settings } = annotateIndex(draft, annotations);
    return { ...draft, entries, settings: settingsAfter(settings) };
  };
}
