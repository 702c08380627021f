import { parseCanonical, repositoryName, type Reference } from "./reference.js";

/** Behind it follows a folder. */
export const LAYOUT_SCHEME = "oci-layout://";

/** Where content lives: a repository of a registry, or an OCI image layout in a folder. */
export type Location =
  | { readonly kind: "registry"; readonly domain: string; readonly path: string }
  /** `folder` is absolute. https://github.com/opencontainers/image-spec/blob/main/image-layout.md */
  | { readonly kind: "layout"; readonly folder: string };

/**
 * The repository of a reference.
 * @example
 * locationOf(parseReference("app")); // { "kind": "registry", "domain": "docker.io", "path": "library/app" }
 */
export function locationOf({ domain, path }: Reference): Location {
  return { kind: "registry", domain, path };
}

/**
 * How a location is written: `registry.example/team/app`, `oci-layout:///work/out`. Equal for equal locations.
 * @example
 * formatLocation({ kind: "layout", folder: "/work/out" }); // "oci-layout:///work/out"
 */
export function formatLocation(location: Location): string {
  switch (location.kind) {
    case "registry":
      return repositoryName(location);
    case "layout":
      return `${LAYOUT_SCHEME}${location.folder}`;
  }
}

/**
 * Reads what {@link formatLocation} wrote.
 * @throws INVALID_REFERENCE for what is no repository
 */
export function parseLocation(text: string): Location {
  return text.startsWith(LAYOUT_SCHEME)
    ? { kind: "layout", folder: text.slice(LAYOUT_SCHEME.length) }
    : locationOf(parseCanonical(text));
}

/** Names of Docker Hub, all of which are the same registry. */
const HUB = "docker.io";
const HUB_HOSTS: ReadonlySet<string> = new Set([HUB, "index.docker.io", "registry-1.docker.io"]);

/**
 * The same for all ways in which a location may be written: in upper case, with the port that is meant anyway, by another
 * host of Docker Hub. As {@link formatLocation} writes it for the usual way. Not for requests: a certificate or a login
 * may be meant for the name as it is written.
 * @example
 * locationKey({ kind: "registry", domain: "GHCR.io:443", path: "o/app" }); // "ghcr.io/o/app"
 */
export function locationKey(location: Location): string {
  if (location.kind === "layout") return formatLocation(location);
  const host = location.domain.toLowerCase().replace(/:0*443$/, "");
  return formatLocation({ ...location, domain: HUB_HOSTS.has(host) ? HUB : host });
}

/**
 * Are both the same repository, or the same folder?
 * @example
 * isSameLocation(locationOf(parseReference("app:v1")), locationOf(parseReference("app:v2"))); // true
 */
export function isSameLocation(one: Location, other: Location): boolean {
  return formatLocation(one) === formatLocation(other);
}
