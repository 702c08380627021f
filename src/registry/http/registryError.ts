import * as z from "zod/mini";
import { ManifestError } from "../../errors.js";
import {
  header,
  headers,
  jsonOrUndefined,
  shownUrl,
  type FailedAnswer,
  type HttpResponse,
  type Method,
} from "./message.js";
import { askedWait } from "./retryAfter.js";
import { parseChallenges } from "./wwwAuthenticate.js";

/**
 * One error in a registry's answer.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
 */
export interface ApiError {
  /** `MANIFEST_UNKNOWN`, … */
  readonly code: string;
  /** Empty where the registry has none. */
  readonly message: string;
  /** Anything else that the registry says about it; not checked in any way. */
  readonly detail?: unknown;
}

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

/** No sensible message is longer. */
const MAX_TEXT = 4096;
/** More than anybody reads. */
const MAX_ERRORS = 20;
/** Of a body that is not what the distribution API says, in a message. */
const MAX_QUOTED = 200;

/** A registry said no, or something that is no answer to what it was asked. */
export class RegistryError extends ManifestError {
  /** `RegistryError`. */
  override readonly name = "RegistryError";
  /** The HTTP method of the request. */
  readonly method: Method;
  /** As it may be shown, see `shownUrl`. */
  readonly url: string;
  /** The HTTP status of the answer. */
  readonly status: number;
  /** The errors in the body of the answer, at most 20; empty where there are none. */
  readonly errors: readonly ApiError[];
  /** What the registry said, without the request: `DENIED: requested access to the resource is denied`; may be empty. */
  readonly reason: string;
  /** A 4xx whose body is not what the distribution API says. */
  readonly isOdd: boolean;
  /** What the retry policy looks at. */
  readonly outcome: FailedAnswer;

  constructor(method: Method, response: HttpResponse) {
    const url = shownUrl(response.url);
    const outcome = failedAnswer(response);
    const errors = [...challengeErrors(response), ...bodyErrors(response)].slice(0, MAX_ERRORS);
    const reason = reasonOf(errors, response, outcome.text);
    super("REGISTRY", `${method} ${url} answered ${response.status}${reason === "" ? "" : `: ${reason}`}`, {
      subject: url,
      hint: adviceFor(response, errors, outcome),
    });
    this.method = method;
    this.url = url;
    this.status = response.status;
    this.errors = errors;
    this.reason = reason;
    this.isOdd = response.status >= 400 && response.status < 500 && errors.length === 0;
    this.outcome = outcome;
  }

  /** Of all its errors. */
  get codes(): readonly string[] {
    return this.errors.map(({ code }) => code);
  }
}

/** Passes on an answer of one of these statuses, and throws a RegistryError for any other. */
export function ensureStatus(method: Method, ...expected: number[]) {
  return (response: HttpResponse): HttpResponse => {
    if (expected.includes(response.status)) return response;
    throw new RegistryError(method, response);
  };
}

export function failedAnswer({ status, headers, body }: HttpResponse): FailedAnswer {
  return { status, headers, text: body.toString("utf8", 0, MAX_TEXT) };
}

/** The 4xx that are over after a while. */
const PASSING = new Set([408, 429, 499]);

/** Did the server refuse this for good? A failure of its own, and what is wrong for the moment, are no such answers. */
export function isRefusal({ status }: Pick<HttpResponse, "status">): boolean {
  return status >= 400 && status < 500 && !PASSING.has(status);
}

/** Is it a page for people, such as a login's, instead of what was asked for? */
export function isHtml(response: Pick<HttpResponse, "headers">): boolean {
  return /^\s*(?:text\/html|application\/xhtml\+xml)\b/i.test(header(response, "content-type") ?? "");
}

function reasonOf(errors: readonly ApiError[], response: HttpResponse, text: string): string {
  if (errors.length > 0) {
    const parts = errors.map(({ code, message }) => (message === "" ? code : `${code}: ${message}`));
    return oneLine(parts.join("; ")).slice(0, MAX_TEXT);
  }
  if (isHtml(response)) return "a page of HTML";
  // Object stores explain themselves in XML, with keys and signatures among it.
  return /^\s*</.test(text) ? "" : oneLine(text).slice(0, MAX_QUOTED);
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
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
  const parsed = z.safeParse(ErrorBody, jsonOrUndefined(body.toString()));
  if (!parsed.success) return [];
  const { details, errors } = parsed.data;
  if (details === undefined || details === "") return errors ?? [];
  const code = status === 401 ? "UNAUTHORIZED" : status === 429 ? "TOOMANYREQUESTS" : "UNKNOWN";
  return [{ code, message: details, detail: "" }];
}

function adviceFor(
  { status, url }: HttpResponse,
  errors: readonly ApiError[],
  outcome: FailedAnswer,
): string | undefined {
  const says = (wanted: string): boolean => errors.some(({ code }) => code === wanted);
  if (status === 401 || says("UNAUTHORIZED"))
    return `not logged in to ${url.host}, or not with enough rights: log in by docker login, or ask for access`;
  if (status === 403 || says("DENIED"))
    return "the account may not do this there: ask for access, or log in as somebody else";
  if (status === 429) {
    const wait = askedWait(outcome, Date.now());
    return wait === undefined
      ? "a rate limit: try again later, or log in, which often raises it"
      : `a rate limit, until ${new Date(Math.min(Date.now() + wait, 8.64e15)).toISOString()}`;
  }
  if (status === 415)
    return "the registry does not take manifests of this type: try push --type docker or --type oci";
  if (status === 413)
    return "the registry does not take manifests this large: leave out images or annotations";
  return undefined;
}

/**
 * Is this the answer for a manifest that is not there? A refused login and a 4xx that cannot be read count as that too,
 * since many registries hide what one may not see.
 */
export function isNoSuchManifest(error: unknown): error is RegistryError {
  if (!(error instanceof RegistryError)) return false;
  const [first] = error.status < 500 ? error.codes : [];
  return (
    (error.isOdd && error.status !== 429) ||
    error.status === 404 ||
    first === "UNAUTHORIZED" ||
    first === "MANIFEST_UNKNOWN" ||
    first === "NAME_UNKNOWN"
  );
}
