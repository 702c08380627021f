import { ManifestError } from "../errors.js";
import { digestFault } from "./digest.js";
import { referenceFault } from "./referenceFault.js";

/**
 * Image references, read and written as docker does.
 * https://pkg.go.dev/github.com/distribution/reference
 *
 *     reference  = name [ ":" tag ] [ "@" digest ]
 *     name       = [ domain "/" ] path
 *     domain     = ( label *( "." label ) / "[" IPv6 "]" ) [ ":" 1*DIGIT ]
 *     label      = ALNUM / ALNUM *( ALNUM / "-" ) ALNUM
 *     path       = component *( "/" component )            ; at most 255 characters
 *     component  = 1*alnum *( separator 1*alnum )          ; alnum: lower case only
 *     separator  = "." / "_" / "__" / 1*"-"
 *     tag        = ( ALNUM / "_" ) *127( ALNUM / "_" / "." / "-" )
 *     digest     = algorithm ":" 32*HEXDIG
 *     algorithm  = word *( ( "+" / "." / "-" / "_" ) word ) ; word: a letter, then letters and digits
 *
 * The short forms that people write are completed first: `a` is `docker.io/library/a`.
 */
export interface Reference {
  /** `docker.io`, `127.0.0.1:5001`. Empty for the odd name like `a_b.c/d`, whose first part is no valid host. */
  readonly domain: string;
  /** The repository within its registry: `library/a`. */
  readonly path: string;
  /** `v1`; undefined where it has none. */
  readonly tag?: string;
  /** `sha256:…`; undefined where it has none. */
  readonly digest?: string;
}

// No run of characters can be divided in two ways between the repeated parts, so that matching takes linear time.
const DOMAIN =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$/;
const PATH = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const DIGEST = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
const IMAGE_ID = /^[a-f0-9]{64}$/;

const DEFAULT_DOMAIN = "docker.io";
const LEGACY_DOMAIN = "index.docker.io";
const OFFICIAL = "library/";
const DEFAULT_TAG = "latest";
const MAX_PATH = 255;

/**
 * The reference that `docker manifest` understands by an argument: completed with Docker Hub's domain, and with
 * `latest` where there is neither tag nor digest. Throws docker's message, with a `hint` that says what to do.
 * @example
 * parseReference("app"); // { "domain": "docker.io", "path": "library/app", "tag": "latest" }
 */
export function parseReference(input: string): Reference {
  const reference = parseNormalized(input);
  if (reference.tag !== undefined || reference.digest !== undefined) return reference;
  return withTag(reference, DEFAULT_TAG);
}

/**
 * A reference that must be written in full already, as in the `Ref` of a store entry. Nothing is added to it.
 */
export function parseCanonical(input: string): Reference {
  const reference = parseNormalized(input);
  if (formatReference(reference) !== input)
    throw new ManifestError("INVALID_REFERENCE", "repository name must be canonical");
  return reference;
}

/** Is it a tag by the grammar above? */
export function isTag(text: string): boolean {
  return TAG.test(text);
}

/** Is it a digest by the grammar above? It need not be one that anything can be checked against. */
export function isReferenceDigest(text: string): boolean {
  return DIGEST.test(text);
}

/**
 * The whole reference: `docker.io/library/a:latest@sha256:…`.
 * @example
 * formatReference(parseReference("app")); // "docker.io/library/app:latest"
 */
export function formatReference(reference: Reference): string {
  const tag = reference.tag === undefined ? "" : `:${reference.tag}`;
  const digest = reference.digest === undefined ? "" : `@${reference.digest}`;
  return `${repositoryName(reference)}${tag}${digest}`;
}

/**
 * The repository without tag and digest: `docker.io/library/a`.
 * @example
 * repositoryName(parseReference("app:v1")); // "docker.io/library/app"
 */
export function repositoryName({ domain, path }: Reference): string {
  return domain === "" ? path : `${domain}/${path}`;
}

/**
 * The same reference with another digest; its tag stays.
 * @example
 * formatReference(withDigest({ domain: "registry.example", path: "app" }, index.digest)); // registry.example/app@sha256:…
 */
export function withDigest(reference: Reference, digest: string): Reference {
  return { ...reference, digest };
}

/**
 * The same reference with another tag; its digest stays.
 * @example
 * formatReference(withTag({ domain: "localhost:5000", path: "app" }, "v1")); // "localhost:5000/app:v1"
 */
export function withTag(reference: Reference, tag: string): Reference {
  return { ...reference, tag };
}

function parseNormalized(input: string): Reference {
  if (IMAGE_ID.test(input)) {
    throw refusal(input, `invalid repository name (${input}), cannot specify 64-byte hexadecimal strings`);
  }
  const { domain, remainder } = splitDomain(input);
  const [remote] = cut(remainder, ":");
  if (toLower(remote) !== remote) {
    throw refusal(input, `invalid reference format: repository name (${remote}) must be lowercase`);
  }

  const full = `${domain}/${remainder}`;
  const reference = match(full);
  if (reference === undefined) {
    // Reached by what is valid only in lower case and not part of the path: a domain such as `x_Y`.
    const onlyCase = match(toLower(full)) !== undefined;
    throw refusal(input, onlyCase ? "repository name must be lowercase" : "invalid reference format");
  }
  if (reference.path.length > MAX_PATH) {
    throw refusal(input, `repository name must not be more than ${MAX_PATH} characters`);
  }
  const fault = reference.digest === undefined ? undefined : digestFault(reference.digest);
  if (fault !== undefined) throw refusal(input, fault);
  return reference;
}

/** docker's message, with what to do behind it. */
function refusal(input: string, message: string): ManifestError {
  return new ManifestError("INVALID_REFERENCE", message, { subject: input, hint: referenceFault(input) });
}

/**
 * Which registry is meant, and what is left to parse. The part before the first slash is a registry when it looks
 * like a host; else it is the first part of a name on Docker Hub, whose official images live under `library/`.
 */
function splitDomain(input: string): { domain: string; remainder: string } {
  const [first, rest] = cut(input, "/");
  if (rest === undefined) return { domain: DEFAULT_DOMAIN, remainder: OFFICIAL + input };
  const isDomain = /[.:]/.test(first) || first === "localhost" || toLower(first) !== first;
  if (!isDomain) return { domain: DEFAULT_DOMAIN, remainder: input };
  const domain = first === LEGACY_DOMAIN ? DEFAULT_DOMAIN : first;
  const isOfficial = domain === DEFAULT_DOMAIN && !rest.includes("/");
  return { domain, remainder: isOfficial ? OFFICIAL + rest : rest };
}

/** The grammar itself; undefined where it does not fit. */
function match(full: string): Reference | undefined {
  const [tagged, digest] = cut(full, "@");
  const colon = tagged.indexOf(":", tagged.lastIndexOf("/"));
  const name = colon === -1 ? tagged : tagged.slice(0, colon);
  const tag = colon === -1 ? undefined : tagged.slice(colon + 1);
  if (tag !== undefined && !TAG.test(tag)) return undefined;
  if (digest !== undefined && !DIGEST.test(digest)) return undefined;
  const rest = { ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };

  const [domain, path] = cut(name, "/");
  if (path !== undefined && DOMAIN.test(domain) && PATH.test(path)) return { domain, path, ...rest };
  return PATH.test(name) ? { domain: "", path: name, ...rest } : undefined;
}

/** What is before and after the first separator. */
function cut(text: string, separator: string): [before: string, after: string | undefined] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** Go's lower case: one character for one, where JavaScript makes two of `İ`. */
function toLower(text: string): string {
  return text.replaceAll("İ", "i").toLowerCase();
}
