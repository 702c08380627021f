import { isHost } from "../../http/endpoint.js";
import { headers, type AuthSession, type HttpResponse, type Send } from "../../http/message.js";
import { parseChallenges, type Challenge } from "../../http/wwwAuthenticate.js";
import { preferredChallenge } from "../challenge.js";
import type { Credentials } from "../credentials.js";
import { basicAuthorization } from "../token.js";
import { TokenCache, type Token } from "../tokenCache.js";
import { CredentialsRefusedError, fetchToken } from "./fetchToken.js";
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
}

/** What is known of a registry as long as its client lives: what it wants to see, and what there is to show. */
export class RegistryAuth {
  readonly tokens = new TokenCache();
  readonly credentials: Remembered<Credentials | undefined>;
  readonly #send: Send;
  readonly #options: AuthOptions;
  #challenge: Challenge | undefined;
  #hasAnswered = false;
  #isRejected = false;

  constructor(send: Send, options: AuthOptions) {
    this.#send = send;
    this.#options = options;
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
    return !this.#options.optimistic(credentials);
  }

  /** Notes an answer to a request without credentials. */
  answered({ status }: HttpResponse): void {
    if (status < 500) this.#hasAnswered = true;
  }

  /** The challenges of an answer. What another host says, or follows from a redirect, is not the registry's word. */
  challengesOf(response: HttpResponse): Challenge[] {
    const isOwn = !response.redirected && isHost(response.url, this.host);
    return isOwn ? parseChallenges(headers(response, "www-authenticate")) : [];
  }

  /**
   * Is it an answer of the registry that wants to see something else? Artifactory answers 403 to those who did not say who
   * they are, with a challenge or without.
   */
  isRefusal(response: HttpResponse, hasShown: boolean, credentials: Credentials | undefined): boolean {
    if (response.redirected || !isHost(response.url, this.host)) return false;
    if (response.status === 401) return true;
    if (response.status !== 403 || hasShown) return false;
    return credentials !== undefined || this.challengesOf(response).length > 0;
  }

  /** Takes over the challenge of a refusal. A bearer registry may answer a stale token with a Basic challenge, or none. */
  learn(response: HttpResponse): void {
    this.#adopt(preferredChallenge(this.challengesOf(response)));
  }

  /** Some registries refuse without a challenge, which `/v2/` has all the same. */
  async learnByPing(state: SessionState): Promise<void> {
    this.#adopt(await state.ping.get());
  }

  #adopt(challenge: Challenge | undefined): void {
    if (challenge?.scheme === "bearer" || this.#challenge === undefined) {
      this.#challenge = challenge ?? this.#challenge;
    }
  }

  /** Asks `/v2/` for its challenge. */
  async #ping(): Promise<Challenge | undefined> {
    const url = new URL(`https://${this.host}/v2/`);
    return preferredChallenge(this.challengesOf(await this.#send({ method: "GET", url, idempotent: true })));
  }

  /** The token for a list of scopes, if there is one. What was refused in this session is not asked for again. */
  async token(
    challenge: Challenge,
    list: readonly string[],
    state: SessionState,
  ): Promise<Token | undefined> {
    if (state.isRefused(list)) return undefined;
    const token = await this.tokens.obtain(list, state, () => this.#fetch(challenge, list, state));
    if (token === undefined) state.refuse(list);
    return token;
  }

  async #fetch(
    challenge: Challenge,
    list: readonly string[],
    state: SessionState,
  ): Promise<Token | undefined> {
    const known = await this.credentials.get();
    const credentials = known?.kind === "registryToken" ? undefined : known;
    const server = { host: this.host, challenge, credentials, insecure: this.#options.insecure };
    if (credentials === undefined) return fetchToken(this.#send, server, list);
    return state.identity.pass(async (open) => {
      if (state.rejection !== undefined) throw state.rejection;
      try {
        const token = await fetchToken(this.#send, server, list);
        open();
        return token;
      } catch (error) {
        if (error instanceof CredentialsRefusedError) this.reject(error, state);
        throw error;
      }
    });
  }

  /** Nobody in this session sends the credentials again; another may find others. */
  reject(error: CredentialsRefusedError, state: SessionState): void {
    state.reject(error);
    this.#isRejected = true;
  }

  begin(session: AuthSession): SessionState {
    if (this.#isRejected) this.credentials.forget();
    this.#isRejected = false;
    return new SessionState(session, () => this.#ping());
  }
}
