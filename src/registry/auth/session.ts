import type { AuthSession } from "../http/message.js";

/**
 * Begins a piece of work, such as a push, with all scopes that it will need, target first: one token does for them. What is
 * refused is remembered within it, so that it costs no second question; another piece of work asks for itself.
 *
 * @param isShared see `SessionOptions.isShared`
 */
export function newAuthSession(scopes: readonly string[], isShared = false): AuthSession {
  return { scopes: [...scopes], isShared };
}
