import { Buffer } from "node:buffer";
import * as z from "zod/mini";
import type { Credentials } from "./credentials.js";
import { isLoopback } from "../../go/loopback.js";
import { ManifestError } from "../../errors.js";
import { jsonOrUndefined } from "../http/message.js";

/**
 * Asking a token server for a bearer token.
 * https://distribution.github.io/distribution/spec/auth/token/ (GET)
 * https://distribution.github.io/distribution/spec/auth/oauth/ (POST)
 */

const CLIENT_ID = "tsmanifest";
const MAX_TOKEN_LENGTH = 64 * 1024;
/** Tokens that say nothing about their life, or claim less than this, live for a minute. */
const MIN_LIFETIME_SECONDS = 60;
const MAX_LIFETIME_SECONDS = 24 * 60 * 60;

export interface TokenQuery {
  readonly realm: URL;
  /** The `service` of the challenge. */
  readonly service: string | undefined;
  /** In this order: some servers read only the first. */
  readonly scopes: readonly string[];
  /** Left out: an anonymous token. A registry token is no use here: it is the token. */
  readonly credentials?: Exclude<Credentials, { kind: "registryToken" }> | undefined;
}

export interface TokenRequest {
  readonly method: "GET" | "POST";
  readonly url: URL;
  /** `authorization`, or the form's `content-type`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What the registry must hear before it lets anyone do something: `repository:library/app:pull,push`. */
export function repositoryScope(path: string, ...actions: ("pull" | "push" | "delete")[]): string {
  return `repository:${path}:${actions.join(",")}`;
}

/** The request for a token: a form where there is an identity token, else {@link tokenGet}. */
export function tokenRequest(query: TokenQuery): TokenRequest {
  const { realm, service, scopes, credentials } = query;
  if (credentials?.kind !== "identityToken") return tokenGet(query);
  const form = new URLSearchParams({ grant_type: "refresh_token", client_id: CLIENT_ID });
  if (service !== undefined && service !== "") form.set("service", service);
  if (scopes.length > 0) form.set("scope", scopes.join(" "));
  form.set("refresh_token", credentials.token);
  return {
    method: "POST",
    url: realm,
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: form.toString(),
  };
}

/**
 * The request for a token as a GET. Servers that know nothing of the form (404, 405) take an identity token here, as
 * the password.
 */
export function tokenGet({ realm, service, scopes, credentials }: TokenQuery): TokenRequest {
  const query = new URLSearchParams();
  if (service !== undefined && service !== "") query.append("service", service);
  for (const scope of scopes) query.append("scope", scope);
  const basic = credentials === undefined ? undefined : userAndSecret(credentials);
  if (basic !== undefined) query.append("account", basic.username);
  const url = new URL(realm);
  // Put together as text: the realm's own query stays as it was sent.
  if (query.size > 0) url.search += `${url.search === "" ? "?" : "&"}${query.toString()}`;
  const headers: Record<string, string> =
    basic === undefined ? {} : { authorization: basicAuthorization(basic.username, basic.secret) };
  return { method: "GET", url, headers };
}

function userAndSecret(credentials: NonNullable<TokenQuery["credentials"]>): {
  username: string;
  secret: string;
} {
  return credentials.kind === "basic"
    ? { username: credentials.username, secret: credentials.password }
    : { username: credentials.username ?? "<token>", secret: credentials.token };
}

/** `Basic …`, https://www.rfc-editor.org/rfc/rfc7617#section-2, in UTF-8. */
export function basicAuthorization(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

/** May a password go to this URL? Over TLS and on the machine itself; elsewhere only if the user allowed it. */
export function mayReceiveCredentials(url: URL, insecure: boolean): boolean {
  return url.protocol === "https:" || insecure || isLoopback(url.hostname);
}

/** A token becomes a header: anything but visible ASCII is refused. */
const Token = z.string().check(z.maxLength(MAX_TOKEN_LENGTH), z.regex(/^[\x21-\x7e]+$/));

const TokenAnswer = z.object({
  token: z.catch(z.optional(Token), undefined),
  access_token: z.catch(z.optional(Token), undefined),
  expires_in: z.catch(z.number(), 0),
  issued_at: z.catch(z.string(), ""),
});

export interface BearerToken {
  readonly token: string;
  /** How long it can be used from now on, in milliseconds. */
  readonly lifetimeMs: number;
}

/**
 * The token in a token server's answer. `now` is in milliseconds since 1970; `host` is that of the server.
 * @throws ManifestError if there is none; the message holds nothing of the answer
 */
export function parseTokenAnswer(text: string, now: number, host?: string): BearerToken {
  const answer = TokenAnswer.safeParse(jsonOrUndefined(text)).data;
  const token = answer?.token ?? answer?.access_token;
  if (answer === undefined || token === undefined) {
    throw new ManifestError("INVALID_ANSWER", "the token server's answer holds no token", {
      subject: host,
    });
  }
  return { token, lifetimeMs: lifetimeSeconds(answer.expires_in, answer.issued_at, now) * 1000 };
}

/** https://www.rfc-editor.org/rfc/rfc6749#section-5.2 */
const OAuthError = z.object({ error: z.enum(["invalid_grant", "invalid_client"]) });

/** Does a token server's 400 say that the refresh token is not good, or not any more? */
export function isInvalidGrant(text: string): boolean {
  return OAuthError.safeParse(jsonOrUndefined(text)).success;
}

/** Counted from `issued_at` where that makes sense: a server may hand out a token that it has kept for a while. */
function lifetimeSeconds(expiresIn: number, issuedAt: string, now: number): number {
  const age = (now - Date.parse(issuedAt)) / 1000;
  const left = age > 0 && age < expiresIn ? expiresIn - age : expiresIn;
  return Math.min(MAX_LIFETIME_SECONDS, Math.max(MIN_LIFETIME_SECONDS, left));
}
