import { ManifestError, type ErrorCode } from "../errors.js";

/** What a list is refused for before the first request of its push. */
export type ListFault =
  | { readonly code: "LIST_EMPTY"; readonly list: string }
  | { readonly code: "PLATFORM_MISSING"; readonly entry: string }
  | {
      readonly code: "OTHER_REGISTRY";
      readonly entry: string;
      readonly source: string;
      readonly target: string;
    }
  | { readonly code: "INVALID_DIGEST"; readonly entry: string; readonly why: string }
  /** A manifest names a blob by something that is no digest. */
  | { readonly code: "INVALID_MANIFEST"; readonly entry: string; readonly blob: string; readonly why: string }
  | {
      readonly code: "DIGEST_MISMATCH";
      readonly entry: string;
      readonly expected: string;
      readonly actual: string;
    }
  /** `ref` is what it would be called in the target. */
  | { readonly code: "PAYLOAD_MISSING"; readonly entry: string; readonly ref: string };

/** A list that cannot be pushed as it is; nothing has been sent. */
export class PlanError extends ManifestError {
  /** `PlanError`. */
  override readonly name = "PlanError";
  /** What the list is refused for. */
  readonly fault: ListFault;

  /** @param fault what the list is refused for */
  constructor(fault: ListFault) {
    super(fault.code satisfies ErrorCode, messageOf(fault), {
      subject: "list" in fault ? fault.list : fault.entry,
    });
    this.fault = fault;
  }
}

function messageOf(fault: ListFault): string {
  switch (fault.code) {
    case "LIST_EMPTY":
      return `${fault.list} has no entries`;
    case "PLATFORM_MISSING":
      return `${fault.entry} has no os or no architecture`;
    case "OTHER_REGISTRY":
      return `${fault.entry} is in ${fault.source}, the list goes to ${fault.target}`;
    case "INVALID_DIGEST":
      return `${fault.entry}: ${fault.why}`;
    case "INVALID_MANIFEST":
      return `${fault.entry} names a blob by ${JSON.stringify(fault.blob)}: ${fault.why}`;
    case "DIGEST_MISMATCH":
      return `${fault.entry}: the stored bytes have the digest ${fault.actual} instead of ${fault.expected}`;
    case "PAYLOAD_MISSING":
      return `${fault.entry} has no manifest`;
  }
}

/** A manifest that could not be put, for the reason that `cause` gives. */
export class PutError extends ManifestError {
  /** `PutError`. */
  override readonly name = "PutError";
  /** Of the manifest. */
  readonly digest: string;
  /** What the manifest is in the plan. */
  readonly role: "child" | "referrer" | "root";
  /** Why it could not be put. */
  override readonly cause: ManifestError;

  constructor(digest: string, role: "child" | "referrer" | "root", cause: ManifestError) {
    super("MANIFEST_NOT_PUSHED", `${digest} could not be put: ${cause.message}`, {
      subject: digest,
      hint: cause.hint,
      cause,
    });
    this.digest = digest;
    this.role = role;
    this.cause = cause;
  }
}
