import { ManifestError } from "../errors.js";
import { parseAnnotations, type ListAnnotation } from "../list/annotationFlags.js";
import { formatPlatformAll } from "../oci/platformName.js";

/** What a list is annotated with, as values of `--annotation`, and what is to be said of it. */
export interface GivenAnnotations {
  readonly flags: readonly string[];
  readonly notices: readonly string[];
}

const LEVELS =
  "set DOCKER_METADATA_ANNOTATIONS_LEVELS: index in the environment of docker/metadata-action to avoid this notice";

/** A line without `=` is most likely the second one of such a value. */
const ONE_LINE = "a value cannot have several lines";

/**
 * Turns docker/metadata-action's outputs `annotations` and `labels` into annotations that a list can have. An image that is
 * built cannot be annotated any more: what is for `manifest` is for the index instead; with a platform in brackets for that
 * entry of it. An index has no labels: they are its annotations. Of the same key `index:` goes before `manifest:`, and that
 * before a label; else the last one counts.
 * @throws USAGE for a line that has no key
 * @example
 * indexAnnotations(["manifest:org.opencontainers.image.version=1.2"], []).flags; // ["index:org.opencontainers.image.version=1.2"]
 */
export function indexAnnotations(
  annotations: readonly string[],
  labels: readonly string[],
): GivenAnnotations {
  const given = annotations.flatMap((line) => parseLine(line));
  const ofType = (...types: readonly ListAnnotation["type"][]): ListAnnotation[] =>
    given.filter(({ type }) => types.includes(type));
  const ofManifests = ofType("manifest", "");
  const moved = ofManifests.filter(({ platform }) => platform === undefined);
  const ofIndex = ofType("index");
  const keys = new Map([...labels.map(parseLabel), ...moved.map(asPair), ...ofIndex.map(asPair)]);
  const ofEntries = [
    ...ofManifests.filter(({ platform }) => platform !== undefined),
    ...ofType("manifest-descriptor"),
  ];

  const own = new Map(ofIndex.map(asPair));
  const others = moved.filter(({ type, key, value }) => type === "manifest" && own.get(key) !== value);
  const left = ofType("index-descriptor");
  return {
    flags: [...[...keys].map(([key, value]) => `index:${key}=${value}`), ...ofEntries.map(entryFlag)],
    notices: [
      ...notice(
        others,
        `an image that is already built cannot be annotated, so the index is annotated instead; ${LEVELS}`,
      ),
      ...notice(left, "left out, since in a registry nothing describes an index"),
    ],
  };
}

function parseLine(line: string): readonly ListAnnotation[] {
  try {
    return parseAnnotations([line], { requireKey: true });
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    const { code, message, subject } = error;
    const hint = line.includes("=")
      ? error.hint
      : `one annotation per line: ${ONE_LINE}; ${error.hint ?? ""}`;
    throw new ManifestError(code, `input annotations: ${message}`, { subject, hint, cause: error });
  }
}

function parseLabel(line: string): readonly [string, string] {
  const equals = line.indexOf("=");
  if (equals > 0) return [line.slice(0, equals), line.slice(equals + 1)];
  throw new ManifestError("USAGE", `input labels: ${JSON.stringify(line)} has no key`, {
    subject: line,
    hint: `write KEY=VALUE, one label per line: ${ONE_LINE}`,
  });
}

function asPair({ key, value }: ListAnnotation): readonly [string, string] {
  return [key, value];
}

function entryFlag({ platform, key, value }: ListAnnotation): string {
  const of = platform === undefined ? "" : `[${formatPlatformAll(platform)}]`;
  return `manifest-descriptor${of}:${key}=${value}`;
}

function notice(some: readonly ListAnnotation[], what: string): string[] {
  const keys = [...new Set(some.map(({ key }) => key))];
  const [first] = some;
  return first === undefined ? [] : [`annotations for ${first.type} (${keys.join(", ")}): ${what}`];
}
