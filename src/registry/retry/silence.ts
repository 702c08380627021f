import { TransportError } from "../http/transportError.js";
import { classify } from "./classify.js";

/** Did the server, or whoever is before it, cut the connection? What cannot be reached at all is another matter. */
export function isSilence(error: unknown): boolean {
  if (!(error instanceof TransportError)) return false;
  const { kind } = classify({ errorCode: error.systemCode });
  return kind === "broken" || kind === "rateLimited";
}
