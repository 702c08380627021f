import type { Context } from "../../context.js";
import { hintOf, ManifestError, messageOf } from "../../errors.js";
import type { FlagValues } from "../../go/flags.js";
import { goQuote } from "../../go/quote.js";
import type { Settings } from "../../list/draft.js";
import { descriptor, type Descriptor } from "../../oci/descriptor.js";
import { isDigest } from "../../oci/digest.js";
import { locationOf } from "../../oci/location.js";
import { isMediaType } from "../../oci/mediaTypes.js";
import { formatReference, parseReference, withDigest, type Reference } from "../../oci/reference.js";
import { progressMode, withProgress } from "../../ui/terminal/progress.js";
import type { settingFlags } from "../listFlags.js";
import type { NetworkFlags } from "../networkFlags.js";

export type SettingFlags = FlagValues<typeof settingFlags>;

/** What takes a subject or an artifact type away. No media type has this form; an image of this name has a longer one. */
const NONE = "none";

/**
 * What `--subject` and `--artifact-type` make of a list's settings. The subject is what the registry has now; what is not
 * given stays.
 * @throws USAGE for what is no media type, and what the registry has against the subject
 */
export async function readSubject(
  context: Context,
  flags: SettingFlags & NetworkFlags,
  list: Reference,
): Promise<(settings: Settings) => Settings> {
  const artifactType = readArtifactType(flags.artifactType);
  const subject =
    flags.subject === "" || flags.subject === NONE ? undefined : await describe(context, flags, list);
  return (settings) => ({
    ...settings,
    ...(flags.subject !== "" && { subject }),
    ...(artifactType !== undefined && { artifactType }),
  });
}

/**
 * Checks these flags as far as that goes without asking.
 * @throws USAGE, INVALID_REFERENCE
 */
export function checkSettingFlags(flags: SettingFlags, list: Reference): void {
  readArtifactType(flags.artifactType);
  if (flags.subject !== "" && flags.subject !== NONE) subjectOf(flags, list);
}

/** An image, or a digest in the list's own repository. */
function subjectOf({ subject }: SettingFlags, { domain, path }: Reference): Reference {
  if (isDigest(subject)) return withDigest({ domain, path }, subject);
  try {
    return parseReference(subject);
  } catch (error) {
    throw new ManifestError("INVALID_REFERENCE", `--subject ${goQuote(subject)}: ${messageOf(error)}`, {
      subject,
      hint: hintOf(error),
      cause: error,
    });
  }
}

function readArtifactType(text: string): string | undefined {
  if (text === "") return undefined;
  if (text === NONE) return "";
  if (isMediaType(text)) return text;
  throw new ManifestError("USAGE", `--artifact-type: ${text} is not a media type`, {
    subject: text,
    hint: `write it as application/vnd.example.thing, or ${NONE} for none`,
  });
}

/** What the registry has under the subject's name. */
async function describe(
  context: Context,
  flags: SettingFlags & NetworkFlags,
  list: Reference,
): Promise<Descriptor> {
  const ref = subjectOf(flags, list);
  return withProgress(context, progressMode(flags), async (progress) => {
    progress.step(`reading ${formatReference(ref)}`);
    const { openSession } = await import("../../apply/session.js");
    const { registrySource, SourceReader } = await import("../../content/resolve.js");
    const location = locationOf(ref);
    const settings = { ...flags, onWire: progress.onWire };
    const session = await openSession(context, settings, [{ location, actions: ["pull"] }]);
    try {
      const source = registrySource(ref, session.open(location));
      const { mediaType, digest, bytes } = await new SourceReader({ signal: context.signal }).manifest(
        source,
      );
      return descriptor(mediaType, digest, bytes.byteLength);
    } finally {
      await session.close();
    }
  });
}
