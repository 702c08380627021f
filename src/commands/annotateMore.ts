import type { Context } from "../context.js";
import { ManifestError } from "../errors.js";
import { parseAnnotations } from "../list/annotationFlags.js";
import type { Draft } from "../list/draft.js";
import { annotateEntries, annotateIndex } from "../list/listAnnotations.js";
import { selectEntries } from "../list/select.js";
import { descriptor, type Descriptor } from "../oci/descriptor.js";
import { isDigest } from "../oci/digest.js";
import { locationOf } from "../oci/location.js";
import { formatReference, parseReference, withDigest, type Reference } from "../oci/reference.js";
import type { MoreFlags } from "./annotate.js";
import type { NetworkFlags } from "./networkFlags.js";

/**
 * What `annotate` does that docker has no word for: annotations, and the subject and artifact type of the list. Loaded
 * where it is asked for.
 */

type Flags = MoreFlags & NetworkFlags;

/** What takes a subject or an artifact type away. No media type has this form; an image of this name has a longer one. */
const NONE = "none";

/** https://www.rfc-editor.org/rfc/rfc6838#section-4.2 */
const MEDIA_TYPE = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/;

/**
 * What such flags make of a draft, and of the image that is named. All that takes time, and all that may be wrong with the
 * flags themselves, comes before.
 * @throws USAGE, and what the registry has against the subject
 */
export async function readMore(
  context: Context,
  flags: Flags,
  list: Reference,
): Promise<(draft: Draft, image: Reference | undefined) => Draft> {
  const annotations = parseAnnotations(flags.annotation, { requireKey: true });
  const artifactType = flags.artifactType === "" ? undefined : readArtifactType(flags.artifactType);
  const subject = flags.subject === "" ? undefined : await readSubject(context, flags, list);

  return (draft, image) => {
    const { settings } = annotateIndex(draft, annotations);
    const { entries } =
      image === undefined
        ? draft
        : annotateEntries(draft, selectEntries(draft, formatReference(image)).entries, annotations);
    return {
      ...draft,
      entries,
      settings: {
        ...settings,
        ...(subject !== undefined && { subject: subject === NONE ? undefined : subject }),
        ...(artifactType !== undefined && { artifactType }),
      },
    };
  };
}

function readArtifactType(text: string): string {
  if (text === NONE) return "";
  if (MEDIA_TYPE.test(text)) return text;
  throw new ManifestError("USAGE", `--artifact-type: ${text} is not a media type`, {
    subject: text,
    hint: `write it as application/vnd.example.thing, or ${NONE} for none`,
  });
}

/** What the registry has under a name, or under a digest in the list's own repository. */
async function readSubject(
  context: Context,
  flags: Flags,
  list: Reference,
): Promise<Descriptor | typeof NONE> {
  const { subject } = flags;
  if (subject === NONE) return NONE;
  const { domain, path } = list;
  const ref = isDigest(subject) ? withDigest({ domain, path }, subject) : parseReference(subject);
  const { openSession } = await import("./session.js");
  const { registrySource, SourceReader } = await import("../content/resolve.js");
  const location = locationOf(ref);
  const session = await openSession(context, flags, [{ location, actions: ["pull"] }]);
  try {
    const source = registrySource(ref, session.open(location));
    const { mediaType, digest, bytes } = await new SourceReader({ signal: context.signal }).manifest(source);
    return descriptor(mediaType, digest, bytes.byteLength);
  } finally {
    await session.close();
  }
}
