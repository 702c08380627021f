import { ManifestError, type ErrorCode } from "../errors.js";
import { formatLocation, type Location } from "../oci/location.js";

const DONE = { mount: "mounted", copy: "copied" };

/** A blob did not get to where it is needed; `cause` is why. */
export class BlobError extends ManifestError {
  /** `BlobError`. */
  override readonly name = "BlobError";
  /** What was being done. An upload that could not even be opened is told as a mount, which is what was wanted. */
  readonly action: "mount" | "copy";
  /** The digest of the blob. */
  readonly digest: string;
  /** Where the blob was taken from. */
  readonly source: Location;
  /** Why it did not get there. */
  override readonly cause: ManifestError;

  constructor(
    action: "mount" | "copy",
    digest: string,
    source: Location,
    cause: ManifestError,
    code: Extract<ErrorCode, "BLOB_NOT_PUSHED" | "MOUNT_REFUSED"> = "BLOB_NOT_PUSHED",
  ) {
    super(code, `${formatLocation(source)}@${digest} could not be ${DONE[action]}: ${cause.message}`, {
      subject: digest,
      hint: cause.hint,
      cause,
    });
    this.action = action;
    this.digest = digest;
    this.source = source;
    this.cause = cause;
  }
}
