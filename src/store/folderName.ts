import { formatReference, parseCanonical, type Reference } from "../oci/reference.js";
import { isFileName, storeName } from "./names.js";

export interface FolderName {
  /** A list whose folder has this name. */
  readonly name: Reference;
  /** Might it be another list's as well? */
  readonly isGuessed: boolean;
}

/** How many ways to read one name are tried: more than there are of any that docker makes. */
const MAX_READINGS = 4096;

/**
 * Which list a folder is for, as far as its name tells, in which `/` and `_` look alike, as do `:` and `-` (see
 * {@link storeName}). The names of the list's entries, which mostly begin as the list's does, say what is likely.
 * Undefined for what no list's folder is called.
 */
export function nameOfFolder(folder: string, refs: readonly Reference[]): FolderName | undefined {
  if (!isFileName(folder)) return undefined;
  const likely = longestShared(folder, refs);
  const found: Reference[] = [];
  let odd: Reference | undefined;
  const tried = new Set([likely, ""].flatMap((known) => readings(folder, known)).slice(0, MAX_READINGS));
  for (const reading of tried) {
    const ref = parseWhole(reading);
    if (ref === undefined || storeName(ref) !== folder) continue;
    // docker takes `a_b.c/d` for a name, of which no registry can be told.
    if (ref.domain === "") odd ??= ref;
    else found.push(ref);
    if (found.length > 1) break;
  }
  const name = found[0] ?? odd;
  return name && { name, isGuessed: found.length > 1 || tried.size === MAX_READINGS };
}

/** What the longest of these names that begin as the folder does have in common with it, as it is written there. */
function longestShared(folder: string, refs: readonly Reference[]): string {
  let longest = "";
  for (const ref of refs) {
    const mapped = storeName(ref);
    let length = 0;
    while (length < folder.length && mapped[length] === folder[length]) length++;
    if (length > longest.length) longest = formatReference(ref).slice(0, length);
  }
  // What ends in both of them there may be of two kinds.
  return longest.replace(/[-:/_]$/, "");
}

/** The names that a folder may stand for, the likeliest first, if its beginning is known. Not all of them are valid. */
function readings(folder: string, known: string): string[] {
  const text = withColonsInBrackets(known + folder.slice(known.length));
  const [named, digest] = cutDigest(text);
  return tagPositions(named, known.length).flatMap((end) => {
    const tag = end === undefined ? "" : `:${named.slice(end + 1)}`;
    return repositories(named.slice(0, end), known.length).map((repository) => repository + tag + digest);
  });
}

/** An address of IPv6 has no dash. */
function withColonsInBrackets(text: string): string {
  return text.replace(/^\[[^\]]*\]/, (address) => address.replaceAll("-", ":"));
}

/** The digest's colon is never in doubt: no algorithm has a dash. */
function cutDigest(text: string): [named: string, digest: string] {
  const at = text.indexOf("@");
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at).replace("-", ":")];
}

/**
 * Where the colon of the tag may be; undefined for none, or one that is known. Before what looks like a version if there
 * is such a place, or else before the last word.
 */
function tagPositions(named: string, from: number): (number | undefined)[] {
  const repository = named.slice(0, from);
  if (repository.lastIndexOf(":") > repository.indexOf("/") && repository.includes("/")) return [undefined];
  const dashes = [...named.matchAll(/-/g)].map(({ index }) => index).filter((index) => index >= from);
  const isVersion = (index: number): boolean => /^-v?\d/.test(named.slice(index, index + 3));
  const versions = dashes.filter(isVersion);
  return [...versions, ...dashes.filter((index) => !isVersion(index)).reverse(), undefined];
}

/** With a slash for every underscore; with one of them less, which shows whether that could be so; with a port and without. */
function repositories(text: string, from: number): string[] {
  const single = /(?<!_)_(?!_)/g;
  const underscores = [...text.matchAll(single)].map(({ index }) => index).filter((index) => index >= from);
  const [first, second] = underscores;
  const kept = new Set([undefined, second, underscores.at(-1), first]);
  return [...kept].flatMap((exception) => {
    const path = text.replace(single, (one, at: number) => (at >= from && at !== exception ? "/" : one));
    const port = /^[^/]*(-)\d+\//d.exec(path)?.indices?.[1]?.[0];
    if (port === undefined || port < from) return [path];
    return [`${path.slice(0, port)}:${path.slice(port + 1)}`, path];
  });
}

/** A name that is written in full, with a tag or a digest, as docker makes folders of; undefined for anything else. */
function parseWhole(text: string): Reference | undefined {
  try {
    const ref = parseCanonical(text);
    return ref.tag === undefined && ref.digest === undefined ? undefined : ref;
  } catch {
    return undefined;
  }
}
