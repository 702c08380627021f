import type { ManifestError } from "../../../errors.js";
import type { AuthSession } from "../../http/message.js";
import type { Challenge } from "../../http/wwwAuthenticate.js";
import { covers, dividedAmongTokens, scopesKey } from "../scopes.js";
import { Gate } from "./gate.js";
import { remembered, type Remembered } from "./remembered.js";

/** What a piece of work has found out about one registry. */
export class SessionState {
  /** Its first request goes ahead while nobody knows what the registry wants. */
  readonly first = new Gate();
  /** Open when our credentials have been accepted: until then they are sent by one at a time. */
  readonly identity = new Gate();
  /** The challenge of `/v2/`, for refusals without one. */
  readonly ping: Remembered<Challenge | undefined>;
  /** May a refusal of all scopes together be about one that other pieces of work do without? */
  readonly isShared: boolean;
  /** The lists of scopes of which tokens are asked for; every request is covered by one. */
  readonly #lists: (readonly string[])[];
  /** By the scopes of a request: the list to ask for, as long as no other's token did. */
  readonly #chosen = new Map<string, readonly string[]>();
  /** By the scopes of a request: the list whose token did for it. */
  readonly #worked = new Map<string, readonly string[]>();
  /** Lists for which the token server has no token. */
  readonly #refused = new Set<string>();
  /** Lists with a scope that the registry named as missing, and refused all the same. */
  readonly #useless = new Set<string>();
  readonly #denied = new Set<string>();
  #rejection: ManifestError | undefined;
  #isChallenged = false;

  constructor(session: AuthSession, ping: () => Promise<Challenge | undefined>) {
    this.#lists = dividedAmongTokens(session.scopes);
    this.ping = remembered(ping);
    this.isShared = session.isShared && session.scopes.length > 1;
  }

  /** What to ask for where a request needs these scopes: nearly always all that the work needs. */
  listFor(needed: readonly string[]): readonly string[] {
    const key = scopesKey(needed);
    const known = this.#worked.get(key) ?? this.#chosen.get(key);
    if (known !== undefined) return known;
    const list = this.#choose(needed);
    this.#chosen.set(key, list);
    return list;
  }

  #choose(needed: readonly string[]): readonly string[] {
    const asTheyAre = this.#lists.find((list) => needed.every((scope) => list.includes(scope)));
    const known = asTheyAre ?? this.#lists.find((list) => covers(list, needed));
    if (known !== undefined) return known;
    const list = [...needed];
    this.#lists.push(list);
    return list;
  }

  /** Notes that a token for this list did for a request. */
  work(needed: readonly string[], list: readonly string[]): void {
    this.#worked.set(scopesKey(needed), list);
  }

  hasWorked(needed: readonly string[], list: readonly string[]): boolean {
    const worked = this.#worked.get(scopesKey(needed));
    return worked !== undefined && scopesKey(worked) === scopesKey(list);
  }

  /** Notes that the token server has no token for this list. */
  refuse(list: readonly string[]): void {
    this.#refused.add(scopesKey(list));
  }

  isRefused(list: readonly string[]): boolean {
    return this.#refused.has(scopesKey(list));
  }

  noteUseless(list: readonly string[]): void {
    this.#useless.add(scopesKey(list));
  }

  isWorthAsking(list: readonly string[]): boolean {
    return !this.#useless.has(scopesKey(list)) && !this.isRefused(list);
  }

  /** Notes that the registry refuses what these scopes are needed for, whatever the token. */
  deny(needed: readonly string[]): void {
    this.#denied.add(kindOf(needed));
  }

  isDenied(needed: readonly string[]): boolean {
    return this.#denied.has(kindOf(needed));
  }

  /** Our credentials were refused: nobody in this session sends them again. */
  reject(error: ManifestError): void {
    this.#rejection = error;
  }

  get rejection(): ManifestError | undefined {
    return this.#rejection;
  }

  /** Notes that the registry wants to see something. */
  challenge(): void {
    this.#isChallenged = true;
  }

  get isChallenged(): boolean {
    return this.#isChallenged;
  }
}

/** Mounts are all of one kind, wherever from: what one of them is refused for, so are the others. */
function kindOf([first = "", ...others]: readonly string[]): string {
  return others.length === 0 ? first : `${first} and others`;
}
