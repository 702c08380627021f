import {
  isLayoutReference,
  parseLayoutReference,
  type LayoutReference,
} from "../../content/layoutReference.js";
import type { Draft } from "../../list/draft.js";
import { locationOf } from "../../oci/location.js";
import { formatReference, parseReference, repositoryName, type Reference } from "../../oci/reference.js";
import { fromPlaces } from "../../apply/fromPlaces.js";

/** What `create` makes entries of. */
export type NamedSource =
  | {
      readonly kind: "registry";
      readonly ref: Reference;
      /** The file that names it, of a folder or of a build. */
      readonly namedBy?: string | undefined;
    }
  | { readonly kind: "layout"; readonly layout: LayoutReference };

/** A reference, or an OCI layout. */
export function parseNamedSource(name: string): NamedSource {
  return isLayoutReference(name)
    ? { kind: "layout", layout: parseLayoutReference(name) }
    : { kind: "registry", ref: parseReference(name) };
}

/** The sources that are named one by one, then those of `--from`. */
export async function namedSources(
  names: readonly string[],
  from: readonly string[],
  list: Reference,
): Promise<NamedSource[]> {
  const named = names.map(parseNamedSource);
  const places = await fromPlaces(from, { location: locationOf(list), name: repositoryName(list) });
  return [
    ...named,
    ...places.flatMap(({ place: { location, digest }, namedBy }): NamedSource[] =>
      location.kind === "registry" && digest !== undefined
        ? [{ kind: "registry", ref: { domain: location.domain, path: location.path, digest }, namedBy }]
        : [],
    ),
  ];
}

/** What the entries of a list were made of. */
export function originsOf(draft: Draft | undefined): NamedSource[] {
  const names = draft?.entries.flatMap(({ ref, origins }) => origins ?? [formatReference(ref)]);
  return [...new Set(names)].map(parseNamedSource);
}
