import type { Challenge } from "../http/wwwAuthenticate.js";

/** What a registry wants to see, of all that it offers, and what it says of a token that it refuses. */

const MAX_SCOPES = 16;

/**
 * The challenge to answer: Bearer, when it says where tokens are to be had, before Basic. Undefined when the server
 * asks for nothing this program knows.
 */
export function preferredChallenge(challenges: readonly Challenge[]): Challenge | undefined {
  return (
    challenges.find((challenge) => challenge.scheme === "bearer" && realmOf(challenge) !== undefined) ??
    challenges.find((challenge) => challenge.scheme === "basic")
  );
}

/** Where a Bearer challenge sends its clients for a token: an http or https URL, without user name or fragment. */
export function realmOf(challenge: Challenge): URL | undefined {
  const realm = challenge.params.get("realm")?.trim();
  if (realm === undefined || !/^https?:\/\//i.test(realm) || !URL.canParse(realm)) return undefined;
  const url = new URL(realm);
  url.username = "";
  url.password = "";
  url.hash = "";
  return url;
}

/** Why a token was refused, if the server says so: `invalid_token`, `insufficient_scope`. */
export function errorOf(challenges: readonly Challenge[]): string | undefined {
  return challenges.map(({ params }) => params.get("error")).find((error) => error !== undefined);
}

/** The scopes that a token lacked, when that is what the server complains about: `error="insufficient_scope"`. */
export function missingScopes(challenges: readonly Challenge[]): string[] {
  const refusal = challenges.find(({ params }) => params.get("error") === "insufficient_scope");
  return (refusal?.params.get("scope") ?? "")
    .split(" ")
    .filter((scope) => /^[\x21-\x7e]+$/.test(scope))
    .slice(0, MAX_SCOPES);
}
