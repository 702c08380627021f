import { ManifestError } from "../../../errors.js";
import type { HttpResponse, Send } from "../../http/message.js";
import { isRefusal, RegistryError } from "../../http/registryError.js";
import type { Challenge } from "../../http/wwwAuthenticate.js";
import { realmOf } from "../challenge.js";
import type { Credentials } from "../credentials.js";
import {
  isInvalidGrant,
  mayReceiveCredentials,
  parseTokenAnswer,
  tokenGet,
  tokenRequest,
  type TokenQuery,
} from "../token.js";
import type { Token } from "../tokenCache.js";

/** A token is not used any more this long before it ends, in milliseconds. */
const MARGIN_MS = 5_000;
const MAX_TOKEN_ANSWER = 256 * 1024;

/** The registry or its token server does not accept the credentials (UNAUTHENTICATED). Its `subject` is the registry's host. */
export class CredentialsRefusedError extends ManifestError {
  /** `CredentialsRefusedError`. */
  override readonly name = "CredentialsRefusedError";
  /** The answer that said so. */
  readonly refusal: RegistryError;

  /**
   * @param who refused: `registry.example`, `the token server`
   * @param cause the answer that said so
   * @param host the registry that the credentials are for
   * @param credentials those that were refused, if there were any
   */
  constructor(who: string, cause: RegistryError, host: string, credentials: Credentials | undefined) {
    const { method, url, status } = cause;
    const said = cause.errors[0]?.message;
    const usual = status === 401 ? "authentication required" : "no token for these credentials";
    const text = said === undefined || said === "" ? usual : said;
    super("UNAUTHENTICATED", `${who} refused: unauthorized: ${text}`, {
      cause,
      subject: host,
      hint: `${method} ${url} answered ${status}; ${notAccepted(host, credentials)}`,
    });
    this.refusal = cause;
  }
}

/** Docker Hub's API has another name than Docker Hub. */
const HUB_API = "registry-1.docker.io";

/** What is wrong, and what to do. */
function notAccepted(host: string, credentials: Credentials | undefined): string {
  const { kind = "basic" } = credentials ?? {};
  const registry = host === HUB_API ? "docker.io" : host;
  // Those of docker say where they come from; others are what the caller's function gave.
  const isCallers = credentials !== undefined && credentials.origin === undefined;
  const origin = isCallers ? "`credentials`" : credentials?.origin;
  const from = origin === undefined ? "" : `, from ${origin},`;
  if (kind === "registryToken") {
    return `the token for ${registry}${from} is not accepted, it may have ended: get a new one`;
  }
  const login = host === HUB_API ? "docker login" : `docker login ${host}`;
  const what = kind === "basic" ? "the user name or password" : "the saved login";
  const advice = isCallers ? "" : `: log in again (${login})`;
  return `${what} for ${registry}${from} is not accepted${advice}`;
}

export interface TokenServer {
  /** The registry. */
  readonly host: string;
  readonly challenge: Challenge;
  readonly credentials: TokenQuery["credentials"];
  /** May credentials go over plain HTTP to another machine? */
  readonly insecure: boolean;
}

/**
 * Fetches a token for these scopes from where the challenge says; or gives the refusal if there is none for them, though
 * there may be for others.
 * @throws CredentialsRefusedError, or RegistryError for what may be over after a while; ManifestError where the credentials
 *   must not go there, or there is no token in the answer
 */
export async function fetchToken(
  send: Send,
  from: TokenServer,
  scopes: readonly string[],
): Promise<Token | RegistryError> {
  const query = tokenQuery(from, scopes);
  const common = { idempotent: true, maxBytes: MAX_TOKEN_ANSWER };
  const askedAt = Date.now();
  let request = tokenRequest(query);
  let response = await send({ ...request, ...common });
  if (request.method === "POST" && (response.status === 404 || response.status === 405)) {
    request = tokenGet(query);
    response = await send({ ...request, ...common });
  }
  if (response.status !== 200) {
    const refusal = new RegistryError(request.method, response);
    if (isAboutScopes(response, query.credentials)) return refusal;
    throw isCredentialsRefused(response) ? tokensRefused(refusal, from) : refusal;
  }
  const now = Date.now();
  const { token, lifetimeMs } = parseTokenAnswer(response.body.toString(), now, response.url.host);
  return {
    value: token,
    scopes,
    askedAt,
    expiresAt: now + Math.max(lifetimeMs - MARGIN_MS, MARGIN_MS),
  };
}

/** The token server does not know who we are. */
export function tokensRefused(
  refusal: RegistryError,
  { host, credentials }: Pick<TokenServer, "host" | "credentials">,
): CredentialsRefusedError {
  return new CredentialsRefusedError("the token server", refusal, host, credentials);
}

function tokenQuery(
  { host, challenge, credentials, insecure }: TokenServer,
  scopes: readonly string[],
): TokenQuery {
  const realm = realmOf(challenge);
  if (realm === undefined) {
    throw new ManifestError("UNAUTHENTICATED", `${host} does not say where its tokens are to be had`, {
      subject: host,
    });
  }
  if (credentials !== undefined && !mayReceiveCredentials(realm, insecure)) {
    throw new ManifestError(
      "UNAUTHENTICATED",
      `${host} wants its password sent to ${realm.host} by plain HTTP; pass --insecure to allow it`,
      { subject: host },
    );
  }
  return { realm, service: challenge.params.get("service"), scopes, credentials };
}

/** A refusal that is not known to be about who we are, nor for the moment. */
function isAboutScopes(response: HttpResponse, credentials: Credentials | undefined): boolean {
  if (!isRefusal(response)) return false;
  return credentials === undefined || response.redirected || !isCredentialsRefused(response);
}

function isCredentialsRefused({ status, body }: HttpResponse): boolean {
  return status === 401 || (status === 400 && isInvalidGrant(body.toString()));
}
