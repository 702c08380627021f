import type { Call } from "./call.js";
import { fault } from "./faults.js";
import type { Access, Grant, Rules } from "./rules.js";
import type { TokenServer } from "./tokens.js";

/** Requests carry tokens that a token server gives out, by default the registry's own at `/token`. */
export interface BearerOptions extends Rules {
  readonly kind: "bearer";
  /** Seconds that a token is good for; 300 by default. */
  readonly expiresIn?: number | undefined;
  /** The address of the token server in challenges. */
  readonly realm?: string | undefined;
  /** The service's name in challenges; the registry's host by default. */
  readonly service?: string | undefined;
  /** Identity tokens (as `docker login` keeps them) that are good from the start: token to user. */
  readonly identityTokens?: Readonly<Record<string, string>> | undefined;
  /** Does the token server take POST? Without it the answer is 405, and clients must fall back to GET. */
  readonly post?: boolean | undefined;
  /**
   * A mount whose token does not cover the source: `upload` opens an upload (202), `challenge` asks for the scope
   * (401), as distribution does.
   */
  readonly unreadableMount?: "upload" | "challenge" | undefined;
}

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
