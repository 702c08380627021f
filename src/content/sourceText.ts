import * as z from "zod/mini";
import { ManifestError, usageError } from "../errors.js";
import { goInteger, goStruct, issueOf, parseJson } from "../go/json.js";
import { goQuote } from "../go/quote.js";
import { Descriptor } from "../oci/descriptor.js";
import { digestFault, isDigest } from "../oci/digest.js";
import { parsePlace, type Place } from "./place.js";

/** What `imagetools create` was given for a source. */
export type SourceText =
  | { readonly kind: "place"; readonly place: Place }
  /** In the one repository that is named elsewhere. */
  | { readonly kind: "digest"; readonly digest: string }
  /** What it says replaces what the registry says. */
  | { readonly kind: "descriptor"; readonly descriptor: Descriptor };

const Head = goStruct({ schemaVersion: goInteger });

/**
 * Reads a source as buildx does: a digest, a reference, a layout, or a descriptor as JSON.
 * @throws INVALID_REFERENCE in buildx's words
 */
export function parseSourceText(text: string): SourceText {
  try {
    return parse(text.trim());
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    throw new ManifestError(
      "INVALID_REFERENCE",
      `failed to parse source ${goQuote(text)}, valid sources are digests, references and descriptors: ${error.message}`,
      { subject: text, hint: error.hint, cause: error },
    );
  }
}

function parse(text: string): SourceText {
  if (isDigest(text)) return { kind: "digest", digest: text };
  if (text.startsWith("sha256")) throw fault(digestFault(text) ?? "invalid digest");
  if (!text.startsWith("{")) return { kind: "place", place: parsePlace(text) };
  return { kind: "descriptor", descriptor: parseDescriptor(Buffer.from(text)) };
}

function parseDescriptor(bytes: Buffer): Descriptor {
  const json = parseJson(bytes);
  const head = z.safeParse(Head, json);
  if (head.success && Number(head.data.schemaVersion) !== 0) {
    const { schemaVersion } = head.data;
    throw fault(
      `expected an OCI content descriptor, got a manifest or index (schemaVersion ${schemaVersion})`,
    );
  }
  const parsed = z.safeParse(Descriptor, json);
  if (!parsed.success) throw fault(issueOf(parsed.error));
  const { digest } = parsed.data;
  if (digest === "") throw fault("invalid descriptor: digest is required");
  const why = digestFault(digest);
  if (why !== undefined) throw fault(`invalid descriptor digest: ${why}`);
  return parsed.data;
}

function fault(message: string): ManifestError {
  return new ManifestError("INVALID_REFERENCE", message);
}

/** A source whose repository is known. */
export interface WantedSource {
  readonly place: Place;
  /** What was said of it, if anything. */
  readonly given: Descriptor | undefined;
  /** What was said of it is all that counts, and nothing is asked of its repository but the content. */
  readonly isGivenWhole?: true;
  /** As it was given, for messages. */
  readonly text: string;
  /** The file that names it, of a folder or of a build. */
  readonly namedBy?: string;
}

/**
 * Finds the repositories of sources that name none: the only one that is named by tags and other sources.
 * @throws USAGE where none or several are named
 */
export function placeSources(
  sources: readonly { readonly text: string; readonly source: SourceText }[],
  targets: readonly Place[],
): WantedSource[] {
  const placed = sources.flatMap(({ source }) => (source.kind === "place" ? [source.place] : []));
  const names = new Set([...targets, ...placed].map(({ name }) => name));
  if (names.size === 0 && sources.length > 0) {
    throw usageError("no repositories specified, please set a reference in tag or source");
  }
  const [only] = names.size === 1 ? [...placed, ...targets] : [];
  const isResolved = sources.some(
    ({ source }) => source.kind !== "descriptor" || source.descriptor.mediaType === "",
  );
  return sources.map(({ text, source }) => {
    if (source.kind === "place") return { place: source.place, given: undefined, text };
    if (only === undefined) {
      throw usageError(`multiple repositories specified, cannot infer repository for ${goQuote(text)}`);
    }
    if (source.kind === "digest")
      return { place: { ...only, digest: source.digest }, given: undefined, text };
    const { descriptor: given } = source;
    if (given.mediaType === "") return { place: { ...only, digest: given.digest }, given, text };
    // buildx takes it as it is where no source is a reference; else it asks for `latest`, whatever the digest says.
    if (!isResolved)
      return { place: { ...only, tag: undefined, digest: given.digest }, given, text, isGivenWhole: true };
    const tag = only.location.kind === "layout" ? (only.tag ?? "latest") : "latest";
    return { place: { ...only, tag, digest: undefined }, given, text };
  });
}

/**
 * What is said of a source over what its registry says; its digest stays.
 * @throws DIGEST_MISMATCH for another size
 */
export function mergeGiven(found: Descriptor, given: Descriptor | undefined): Descriptor {
  if (given === undefined) return found;
  if (Number(given.size) !== 0 && Number(given.size) !== Number(found.size)) {
    throw new ManifestError(
      "DIGEST_MISMATCH",
      `invalid size mismatch for ${found.digest}, ${given.size} != ${found.size}`,
      { subject: found.digest },
    );
  }
  return {
    ...found,
    mediaType: given.mediaType === "" ? found.mediaType : given.mediaType,
    annotations: Object.keys(given.annotations).length === 0 ? found.annotations : given.annotations,
    ...(given.platform !== undefined && { platform: given.platform }),
  };
}
