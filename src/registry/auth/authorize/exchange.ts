import { ManifestError } from "../../../errors.js";
import type { HttpRequest, HttpResponse, Send } from "../../http/message.js";
import { RegistryError } from "../../http/registryError.js";
import { errorOf, missingScopes } from "../challenge.js";
import { covers, scopesKey } from "../scopes.js";
import type { Credentials } from "../credentials.js";
import type { Token } from "../tokenCache.js";
import { CredentialsRefusedError } from "./fetchToken.js";
import { nextStep } from "./nextStep.js";
import type { RegistryAuth } from "./registryAuth.js";
import type { SessionState } from "./sessionState.js";

/** What a request is sent with. */
type Pass =
  | { readonly kind: "nothing" }
  /** The user's own: by Basic, or a token for the registry. */
  | { readonly kind: "credentials"; readonly authorization: string }
  | { readonly kind: "token"; readonly token: Token }
  /** It wants a token, and there is none for what the request needs. */
  | { readonly kind: "unavailable" }
  | { readonly kind: "failed"; readonly error: unknown };

/** So often a token is renewed for one request that has ended by its own clock, while the request was kept waiting. */
const MOST_ENDED = 20;

/** One request on its way: sent until it is let in, or nothing more is to be tried. */
export class Exchange {
  readonly #send: Send;
  readonly #registry: RegistryAuth;
  readonly #state: SessionState;
  readonly #request: HttpRequest;
  readonly #needed: readonly string[];
  /** The scopes of the token to be tried. */
  #list: readonly string[];
  /** How many fetches of tokens had begun when it did. */
  readonly #began: number;
  /** Lists for which it has had a token renewed. */
  readonly #renewed = new Set<string>();
  /** How many of its tokens had ended by their own clocks. */
  #ended = 0;
  /** The list with what the registry named as missing. */
  #extended: readonly string[] | undefined;
  /** How it was refused last. */
  #refusal: HttpResponse | undefined;

  constructor(
    send: Send,
    registry: RegistryAuth,
    state: SessionState,
    request: HttpRequest,
    needed: readonly string[],
  ) {
    this.#send = send;
    this.#registry = registry;
    this.#state = state;
    this.#request = request;
    this.#needed = needed;
    this.#list = state.listFor(needed);
    this.#began = registry.tokens.begun;
  }

  /** @param onLearned told when it is known what the registry wants, before the request goes out again */
  async run(onLearned: () => void): Promise<HttpResponse> {
    for (;;) {
      const known = await this.#registry.credentials.get();
      const response =
        this.#registry.ownAuthorization(known) === undefined
          ? await this.#attempt(await this.#tokenPass(), onLearned)
          : await this.#state.identity.pass((open) => this.#attemptWithOwn(known, onLearned, open));
      if (response !== undefined) return response;
    }
  }

