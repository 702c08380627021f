/**
 * The errors of tsmanifest. Each has a stable `code` for programs, a complete message for people, and says what it
 * concerns. None knows how it is shown: docker's words are put on by `ui/dockerWords.ts`, the exit status by `cli.ts`.
 */

/** What went wrong, for programs. A code keeps its meaning from one version to the next. */
export type ErrorCode =
  /** The command line, or what a function was called with, is wrong. */
  | "USAGE"
  /** A name that docker's grammar refuses. */
  | "INVALID_REFERENCE"
  /** A platform that containerd's grammar refuses, or a name for one that nobody knows. */
  | "INVALID_PLATFORM"
  | "INVALID_DIGEST"
  | "INVALID_JSON"
  /** Not the manifest, index or image config that it should be. */
  | "INVALID_MANIFEST"
  | "UNSUPPORTED_MANIFEST"
  /** A folder of digests, or a file about a build, that is not what it should be. */
  | "INVALID_SOURCE"
  /** A file of lists that cannot be read, each of its faults with its place. */
  | "INVALID_FILE"
  /** Something of the user's set-up cannot be used: a CA file, a proxy. */
  | "CONFIG"
  /** A file of the local store is in the way, or broken. */
  | "STORE"
  | "LIST_NOT_FOUND"
  | "LIST_EXISTS"
  | "ENTRY_NOT_FOUND"
  /** What docker refuses before the first request of a push; see `push/errors.ts`. */
  | "LIST_EMPTY"
  | "PLATFORM_MISSING"
  | "OTHER_REGISTRY"
  /** What the user expects of the list is not so; nothing was pushed. */
  | "EXPECTATION"
  | "PAYLOAD_MISSING"
  /** An attestation's annotations, without which nobody finds its image, have no room in docker's list. */
  | "ATTESTATION_LOST"
  /** None of the manifests is for a platform that was asked for. */
  | "NO_MATCH"
  /** Some of the lists of a file were not made, each for a reason of its own. */
  | "LISTS_FAILED"
  /** A list that another one is made of was not made. */
  | "SOURCE_FAILED"
  /** The tag points elsewhere than when it was read: somebody else has moved it. */
  | "TAG_MOVED"
  /** What was pushed is there; what somebody else pushed under the same tag meanwhile may have been overwritten by it. */
  | "OTHERS_OVERWRITTEN"
  /** What was pushed is not what is there afterwards. */
  | "NOT_VERIFIED"
  /** Content that does not have the digest or size that it should have. */
  | "DIGEST_MISMATCH"
  /** The same of a manifest that somebody named by its digest. */
  | "MANIFEST_MISMATCH"
  /** Not in the registry or layout, or not shown to this user. */
  | "MANIFEST_UNKNOWN"
  | "BLOB_UNKNOWN"
  /** A blob could be neither mounted nor copied; a manifest could not be put. */
  | "BLOB_NOT_PUSHED"
  | "MANIFEST_NOT_PUSHED"
  /** The registry opened an upload where a mount was wanted, and nothing but a mount would do. */
  | "MOUNT_REFUSED"
  | "TAG_IMMUTABLE"
  /** The registry wants a user name and password, and has not been given any. */
  | "CREDENTIALS_MISSING"
  /** The registry or its token server does not accept who we are. */
  | "UNAUTHENTICATED"
  /** The registry answered by an error; see its `cause` or the `RegistryError` itself. */
  | "REGISTRY"
  /** An answer that a registry does not give: no `Location`, a page of HTML in place of a success. */
  | "INVALID_ANSWER"
  /** No answer: the network or TLS is at fault. */
  | "TRANSPORT"
  /** More, larger or deeper than anything honest. */
  | "LIMIT"
  /** Given up, because something else had failed already. */
  | "STOPPED";

/** What an error says besides its code and message. */
export interface ErrorDetails extends ErrorOptions {
  /** What it concerns: a reference, a file, a URL without secrets. */
  readonly subject?: string | undefined;
  /** A second line for people: which request it was, what to do. */
  readonly hint?: string | undefined;
}

/**
 * Anything tsmanifest reports on purpose. Its message is complete: it can be printed alone, without a stack.
 * @example
 * try {
 *   parseReference("Not A Name");
 * } catch (error) {
 *   if (error instanceof ManifestError) console.log(error.code, error.subject); // INVALID_REFERENCE
 * }
 */
export class ManifestError extends Error {
  /** The name of the class. */
  override readonly name: string = "ManifestError";
  /** What went wrong, for programs. */
  readonly code: ErrorCode;
  /** What it concerns: a reference, a file, a host, a URL without secrets. */
  readonly subject: string | undefined;
  /** A second line for people: which request it was, what to do. */
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details);
    this.code = code;
    this.subject = details.subject;
    this.hint = details.hint;
  }
}

/** What an error says people can do; undefined where it says nothing. */
export function hintOf(error: unknown): string | undefined {
  return error instanceof ManifestError ? error.hint : undefined;
}

/** What is not there is a manifest or a blob (of a registry or layout), a list (of the local store) or an entry (of a list). */
export type NotFoundCode = Extract<
  ErrorCode,
  "MANIFEST_UNKNOWN" | "BLOB_UNKNOWN" | "LIST_NOT_FOUND" | "ENTRY_NOT_FOUND"
>;

/** What is not there, and whether it may only be hidden. */
export interface NotFoundDetails extends ErrorDetails {
  /** What is not there. */
  readonly subject: string;
  /** Is it possible that it is there, and not shown to this user? Default: false. */
  readonly mayBeHidden?: boolean | undefined;
}

/**
 * Something is not there. Its `subject` says what: a reference, the digest of a blob, the name of a list or an entry.
 * @example
 * try {
 *   await repository.get("v2");
 * } catch (error) {
 *   if (!(error instanceof NotFoundError)) throw error;
 *   console.log(`not there: ${error.subject}`);
 * }
 */
export class NotFoundError extends ManifestError {
  /** `NotFoundError`. */
  override readonly name = "NotFoundError";
  /** Which kind of thing is not there. */
  declare readonly code: NotFoundCode;
  /** What is not there. */
  declare readonly subject: string;
  /** The registry did not say that it is not there, but refused to show it (401, 403): it may be there all the same. */
  readonly mayBeHidden: boolean;

  constructor(code: NotFoundCode, message: string, details: NotFoundDetails) {
    super(code, message, details);
    this.mayBeHidden = details.mayBeHidden ?? false;
  }
}

/** The command line itself is wrong. `status` is docker's: 125 for flags, 1 for a wrong number of arguments. */
export class UsageError extends ManifestError {
  override readonly name = "UsageError";
  readonly status: 1 | 125;

  /** The `subject` of a flag that is not known is the flag as it was written. */
  constructor(message: string, status: 1 | 125, details: ErrorDetails = {}) {
    super("USAGE", message, details);
    this.status = status;
  }
}

/** What is wrong with what a function was called with, or with flags that do not go together: USAGE. */
export function usageError(message: string, hint?: string): ManifestError {
  return new ManifestError("USAGE", message, { hint });
}

/**
 * Is it an error of ours with one of these codes?
 * @example
 * if (hasCode(new ManifestError("LIMIT", "too much"), "LIMIT", "CONFIG")) console.log("LIMIT or CONFIG");
 */
export function hasCode(error: unknown, ...codes: readonly ErrorCode[]): error is ManifestError {
  return error instanceof ManifestError && codes.includes(error.code);
}

/** What is wrong with an error of unknown type, as one line. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a Node system error (`ENOENT`, `ECONNRESET`, …), if it has one. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
