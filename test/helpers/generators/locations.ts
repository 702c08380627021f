import fc from "fast-check";

/** `Location` values: relative and absolute, other hosts and protocols, queries of all sorts, and noise. */

const path = fc.constantFrom(
  "/v2/multi/app/blobs/uploads/0aa1",
  "uploads/1",
  "../../x",
  "//evil.example/v2/",
  "\\\\evil.example\\x",
  "/%2e%2e/%2F",
  "?only=query",
  "#fragment",
  "",
);
const query = fc.oneof(
  fc.constantFrom("", "?", "?a=b", "?_state=A%2Fb%3D%3D&x=", "?a=b&", "?sig=a+b%20c&&c"),
  fc.webQueryParameters().map((text) => `?${text}`),
);
const origin = fc.oneof(
  fc.constantFrom(
    "",
    "http://registry.example",
    "https://registry.example:443",
    "HTTPS://REGISTRY.EXAMPLE",
    "https://user:canary-secret@registry.example",
    "http://registry.example:80",
    "https://store.example",
    "http://[::1]:5000",
    "ftp://registry.example",
    "file://",
    "javascript:",
    "data:",
    "https://",
    "http://registry.example:99999",
  ),
  fc.webAuthority({ withPort: true, withUserInfo: true }).map((host) => `https://${host}`),
);

export const location: fc.Arbitrary<string> = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(origin, path, query).map((parts) => parts.join("")) },
  { weight: 2, arbitrary: fc.webUrl({ withQueryParameters: true, withFragments: true }) },
  { weight: 2, arbitrary: fc.string({ maxLength: 100, unit: "binary" }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom("/", "../", "a", "%", "?"), fc.nat({ max: 20_000 }))
      .map(([s, n]) => s.repeat(n)),
  },
);

export const requestUrl: fc.Arbitrary<URL> = fc
  .constantFrom(
    "https://registry.example/v2/multi/app/blobs/uploads/",
    "https://registry.example:8443/v2/multi/app/blobs/uploads/",
    "http://127.0.0.1:5000/v2/multi/app/blobs/uploads/?mount=sha256:0",
    "http://[::1]:5000/v2/a/blobs/uploads/",
  )
  .map((text) => new URL(text));
