import type { RegistryError } from "../../http/registryError.js";
import type { Send } from "../../http/message.js";
import type { Challenge } from "../../http/wwwAuthenticate.js";
import { scopesKey } from "../scopes.js";
import type { Token } from "../tokenCache.js";
import { fetchToken, type TokenServer } from "./fetchToken.js";
import { isSameServer } from "./recollection.js";

/**
 * A token that is asked for while the registry is still being asked what it wants: where that was to be had in an earlier run. It is
 * used only once the registry has named the same server, and is then what would have been asked for at that moment.
 */
export class EarlyToken {
  /** What {@link fetchToken} gives, or throws. */
  readonly answer: Promise<Token | RegistryError>;
  readonly #from: TokenServer;
  readonly #scopes: readonly string[];
  readonly #unwanted = new AbortController();

  constructor(send: Send, from: TokenServer, scopes: readonly string[]) {
    const { signal } = this.#unwanted;
    this.#from = from;
    this.#scopes = scopes;
    this.answer = fetchToken((request) => send({ ...request, signal }), from, scopes);
    // Who wants it hears of that; nobody else does.
    this.answer.catch(() => undefined);
  }

  /** Is it the answer to this question, too? */
  isFor({ challenge, credentials }: TokenServer, scopes: readonly string[]): boolean {
    return (
      isSameServer(this.#from.challenge, challenge) &&
      credentials === this.#from.credentials &&
      scopesKey(scopes) === scopesKey(this.#scopes)
    );
  }

  isFrom(challenge: Challenge): boolean {
    return isSameServer(this.#from.challenge, challenge);
  }

  /** Gives up asking. */
  drop(): void {
    this.#unwanted.abort();
  }
}
