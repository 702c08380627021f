import { STATUS_CODES } from "node:http";
import type { ApiError, RegistryError } from "../registry/http/registryError.js";

/** What docker's distribution client prints for a registry's answer, on which people's scripts depend. */

/** The codes of the distribution API and what each says by itself. */
const KNOWN_CODES = new Map([
  ["UNKNOWN", "unknown error"],
  ["UNSUPPORTED", "The operation is unsupported."],
  ["UNAUTHORIZED", "authentication required"],
  ["DENIED", "requested access to the resource is denied"],
  ["UNAVAILABLE", "service unavailable"],
  ["TOOMANYREQUESTS", "too many requests"],
  ["DIGEST_INVALID", "provided digest did not match uploaded content"],
  ["SIZE_INVALID", "provided length did not match content length"],
  ["RANGE_INVALID", "invalid content range"],
  ["NAME_INVALID", "invalid repository name"],
  ["NAME_UNKNOWN", "repository name not known to registry"],
  ["TAG_INVALID", "manifest tag did not match URI"],
  ["MANIFEST_UNKNOWN", "manifest unknown"],
  ["MANIFEST_INVALID", "manifest invalid"],
  ["MANIFEST_UNVERIFIED", "manifest failed signature verification"],
  ["MANIFEST_BLOB_UNKNOWN", "blob unknown to registry"],
  ["BLOB_UNKNOWN", "blob unknown to registry"],
  ["BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry"],
  ["BLOB_UPLOAD_INVALID", "blob upload invalid"],
  ["PAGINATION_NUMBER_INVALID", "invalid number of results requested"],
]);

/** No sensible message is longer. */
const MAX_TEXT = 4096;

/** The answer in docker's words: `denied: read only`, `received unexpected HTTP status: 503 Service Unavailable`. */
export function dockerText({ status, errors, outcome: { text } }: RegistryError): string {
  if (status < 400 || status >= 500) {
    return `received unexpected HTTP status: ${`${status} ${STATUS_CODES[status] ?? ""}`.trim()}`;
  }
  if (errors.length > 0) return renderErrors(errors);
  if (status === 401) {
    return renderErrors([{ code: "UNAUTHORIZED", message: "authentication required", detail: text }]);
  }
  if (status === 429) return `toomanyrequests: ${text.trim()}`;
  const fault = text === "" ? "the body is empty" : "no error details found in HTTP response body";
  return `error parsing HTTP ${status} response body: ${fault}: ${JSON.stringify(text)}`;
}

/** The line below it: which request it was, and what a failing server said of it, since docker's words do not; what to do. */
export function requestLine({ method, url, status, reason, hint }: RegistryError): string {
  const said = status < 500 || reason === "" ? "" : `: ${reason}`;
  const request = `${method} ${url} answered ${status}${said}`;
  return hint === undefined ? request : `${request}; ${hint}`;
}

/** Several errors print under a heading, one a line. */
function renderErrors(errors: readonly ApiError[]): string {
  const lines = errors.map(renderError);
  const [first] = lines;
  return first !== undefined && lines.length === 1 ? first : `errors:\n${lines.join("\n")}\n`;
}

function renderError({ code, message, detail }: ApiError): string {
  const usual = KNOWN_CODES.get(code);
  const words = usual === undefined ? "unknown" : code.toLowerCase().replaceAll("_", " ");
  const addsSomething = (detail !== undefined && detail !== null) || (message !== "" && message !== usual);
  return addsSomething ? `${words}: ${message.slice(0, MAX_TEXT)}` : words;
}
