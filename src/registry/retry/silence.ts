import { TransportError } from "../http/transportError.js";
import { classify } from "./classify.js";

/** Did the server, or something in front of it, cut the connection? A server that cannot be reached does not count. */
export function isSilence(error: unknown): boolean {
  if (!(error instanceof TransportError)) return false;
  const { kind } = classify({ errorCode: error.systemCode });
  return kind === "broken" || kind === "rateLimited";
}
