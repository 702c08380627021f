/**
 * The endpoints, as data.
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#endpoints
 */
export type Route =
  | { readonly kind: "ping" }
  | { readonly kind: "token" }
  | { readonly kind: "catalog" }
  | { readonly kind: "tags"; readonly repository: string }
  | { readonly kind: "manifest"; readonly repository: string; readonly reference: string }
  | { readonly kind: "blob"; readonly repository: string; readonly digest: string }
  | { readonly kind: "uploads"; readonly repository: string }
  | { readonly kind: "upload"; readonly repository: string; readonly id: string }
  | { readonly kind: "referrers"; readonly repository: string; readonly digest: string };

/** A row: the pattern's first group is the repository, its second the rest. Earlier rows win. */
const PATTERNS: readonly (readonly [RegExp, (repository: string, rest: string) => Route])[] = [
  [/^\/v2\/(.+)\/tags\/list$/, (repository) => ({ kind: "tags", repository })],
  [/^\/v2\/(.+)\/blobs\/uploads\/?$/, (repository) => ({ kind: "uploads", repository })],
  [/^\/v2\/(.+)\/blobs\/uploads\/([^/]+)$/, (repository, id) => ({ kind: "upload", repository, id })],
  [/^\/v2\/(.+)\/blobs\/([^/]+)$/, (repository, digest) => ({ kind: "blob", repository, digest })],
  [
    /^\/v2\/(.+)\/manifests\/([^/]+)$/,
    (repository, reference) => ({ kind: "manifest", repository, reference }),
  ],
  [/^\/v2\/(.+)\/referrers\/([^/]+)$/, (repository, digest) => ({ kind: "referrers", repository, digest })],
];

/** Which endpoint a path (without query, still percent-encoded) is, if any. */
export function routeOf(encodedPath: string): Route | undefined {
  const path = decode(encodedPath);
  if (path === "/v2/" || path === "/v2") return { kind: "ping" };
  if (path === "/v2/_catalog") return { kind: "catalog" };
  if (path === "/token") return { kind: "token" };
  for (const [pattern, make] of PATTERNS) {
    const match = pattern.exec(path);
    if (match !== null) return make(match[1] ?? "", match[2] ?? "");
  }
  return undefined;
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
