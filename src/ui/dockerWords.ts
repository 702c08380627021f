import { BlobError } from "../content/blobError.js";
import { ManifestError, NotFoundError } from "../errors.js";
import { goString } from "../go/json.js";
import { goQuote } from "../go/quote.js";
import { formatLocation, type Location } from "../oci/location.js";
import { formatReference, withDigest, type Reference } from "../oci/reference.js";
import { PlanError, PutError, type ListFault } from "../push/errors.js";
import { RegistryError } from "../registry/http/registryError.js";
import { dockerText, requestLine } from "./registryErrorText.js";

/**
 * docker's words for what the engine, the store and registries say by codes: people's scripts depend on them. See
 * docs/compatibility.md.
 */

/** The same error in docker's words; what docker has no words for, and what is no error of ours, as it is. */
export function inDockerWords(error: unknown, list?: Reference): unknown {
  if (!(error instanceof ManifestError)) return error;
  const { message, hint } = wordsFor(error, list);
  return new ManifestError(error.code, message, { subject: error.subject, hint, cause: error });
}

/** Of names that are quoted, in characters. */
const MAX_NAME = 200;

interface Words {
  readonly message: string;
  readonly hint: string | undefined;
}

function wordsFor(error: ManifestError, list: Reference | undefined): Words {
  if (error instanceof PlanError) return wordsForFault(error.fault);
  if (error instanceof RegistryError) return { message: dockerText(error), hint: requestLine(error) };
  if (error instanceof PutError && list !== undefined) {
    const { message, hint } = wordsFor(error.cause, list);
    const { domain, path } = list;
    const ref = error.role === "root" ? list : withDigest({ domain, path }, error.digest);
    return { message: `failed to put manifest ${formatReference(ref)}: ${message}`, hint };
  }
  if (error instanceof NotFoundError && error.cause instanceof BlobError) return wordsFor(error.cause, list);
  if (error instanceof BlobError && list !== undefined) {
    const { message, hint } = wordsFor(error.cause, list);
    const blob = `${nameOf(error.source, list)}@${error.digest} to ${formatReference(list)}`;
    if (error.code === "MOUNT_REFUSED") return { message: `error mounting ${blob}`, hint: hint ?? COPIED };
    return {
      message: `failed to ${error.action === "mount" ? "mount" : "copy"} blob ${blob}: ${message}`,
      hint,
    };
  }
  const { code, subject = "", cause, message, hint } = error;
  if (code === "MANIFEST_UNKNOWN") {
    const refusal = refusalBehind(error);
    return {
      message: `no such manifest: ${subject}`,
      hint: refusal === undefined ? hint : requestLine(refusal),
    };
  }
  if (code === "MANIFEST_MISMATCH") {
    return { message: `manifest verification failed for digest ${subject}`, hint };
  }
  if (code === "CREDENTIALS_MISSING") {
    const wanted = `not logged in to ${subject}: put its credentials into docker's config.json (docker login does), or into DOCKER_AUTH_CONFIG`;
    return { message: "no basic auth credentials", hint: wanted };
  }
  if (code === "TAG_IMMUTABLE" && cause instanceof RegistryError) return { message: dockerText(cause), hint };
  // Where the hint does not say whose it is.
  if (code === "INVALID_REFERENCE" && error.subject !== undefined && hint?.startsWith("--tag ") === false) {
    return { message, hint: `${goQuote(shortened(subject))}: ${hint}` };
  }
  return { message, hint };
}

/** Who writes a long name knows its beginning. */
function shortened(name: string): string {
  return name.length > MAX_NAME ? `${name.slice(0, MAX_NAME)}…` : name;
}

/** What a registry has answered that does not show what it may have. */
export function refusalBehind(error: unknown): RegistryError | undefined {
  if (error instanceof RegistryError) return error.status === 404 ? undefined : error;
  return error instanceof Error ? refusalBehind(error.cause) : undefined;
}

/** docker, which has one registry only, does not name it. */
function nameOf(source: Location, list: Reference): string {
  return source.kind === "registry" && source.domain === list.domain ? source.path : formatLocation(source);
}

function wordsForFault(fault: ListFault): Words {
  const alone = (message: string, hint?: string): Words => ({ message, hint });
  switch (fault.code) {
    case "LIST_EMPTY":
      return alone(
        `${fault.list} not found`,
        "the local list has no images: tsmanifest create --amend adds some, tsmanifest rm deletes it",
      );
    case "PLATFORM_MISSING":
      return alone(
        `manifest ${fault.entry} must have an OS and Architecture to be pushed to a registry`,
        "say which by tsmanifest annotate LIST IMAGE --os linux --arch amd64, or build the image so that it says so itself",
      );
    case "OTHER_REGISTRY":
      return alone(
        `cannot use source images from a different registry than the target image: ${fault.source} != ${fault.target}`,
        "pass --cross-registry to push to have them copied: what the target does not have yet goes through this machine",
      );
    case "INVALID_DIGEST":
      return alone(`digest parse of image ${goString(fault.entry)} failed: ${fault.why}`, DAMAGED);
    case "INVALID_MANIFEST":
      return alone(
        "invalid digest format",
        `${fault.entry} names a blob by ${goString(fault.blob)}: ${fault.why}`,
      );
    case "DIGEST_MISMATCH":
      return alone(
        `internal digest mismatch for ${fault.entry}: expected ${fault.expected}, got ${fault.actual}`,
        DAMAGED,
      );
    case "PAYLOAD_MISSING":
      return alone(`failed to put manifest ${fault.ref}: ${fault.entry} has no payload`, DAMAGED);
  }
}

/** What to do where a registry does not mount. */
const COPIED = "leave out --mount-only to have it copied";

/** What is wrong with the files of a list, and what to do. */
const DAMAGED =
  "the local list is damaged, or an old docker has made it: make it again by tsmanifest create --replace";
