import { resolve } from "node:path";
import { ManifestError } from "../errors.js";
import { LAYOUT_SCHEME, locationKey, type Location } from "../oci/location.js";
import { formatReference, parseReference, repositoryName } from "../oci/reference.js";
import { isLayoutReference, parseLayoutReference } from "./layoutReference.js";

/** A repository of a registry or a layout, and what is meant there by a tag, a digest or both. */
export interface Place {
  /** The repository or layout. */
  readonly location: Location;
  /** What the repository is called: `docker.io/library/app`; of a layout the folder as it was written. */
  readonly name: string;
  /** `v1`; undefined where it has none. */
  readonly tag?: string | undefined;
  /** `sha256:…`; undefined where it has none. */
  readonly digest?: string | undefined;
}

/**
 * Reads a reference or `oci-layout://DIR[:TAG][@DIGEST]`. The tag of a reference with neither tag nor digest is `latest`;
 * a layout's stays open (see `parseLayoutReference`).
 * @throws INVALID_REFERENCE
 * @example
 * parsePlace("app:v1"); // { location: { kind: "registry", … }, name: "docker.io/library/app", tag: "v1" }
 */
export function parsePlace(text: string): Place {
  if (isLayoutReference(text)) {
    const { folder, tag, digest } = parseLayoutReference(text);
    return { location: { kind: "layout", folder: resolve(folder) }, name: folder, tag, digest };
  }
  const reference = parseReference(text);
  const { domain, path, tag, digest } = reference;
  return { location: { kind: "registry", domain, path }, name: repositoryName(reference), tag, digest };
}

/**
 * `docker.io/library/app:v1@sha256:…`, `oci-layout://out:v1`.
 * @example
 * formatPlace(parsePlace("app:v1")); // "docker.io/library/app:v1"
 */
export function formatPlace({ location, name, tag, digest }: Place): string {
  if (location.kind === "registry") {
    const { domain, path } = location;
    return formatReference({
      domain,
      path,
      ...(tag !== undefined && { tag }),
      ...(digest !== undefined && { digest }),
    });
  }
  const named = tag === undefined ? "" : `:${tag}`;
  return `${LAYOUT_SCHEME}${name}${named}${digest === undefined ? "" : `@${digest}`}`;
}

/**
 * What places have in common that mean the same, however their registry is written (see `locationKey`). Without tag and
 * digest `latest` is meant.
 * @example
 * nameKey(parsePlace("registry-1.docker.io/library/app")); // "docker.io/library/app:latest"
 */
export function nameKey({ location, tag, digest }: Place): string {
  const tagged = tag ?? (digest === undefined ? "latest" : undefined);
  const named = tagged === undefined ? "" : `:${tagged}`;
  return `${locationKey(location)}${named}${digest === undefined ? "" : `@${digest}`}`;
}

/** The tags that something gets at a place: that of the place, `latest` unless a digest is meant. */
export function tagsOf({ tag, digest }: Place): readonly string[] {
  if (tag !== undefined) return [tag];
  return digest === undefined ? ["latest"] : [];
}

/**
 * Reads what a list shall be called. What a layout is written by is a tag.
 * @throws INVALID_REFERENCE, also for the digest of a layout
 */
export function parseTarget(text: string): Place {
  const place = parseNamed(text);
  if (place.location.kind === "layout" && place.digest !== undefined) {
    throw new ManifestError("INVALID_REFERENCE", `${text}: a list is written under a tag, not a digest`, {
      subject: text,
    });
  }
  return place;
}

/** One of several may be meant by an error that quotes none. */
function parseNamed(text: string): Place {
  try {
    return parsePlace(text);
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    const { code, message, hint } = error;
    const reason = hint === undefined ? "" : `: ${hint}`;
    const named = message.includes(text) ? hint : `--tag ${JSON.stringify(text)} cannot be read${reason}`;
    throw new ManifestError(code, message, { subject: text, hint: named, cause: error });
  }
}
