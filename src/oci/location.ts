import { repositoryName, type Reference } from "./reference.js";

/** Where content lives: a repository of a registry, or an OCI image layout in a folder. */
export type Location =
  | { readonly kind: "registry"; readonly domain: string; readonly path: string }
  /** `folder` is absolute. https://github.com/opencontainers/image-spec/blob/main/image-layout.md */
  | { readonly kind: "layout"; readonly folder: string };

/** The repository of a reference. */
export function locationOf({ domain, path }: Reference): Location {
  return { kind: "registry", domain, path };
}

/** How a location is written: `registry.example/team/app`, `oci-layout:///work/out`. Equal for equal locations. */
export function formatLocation(location: Location): string {
  switch (location.kind) {
    case "registry":
      return repositoryName(location);
    case "layout":
      return `oci-layout://${location.folder}`;
  }
}

export function isSameLocation(one: Location, other: Location): boolean {
  return formatLocation(one) === formatLocation(other);
}
