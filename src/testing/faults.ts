import { jsonAnswer, type Answer, type Headers } from "./answer.js";

/**
 * The registry's errors: code, usual status and message. The messages are those of the distribution registry, because
 * clients (and their tests) print them.
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#error-codes
 */
const FAULTS = {
  BLOB_UNKNOWN: { status: 404, message: "blob unknown to registry" },
  BLOB_UPLOAD_INVALID: { status: 400, message: "blob upload invalid" },
  BLOB_UPLOAD_UNKNOWN: { status: 404, message: "blob upload unknown to registry" },
  DENIED: { status: 403, message: "requested access to the resource is denied" },
  DIGEST_INVALID: { status: 400, message: "provided digest did not match uploaded content" },
  MANIFEST_BLOB_UNKNOWN: { status: 400, message: "blob unknown to registry" },
  MANIFEST_INVALID: { status: 400, message: "manifest invalid" },
  MANIFEST_UNKNOWN: { status: 404, message: "manifest unknown" },
  NAME_INVALID: { status: 400, message: "invalid repository name" },
  NAME_UNKNOWN: { status: 404, message: "repository name not known to registry" },
  PAGINATION_NUMBER_INVALID: { status: 400, message: "invalid number of results requested" },
  RANGE_INVALID: { status: 416, message: "invalid content range" },
  SIZE_INVALID: { status: 400, message: "provided length did not match content length" },
  TAG_INVALID: { status: 400, message: "manifest tag did not match URI" },
  UNAUTHORIZED: { status: 401, message: "authentication required" },
  UNKNOWN: { status: 500, message: "unknown error" },
  UNSUPPORTED: { status: 405, message: "The operation is unsupported." },
} as const;

export type FaultCode = keyof typeof FAULTS;

interface Extras {
  /** Instead of the code's usual one. */
  readonly status?: number;
  readonly headers?: Headers;
}

/** A request that ends in an error answer; thrown by the routes, answered by the handler. */
export class RegistryFault extends Error {
  override readonly name = "RegistryFault";
  readonly answer: Answer;

  constructor(code: FaultCode, details: readonly unknown[], extras: Extras = {}) {
    super(`${code}: ${FAULTS[code].message}`);
    const errors = details.map((detail) => ({ code, message: FAULTS[code].message, detail }));
    this.answer = jsonAnswer(extras.status ?? FAULTS[code].status, { errors }, extras.headers);
  }
}

/** One error, with the detail that the answer's JSON carries. */
export function fault(code: FaultCode, detail?: unknown, extras?: Extras): RegistryFault {
  return new RegistryFault(code, [detail], extras);
}

/** 405, naming the methods that the address does take. */
export function methodFault(...allowed: readonly string[]): RegistryFault {
  return fault("UNSUPPORTED", undefined, { headers: { Allow: allowed.join(", ") } });
}
