import type { Call } from "./call.js";
import { fault } from "./faults.js";
import type { Access, Grant } from "./rules.js";
import type { BearerOptions, TokenServer } from "./tokens.js";

/**
 * Throws 401 with a challenge that names what is needed, unless the request's token covers it.
 * https://distribution.github.io/distribution/spec/auth/token/
 */
export function authorizeBearer(
  options: BearerOptions,
  tokens: TokenServer,
  call: Call,
  wanted: readonly Access[],
): Grant {
  const header = call.headers.authorization;
  const value = /^bearer +(\S+)$/i.exec(header ?? "")?.[1];
  const grant = value === undefined ? undefined : tokens.grantOf(value);
  const covered = wanted.every(({ resource, actions }) =>
    actions.every((action) => grant?.(resource, action)),
  );
  if (grant !== undefined && covered) return grant;
  const scopes = wanted.map(({ resource, actions }) => `${resource}:${actions.join(",")}`);
  const challenge = [
    `realm="${options.realm ?? `${call.origin}/token`}"`,
    `service="${options.service ?? new URL(call.origin).host}"`,
    ...(scopes.length === 0 ? [] : [`scope="${scopes.join(" ")}"`]),
    ...(grant !== undefined
      ? ['error="insufficient_scope"']
      : value !== undefined
        ? ['error="invalid_token"']
        : []),
  ];
  throw fault("UNAUTHORIZED", wanted, { headers: { "WWW-Authenticate": `Bearer ${challenge.join(",")}` } });
}
