import { ManifestError } from "../errors.js";
import { goQuote } from "../go/quote.js";
import { isSamePlatform } from "../oci/platformMatcher.js";
import { formatPlatform } from "../oci/platformName.js";
import type { ListAnnotation } from "./annotationFlags.js";
import { isAttestation } from "./attestations.js";
import type { Draft } from "./draft.js";
import type { Entry } from "./entry.js";

/** The draft with more annotations of the index itself: those of them that are meant for it. */
export function annotateIndex(draft: Draft, annotations: readonly ListAnnotation[]): Draft {
  const own = annotations
    .filter(({ type }) => type === "index")
    .map(({ key, value }) => [key, value] as const);
  if (own.length === 0) return draft;
  const { settings } = draft;
  return {
    ...draft,
    settings: { ...settings, annotations: { ...settings.annotations, ...Object.fromEntries(own) } },
  };
}

/**
 * The draft with more annotations of some of its entries, which are one image or came from one index: those that are not
 * for the index, each for all of the entries or for those of its platform. Attestations have none.
 * @throws USAGE for an annotation that would change an image, NO_MATCH where none is for its platform
 */
export function annotateEntries(
  draft: Draft,
  selected: readonly Entry[],
  annotations: readonly ListAnnotation[],
): Draft {
  const images = selected.filter(({ descriptor }) => !isAttestation(descriptor));
  const changed = new Map<Entry, Record<string, string>>();
  for (const annotation of annotations.filter(({ type }) => type !== "index")) {
    checkType(annotation);
    const meant = images.filter((entry) => isMeant(entry, annotation));
    if (meant.length === 0) throw noMatch(images, annotation);
    for (const entry of meant) {
      const before = changed.get(entry) ?? entry.descriptor.annotations;
      changed.set(entry, { ...before, [annotation.key]: annotation.value });
    }
  }
  if (changed.size === 0) return draft;
  const entries = draft.entries.map((entry) => {
    const own = changed.get(entry);
    return own === undefined ? entry : { ...entry, descriptor: { ...entry.descriptor, annotations: own } };
  });
  return { ...draft, entries };
}

function checkType({ type, key }: ListAnnotation): void {
  if (type === "" || type === "manifest-descriptor") return;
  throw new ManifestError("USAGE", `${goQuote(type)} annotations cannot be set in a list: ${key}`, {
    subject: key,
    hint: `manifest-descriptor:${key}=… says it of the image in the list, index:${key}=… of the list`,
  });
}

function isMeant({ descriptor }: Entry, { platform }: ListAnnotation): boolean {
  if (platform === undefined) return true;
  return descriptor.platform !== undefined && isSamePlatform(descriptor.platform, platform);
}

function noMatch(images: readonly Entry[], { platform, key }: ListAnnotation): ManifestError {
  const names = images.map(({ descriptor }) => descriptor.platform && formatPlatform(descriptor.platform));
  const there = [...new Set(names)].filter((name) => name !== undefined);
  const wanted = platform === undefined ? "any platform" : formatPlatform(platform);
  return new ManifestError("NO_MATCH", `nothing of the image is for ${wanted}, where ${key} was to be set`, {
    subject: key,
    hint: there.length === 0 ? undefined : `it is for ${there.join(", ")}`,
  });
}
