import { ManifestError, type ErrorCode, type ErrorDetails } from "../errors.js";
import { goQuote } from "../go/quote.js";

/** Something failed, and some of the work is done all the same. */
export class PartlyDoneError extends ManifestError {
  /** The result as `--format json` prints it: the error is put into it. */
  readonly done: object;

  constructor(code: ErrorCode, message: string, details: ErrorDetails, done: object) {
    super(code, message, details);
    this.done = done;
  }
}

/** What failed, a line each; the first gives it all its code. */
export function partlyDone(
  faults: readonly [ManifestError, ...ManifestError[]],
  done: object,
): ManifestError {
  const [first] = faults;
  const { code, subject } = first;
  const message = faults.map((fault) => fault.message).join("\n");
  const told = faults.find((fault) => fault.hint !== undefined);
  // The first says by its code and subject what the hint is about.
  const isFirst = told === first || told?.subject === undefined || told.code !== "INVALID_REFERENCE";
  const hint = isFirst ? told?.hint : `${goQuote(told.subject)}: ${told.hint ?? ""}`;
  return new PartlyDoneError(code, message, { subject, hint, cause: first }, done);
}