  /** The user's own credentials, unless the request that went ahead has found out that the registry wants something else. */
  async #attemptWithOwn(
    known: Credentials | undefined,
    onLearned: () => void,
    onAccepted: () => void,
  ): Promise<HttpResponse | undefined> {
    const authorization = this.#registry.ownAuthorization(known);
    if (authorization === undefined) return undefined;
    const { rejection } = this.#state;
    if (rejection !== undefined) return this.#orThrow(rejection);
    return this.#attempt({ kind: "credentials", authorization }, onLearned, onAccepted);
  }

  async #tokenPass(): Promise<Pass> {
    try {
      const { challenge } = this.#registry;
      if (challenge?.scheme !== "bearer") return { kind: "nothing" };
      let token = await this.#registry.token(challenge, this.#list, this.#needed, this.#state);
      if (token === undefined && this.#list !== this.#needed) {
        this.#list = this.#needed;
        token = await this.#registry.token(challenge, this.#list, this.#needed, this.#state);
      }
      return token === undefined ? { kind: "unavailable" } : { kind: "token", token };
    } catch (error) {
      return { kind: "failed", error };
    }
  }

  /** Undefined: something else is to be tried. */
  async #attempt(
    pass: Pass,
    onLearned: () => void,
    onAccepted?: () => void,
  ): Promise<HttpResponse | undefined> {
    if (pass.kind === "failed") return this.#orThrow(pass.error);
    if (pass.kind === "unavailable") {
      return (await this.#openly()) ?? this.#refusal ?? this.#sendWith(undefined);
    }
    const response = await this.#sendWith(authorizationOf(pass));
    if (!(await this.#isRefusal(response, pass.kind !== "nothing"))) {
      onAccepted?.();
      if (pass.kind === "nothing") this.#registry.answered(response);
      if (pass.kind === "token") this.#accept(pass.token);
      return response;
    }
    this.#refusal = response;
    // The only DELETE gives up an upload, for which some want a scope of its own: not worth a token.
    if (this.#request.method === "DELETE") return response;
    switch (pass.kind) {
      case "nothing":
        return this.#onRefusal(response, onLearned);
      case "credentials":
        return this.#onRefusedCredentials(response);
      case "token":
        return this.#onRefusedToken(response, pass.token);
    }
  }

  #sendWith(authorization: string | undefined): Promise<HttpResponse> {
    if (authorization === undefined) return this.#send(this.#request);
    return this.#send({ ...this.#request, headers: { ...this.#request.headers, authorization } });
  }

  async #isRefusal(response: HttpResponse, hasShown: boolean): Promise<boolean> {
    return this.#registry.isRefusal(response, hasShown, await this.#registry.credentials.get());
  }

  #accept(token: Token): void {
    this.#registry.accept(token);
    this.#state.work(this.#needed, token.scopes);
  }

  /**
   * The answer to the request without anything shown, where it may be let in for all that is known in this session: some
   * registries want to see something only from those who write.
   */
  async #openly(): Promise<HttpResponse | undefined> {
    if (this.#state.isChallenged) return undefined;
    const response = await this.#sendWith(undefined);
    if (!(await this.#isRefusal(response, false))) return response;
    this.#state.challenge();
    this.#refusal = response;
    return undefined;
  }

  async #orThrow(error: unknown): Promise<HttpResponse> {
    const response = await this.#openly();
    if (response === undefined) throw error;
    return response;
  }

  async #onRefusal(response: HttpResponse, onLearned: () => void): Promise<HttpResponse | undefined> {
    const registry = this.#registry;
    this.#state.challenge();
    registry.learnOpenly(response);
    if (registry.challenge === undefined) await registry.learnByPing(this.#state);
    onLearned();
    if (registry.challenge === undefined) return response;
    if (registry.challenge.scheme === "bearer") return undefined;
    if (registry.ownAuthorization(await registry.credentials.get()) !== undefined) return undefined;
    const { host } = registry;
    throw new ManifestError("CREDENTIALS_MISSING", `${host} wants a user name and password`, {
      subject: host,
      hint: "pass `docker: userDocker()` for the logins of docker, or `credentials`",
    });
  }

  async #onRefusedCredentials(response: HttpResponse): Promise<HttpResponse | undefined> {
    this.#registry.learn(this.#registry.challengesOf(response));
    const known = await this.#registry.credentials.get();
    if (this.#registry.challenge?.scheme === "bearer" && known?.kind === "basic") return undefined;
    // They have been accepted for something else.
    if (this.#state.identity.isOpen) return response;
    const error = new CredentialsRefusedError(
      this.#registry.host,
      new RegistryError(this.#request.method, response),
      this.#registry.host,
      known,
    );
    this.#registry.reject(error, this.#state);
    return this.#orThrow(error);
  }

  async #onRefusedToken(response: HttpResponse, token: Token): Promise<HttpResponse | undefined> {
    const { tokens } = this.#registry;
    const state = this.#state;
    const challenges = this.#registry.challengesOf(response);
    // A bearer registry may answer a stale token with a Basic challenge, or none.
    this.#registry.learn(challenges.filter(({ scheme }) => scheme === "bearer"));
    const isRenewed = this.#renewed.has(scopesKey(token.scopes));
    if (token.expiresAt <= Date.now()) {
      // It says nothing about what the request may do, however often a host that asks to be left alone has it end.
      if (this.#ended++ >= MOST_ENDED) return response;
      this.#renew(token);
      return undefined;
    }
    if (state.isDenied(this.#needed)) return response;
    const missing = this.#worthAsking(missingScopes(challenges), token.scopes);
    const step = nextStep({
      needed: this.#needed,
      asked: token.scopes,
      namesMissing: missing.length > 0,
      error: errorOf(challenges),
      mayHaveEnded: !isRenewed && !tokens.isNew(token, this.#began),
      hasWorked: state.hasWorked(this.#needed, token.scopes),
      isAccepted: tokens.wasAccepted(token) || !state.isDenied(token.scopes.slice(0, 1)),
    });
    if (step !== "renew" && this.#list === this.#extended) state.noteUseless(this.#list);
    switch (step) {
      case "renew":
        this.#renew(token);
        return undefined;
      case "extend":
        this.#list = this.#extended = [...token.scopes, ...missing];
        return undefined;
      case "narrow":
        this.#list = this.#needed;
        return undefined;
      case "deny":
        state.deny(this.#needed);
        return (await this.#openly()) ?? response;
    }
  }

  #renew(token: Token): void {
    this.#registry.tokens.drop(token);
    this.#renewed.add(scopesKey(token.scopes));
  }

  /** Those of the missing scopes that the first token was not asked for, until they are seen not to help. */
  #worthAsking(missing: readonly string[], asked: readonly string[]): readonly string[] {
    if (this.#extended !== undefined || this.#list === this.#needed) return [];
    const others = missing.filter((scope) => !covers(asked, [scope]));
    return this.#state.isWorthAsking([...asked, ...others]) ? others : [];
  }
}

function authorizationOf(pass: Pass): string | undefined {
  if (pass.kind === "token") return `Bearer ${pass.token.value}`;
  return pass.kind === "credentials" ? pass.authorization : undefined;
}
