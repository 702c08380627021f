import { createHash, type Hash } from "node:crypto";
import { ManifestError } from "../errors.js";

/**
 * Content digests, `algorithm:hex`.
 * https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests
 */

/** Hex length of each algorithm that docker accepts. */
const HEX_LENGTHS = new Map([
  ["sha256", 64],
  ["sha384", 96],
  ["sha512", 128],
]);

const ANY_DIGEST = /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;
const LOWER_HEX = /^[0-9a-f]+$/;

/** How many hexadecimal digits a digest by an algorithm has; undefined for those that docker does not accept. */
export function hexLengthOf(algorithm: string): number | undefined {
  return HEX_LENGTHS.get(algorithm);
}

/**
 * The sha256 digest of some bytes, `sha256:…`.
 * @example
 * digestOf(Buffer.from("hello")).slice(0, 14); // "sha256:2cf24db"
 */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** The digest of some bytes by the algorithm that `digest` names, for comparison with `digest`. */
export function digestLike(digest: string, bytes: Uint8Array): string {
  return `${algorithmOf(digest)}:${hasherFor(digest).update(bytes).digest("hex")}`;
}

/** A running hash of the algorithm that a (valid) digest names. */
export function hasherFor(digest: string): Hash {
  return createHash(algorithmOf(digest));
}

/** The part before the colon. */
export function algorithmOf(digest: string): string {
  return digest.slice(0, digest.indexOf(":"));
}

/**
 * What docker has against a digest, in its words, or undefined where it is valid: `invalid checksum digest format`,
 * `unsupported digest algorithm`, `invalid checksum digest length`.
 */
export function digestFault(digest: string): string | undefined {
  const colon = digest.indexOf(":");
  if (colon <= 0 || colon === digest.length - 1) return "invalid checksum digest format";
  const hexLength = HEX_LENGTHS.get(digest.slice(0, colon));
  if (hexLength === undefined) {
    return ANY_DIGEST.test(digest) ? "unsupported digest algorithm" : "invalid checksum digest format";
  }
  const hex = digest.slice(colon + 1);
  if (hex.length !== hexLength) return "invalid checksum digest length";
  return LOWER_HEX.test(hex) ? undefined : "invalid checksum digest format";
}

/** Is this a digest that content can be checked against? */
export function isDigest(digest: string): boolean {
  return digestFault(digest) === undefined;
}

/** Throws docker's message when the digest is not one. */
export function checkDigest(digest: string): void {
  const fault = digestFault(digest);
  if (fault !== undefined) throw new ManifestError("INVALID_DIGEST", fault);
}
