import { ManifestError } from "../../errors.js";

/** What a function or a method has against its arguments; who called it says which and where. */
export class GoError extends Error {
  override readonly name = "GoError";
}

/** What Go's templates can do and ours do not. */
export function unsupported(what: string): ManifestError {
  return new ManifestError("USAGE", `template: ${what} cannot be used here`);
}

export function tooMuch(what: string): ManifestError {
  return new ManifestError("LIMIT", `template: ${what}`);
}
