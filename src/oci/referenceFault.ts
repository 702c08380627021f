import { hexLengthOf } from "./digest.js";

/** The parts of a reference as it was written, whatever is wrong with them. */
interface WrittenReference {
  readonly name: string;
  /** What is behind the colon; undefined where there is none. */
  readonly tag: string | undefined;
  /** What is behind the `@`; undefined where there is none. */
  readonly digest: string | undefined;
}

const IMAGE_ID = /^[a-f0-9]{64}$/;
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//;
const UNSET = "was a variable not set?";
const [LONGEST_TAG, LONGEST_PATH] = [128, 255];

/**
 * What to do about a text that docker's grammar refuses for a reference, in a line for people. Only for those: of any other
 * it says how names are written. Takes linear time.
 * @example
 * referenceFault("registry.example/app:"); // "the tag is empty: was a variable not set?"
 */
export function referenceFault(input: string): string {
  if (input.trim() === "") return `the name is empty: ${UNSET}`;
  const scheme = SCHEME.exec(input)?.[0];
  if (scheme !== undefined) return `a name has no ${scheme} in front`;
  if (/\s/.test(input)) return "a name has no spaces or line ends in it";
  if (IMAGE_ID.test(input)) return "the ID of an image is no name: write it as NAME@sha256:…";
  const { name, tag, digest } = partsOf(input);
  return (
    (digest === undefined ? undefined : digestReason(digest)) ??
    (tag === undefined ? undefined : tagReason(tag)) ??
    nameReason(name)
  );
}

function partsOf(input: string): WrittenReference {
  const at = input.indexOf("@");
  const tagged = at === -1 ? input : input.slice(0, at);
  const colon = tagged.indexOf(":", tagged.lastIndexOf("/") + 1);
  return {
    name: colon === -1 ? tagged : tagged.slice(0, colon),
    tag: colon === -1 ? undefined : tagged.slice(colon + 1),
    digest: at === -1 ? undefined : input.slice(at + 1),
  };
}

function digestReason(digest: string): string | undefined {
  if (digest === "") return `the digest is empty: ${UNSET}`;
  const colon = digest.indexOf(":");
  const algorithm = digest.slice(0, Math.max(0, colon));
  const hex = digest.slice(colon + 1);
  const length = hexLengthOf(algorithm);
  if (length === undefined) return "a digest is written as sha256: and 64 digits, 0 to 9 and a to f";
  if (hex === "") return `the digest is empty behind ${algorithm}: ${UNSET}`;
  if (hex.length !== length)
    return `a digest has ${length} digits behind ${algorithm}:, and this one ${hex.length}`;
  return /^[0-9a-f]*$/.test(hex) ? undefined : "the digits of a digest are 0 to 9 and a to f";
}

function tagReason(tag: string): string | undefined {
  if (tag === "") return `the tag is empty: ${UNSET}`;
  if (tag.length > LONGEST_TAG)
    return `a tag has at most ${LONGEST_TAG} characters, and this one ${tag.length}`;
  if (/^[.-]/.test(tag)) return "a tag begins with a letter, a digit or _";
  return /^[\w.-]*$/.test(tag) ? undefined : "a tag has only letters, digits, _, . and -";
}

function nameReason(name: string): string {
  const parts = name.split("/");
  const [first = "", ...path] = parts;
  if (name === "") return `the name is empty: ${UNSET}`;
  if (parts.includes("")) return `a part of the name is empty: ${UNSET}`;
  const repository = path.length === 0 ? name : path.join("/");
  if (repository !== repository.toLowerCase()) return "write it in lower-case letters";
  if (path.length > 0 && /:(?!\d+$)/.test(first)) {
    return "what is behind the colon is no port, and a tag has no / in it";
  }
  if (path.some((part) => part.includes(":"))) return "a tag has no / in it";
  if (name.length > LONGEST_PATH) return `the path of a name has at most ${LONGEST_PATH} characters`;
  return "a name has lower-case letters and digits with single . _ - between them, and / between its parts";
}
