import { hasCode, ManifestError } from "../errors.js";
import { inDockerWords, refusalBehind } from "./dockerWords.js";

/**
 * The same error in buildx's words, where it has some that scripts may look for; else as docker has it. What a registry
 * refuses to show is not "not found" there, as it is in docker: who appends to a list, or begins one, must know.
 */
export function inBuildxWords(error: unknown): unknown {
  if (!hasCode(error, "MANIFEST_UNKNOWN")) return inDockerWords(error);
  const refusal = refusalBehind(error);
  if (refusal !== undefined) return inDockerWords(refusal);
  const { code, subject = "", hint } = error;
  return new ManifestError(code, `${subject}: not found`, { subject, hint, cause: error });
}
