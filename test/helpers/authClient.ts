import type { Credentials } from "../../src/registry/auth/credentials.js";
import { withAuth } from "../../src/registry/auth/authorize/withAuth.js";
import { newAuthSession } from "../../src/registry/auth/session.js";
import type { AuthSession, HttpResponse, Method, Send } from "../../src/registry/http/message.js";
import { withRedirects } from "../../src/registry/http/redirects.js";
import { TransportError } from "../../src/registry/http/transportError.js";

/** The layer of authentication and that of redirects over Node's own fetch: all that proves who the user is. */
export interface AuthClient {
  /** Begins a piece of work that reads and writes these repositories (`app:push`, `lib`), target first. */
  session(...repositories: string[]): Work;
  /** Begins several such pieces of work in one. */
  sharedSession(...repositories: string[]): Work;
}

export interface Work {
  readonly session: AuthSession;
  /** Sends `GET app/manifests/v1` for what may read `app`, or with `app:push` for what may write it. */
  send(method: Method, path: string, ...repositories: string[]): Promise<HttpResponse>;
  /** The status of GET of a manifest: 404 where it is allowed, for an empty registry. */
  get(...repositories: string[]): Promise<number>;
}

export interface AuthClientOptions {
  readonly host: string;
  readonly credentials?: () => Promise<Credentials | undefined>;
}

export function authClient({ host, credentials }: AuthClientOptions): AuthClient {
  const send = withAuth(withRedirects(fetchSend, true), {
    host,
    credentials: credentials ?? (() => Promise.resolve(undefined)),
    insecure: false,
    optimistic: () => false,
  });
  const begin = (session: AuthSession): Work => {
    const work: Work = {
      session,
      send: (method, path, ...needed) =>
        send({
          method,
          url: new URL(`http://${host}/v2/${path}`),
          idempotent: true,
          auth: { session, scopes: needed.map(scopeOf) },
        }),
      get: async (...needed) => {
        const [repository = ""] = (needed[0] ?? "").split(":");
        return (await work.send("GET", `${repository}/manifests/v1`, ...needed)).status;
      },
    };
    return work;
  };
  return {
    session: (...repositories) => begin(newAuthSession(repositories.map(scopeOf))),
    sharedSession: (...repositories) => begin(newAuthSession(repositories.map(scopeOf), true)),
  };
}

function scopeOf(repository: string): string {
  const [name = "", action] = repository.split(":");
  return `repository:${name}:${action === "push" ? "pull,push" : "pull"}`;
}

const fetchSend: Send = async ({ method, url: { href }, headers, body }) => {
  // As the layer that finds the protocol would.
  const url = new URL(href.replace(/^https:/, "http:"));
  try {
    const answer = await fetch(url, {
      method,
      redirect: "manual",
      ...(headers && { headers }),
      ...(typeof body === "string" && { body }),
    });
    return {
      status: answer.status,
      headers: Object.fromEntries(answer.headers),
      url,
      redirected: false,
      body: Buffer.from(await answer.arrayBuffer()),
    };
  } catch (error) {
    throw new TransportError(method, url, error);
  }
};
