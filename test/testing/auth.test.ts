import * as z from "zod/mini";
import { afterEach, describe, expect, it } from "vitest";
import {
  startRegistry,
  type AuthOptions,
  type RunningRegistry,
  type ServerOptions,
} from "../../src/testing/index.js";
import { location, NOWHERE, send } from "./client.js";

let registry: RunningRegistry;
const start = async (auth: AuthOptions, more: ServerOptions = {}) => {
  registry = await startRegistry({ auth, ...more });
  registry.putImage("team/app", { tag: "v1" });
  return `${registry.url}/v2`;
};
afterEach(() => registry.close());

const users = { alice: "secret:with colon" };
const basic = { authorization: `Basic ${Buffer.from("alice:secret:with colon").toString("base64")}` };
const wrong = { authorization: `Basic ${Buffer.from("alice:guess").toString("base64")}` };

describe("basic", () => {
  it("wants a password for everything", async () => {
    const v2 = await start({ kind: "basic", users });
    for (const headers of [
      {},
      wrong,
      { authorization: "Basic !!" },
      { authorization: "basic" },
      { authorization: "Bearer x" },
    ]) {
      for (const path of ["/", "/team/app/manifests/v1"]) {
        const reply = await send("GET", v2 + path, { headers });
        expect([reply.status, ...reply.codes]).toEqual([401, "UNAUTHORIZED"]);
        expect(reply.headers.get("www-authenticate")).toBe('Basic realm="registry"');
      }
    }
    expect((await send("GET", `${v2}/`, { headers: basic })).status).toBe(200);
    expect((await send("GET", `${v2}/team/app/manifests/v1`, { headers: basic })).status).toBe(200);
  });

  it("lets everybody pull where that is allowed, and push only with a password", async () => {
    const v2 = await start({ kind: "basic", users, anonymous: "pull" });
    expect((await send("GET", `${v2}/`)).status).toBe(200);
    expect((await send("GET", `${v2}/team/app/manifests/v1`)).status).toBe(200);
    expect((await send("GET", `${v2}/team/app/manifests/v1`, { headers: wrong })).status).toBe(401);
    expect((await send("POST", `${v2}/team/app/blobs/uploads/`)).status).toBe(401);
    expect((await send("POST", `${v2}/team/app/blobs/uploads/`, { headers: basic })).status).toBe(202);
  });

  it("answers 403 to a known user who may not", async () => {
    const allow = (_: string | undefined, repository: string, action: string) =>
      repository === "team/app" && action === "pull";
    const v2 = await start({ kind: "basic", users, allow });
    expect((await send("GET", `${v2}/team/app/manifests/v1`, { headers: basic })).status).toBe(200);
    const denied = await send("POST", `${v2}/team/app/blobs/uploads/`, { headers: basic });
    expect([denied.status, ...denied.codes]).toEqual([403, "DENIED"]);
  });
});

const Token = z.object({
  token: z.optional(z.string()),
  access_token: z.optional(z.string()),
  refresh_token: z.optional(z.string()),
  expires_in: z.optional(z.number()),
  scope: z.optional(z.string()),
});

