import { randomBytes } from "node:crypto";
import { jsonAnswer, type Answer } from "./answer.js";
import { readBody } from "./body.js";
import type { Call } from "./call.js";
import { fault, methodFault } from "./faults.js";
import { basicCredentials, permits, userOf, type Access, type Grant, type Rules } from "./rules.js";

/** Requests carry tokens that a token server gives out, by default the registry's own at `/token`. */
export interface BearerOptions extends Rules {
  /** `bearer`. */
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

const FORM_LIMIT = 64 * 1024;
const DEFAULT_LIFETIME = 300;

interface Token {
  /** `repository:a/b:pull` for everything the token is good for. */
  readonly access: ReadonlySet<string>;
  readonly expiresAt: number;
}

/**
 * Gives out opaque tokens, each good for the scopes it was asked for and its user may have.
 * https://distribution.github.io/distribution/spec/auth/token/
 * https://distribution.github.io/distribution/spec/auth/oauth/
 */
export class TokenServer {
  readonly #options: BearerOptions;
  readonly #tokens = new Map<string, Token>();
  /** Identity token to user. */
  readonly #identities: Map<string, string>;

  constructor(options: BearerOptions) {
    this.#options = options;
    this.#identities = new Map(Object.entries(options.identityTokens ?? {}));
  }

  /** What a token is good for, or undefined if it is not one, or not any more. */
  grantOf(value: string): Grant | undefined {
    const token = this.#tokens.get(value);
    if (token === undefined || token.expiresAt <= Date.now()) return undefined;
    return (resource, action) => token.access.has(`${resource}:${action}`);
  }

  /** Ends every token given out so far; identity tokens stay good. */
  expireTokens(): void {
    this.#tokens.clear();
  }

  async answer(call: Call): Promise<Answer> {
    if (call.method === "GET") return this.#get(call);
    if (call.method === "POST" && this.#options.post !== false) return this.#post(call);
    throw methodFault("GET", ...(this.#options.post === false ? [] : ["POST"]));
  }

  #get(call: Call): Answer {
    const { authorization } = call.headers;
    const credentials = basicCredentials(authorization);
    const user = credentials && userOf(this.#options, credentials.name, credentials.password);
    const anonymous = authorization === undefined && this.#options.anonymous === "pull";
    if (user === undefined && !anonymous) throw fault("UNAUTHORIZED");
    const scopes = call.query.getAll("scope");
    const offline = user !== undefined && call.query.get("offline_token") === "true";
    const { value, fields } = this.#issue(user, scopes);
    return jsonAnswer(200, {
      token: value,
      access_token: value,
      ...fields,
      ...(offline ? { refresh_token: this.#identify(user) } : {}),
    });
  }

  async #post(call: Call): Promise<Answer> {
    const body = await readBody(call.body, FORM_LIMIT);
    const form = new URLSearchParams(body?.toString("utf8") ?? "");
    const grantType = form.get("grant_type");
    if (grantType !== "password" && grantType !== "refresh_token") {
      return jsonAnswer(400, { error: "unsupported_grant_type" });
    }
    const refreshToken = form.get("refresh_token") ?? "";
    const user =
      grantType === "password"
        ? userOf(this.#options, form.get("username") ?? "", form.get("password") ?? "")
        : this.#identities.get(refreshToken);
    if (user === undefined) throw fault("UNAUTHORIZED");
    const { value, fields, scope } = this.#issue(user, form.getAll("scope"));
    const offline = grantType === "password" && form.get("access_type") === "offline";
    return jsonAnswer(200, {
      access_token: value,
      scope,
      ...fields,
      ...(grantType === "refresh_token" ? { refresh_token: refreshToken } : {}),
      ...(offline ? { refresh_token: this.#identify(user) } : {}),
    });
  }

  #issue(user: string | undefined, scopes: readonly string[]) {
    const granted = scopes.flatMap(parseScopes).map(({ resource, actions }) => ({
      resource,
      actions: actions.filter((action) => permits(this.#options, user, resource, action)),
    }));
    const access = granted.flatMap(({ resource, actions }) =>
      actions.map((action) => `${resource}:${action}`),
    );
    const value = randomBytes(24).toString("base64url");
    const lifetime = this.#options.expiresIn ?? DEFAULT_LIFETIME;
    this.#tokens.set(value, { access: new Set(access), expiresAt: Date.now() + lifetime * 1000 });
    return {
      value,
      scope: granted.map(({ resource, actions }) => `${resource}:${actions.join(",")}`).join(" "),
      fields: { expires_in: lifetime, issued_at: new Date().toISOString() },
    };
  }

  #identify(user: string): string {
    const value = randomBytes(24).toString("base64url");
    this.#identities.set(value, user);
    return value;
  }
}

/** `repository:a/b:pull,push registry:catalog:*`; what is no scope is left out, as token servers do. */
function parseScopes(text: string): Access[] {
  return text.split(" ").flatMap((scope) => {
    const [, resource, actions] = /^([a-z]+:.+):([a-z,*]+)$/.exec(scope) ?? [];
    return resource === undefined || actions === undefined ? [] : [{ resource, actions: actions.split(",") }];
  });
}
