import type { Manifest } from "../oci/manifest.js";
import { isRefusal, RegistryError } from "./http/registryError.js";

/** What the refusal of a manifest is about. */

/** Something that it names is not there: distribution's code, that for a manifest that an index names, or ECR's text. */
export function lacksContent(error: unknown, { kind }: Manifest): error is RegistryError {
  if (!(error instanceof RegistryError)) return false;
  return (
    error.codes.includes("MANIFEST_BLOB_UNKNOWN") ||
    (kind === "index" && error.status === 404 && error.codes.includes("MANIFEST_UNKNOWN")) ||
    (error.status < 500 && /required for pushing image .* do not exist/.test(error.reason))
  );
}

/** A tag that may not be moved. Quay: 409; Harbor: 412; ECR: a 400 whose code or text says so. */
export function isImmutableTag(error: unknown): error is RegistryError {
  if (!(error instanceof RegistryError)) return false;
  if (error.status === 409 || error.status === 412) return true;
  return error.status < 500 && /immutable|ImageTagAlreadyExists|tag[ _]invalid/i.test(error.reason);
}

/** Perhaps one of several tags, such as one that may not be moved, or that there are tags at all. */
export function mayBeAboutTags(error: unknown, manifest: Manifest): error is RegistryError {
  if (!(error instanceof RegistryError) || !isRefusal(error)) return false;
  return error.status !== 401 && !lacksContent(error, manifest);
}
