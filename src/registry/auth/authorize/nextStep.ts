import { covers, scopesKey } from "../scopes.js";

/** A request that was refused with a token. */
export interface RefusedToken {
  /** The scopes that the request needs. */
  readonly needed: readonly string[];
  /** Those that its token was asked for. */
  readonly asked: readonly string[];
  /** Does the registry name scopes as missing that are worth asking for? */
  readonly namesMissing: boolean;
  /** The `error` of the challenge. */
  readonly error: string | undefined;
  /** May the token have ended, so that a new one for the same scopes would do? */
  readonly mayHaveEnded: boolean;
  /** Has such a token done for this request before? */
  readonly hasWorked: boolean;
  /** Does the registry take tokens like this one for anything, as far as it is known? */
  readonly isAccepted: boolean;
}

/** Another token for the same scopes; one for more; one for the needed scopes alone; or none. */
export type Step = "renew" | "extend" | "narrow" | "deny";

/**
 * What to try next. A token that has ended is renewed, for all who use it. One that was asked for more than is needed may
 * be good for less than that, where its server reads only the first scope or grants no such combination: then the scopes
 * that are needed are asked for alone. Nothing is tried where it would change nothing.
 */
export function nextStep(refused: RefusedToken): Step {
  const { mayHaveEnded, hasWorked, error, isAccepted } = refused;
  if (refused.namesMissing) return "extend";
  const hasProbablyEnded = mayHaveEnded && (hasWorked || error === "invalid_token");
  if (!hasProbablyEnded && grantsTooLittle(refused)) return "narrow";
  return mayHaveEnded && isAccepted ? "renew" : "deny";
}

/** Is it likely that a token for the needed scopes alone does what this one does not? */
function grantsTooLittle({ needed, asked, error, isAccepted }: RefusedToken): boolean {
  if (scopesKey(needed) === scopesKey(asked)) return false;
  const leads = covers(asked.slice(0, 1), needed.slice(0, 1));
  // Of a mount, which needs two, the first is the target's, which leads the common token too.
  if (error === "insufficient_scope") return !leads || needed.length === 1;
  return !leads && isAccepted;
}
