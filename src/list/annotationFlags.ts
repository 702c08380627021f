import { ManifestError, type ErrorDetails } from "../errors.js";
import { goQuote } from "../go/quote.js";
import type { Descriptor } from "../oci/descriptor.js";
import type { Platform } from "../oci/platform.js";
import { formatPlatform, formatPlatformAll, parsePlatform } from "../oci/platformName.js";

/**
 * Annotations on the command line, as `docker buildx` has them.
 * https://docs.docker.com/build/metadata/annotations/
 *
 *     annotation = [ target *( "," target ) ":" ] key "=" value
 *     target     = type [ "[" platform "]" ]
 *     type       = "index" / "index-descriptor" / "manifest" / "manifest-descriptor"
 *
 * The first `=` ends the key, and the first `:` before it the targets: a key with a colon needs a target.
 */
const TARGET = /^([a-z-]+)(?:\[([A-Za-z0-9_/-]+)\])?$/;

/** For people whose annotation has no target, or a colon in its key. */
const FORMS = "write it as index:KEY=VALUE or manifest-descriptor[PLATFORM]:KEY=VALUE";

const TYPES = ["index", "index-descriptor", "manifest", "manifest-descriptor"] as const;

/** An annotation, and what it is for: the list, or entries of it. */
export interface ListAnnotation {
  /** Empty where none was given. */
  readonly type: (typeof TYPES)[number] | "";
  /** Of the entries that are meant; undefined for all. */
  readonly platform: Platform | undefined;
  /** Before the `=`. */
  readonly key: string;
  /** After the `=`; may be empty. */
  readonly value: string;
}

/**
 * The annotations of all `--annotation` flags, in their order. The same key for the same target counts once, the last one.
 * buildx takes an empty key; `requireKey` refuses it.
 * @throws USAGE in buildx's words, which follow `failed to parse annotations: ` there
 * @example
 * parseAnnotations(["index:org.opencontainers.image.version=1.0"]);
 */
export function parseAnnotations(
  texts: readonly string[],
  { requireKey = false }: { readonly requireKey?: boolean } = {},
): readonly ListAnnotation[] {
  const found = new Map<string, ListAnnotation>();
  for (const text of texts.filter((one) => one !== "")) {
    for (const annotation of parseAnnotation(text)) {
      const { type, platform, key } = annotation;
      if (requireKey && key === "") {
        throw usage(text, `invalid annotation ${goQuote(text)}, its key is empty`, { hint: FORMS });
      }
      const target = JSON.stringify([type, platform && formatPlatformAll(platform), key]);
      // The last one also comes last: an annotation of all entries may stand in between.
      found.delete(target);
      found.set(target, annotation);
    }
  }
  return [...found.values()];
}

function parseAnnotation(text: string): ListAnnotation[] {
  const equals = text.indexOf("=");
  if (equals === -1)
    throw usage(text, `invalid annotation ${goQuote(text)}, expected key=value`, { hint: FORMS });
  const value = text.slice(equals + 1);
  const before = text.slice(0, equals);
  const colon = before.indexOf(":");
  if (colon === -1) return [{ type: "", platform: undefined, key: before, value }];
  const key = before.slice(colon + 1);
  return before
    .slice(0, colon)
    .split(",")
    .map((target) => ({ ...parseTarget(text, target), key, value }));
}

function parseTarget(text: string, target: string): Pick<ListAnnotation, "type" | "platform"> {
  const [, name, platform] = TARGET.exec(target) ?? [];
  if (name === undefined) {
    throw usage(
      text,
      `invalid annotation type ${goQuote(target)}, expected type and optional platform in square brackets`,
      { hint: FORMS },
    );
  }
  const type = TYPES.find((known) => known === name);
  if (type === undefined) throw usage(text, `unknown annotation type ${goQuote(name)}`, { hint: FORMS });
  return { type, platform: platform === undefined ? undefined : parseTargetPlatform(text, platform) };
}

function parseTargetPlatform(text: string, platform: string): Platform {
  try {
    return parsePlatform(platform);
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    throw usage(text, `invalid platform ${goQuote(platform)}: ${error.message}`, { cause: error });
  }
}

/** A list's descriptors with their annotations, and those of the list itself. */
export interface AnnotatedEntries {
  readonly descriptors: readonly Descriptor[];
  readonly annotations: Readonly<Record<string, string>>;
}

/**
 * What annotations make of an OCI index with these entries, by buildx's rules: `index` goes to the index,
 * `manifest-descriptor` to the entries whose platform is written like that of the annotation: `[linux/arm64/v8]` is not
 * for an entry that says `linux/arm64`. An entry without platform has only what is for all; buildx panics there.
 *
 * For docker's list, buildx ignores annotations, so callers that make one must not call this.
 * @throws USAGE in buildx's words for those that would change a manifest, or that concern what refers to the index
 */
export function applyAnnotations(
  descriptors: readonly Descriptor[],
  annotations: readonly ListAnnotation[],
): AnnotatedEntries {
  const ofIndex: ListAnnotation[] = [];
  const ofEntries: ListAnnotation[] = [];
  for (const annotation of annotations) {
    switch (annotation.type) {
      case "index":
        ofIndex.push(annotation);
        break;
      case "manifest-descriptor":
        ofEntries.push(annotation);
        break;
      case "manifest":
      case "":
        throw usage(annotation.key, `${goQuote(annotation.type)} annotations are not supported yet`, {
          hint: FORMS,
        });
      case "index-descriptor":
        throw usage(
          annotation.key,
          `${goQuote(annotation.type)} annotations are invalid while creating an image`,
        );
    }
  }
  return {
    annotations: recordOf(ofIndex),
    descriptors: descriptors.map((descriptor) => {
      const own = ofEntries.filter(({ platform }) => isMeant(descriptor, platform));
      return own.length === 0
        ? descriptor
        : { ...descriptor, annotations: { ...descriptor.annotations, ...recordOf(own) } };
    }),
  };
}

function isMeant({ platform }: Descriptor, wanted: Platform | undefined): boolean {
  if (wanted === undefined) return true;
  return platform !== undefined && formatPlatform(platform) === formatPlatformAll(wanted);
}

function recordOf(annotations: readonly ListAnnotation[]): Record<string, string> {
  return Object.fromEntries(annotations.map(({ key, value }) => [key, value]));
}

function usage(subject: string, message: string, details: Omit<ErrorDetails, "subject"> = {}): ManifestError {
  return new ManifestError("USAGE", message, { ...details, subject });
}
