import { isHost } from "../../http/endpoint.js";
import { headers, type AuthSession, type HttpResponse, type Send } from "../../http/message.js";
import { RegistryError } from "../../http/registryError.js";
import { parseChallenges, type Challenge } from "../../http/wwwAuthenticate.js";
import { preferredChallenge, realmOf } from "../challenge.js";
import type { Credentials } from "../credentials.js";
import { scopesKey } from "../scopes.js";
import { basicAuthorization } from "../token.js";
import { TokenCache, type Token } from "../tokenCache.js";
import { EarlyToken } from "./earlyToken.js";
import { CredentialsRefusedError, fetchToken, tokensRefused, type TokenServer } from "./fetchToken.js";
import { Recollection, type ChallengeMemory } from "./recollection.js";
import { remembered, type Remembered } from "./remembered.js";
import { SessionState } from "./sessionState.js";

export interface AuthOptions {
  /** The registry, as in `URL.host`: nothing else gets its credentials. */
  readonly host: string;
  /** Asked when the registry is about to be contacted, and again when it failed or when what it said was refused. */
  readonly credentials: () => Promise<Credentials | undefined>;
  /** May credentials go over plain HTTP to another machine? */
  readonly insecure: boolean;
  /**
   * May all requests go out before it is known whether the registry wants credentials? It saves a round trip where it
   * wants none, and costs one answer a request where it does.
   */
  readonly optimistic: (credentials: Credentials | undefined) => boolean;
  /** What earlier runs knew, where certificates are verified; nothing without. */
  readonly memory?: ChallengeMemory | undefined;
  /** Told when a token is asked for at the realm that was recalled. */
  readonly onRecalled?: ((realm: URL) => void) | undefined;
}

/** What is known of a registry as long as its client lives: what it wants to see, and what there is to show. */
export class RegistryAuth {
  readonly tokens = new TokenCache();
  readonly credentials: Remembered<Credentials | undefined>;
  readonly #send: Send;
  readonly #options: AuthOptions;
  readonly #recollection: Recollection;
  /** Which challenge each token comes of. */
  readonly #sources = new WeakMap<Token, Challenge>();
  #early: EarlyToken | undefined;
  #hasAskedAhead = false;
  #challenge: Challenge | undefined;
  #hasAnswered = false;
  #isRejected = false;
  /** Has the token server of the challenge given a token when it was asked last? */
  #givesTokens = false;

  constructor(send: Send, options: AuthOptions) {
    this.#send = send;
    this.#options = options;
    this.#recollection = new Recollection(options.host, options.memory);
    this.credentials = remembered(() => options.credentials());
  }

  get host(): string {
    return this.#options.host;
  }

  /** The last good challenge. */
  get challenge(): Challenge | undefined {
    return this.#challenge;
  }