describe("bearer", () => {
  const tokenFrom = async (query: string, headers: Record<string, string> = basic) => {
    const reply = await send("GET", `${registry.url}/token?${query}`, { headers });
    return { status: reply.status, ...Token.parse(JSON.parse(reply.text)) };
  };
  const bearer = (token: string | undefined) => ({ authorization: `Bearer ${token ?? ""}` });
  const post = (form: Record<string, string>) =>
    send("POST", `${registry.url}/token`, {
      body: new URLSearchParams(form).toString(),
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });

  it("names realm, service and scope in its challenge", async () => {
    const v2 = await start({ kind: "bearer", users });
    const challenge = (scope: string) =>
      `Bearer realm="${registry.url}/token",service="${registry.host}"${scope}`;
    const ping = await send("GET", `${v2}/`);
    expect([ping.status, ...ping.codes]).toEqual([401, "UNAUTHORIZED"]);
    expect(ping.headers.get("www-authenticate")).toBe(challenge(""));
    for (const [method, actions] of [
      ["GET", "pull"],
      ["PUT", "pull,push"],
      ["DELETE", "delete"],
    ] as const) {
      const reply = await send(method, `${v2}/team/app/manifests/v1`);
      expect(reply.headers.get("www-authenticate")).toBe(
        challenge(`,scope="repository:team/app:${actions}"`),
      );
    }
    const catalog = await send("GET", `${v2}/_catalog`);
    expect(catalog.headers.get("www-authenticate")).toBe(challenge(',scope="registry:catalog:*"'));
  });

  it("gives a token for several scopes, good for just those", async () => {
    const v2 = await start({ kind: "bearer", users, expiresIn: 77 });
    const token = await tokenFrom(
      "service=s&scope=repository:team/app:pull&scope=repository:team/b:pull,push",
    );
    expect(token).toMatchObject({ status: 200, expires_in: 77, access_token: token.token });
    const headers = bearer(token.token);
    expect((await send("GET", `${v2}/`, { headers })).status).toBe(200);
    expect((await send("GET", `${v2}/team/app/manifests/v1`, { headers })).status).toBe(200);
    expect((await send("POST", `${v2}/team/b/blobs/uploads/`, { headers })).status).toBe(202);
    const lacking = await send("POST", `${v2}/team/app/blobs/uploads/`, { headers });
    expect(lacking.status).toBe(401);
    expect(lacking.headers.get("www-authenticate")).toContain(
      'scope="repository:team/app:pull,push",error="insufficient_scope"',
    );
  });

  it("refuses tokens that are made up, or at their end", async () => {
    const v2 = await start({ kind: "bearer", users, expiresIn: 0.05 });
    const token = await tokenFrom("scope=repository:team/app:pull");
    await new Promise((resolve) => setTimeout(resolve, 80));
    for (const value of [token.token, "made-up", ""]) {
      const reply = await send("GET", `${v2}/team/app/manifests/v1`, { headers: bearer(value) });
      expect(reply.status).toBe(401);
    }
    const ended = await send("GET", `${v2}/`, { headers: bearer(token.token) });
    expect(ended.headers.get("www-authenticate")).toContain('error="invalid_token"');
  });

  it("ends all tokens when told to", async () => {
    const v2 = await start({ kind: "bearer", users });
    const headers = bearer((await tokenFrom("")).token);
    expect((await send("GET", `${v2}/`, { headers })).status).toBe(200);
    registry.expireTokens();
    expect((await send("GET", `${v2}/`, { headers })).status).toBe(401);
  });

  it("gives no token for a wrong password, and one without a password only where everybody may pull", async () => {
    await start({ kind: "bearer", users });
    expect((await tokenFrom("", wrong)).status).toBe(401);
    expect((await tokenFrom("", {})).status).toBe(401);
    await registry.close();
    const v2 = await start({ kind: "bearer", users, anonymous: "pull" });
    expect((await tokenFrom("", wrong)).status).toBe(401);
    const token = await tokenFrom("scope=repository:team/app:pull,push", {});
    const headers = bearer(token.token);
    expect((await send("GET", `${v2}/team/app/manifests/v1`, { headers })).status).toBe(200);
    expect((await send("POST", `${v2}/team/app/blobs/uploads/`, { headers })).status).toBe(401);
  });

  it("takes POST with a password or an identity token, and gives identity tokens out", async () => {
    await start({ kind: "bearer", users, identityTokens: { known: "alice" } });
    const scope = "repository:team/app:pull repository:team/b:pull";
    const login = {
      grant_type: "password",
      username: "alice",
      password: users.alice,
      scope,
      access_type: "offline",
    };
    const first = Token.parse(JSON.parse((await post(login)).text));
    expect(first.scope).toBe(scope);
    for (const refresh of ["known", first.refresh_token ?? ""]) {
      const reply = await post({ grant_type: "refresh_token", refresh_token: refresh, scope });
      const token = Token.parse(JSON.parse(reply.text)).access_token;
      const headers = bearer(token);
      expect((await send("GET", `${registry.url}/v2/team/app/manifests/v1`, { headers })).status).toBe(200);
    }
    expect((await tokenFrom("offline_token=true")).refresh_token).toEqual(expect.any(String));
    expect((await post({ grant_type: "refresh_token", refresh_token: "unknown" })).status).toBe(401);
    expect((await post({ grant_type: "password", username: "alice", password: "guess" })).status).toBe(401);
    expect((await post({ grant_type: "password", username: "__proto__", password: "" })).status).toBe(401);
    expect((await post({ grant_type: "magic" })).status).toBe(400);
  });

  it("can be without POST, as some token servers are", async () => {
    await start({ kind: "bearer", users, post: false });
    expect((await post({ grant_type: "password" })).status).toBe(405);
  });

  it("mounts only what the token may pull, and opens an upload otherwise", async () => {
    const v2 = await start({ kind: "bearer", users });
    const blob = registry.blobs("team/app")[0] ?? NOWHERE;
    const mount = async (query: string) => {
      const headers = bearer((await tokenFrom(query)).token);
      return (await send("POST", `${v2}/team/b/blobs/uploads/?mount=${blob}&from=team/app`, { headers }))
        .status;
    };
    expect(await mount("scope=repository:team/b:pull,push")).toBe(202);
    expect(await mount("scope=repository:team/b:pull,push&scope=repository:team/app:pull")).toBe(201);
  });

  it("can ask for the source's scope instead, as distribution does", async () => {
    const v2 = await start({ kind: "bearer", users, unreadableMount: "challenge" });
    const headers = bearer((await tokenFrom("scope=repository:team/b:pull,push")).token);
    const reply = await send("POST", `${v2}/team/b/blobs/uploads/?mount=${NOWHERE}&from=team/app`, {
      headers,
    });
    expect(reply.status).toBe(401);
    expect(reply.headers.get("www-authenticate")).toContain(
      'scope="repository:team/b:pull,push repository:team/app:pull",error="insufficient_scope"',
    );
    expect((await send("POST", `${v2}/team/b/blobs/uploads/`, { headers })).status).toBe(202);
  });

  it("keeps no credentials in its log", async () => {
    const v2 = await start({ kind: "bearer", users });
    await tokenFrom("scope=repository:team/app:pull");
    await send("GET", `${v2}/`, { headers: { authorization: "secret-without-scheme" } });
    await send("GET", `${v2}/`, { headers: { authorization: "Bearer secret-token" } });
    await send("GET", `${v2}/`);
    expect(registry.log.map(({ authorization }) => authorization)).toEqual([
      "Basic",
      "unknown",
      "Bearer",
      undefined,
    ]);
    expect(JSON.stringify(registry.log)).not.toMatch(/secret|YWxpY2/);
  });

  it("has no token server without bearer authentication", async () => {
    await start({ kind: "basic", users });
    expect((await send("GET", `${registry.url}/token`)).status).toBe(404);
    const begun = await send("POST", `${registry.url}/v2/team/app/blobs/uploads/`, { headers: basic });
    expect((await send("DELETE", location(begun, registry.url), { headers: basic })).status).toBe(204);
  });
});
