import { createSign, randomUUID, X509Certificate } from "node:crypto";
import { createServer } from "node:http";
import { certificate, privateKey } from "./certificates.js";
import { listen, type Listening } from "./peer.js";

/** A token server as distribution's `auth: token` wants one: signed tokens that name the granted scopes. */
export interface TokenServer extends Listening {
  readonly realm: string;
  /** The scopes of each request, in the order they came. */
  readonly asked: readonly (readonly string[])[];
}

export const TOKEN_ISSUER = "tsmanifest test issuer";
export const TOKEN_SERVICE = "tsmanifest test registry";

/** Grants what is asked for to whoever shows this user and password by Basic. */
export async function startTokenServer(username: string, password: string): Promise<TokenServer> {
  const asked: string[][] = [];
  const expected = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  const server = createServer((request, response) => {
    const query = new URL(request.url ?? "", "http://x").searchParams;
    asked.push(query.getAll("scope"));
    if (request.headers.authorization !== expected) {
      response.writeHead(401).end();
      return;
    }
    const scopes = query.getAll("scope").flatMap((scope) => scope.split(" "));
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ token: signedToken(username, scopes), expires_in: 300 }));
  });
  const listening = await listen(server);
  return { ...listening, realm: `http://127.0.0.1:${listening.port}/token`, asked };
}

/** https://distribution.github.io/distribution/spec/auth/jwt/ */
function signedToken(subject: string, scopes: readonly string[]): string {
  const now = Math.floor(Date.now() / 1000);
  const header = {
    typ: "JWT",
    alg: "ES256",
    x5c: [new X509Certificate(certificate("server")).raw.toString("base64")],
  };
  const claims = {
    iss: TOKEN_ISSUER,
    sub: subject,
    aud: TOKEN_SERVICE,
    exp: now + 300,
    nbf: now - 10,
    iat: now,
    jti: randomUUID(),
    access: scopes.map(accessOf),
  };
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part(header)}.${part(claims)}`;
  const signature = createSign("sha256")
    .update(text)
    .sign({ key: privateKey("server"), dsaEncoding: "ieee-p1363" });
  return `${text}.${signature.toString("base64url")}`;
}

/** `repository:a/b:pull,push`; a host's port may put more colons into the name. */
function accessOf(scope: string): { type: string; name: string; actions: string[] } {
  const [type = "", ...rest] = scope.split(":");
  return { type, name: rest.slice(0, -1).join(":"), actions: (rest.at(-1) ?? "").split(",") };
}