  /** The header with the user's own credentials, where they are what the registry wants: Basic, or a token for it. */
  ownAuthorization(credentials: Credentials | undefined): string | undefined {
    if (credentials?.kind === "registryToken") return `Bearer ${credentials.token}`;
    if (credentials?.kind !== "basic" || this.#challenge?.scheme !== "basic") return undefined;
    return basicAuthorization(credentials.username, credentials.password);
  }

  /** Has it to be found out first what the registry wants? */
  async isUnknown(): Promise<boolean> {
    const credentials = await this.credentials.get();
    if (this.#challenge !== undefined || this.#hasAnswered || credentials?.kind === "registryToken")
      return false;
    return this.#recollection.challenge !== undefined || !this.#options.optimistic(credentials);
  }

  /**
   * Asks for a token where it was to be had in an earlier run, while the first request finds out whether it still is. What the
   * registry says then is what counts: a recollection that is wrong costs a request, and no time.
   */
  async askAhead(scopes: readonly string[]): Promise<void> {
    const { challenge } = this.#recollection;
    const realm = challenge && realmOf(challenge);
    if (challenge === undefined || realm === undefined || this.#hasAskedAhead) return;
    this.#hasAskedAhead = true;
    const server = await this.#tokenServer(challenge);
    this.#options.onRecalled?.(realm);
    this.#early = new EarlyToken(this.#send, server, scopes);
  }

  /** Notes an answer to a request without credentials. */
  answered({ status }: HttpResponse): void {
    if (status < 500) this.#hasAnswered = true;
    if (status < 400 || status === 404) this.#recollection.forget();
  }

  /** Notes that the registry has let in a request with this token. */
  accept(token: Token): void {
    this.tokens.accept(token);
    const source = this.#sources.get(token);
    if (source !== undefined) this.#recollection.confirm(source);
  }

  /** The challenges of an answer. What another host says, or follows from a redirect, is not the registry's word. */
  challengesOf(response: HttpResponse): Challenge[] {
    const isOwn = !response.redirected && isHost(response.url, this.host);
    return isOwn ? parseChallenges(headers(response, "www-authenticate")) : [];
  }

  /**
   * Is it an answer of the registry that wants to see something else? It still is where the registry has redirected to
   * itself, though what it wants has to be learned elsewhere. Artifactory answers 403 to those who did not say who they
   * are, with a challenge or without.
   */
  isRefusal(response: HttpResponse, hasShown: boolean, credentials: Credentials | undefined): boolean {
    if (!isHost(response.url, this.host)) return false;
    if (response.status === 401) return true;
    if (response.redirected || response.status !== 403 || hasShown) return false;
    return credentials !== undefined || this.challengesOf(response).length > 0;
  }

  /** Takes over what a refusal asks for, if it does. */
  learn(challenges: readonly Challenge[]): void {
    this.#adopt(preferredChallenge(challenges));
  }

  /** Takes over what a request that had shown nothing was told, if that asks for something. */
  learnOpenly(response: HttpResponse): void {
    const challenge = preferredChallenge(this.challengesOf(response));
    this.#recollection.hear(response.url, challenge);
    this.#adopt(challenge);
  }

  /** Some registries refuse without a challenge, or behind a redirect, and `/v2/` has one all the same. */
  async learnByPing(state: SessionState): Promise<void> {
    this.#adopt(await state.ping.get());
  }

  #adopt(challenge: Challenge | undefined): void {
    if (challenge?.scheme !== "bearer" && this.#challenge !== undefined) return;
    const [realm, before] = [challenge, this.#challenge].map((one) => one && realmOf(one)?.href);
    if (realm !== before) this.#givesTokens = false;
    this.#challenge = challenge;
    if (challenge === undefined) return;
    this.#recollection.compare(challenge);
    if (this.#early?.isFrom(challenge) !== false) return;
    this.#early.drop();
    this.#early = undefined;
  }

  /** Asks `/v2/` for its challenge. */
  async #ping(): Promise<Challenge | undefined> {
    const url = new URL(`https://${this.host}/v2/`);
    const response = await this.#send({ method: "GET", url, idempotent: true });
    const challenge = preferredChallenge(this.challengesOf(response));
    this.#recollection.hear(response.url, challenge);
    return challenge;
  }

  /**
   * The token for a list of scopes, if there is one. What was refused in this session is not asked for again.
   *
   * @param needed the scopes of the request alone
   */
  async token(
    challenge: Challenge,
    list: readonly string[],
    needed: readonly string[],
    state: SessionState,
  ): Promise<Token | undefined> {
    if (state.isRefused(list)) return undefined;
    const isLast = scopesKey(list) === scopesKey(needed);
    const token = await this.tokens.obtain(list, state, async () => {
      const server = await this.#tokenServer(challenge);
      const answer =
        server.credentials === undefined
          ? await this.#ask(server, list)
          : await this.#askWithCredentials(server, list, isLast, state);
      if (answer instanceof RegistryError) return undefined;
      this.#sources.set(answer, challenge);
      return answer;
    });
    if (token === undefined) state.refuse(list);
    return token;
  }

  async #tokenServer(challenge: Challenge): Promise<TokenServer> {
    const known = await this.credentials.get();
    const credentials = known?.kind === "registryToken" ? undefined : known;
    return { host: this.host, challenge, credentials, insecure: this.#options.insecure };
  }

  /** Asks for a token: a refusal is about the scopes, as far as that answer says. */
  async #ask(server: TokenServer, list: readonly string[]): Promise<Token | RegistryError> {
    let answer: Token | RegistryError | undefined;
    try {
      return (answer = await (this.#takeEarly(server, list) ?? fetchToken(this.#send, server, list)));
    } finally {
      this.#givesTokens = answer !== undefined && !(answer instanceof RegistryError);
    }
  }

  /** The answer to a question that was asked ahead; once, since it is no answer to who asks again. */
  #takeEarly(server: TokenServer, list: readonly string[]): Promise<Token | RegistryError> | undefined {
    const early = this.#early;
    if (early?.isFor(server, list) !== true) return undefined;
    this.#early = undefined;
    return early.answer;
  }

  /**
   * One at a time, until there was a token. Where there is none for what one request needs, `isLast`, and none for no scopes
   * either, it is not about them, and the credentials are not sent again.
   */
  #askWithCredentials(
    server: TokenServer,
    list: readonly string[],
    isLast: boolean,
    state: SessionState,
  ): Promise<Token | RegistryError> {
    const { identity } = state;
    const ask = async (open: () => void): Promise<Token | RegistryError> => {
      if (state.rejection !== undefined) throw state.rejection;
      try {
        const answer = await this.#ask(server, list);
        const isRefused = answer instanceof RegistryError;
        if (isRefused && isLast && !identity.isOpen) await this.#ensureAboutScopes(answer, server);
        if (!isRefused || isLast) open();
        return answer;
      } catch (error) {
        if (!(error instanceof CredentialsRefusedError)) throw error;
        if (await this.#mayBeAboutScopes(error, server, isLast, state, open)) return error.refusal;
        this.reject(error, state);
        throw error;
      }
    };
    // All ask the same server: what has failed with all its tries would fail again.
    return identity.pass(ask, () => true);
  }

  /** Asks for no scopes, as `docker login` does. Some servers cannot do without: they refuse that in another way. */
  async #ensureAboutScopes(refusal: RegistryError, server: TokenServer): Promise<void> {
    const answer = await this.#ask(server, []);
    if (answer instanceof RegistryError && answer.status === refusal.status) {
      throw tokensRefused(refusal, server);
    }
  }

  /**
   * Some servers answer 401 where the user has no right to one of many repositories. So may it be in a shared session, where
   * it must not end the work on all others: it is about the scopes if there is a token for none of them. A server that
   * cannot do without is asked for what one request needs, once.
   */
  async #mayBeAboutScopes(
    { refusal }: CredentialsRefusedError,
    server: TokenServer,
    isLast: boolean,
    state: SessionState,
    open: () => void,
  ): Promise<boolean> {
    if (!state.isShared || refusal.status !== 401) return false;
    try {
      const answer = await this.#ask(server, []);
      if (answer instanceof RegistryError) return !isLast || state.identity.isOpen;
      open();
      return true;
    } catch (error) {
      if (error instanceof CredentialsRefusedError) return false;
      throw error;
    }
  }

  /** Nobody in this session sends the credentials again. */
  reject(error: CredentialsRefusedError, state: SessionState): void {
    state.reject(error);
    this.#isRejected = true;
  }

  /** Another session asks for credentials that were refused, and learns anew where there was no token to be had. */
  begin(session: AuthSession): SessionState {
    if (this.#isRejected) this.credentials.forget();
    this.#isRejected = false;
    if (this.#challenge?.scheme === "bearer" && !this.#givesTokens) {
      this.#challenge = undefined;
      this.#hasAnswered = false;
    }
    return new SessionState(session, () => this.#ping());
  }
}
