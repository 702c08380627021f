import { STATUS_CODES } from "node:http";
import * as z from "zod/mini";
import { ManifestError } from "../../errors.js";
import { parseChallenges } from "../auth/challenge.js";
import { headers, shownUrl, type HttpResponse, type Method } from "./message.js";
import { askedWait, type Outcome } from "../retry/retryDelay.js";

/**
 * The codes of the distribution API and what each says by itself.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
 */
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

const ErrorBody = z.object({
  errors: z.optional(
    z.nullable(
      z.array(
        z.object({
          code: z.catch(z.string(), "UNKNOWN"),
          message: z.catch(z.string(), ""),
          detail: z.catch(z.unknown(), undefined),
        }),
      ),
    ),
  ),
  details: z.catch(z.optional(z.string()), undefined),
});

interface ApiError {
  readonly code: string;
  readonly message: string;
  readonly detail?: unknown;
}

/** Longer than any honest message. */
const MAX_TEXT = 4096;
/** More than anybody reads. */
const MAX_ERRORS = 20;

/** A registry said no. `message` is what docker prints for this answer; the hint says which request and what to do. */
export class RegistryError extends ManifestError {
  override readonly name = "RegistryError";
  readonly status: number;
  /** The codes of the answer's errors, such as `MANIFEST_UNKNOWN`. */
  readonly codes: readonly string[];
  /** A 4xx whose body is not what the distribution API says. */
  readonly isOdd: boolean;
  /** What the retry policy looks at. */
  readonly outcome: Outcome;

  constructor(method: Method, response: HttpResponse) {
    const read = readErrors(response);
    super("REGISTRY", read.message, {
      subject: shownUrl(response.url),
      hint: hintOf(method, response, read.codes, read.message),
    });
    this.status = response.status;
    this.codes = read.codes;
    this.isOdd = read.isOdd;
    this.outcome = { status: response.status, headers: response.headers, text: read.message };
  }
}

interface Reading {
  readonly message: string;
  readonly codes: readonly string[];
  readonly isOdd: boolean;
}

function readErrors(response: HttpResponse): Reading {
  const { status } = response;
  if (status < 400 || status >= 500) {
    const phrase = STATUS_CODES[status] ?? "";
    return {
      message: `received unexpected HTTP status: ${`${status} ${phrase}`.trim()}`,
      codes: [],
      isOdd: false,
    };
  }
  const errors = [...challengeErrors(response), ...bodyErrors(response)];
  const text = response.body.toString("utf8", 0, MAX_TEXT);
  if (errors.length > 0) {
    return { message: renderErrors(errors), codes: errors.map((error) => error.code), isOdd: false };
  }
  if (status === 401)
    return {
      message: renderErrors([{ code: "UNAUTHORIZED", message: "authentication required", detail: text }]),
      codes: ["UNAUTHORIZED"],
      isOdd: true,
    };
  if (status === 429)
    return { message: `toomanyrequests: ${text.trim()}`, codes: ["TOOMANYREQUESTS"], isOdd: true };
  const fault = text === "" ? "the body is empty" : "no error details found in HTTP response body";
  return {
    message: `error parsing HTTP ${status} response body: ${fault}: ${JSON.stringify(text)}`,
    codes: [],
    isOdd: true,
  };
}

/** https://www.rfc-editor.org/rfc/rfc6750#section-3.1 */
function challengeErrors(response: HttpResponse): ApiError[] {
  const bearer = parseChallenges(headers(response, "www-authenticate")).find(
    ({ scheme }) => scheme === "bearer",
  );
  const message = bearer?.params.get("error_description");
  switch (bearer?.params.get("error")) {
    case "invalid_token":
      return [{ code: "UNAUTHORIZED", message: message ?? "authentication required", detail: "" }];
    case "insufficient_scope":
      return [
        { code: "DENIED", message: message ?? "requested access to the resource is denied", detail: "" },
      ];
    case undefined:
    default:
      return [];
  }
}

function bodyErrors({ body, status }: HttpResponse): ApiError[] {
  const parsed = z.safeParse(ErrorBody, parseOrUndefined(body));
  if (!parsed.success) return [];
  const { details, errors } = parsed.data;
  if (details === undefined || details === "") return errors ?? [];
  const code = status === 401 ? "UNAUTHORIZED" : status === 429 ? "TOOMANYREQUESTS" : "UNKNOWN";
  return [{ code, message: details, detail: "" }];
}

function parseOrUndefined(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}

/** Several errors print under a heading, one a line. */
function renderErrors(errors: readonly ApiError[]): string {
  const lines = errors.slice(0, MAX_ERRORS).map(renderError);
  const [first] = lines;
  return first !== undefined && lines.length === 1 ? first : `errors:\n${lines.join("\n")}\n`;
}

function renderError({ code, message, detail }: ApiError): string {
  const usual = KNOWN_CODES.get(code);
  const words = usual === undefined ? "unknown" : code.toLowerCase().replaceAll("_", " ");
  const addsSomething = (detail !== undefined && detail !== null) || (message !== "" && message !== usual);
  return addsSomething ? `${words}: ${message.slice(0, MAX_TEXT)}` : words;
}

function hintOf(method: Method, response: HttpResponse, codes: readonly string[], message: string): string {
  const request = `${method} ${shownUrl(response.url)} answered ${response.status}`;
  const advice = adviceFor(response, codes, message);
  return advice === undefined ? request : `${request}; ${advice}`;
}

function adviceFor(response: HttpResponse, codes: readonly string[], message: string): string | undefined {
  const { status, url } = response;
  if (status === 401 || codes.includes("UNAUTHORIZED"))
    return `not logged in to ${url.host}, or not with enough rights`;
  if (status === 403 || codes.includes("DENIED")) return "the account may not do this there";
  if (status === 429) {
    const wait = askedWait({ status, headers: response.headers, text: message }, Date.now());
    return wait === undefined
      ? "a rate limit"
      : `a rate limit, until ${new Date(Math.min(Date.now() + wait, 8.64e15)).toISOString()}`;
  }
  if (status === 415) return "the registry does not take manifests of this type";
  if (status === 413) return "the registry does not take manifests this large";
  return undefined;
}

/**
 * Is this the answer for a manifest that is not there? docker counts a refused login and a 4xx that it cannot read
 * as "no such manifest" too, since many registries hide what one may not see.
 */
export function isNoSuchManifest(error: unknown): error is RegistryError {
  if (!(error instanceof RegistryError)) return false;
  const [first] = error.codes;
  return (
    (error.isOdd && error.status !== 429) ||
    error.status === 404 ||
    first === "UNAUTHORIZED" ||
    first === "MANIFEST_UNKNOWN" ||
    first === "NAME_UNKNOWN"
  );
}
