import { realmOf } from "../challenge.js";
import type { Challenge } from "../../http/wwwAuthenticate.js";

/** What an earlier run knew of a registry's challenge: where tokens are to be had, and for what. Nothing secret. */
export interface ChallengeMemory {
  /** What was noted of a host (as in `URL.host`) last, if that is not too long ago. */
  challenge(host: string): { readonly realm: string; readonly service?: string | undefined } | undefined;
  /** Notes it, in place of what there was; undefined to forget that. */
  rememberChallenge(
    host: string,
    challenge: { readonly realm: string; readonly service?: string | undefined } | undefined,
  ): void;
}

/** What is recalled of one registry, and what of this run is to be recalled by the next. */
export class Recollection {
  readonly #host: string;
  readonly #memory: ChallengeMemory | undefined;
  #recalled: { readonly challenge: Challenge | undefined } | undefined;
  /** What the registry said in this run to a request that had shown nothing. */
  #told: Challenge | undefined;

  constructor(host: string, memory: ChallengeMemory | undefined) {
    this.#host = host;
    this.#memory = memory;
  }

  /** The challenge of an earlier run, as long as nothing has shown that it is wrong. */
  get challenge(): Challenge | undefined {
    this.#recalled ??= { challenge: this.#read() };
    return this.#recalled.challenge;
  }

  #read(): Challenge | undefined {
    const known = this.#memory?.challenge(this.#host);
    if (known === undefined) return undefined;
    const { realm, service } = known;
    const params = new Map([
      ["realm", realm],
      ...(service === undefined ? [] : [["service", service] as const]),
    ]);
    return { scheme: "bearer", params };
  }

  /** Compares with what the registry says now. */
  compare(challenge: Challenge): void {
    if (this.challenge !== undefined && !isSameServer(this.challenge, challenge)) this.forget();
  }

  forget(): void {
    if (this.challenge === undefined) return;
    this.#recalled = { challenge: undefined };
    this.#memory?.rememberChallenge(this.#host, undefined);
  }

  /**
   * Notes what a request that had shown nothing was told: nothing in it can be a secret that was sent.
   * @param url what has answered: what others could have changed on the way is not for later runs
   */
  hear(url: URL, challenge: Challenge | undefined): void {
    this.#told = url.protocol === "https:" ? challenge : undefined;
  }

  /** The registry has accepted a token from there: so it is what the next run may begin with. */
  confirm(from: Challenge): void {
    const told = this.#told;
    if (told === undefined || !isSameServer(told, from)) return;
    this.#told = undefined;
    if (this.challenge !== undefined) return;
    const realm = told.params.get("realm")?.trim();
    if (realm !== undefined) {
      this.#memory?.rememberChallenge(this.#host, { realm, service: told.params.get("service") });
    }
  }
}

/** Do both ask for tokens of the same server, for the same service? */
export function isSameServer(one: Challenge, other: Challenge): boolean {
  return (
    one.scheme === other.scheme &&
    realmOf(one)?.href === realmOf(other)?.href &&
    one.params.get("service") === other.params.get("service")
  );
}
