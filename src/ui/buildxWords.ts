import { ManifestError } from "../errors.js";
import { inDockerWords } from "./dockerWords.js";

/** The same error in buildx's words, where it has some that scripts may look for; else as docker has it. */
export function inBuildxWords(error: unknown): unknown {
  if (error instanceof ManifestError && error.code === "MANIFEST_UNKNOWN") {
    const { code, subject = "", hint } = error;
    return new ManifestError(code, `${subject}: not found`, { subject, hint, cause: error });
  }
  return inDockerWords(error);
}
