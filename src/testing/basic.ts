import type { Call } from "./call.js";
import { fault } from "./faults.js";
import { basicCredentials, permits, userOf, type Access, type Grant, type Rules } from "./rules.js";

/** Every request carries a name and password. */
export interface BasicOptions extends Rules {
  /** `basic`. */
  readonly kind: "basic";
  /** The realm of the challenge. Default: `registry`. */
  readonly realm?: string | undefined;
}

/**
 * Throws 401 without good credentials and 403 where a known user may not. With `anonymous: "pull"` the base
 * endpoint answers 200 to everybody, so that a client learns only from the refused request that there is a password.
 */
export function authorizeBasic(options: BasicOptions, call: Call, wanted: readonly Access[]): Grant {
  const { authorization } = call.headers;
  const credentials = basicCredentials(authorization);
  const user = credentials && userOf(options, credentials.name, credentials.password);
  const grant: Grant = (resource, action) => permits(options, user, resource, action);
  const known = user !== undefined || (authorization === undefined && options.anonymous === "pull");
  const allowed = wanted.every(({ resource, actions }) => actions.every((action) => grant(resource, action)));
  if (known && allowed) return grant;
  if (user !== undefined) throw fault("DENIED", wanted);
  const challenge = `Basic realm="${options.realm ?? "registry"}"`;
  throw fault("UNAUTHORIZED", wanted, { headers: { "WWW-Authenticate": challenge } });
}
