import { ManifestError } from "../../errors.js";

/** An error of the registry or the network, with what was being done before it; any other error as it is. */
export function describe(what: string, error: ManifestError): ManifestError;
export function describe(what: string, error: unknown): unknown;
export function describe(what: string, error: unknown): unknown {
  if (!(error instanceof ManifestError)) return error;
  return new ManifestError("MANIFEST_NOT_PUSHED", `${what}: ${error.message}`, {
    cause: error,
    hint: error.hint,
  });
}
