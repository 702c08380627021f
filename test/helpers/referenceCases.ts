/** References and what docker makes of them: unit tests and the comparison with docker share these rows. */
export interface ReferenceCase {
  readonly name: string;
  readonly input: string;
  /** In full, as docker prints it. */
  readonly reference?: string;
  /** Or docker's message. */
  readonly error?: string;
}

const A = "a".repeat(64);
const SHA256 = `sha256:${A}`;
const INVALID = "invalid reference format";
const LOWER = "repository name must be lowercase";
const TOO_LONG = "repository name must not be more than 255 characters";
const mustBeLower = (path: string) => `${INVALID}: repository name (${path}) must be lowercase`;

function valid(name: string, input: string, reference: string): ReferenceCase {
  return { name, input, reference };
}

function refused(name: string, input: string, error: string = INVALID): ReferenceCase {
  return { name, input, error };
}

export const referenceCases: readonly ReferenceCase[] = [
  // Completed
  valid("a bare name", "a", "docker.io/library/a:latest"),
  valid("a name of Docker Hub's user", "me/a", "docker.io/me/a:latest"),
  valid("a deep name on Docker Hub", "a/b/c/d", "docker.io/a/b/c/d:latest"),
  valid("a tag", "a:t", "docker.io/library/a:t"),
  valid("a digest instead of a tag", `a@${SHA256}`, `docker.io/library/a@${SHA256}`),
  valid("a tag and a digest", `a:t@${SHA256}`, `docker.io/library/a:t@${SHA256}`),
  valid("a sha384 digest", `a@sha384:${"b".repeat(96)}`, `docker.io/library/a@sha384:${"b".repeat(96)}`),
  valid("a sha512 digest", `a@sha512:${"c".repeat(128)}`, `docker.io/library/a@sha512:${"c".repeat(128)}`),
  valid("Docker Hub by name", "docker.io/a", "docker.io/library/a:latest"),
  valid("Docker Hub by its old name", "index.docker.io/a", "docker.io/library/a:latest"),
  valid("a user of Docker Hub by its old name", "index.docker.io/me/a", "docker.io/me/a:latest"),
  valid("Docker Hub's library in full", "docker.io/library/a:latest", "docker.io/library/a:latest"),
  valid("Docker Hub with a port is another host", "docker.io:443/a", "docker.io:443/a:latest"),
  valid("the old name with a port is another host", "index.docker.io:443/a", "index.docker.io:443/a:latest"),
  valid("the old name in capitals is another host", "INDEX.docker.io/a", "INDEX.docker.io/a:latest"),
  valid("Docker.io is another host", "Docker.io/a", "Docker.io/a:latest"),
  valid("a host's name without a path is an image", "docker.io", "docker.io/library/docker.io:latest"),
  valid("library alone is an image", "library", "docker.io/library/library:latest"),

  // Domains
  valid("a host with a dot", "x.com/a", "x.com/a:latest"),
  valid("a host with capitals", "X.com/a", "X.com/a:latest"),
  valid("a host with one capital and no dot", "Host/a", "Host/a:latest"),
  valid("a host with a port", "x.com:5000/a", "x.com:5000/a:latest"),
  valid("a host without a dot but with a port", "host:5000/a", "host:5000/a:latest"),
  valid("localhost", "localhost/a", "localhost/a:latest"),
  valid("LOCALHOST", "LOCALHOST/a", "LOCALHOST/a:latest"),
  valid("localhost without a path is an image", "localhost", "docker.io/library/localhost:latest"),
  valid("localhost:5000 is an image with a tag", "localhost:5000", "docker.io/library/localhost:5000"),
  valid("an IPv4 address", "127.0.0.1:5001/multi/app:v1", "127.0.0.1:5001/multi/app:v1"),
  valid("an IPv6 address", "[::1]/a", "[::1]/a:latest"),
  valid("an IPv6 address with a port", "[2001:DB8::1]:5000/a", "[2001:DB8::1]:5000/a:latest"),
  valid("brackets around a colon are enough", "[:]/a", "[:]/a:latest"),
  valid("a port out of range", "x.com:99999/a", "x.com:99999/a:latest"),
  valid("hyphens within a label", "a--b.c-d.com/e", "a--b.c-d.com/e:latest"),
  valid("a host of one letter and a dot within", "a.b/c", "a.b/c:latest"),
  valid("an underscore makes it no host, yet a path", "a_b.c/d", "a_b.c/d:latest"),
  valid("the same with tag and digest", `a_b.c/d:x@${SHA256}`, `a_b.c/d:x@${SHA256}`),
  refused("an empty port", "x.com:/a"),
  refused("localhost with an empty port", "localhost:/a"),
  refused("a port with letters", "x.com:50a/a"),
  refused("an IPv6 address without brackets", "::1/a"),
  refused("empty brackets", "[]/a", INVALID),
  refused("brackets around no address", "[g.h]/a", INVALID),
  refused("an IPv6 zone", "[fe80::1%25eth0]/a"),
  refused("something between bracket and slash", "[::1]a/b"),
  refused("a scheme", "http://a/b"),
  refused("a host that ends in a dot", "a.b./c"),
  refused("a host that starts with a dot", ".a/b"),
  refused("a host with two dots", "a..b/c"),
  refused("a label that ends in a hyphen", "a-.b/c"),
  refused("a label that starts with a hyphen", "-a.b/c"),
  refused("an underscore in a host with a port", "a_b:5/c"),
  refused("a user in the host", "me@x.com/a"),
  refused("an underscore in a host with capitals", "x_Y/b", LOWER),
  refused("an underscore and a dot in a host with capitals", "x.Y_z/b", LOWER),
  refused("a Kelvin sign in the host", "\u212a.com/a", LOWER),
  refused("a dotted capital I in the host", "\u0130.com/a", LOWER),

  // Paths
  valid("separators within a component", "a.b_c__d-e---f", "docker.io/library/a.b_c__d-e---f:latest"),
  valid("digits only", "123", "docker.io/library/123:latest"),
  valid("64 hex digits below a host", `docker.io/${A}`, `docker.io/library/${A}:latest`),
  valid("63 hex digits", "a".repeat(63), `docker.io/library/${"a".repeat(63)}:latest`),
  valid("64 hex digits with a tag", `${A}:t`, `docker.io/library/${A}:t`),
  valid("a path of 255", `x.y/${"a".repeat(255)}`, `x.y/${"a".repeat(255)}:latest`),
  valid("247 and library/ are 255", "a".repeat(247), `docker.io/library/${"a".repeat(247)}:latest`),
  valid("a long host does not count", `${"x.".repeat(200)}y/a`, `${"x.".repeat(200)}y/a:latest`),
  refused("a path of 256", `x.y/${"a".repeat(256)}`, TOO_LONG),
  refused("248 and library/ are 256", "a".repeat(248), TOO_LONG),
  refused("too long is found before a bad digest", `${"a".repeat(248)}@sha256:${"a".repeat(32)}`, TOO_LONG),
  refused("64 hex digits", A, `invalid repository name (${A}), cannot specify 64-byte hexadecimal strings`),
  refused("64 capital hex digits", "A".repeat(64), mustBeLower(`library/${"A".repeat(64)}`)),
  refused("a capital letter", "A", mustBeLower("library/A")),
  refused("a capital letter below Docker Hub", "docker.io/A/b", mustBeLower("A/b")),
  refused("a capital letter below a host", "a.b/C", mustBeLower("C")),
  refused("a capital letter before a tag", "a/B:t", mustBeLower("a/B")),
  refused("a capital letter is found before other faults", "a..b/C::", mustBeLower("C")),
  refused("a capital letter outside ASCII", "\u00c4", mustBeLower("library/\u00c4")),
  refused("a dotted capital I", "a/\u0130", mustBeLower("a/\u0130")),
  refused("a capital sigma", "a\u03a3", mustBeLower("library/a\u03a3")),
  refused("an old long s, which is lower case", "\u017f"),
  refused("a small letter outside ASCII", "\u00fca"),
  refused("an emoji", "a/\u{1f600}"),
  refused("nothing", ""),
  refused("a space", " "),
  refused("a space within", "a b"),
  refused("a space before", " a"),
  refused("a control character", "a\u001b[31m"),
  refused("two dots", "a..b"),
  refused("three underscores", "a___b"),
  refused("a dot and a hyphen", "a.-b"),
  refused("a separator first", "_a"),
  refused("a separator last", "a-"),
  refused("a slash first", "/a"),
  refused("a slash last", "a/"),
  refused("two slashes", "a//b"),
  refused("a host without a path", "x.com/"),
  refused("Docker Hub without a path", "docker.io/"),
  refused("a backslash", "a\\b"),

  // Tags
  valid("a tag of every kind of character", "a:_A.b-9", "docker.io/library/a:_A.b-9"),
  valid("a tag of 128", `a:${"t".repeat(128)}`, `docker.io/library/a:${"t".repeat(128)}`),
  refused("a tag of 129", `a:${"t".repeat(129)}`),
  refused("an empty tag", "a:"),
  refused("a tag without a name", ":t"),
  refused("two tags", "a:b:c"),
  refused("a tag that starts with a dot", "a:.b"),
  refused("a tag that starts with a hyphen", "a:-b"),
  refused("a tag with a slash", "a:b/"),
  refused("a tag with a plus", "a:1.0+2"),
  refused("a Kelvin sign in the tag", "a:\u212a", LOWER),

  // Digests
  refused("a short digest", "a@sha256:48"),
  refused(
    "32 digits are a digest, of the wrong length",
    `a@sha256:${"a".repeat(32)}`,
    "invalid checksum digest length",
  ),
  refused("a digest too long", `a@${SHA256}a`, "invalid checksum digest length"),
  refused("a sha512 digest of 64", `a@sha512:${A}`, "invalid checksum digest length"),
  refused("capital hex digits", `a@sha256:${"A".repeat(64)}`, "invalid checksum digest format"),
  refused("an unknown algorithm", `a@md5:${A}`, "unsupported digest algorithm"),
  refused("an algorithm of many words", `a@a+b-c_d.e:${A}`, "unsupported digest algorithm"),
  refused("an algorithm that starts with a digit", `a@1a:${A}`),
  refused("an algorithm with a comma", `a@a,b:${A}`),
  refused("an algorithm in capitals counts as the name", `a@SHA256:${A}`, mustBeLower("library/a@SHA256")),
  refused("an algorithm in capitals after a tag", `a:t@SHA256:${A}`, "invalid checksum digest format"),
  refused("digits that are no hex", `a@sha256:${"g".repeat(64)}`),
  refused("an empty digest", "a@"),
  refused("a digest without a name", `@${SHA256}`),
  refused("two digests", `a@${SHA256}@${SHA256}`),
  refused("a tag after the digest", `a@${SHA256}:t`),
];
