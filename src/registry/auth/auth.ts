import type { Credentials } from "./credentials.js";
import { ManifestError } from "../../errors.js";
import { isHost } from "../http/endpoint.js";
import { missingScopes, parseChallenges, preferredChallenge, realmOf, type Challenge } from "./challenge.js";
import { headers, shownUrl, type HttpRequest, type HttpResponse, type Send } from "../http/message.js";
import { RegistryError } from "../http/registryError.js";
import { TransportError } from "../http/transportError.js";
import {
  basicAuthorization,
  mayReceiveCredentials,
  parseTokenAnswer,
  tokenGet,
  tokenRequest,
} from "./token.js";

export interface AuthOptions {
  /** The registry, as in `URL.host`: nothing else gets its credentials. */
  readonly host: string;
  /** Asked once, when the registry is about to be contacted. */
  readonly credentials: () => Promise<Credentials | undefined>;
  /** All that the run will need, target first: one token for everything. */
  readonly scopes: readonly string[];
  /** May credentials go over plain HTTP to another machine? */
  readonly insecure: boolean;
  /**
   * May all requests go out before it is known whether the registry wants credentials? It saves a round trip where it
   * wants none, and costs one answer a request where it does.
   */
  readonly optimistic: (credentials: Credentials | undefined) => boolean;
}

/** A token is renewed this long before it ends, in milliseconds. */
const MARGIN_MS = 5_000;

interface Token {
  readonly value: string;
  readonly scopes: ReadonlySet<string>;
  readonly expiresAt: number;
}

/**
 * The layer that proves who the user is: anonymous until the registry asks, then Basic or a bearer token, whichever
 * its challenge wants. One token serves target and sources; a token that ends in mid-run is renewed once for
 * every request that is refused because of it.
 * https://distribution.github.io/distribution/spec/auth/token/
 */
