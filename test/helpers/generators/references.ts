import fc from "fast-check";

/** Arguments that should be references: sound ones, near misses, tricks with paths, and noise. */

const label = fc.stringMatching(/^[a-zA-Z0-9]([a-zA-Z0-9-]{0,10}[a-zA-Z0-9])?$/);
const domain = fc.oneof(
  fc.constantFrom(
    "localhost",
    "LOCALHOST",
    "docker.io",
    "index.docker.io",
    "127.0.0.1",
    "[::1]",
    "a_b.c",
    "",
  ),
  fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join(".")),
);
const port = fc.oneof(
  fc.constant(""),
  fc.nat({ max: 99_999 }).map((number) => `:${number}`),
  fc.constant(":"),
);
const component = fc.oneof(
  fc.stringMatching(/^[a-z0-9]+((\.|_|__|-{1,3})[a-z0-9]+){0,3}$/),
  fc.constantFrom(
    "..",
    ".",
    "",
    "A",
    "a..b",
    "a___b",
    "-a",
    "a-",
    "%2e%2e",
    "con",
    "__proto__",
    "ü",
    "a\\b",
    "\0",
  ),
);
const repository = fc.array(component, { minLength: 1, maxLength: 5 }).map((parts) => parts.join("/"));
const tag = fc.oneof(
  fc.constant(""),
  fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/).map((text) => `:${text}`),
  fc.constantFrom(":", ":.", ":-a", ":a/b", `:${"a".repeat(128)}`, `:${"a".repeat(129)}`, ":..\\x"),
);
const hex = fc.stringMatching(/^[0-9a-f]{64}$/);
const digest = fc.oneof(
  fc.constant(""),
  hex.map((text) => `@sha256:${text}`),
  hex.map((text) => `@sha512:${text}${text}`),
  hex.map((text) => `@md5:${text}`),
  fc.constantFrom("@", "@sha256:", "@sha256:48", "@:", "@sha256"),
);

const wellMixed = fc
  .tuple(domain, port, repository, tag, digest)
  .map(([host, at, path, name, sum]) => `${host === "" ? "" : `${host}${at}/`}${path}${name}${sum}`);

/** What is hard on a parser that goes back: many of the same. */
const repetitive = fc
  .tuple(
    fc.constantFrom("a", "-", "_", ".", "/", ":", "@", "a-", "a.", "a/", "[:", "A"),
    fc.nat({ max: 5000 }),
  )
  .map(([piece, count]) => piece.repeat(count));

export const referenceText: fc.Arbitrary<string> = fc.oneof(
  { weight: 8, arbitrary: wellMixed },
  { weight: 2, arbitrary: fc.string({ maxLength: 100, unit: "binary" }) },
  { weight: 1, arbitrary: fc.tuple(wellMixed, fc.string({ maxLength: 3 })).map((parts) => parts.join("")) },
  { weight: 1, arbitrary: repetitive },
);
