/** Who may do what. */
export interface Rules {
  /** User to password. */
  readonly users: Readonly<Record<string, string>>;
  /** What somebody without credentials may do: nothing (the default), or pull. */
  readonly anonymous?: "pull" | "none" | undefined;
  /** A further restriction on what somebody may do; without it every user may do everything. */
  readonly allow?: ((user: string | undefined, repository: string, action: string) => boolean) | undefined;
}

/** Something a request wants to do: actions on `repository:<name>` or `registry:catalog`. */
export interface Access {
  readonly resource: string;
  readonly actions: readonly string[];
}

/** May the caller do this too, beyond what the request needed anyway? */
export type Grant = (resource: string, action: string) => boolean;

/** Whether the rules let a user (undefined: nobody in particular) do something. */
export function permits(rules: Rules, user: string | undefined, resource: string, action: string): boolean {
  const repository = /^repository:(.+)$/.exec(resource)?.[1];
  if (user === undefined && (rules.anonymous !== "pull" || repository === undefined || action !== "pull")) {
    return false;
  }
  return repository === undefined || rules.allow === undefined || rules.allow(user, repository, action);
}

/** The user whose name and password these are. */
export function userOf(rules: Rules, name: string, password: string): string | undefined {
  return Object.hasOwn(rules.users, name) && rules.users[name] === password ? name : undefined;
}

/** The name and password in an `Authorization: Basic` header. https://www.rfc-editor.org/rfc/rfc7617 */
export function basicCredentials(header: string | undefined): { name: string; password: string } | undefined {
  const encoded = /^basic +(\S+)$/i.exec(header ?? "")?.[1];
  if (encoded === undefined) return undefined;
  const [, name, password] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, "base64").toString("utf8")) ?? [];
  return name === undefined || password === undefined ? undefined : { name, password };
}