export function withAuth(send: Send, options: AuthOptions): Send {
  const wanted = new Set(options.scopes);
  let credentials: Promise<Credentials | undefined> | undefined;
  let challenge: Challenge | undefined;
  let tokens: readonly Token[] = [];
  let fetching: Promise<Token> | undefined;
  /** The first request, while nobody knows yet what the registry wants. It fails only if there is no registry. */
  let scout: Promise<void> | undefined;
  /**
   * A request of this many scopes has been refused with a fresh token: it is not the token's age that is wrong. A mount,
   * which has two, says nothing of what has one.
   */
  let deniedFrom = Infinity;
  /** What `/v2/` wants, asked only where the refusal itself did not say. */
  let asking: Promise<Challenge | undefined> | undefined;

  const getCredentials = (): Promise<Credentials | undefined> => (credentials ??= options.credentials());

  /** The header for a request, as far as it is known what the registry wants. */
  async function authorization(request: HttpRequest): Promise<string | undefined> {
    const known = await getCredentials();
    if (known?.kind === "registryToken") return `Bearer ${known.token}`;
    if (challenge === undefined) return undefined;
    if (challenge.scheme === "bearer") return `Bearer ${(await tokenFor(request.scopes ?? [])).value}`;
    if (known?.kind !== "basic") {
      throw new ManifestError("UNAUTHENTICATED", "no basic auth credentials", {
        hint: `not logged in to ${options.host}: put its credentials into docker's config.json (docker login does)`,
      });
    }
    return basicAuthorization(known.username, known.password);
  }

  async function tokenFor(scopes: readonly string[]): Promise<Token> {
    for (;;) {
      tokens = tokens.filter((one) => one.expiresAt > Date.now());
      const found = tokens.find((one) => scopes.every((scope) => one.scopes.has(scope)));
      if (found !== undefined) return found;
      // Whoever else is fetching one asks for all that is wanted so far, mostly for these scopes too.
      if (fetching === undefined) {
        fetching = fetchToken(scopes).finally(() => (fetching = undefined));
        tokens = [...tokens, await fetching];
      } else {
        await fetching;
      }
    }
  }

  /** Nearly always all that the run wants; a list of many repositories is more than a URL can hold. */
  function scopesOfOneToken(needed: readonly string[]): string[] {
    const [first] = options.scopes;
    const chosen = new Set([...(first === undefined ? [] : [first]), ...needed]);
    const covered = new Set(tokens.flatMap((one) => [...one.scopes]));
    let length = [...chosen].join("").length;
    for (const scope of [...wanted].filter((one) => !chosen.has(one) && !covered.has(one))) {
      length += scope.length + "&scope=".length;
      if (length > MAX_SCOPES_LENGTH) break;
      chosen.add(scope);
    }
    return [...chosen];
  }

  async function fetchToken(needed: readonly string[]): Promise<Token> {
    const realm = challenge && realmOf(challenge);
    if (realm === undefined)
      throw new ManifestError(
        "UNAUTHENTICATED",
        `${options.host} does not say where its tokens are to be had`,
      );
    const known = await getCredentials();
    const scopes = scopesOfOneToken(needed);
    const query = {
      realm,
      service: challenge?.params.get("service"),
      scopes,
      credentials: known?.kind === "registryToken" ? undefined : known,
    };
    if (query.credentials !== undefined && !mayReceiveCredentials(realm, options.insecure)) {
      throw new ManifestError(
        "UNAUTHENTICATED",
        `${options.host} wants its password sent to ${realm.host} by plain HTTP; pass --insecure to allow it`,
      );
    }
    const common = { idempotent: true, maxBytes: MAX_TOKEN_ANSWER };
    let response = await send({ ...tokenRequest(query), ...common });
    if (query.credentials?.kind === "identityToken" && (response.status === 404 || response.status === 405)) {
      response = await send({ ...tokenGet(query), ...common });
    }
    if (response.status !== 200) throw tokenRefused(response);
    const answer = parseTokenAnswer(response.body.toString(), Date.now());
    return {
      value: answer.token,
      scopes: new Set(scopes),
      expiresAt: Date.now() + Math.max(answer.lifetimeMs - MARGIN_MS, MARGIN_MS),
    };
  }

  /** Some registries refuse without a challenge, which their front door has all the same. */
  async function challengeOfTheDoor(): Promise<Challenge | undefined> {
    const url = new URL(`https://${options.host}/v2/`);
    const response = await send({ method: "GET", url, idempotent: true });
    return preferredChallenge(parseChallenges(headers(response, "www-authenticate")));
  }

  /** Learns from a refusal. False: there is nothing to be tried again. */
  async function learn(response: HttpResponse, used: string | undefined, scopes: number): Promise<boolean> {
    const challenges = parseChallenges(headers(response, "www-authenticate"));
    const isUsed = (one: Token): boolean => used === `Bearer ${one.value}`;
    const before = wanted.size;
    const missing = missingScopes(challenges);
    if (missing.some((scope) => !wanted.has(scope))) {
      // To the front: the next token must not be without them.
      const earlier = [...wanted];
      wanted.clear();
      for (const scope of [...missing, ...earlier]) wanted.add(scope);
    }
    const known = await getCredentials();
    if (known?.kind === "registryToken") return false;
    const asked = preferredChallenge(challenges);
    // A bearer registry may answer a stale token with a Basic challenge, or with none.
    if (asked?.scheme === "bearer" || challenge === undefined) challenge = asked ?? challenge;
    challenge ??= await (asking ??= challengeOfTheDoor());
    if (challenge === undefined) return false;
    if (challenge.scheme !== "bearer") return used === undefined;
    if (wanted.size > before) {
      tokens = [];
    } else if (tokens.some(isUsed)) {
      if (scopes >= deniedFrom) return false;
      tokens = tokens.filter((one) => !isUsed(one));
    }
    return true;
  }

  /** @param onLearned told when it is known what the registry wants, before the request goes out again */
  async function attempt(request: HttpRequest, onLearned?: () => void): Promise<HttpResponse> {
    let response: HttpResponse;
    let wantedBefore: number;
    let tries = 0;
    const scopes = request.scopes?.length ?? 0;
    do {
      const header = await authorization(request);
      wantedBefore = wanted.size;
      response = await send(
        header === undefined
          ? request
          : { ...request, headers: { ...request.headers, authorization: header } },
      );
      if (!isRefusal(response, header, await getCredentials())) return response;
      // The only DELETE gives up an upload, for which some want a scope of its own: not worth a token.
      if (request.method === "DELETE") return response;
      if (tries > 0 && header?.startsWith("Bearer ") === true) deniedFrom = Math.min(deniedFrom, scopes);
      if (!(await learn(response, header, scopes))) return response;
      onLearned?.();
      tries++;
      // One replay; one more when the answer named a scope that nobody had asked for.
    } while (tries === 1 || (tries === 2 && wanted.size > wantedBefore));
    return response;
  }

  return async function sendWithAuth(request: HttpRequest): Promise<HttpResponse> {
    if (request.scopes === undefined || !isHost(request.url, options.host)) return send(request);
    for (const scope of request.scopes) wanted.add(scope);
    if (scout !== undefined) {
      await scout;
      return attempt(request);
    }
    let found = (): void => undefined;
    let lost: (reason: TransportError) => void = found;
    scout = new Promise((resolve, reject) => ([found, lost] = [resolve, reject]));
    // Those who wait for it are told; it is no matter if there are none.
    scout.catch(() => undefined);
    try {
      if (options.optimistic(await getCredentials())) found();
      return await attempt(request, found);
    } catch (error) {
      // Whoever waits need not find out once more, with all the retries, that nobody answers.
      if (error instanceof TransportError) lost(error);
      throw error;
    } finally {
      found();
    }
  };
}

const MAX_TOKEN_ANSWER = 256 * 1024;
/** With what escaping adds, a URL of this many characters of scopes is one that servers take: most bound it at 8 KiB. */
const MAX_SCOPES_LENGTH = 4 * 1024;

/** Artifactory refuses those who did not say who they are by 403, with a challenge or without. */
function isRefusal(
  response: HttpResponse,
  used: string | undefined,
  known: Credentials | undefined,
): boolean {
  if (response.status === 401) return true;
  if (response.status !== 403 || used !== undefined) return false;
  return known !== undefined || headers(response, "www-authenticate").length > 0;
}

function tokenRefused(response: HttpResponse): ManifestError {
  const { message, codes } = new RegistryError("GET", response);
  const text = codes.length > 0 ? message : `${response.status}`;
  return new ManifestError("UNAUTHENTICATED", `the token server refused: ${text}`, {
    hint: `${shownUrl(response.url)} answered ${response.status}; check the credentials in docker's config.json`,
  });
}
