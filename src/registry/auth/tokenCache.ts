import { scopesKey } from "./scopes.js";

/** A token that was fetched. */
export interface Token {
  readonly value: string;
  /** What it was asked for, in this order; it may be good for less. */
  readonly scopes: readonly string[];
  /** When it was asked for, in milliseconds since 1970. */
  readonly askedAt: number;
  /** When it ends, likewise; from then on it is not used any more. */
  readonly expiresAt: number;
}

/** A token of this age, in milliseconds, may have ended whatever its server says. */
const NEW_MS = 5_000;

/**
 * The tokens of one registry host, by the scopes that they were asked for. Each is fetched once however many wait for it,
 * and used until it expires or is refused.
 */
export class TokenCache {
  readonly #tokens = new Map<string, Token>();
  readonly #fetches = new Map<string, { readonly by: object; readonly token: Promise<Token | undefined> }>();
  /** Which fetch each token comes of: the first is 1. */
  readonly #numbers = new WeakMap<Token, number>();
  readonly #accepted = new WeakSet<Token>();
  #begun = 0;

  /** How many fetches have begun; what {@link isNew} compares with. */
  get begun(): number {
    return this.#begun;
  }

  /**
   * The token for these scopes; `fetch` gets one where there is none, or says by undefined that there is none to be had.
   * A fetch without success is one for all that wait for it on behalf of the same work, `by`; others try for themselves.
   */
  async obtain(
    scopes: readonly string[],
    by: object,
    fetch: () => Promise<Token | undefined>,
  ): Promise<Token | undefined> {
    const key = scopesKey(scopes);
    for (;;) {
      const known = this.#tokens.get(key);
      if (known !== undefined && known.expiresAt > Date.now()) return known;
      const running = this.#fetches.get(key);
      if (running === undefined) return this.#fetch(key, by, fetch);
      try {
        const token = await running.token;
        if (token !== undefined || running.by === by) return token;
      } catch (error) {
        if (running.by === by) throw error;
      }
    }
  }

  async #fetch(key: string, by: object, fetch: () => Promise<Token | undefined>): Promise<Token | undefined> {
    const number = ++this.#begun;
    const promise = fetch();
    this.#fetches.set(key, { by, token: promise });
    try {
      const token = await promise;
      if (token === undefined) return undefined;
      this.#numbers.set(token, number);
      this.#removeExpired();
      this.#tokens.set(key, token);
      return token;
    } finally {
      this.#fetches.delete(key);
    }
  }

  #removeExpired(): void {
    for (const [key, token] of this.#tokens) if (token.expiresAt <= Date.now()) this.#tokens.delete(key);
  }

  /** Takes out a token that was refused, and no other that may have come in its place. */
  drop(token: Token): void {
    const key = scopesKey(token.scopes);
    if (this.#tokens.get(key) === token) this.#tokens.delete(key);
  }

  /** Notes that the registry has let in a request with this token. */
  accept(token: Token): void {
    this.#accepted.add(token);
  }

  wasAccepted(token: Token): boolean {
    return this.#accepted.has(token);
  }

  /**
   * Is it certain that a token has not ended meanwhile, so that its refusal must have another reason? It is if its fetch
   * began after the `since`th, a moment ago, and nothing was let in with it before.
   */
  isNew(token: Token, since: number): boolean {
    const number = this.#numbers.get(token) ?? 0;
    return number > since && !this.#accepted.has(token) && Date.now() - token.askedAt < NEW_MS;
  }
}
