import { constants } from "node:http2";
import { join } from "node:path";
import { expect } from "vitest";
import type { AuthOptions } from "../../../src/testing/index.js";
import { answer, reset, startPeer, type Incoming, type Outgoing, type Peer } from "../../helpers/peer.js";
import { withScene, writeBelow, type Scene, type SceneOptions } from "../../helpers/scene.js";
import { SECRETS } from "../../helpers/secrets.js";
import type { Concern, FaultCase } from "../faultCase.js";

const users = { me: SECRETS.password };
const bearer: AuthOptions = { kind: "bearer", users };
const basicEntry = { auth: btoa(`me:${SECRETS.password}`) };
const loggedIn = (host: string): object => ({ auths: { [host]: basicEntry } });

/** The registry that gives out tokens itself, and a user who may use it. */
const withTokens: SceneOptions = { auth: bearer, config: loggedIn };

/** Lets in whoever shows this header, and refuses all others with these challenges. */
function guarded(authorization: string, challenges: string[], status = 401) {
  return (request: Incoming, response: Outgoing): boolean => {
    if (request.headers.authorization === authorization) return false;
    request.resume();
    return answer(response, status, challenges.length > 0 ? { "WWW-Authenticate": challenges } : {});
  };
}

/** As many requests at once as there are in a usual push. */
const many = Array.from({ length: 6 }, (_, index) => ({ seed: `${index}`, layers: [`layer ${index}`] }));

/** The requests that carried credentials. */
function shown({ seen }: Peer): Peer["seen"] {
  return seen.filter(({ headers }) => headers.authorization !== undefined);
}

const BASIC = `Basic ${basicEntry.auth}`;
const BEARER = `Bearer ${SECRETS.bearerToken}`;

/** A token server that answers with a fixed token, in a given form. */
function tokenServer(body: string, see?: (request: Incoming) => void) {
  return startPeer({
    intercept: (request, response) => {
      see?.(request);
      request.resume();
      return answer(response, 200, {}, body);
    },
  });
}

/** A scene whose tokens are good for the first of the scopes that they were asked for. */
async function withFirstScopes(
  options: SceneOptions,
  play: (scene: Scene, tokens: Peer) => Promise<void>,
): Promise<void> {
  const tokens = await startPeer({
    intercept: (request, response) => {
      const [scope = ""] = new URL(request.url ?? "", "http://x").searchParams.getAll("scope");
      return answer(response, 200, {}, JSON.stringify({ token: `first.${btoa(scope)}` }));
    },
  });
  const intercept = (request: Incoming, response: Outgoing): boolean => {
    const scope = /^Bearer first\.(.*)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
    const repository = atob(scope).split(":")[1] ?? "";
    if (repository !== "" && request.url?.startsWith(`/v2/${repository}/`) === true) return false;
    request.resume();
    return answer(response, 401, { "WWW-Authenticate": `Bearer realm="http://${tokens.host}/token"` });
  };
  try {
    await withScene({ ...options, config: loggedIn, intercept }, (scene) => play(scene, tokens));
  } finally {
    await tokens.close();
  }
}

/** The ways of showing who we are, and what the registry wants to see. */
const ways: readonly { readonly what: string; readonly options: SceneOptions }[] = [
  { what: "Basic", options: { auth: { kind: "basic", users }, config: loggedIn } },
  { what: "a bearer token", options: withTokens },
  {
    what: "a bearer token, had for an identity token",
    options: {
      auth: { ...bearer, identityTokens: { [SECRETS.identityToken]: "me" } },
      config: (host) => identity(host),
    },
  },
];
const protocols: readonly Pick<SceneOptions, "speaks" | "address">[] = [
  { speaks: "http" },
  { speaks: "h2", address: "0.0.0.0" },
];
const everyWay = ways.flatMap(({ what, options }) =>
  protocols.map((protocol) => ({
    what: protocol.speaks === "h2" ? `${what} (HTTP/2)` : what,
    options: { ...options, ...protocol },
    flags: protocol.speaks === "h2" ? ["--insecure"] : [],
  })),
);

/** Breaks the connection, or the stream of HTTP/2. */
function breakOff(request: Incoming): true {
  if ("stream" in request) request.stream.close(constants.NGHTTP2_CANCEL);
  else reset(request);
  return true;
}

/** Sends every request of the API on within its own host, once all of it was read. */
function moveWithin(status: number, request: Incoming, response: Outgoing): boolean {
  const { url = "" } = request;
  if (!url.startsWith("/v2/") || url === "/v2/" || url.includes("moved=1")) return false;
  request.resume();
  request.on("end", () =>
    answer(response, status, { Location: `${url}${url.includes("?") ? "&" : "?"}moved=1` }),
  );
  return true;
}

/** The first request is such a HEAD, and others wait for what it learns. */
function firewallCases(): FaultCase[] {
  return everyWay.map(({ what, options, flags }) => ({
    server: `is behind a firewall that cuts every HEAD, and asks for ${what}`,
    client: "pushes without",
    run: () => {
      const intercept = (request: Incoming): boolean => request.method === "HEAD" && breakOff(request);
      return withScene({ ...options, images: many, intercept }, async (scene) => {
        expect(await scene.push(...flags)).toMatchObject({ status: 0, stdout: scene.pushed });
      });
    },
  }));
}

/** A 401 after a redirect within the registry's own host, where no challenge counts. */
function ownRedirectCases(): FaultCase[] {
  return everyWay.map(({ what, options, flags }) => ({
    server: `redirects within its own host, and asks for ${what} only there`,
    client: "takes the challenge of /v2/",
    run: () => {
      const intercept = (request: Incoming, response: Outgoing): boolean =>
        moveWithin(request.method === "POST" ? 308 : 307, request, response);
      return withScene({ ...options, mounts: 405, intercept }, async (scene) => {
        const [first = "", second = ""] = scene.sources;
        const created = await scene.run("create", ...flags, `${scene.domain}/new/app:v1`, first, second);
        expect(created).toMatchObject({ status: 0, stderr: "" });
        expect(await scene.push(...flags)).toMatchObject({ status: 0, stdout: scene.pushed });
        expect(scene.count(/ \/v2\/$/)).toBe(2);
      });
    },
  }));
}

/** A token that ends when a request arrives where it was redirected to. */
function renewalCases(): FaultCase[] {
  return protocols.flatMap((protocol) =>
    [307, 308].map((status) => ({
      server: `ends all tokens after a redirect (${status}) of a PUT within its own host${protocol.speaks === "h2" ? " (HTTP/2)" : ""}`,
      client: "gets one new token and sends it again",
      run: () => {
        let expire = (): void => undefined;
        const intercept = (request: Incoming, response: Outgoing): boolean => {
          if (request.method !== "PUT") return false;
          if (moveWithin(status, request, response)) return true;
          expire();
          return false;
        };
        return withScene({ ...withTokens, ...protocol, mounts: 405, intercept }, async (scene) => {
          expire = () => {
            scene.peer.expireTokens();
            expire = () => undefined;
          };
          const pushed = await scene.push(...(protocol.speaks === "h2" ? ["--insecure"] : []));
          expect(pushed).toMatchObject({ status: 0, stdout: scene.pushed });
          expect(scene.count(/\/token/)).toBe(2);
        });
      },
    })),
  );
}

const identity = (host: string): object => ({ auths: { [host]: { identitytoken: SECRETS.identityToken } } });

/** A 401 after a redirect, with a challenge that names that host. */
function redirectCases(): FaultCase[] {
  const kinds = [
    { what: "blobs", matches: /^GET \/v2\/src\/\d\/blobs\//, argv: ["push"] },
    { what: "manifests", matches: /^GET \/v2\/src\/\d\/manifests\//, argv: ["inspect"] },
    { what: "HEADs", matches: /^HEAD /, argv: ["push"] },
    { what: "/v2/", matches: /^GET \/v2\/$/, argv: ["push"] },
  ];
  return kinds.map(({ what, matches, argv: [verb = ""] }) => ({
    server: `sends requests for ${what} on to another host, which answers 401 and names a token server of its own`,
    client: "sends it neither password nor identity token",
    run: async () => {
      for (const [config, challenge] of [
        [loggedIn, "Bearer"],
        [loggedIn, "Basic"],
        [identity, "Bearer"],
      ] as const) {
        const other = await startPeer({
          intercept: (request, response) => {
            request.resume();
            if (request.url?.startsWith("/token") === true) {
              return answer(response, 200, {}, JSON.stringify({ token: "stolen" }));
            }
            const realm = `${challenge} realm="http://${request.headers.host ?? ""}/token"`;
            return answer(response, 401, { "WWW-Authenticate": realm });
          },
        });
        const intercept = (request: Incoming, response: Outgoing): boolean => {
          if (!matches.test(`${request.method ?? ""} ${request.url ?? ""}`)) {
            // What nobody is asked for at `/v2/` is refused without a challenge.
            if (what !== "/v2/") return false;
            request.resume();
            return answer(response, 401);
          }
          return answer(response, 307, { Location: `http://${other.host}/x` });
        };
        try {
          await withScene({ config, intercept, mounts: 405 }, async (scene) => {
            await scene.run(verb, verb === "push" ? scene.target : (scene.sources[0] ?? ""));
            expect(other.requests.length).toBeGreaterThan(0);
            expect(shown(other)).toEqual([]);
            expect(other.requests.filter((request) => request.includes("/token"))).toEqual([]);
          });
        } finally {
          await other.close();
        }
      }
    },
  }));
}

export const auth: Concern = {
  title: "Authentication",
  cases: [
    {
      server: "asks for a bearer token",
      client: "gets one for target and sources, target first, and pushes",
      run: () =>
        withScene(withTokens, async (scene) => {
          expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed, stderr: "" });
          const [token, ...others] = scene.peer.requests.filter((request) => request.includes("/token"));
          expect(others).toEqual([]);
          const scopes = new URL(token?.split(" ")[1] ?? "", "http://x").searchParams.getAll("scope");
          expect(scopes).toEqual([
            "repository:team/app:pull,push",
            "repository:src/0:pull",
            "repository:src/1:pull",
          ]);
        }),
    },
    {
      server: "sends several challenges, Basic before Bearer, in one header and with a comma in quotes",
      client: "prefers Bearer",
      run: async () => {
        const tokens = await tokenServer(JSON.stringify({ token: SECRETS.bearerToken }));
        const challenge = `BASIC realm="a, b", bEaReR realm="http://${tokens.host}/t",service="s,t",scope="x:y:pull,push"`;
        try {
          await withScene({ config: loggedIn, intercept: guarded(BEARER, [challenge]) }, async (scene) => {
            expect(await scene.push()).toMatchObject({ status: 0 });
            expect(tokens.requests[0]).toContain("service=s%2Ct");
          });
        } finally {
          await tokens.close();
        }
      },
    },
    {
      server: "sends its challenges in several headers, unquoted",
      client: "prefers Bearer",
      run: async () => {
        const tokens = await tokenServer(JSON.stringify({ access_token: SECRETS.bearerToken }));
        const challenges = ["Basic realm=registry", `Bearer realm=http://${tokens.host}/t,service=s`];
        try {
          await withScene({ config: loggedIn, intercept: guarded(BEARER, challenges) }, async (scene) => {
            expect(await scene.push()).toMatchObject({ status: 0 });
          });
        } finally {
          await tokens.close();
        }
      },
    },
    {
      server: "asks for Basic",
      client: "sends the first request without, and the user name and password with every later one",
      run: () =>
        withScene({ auth: { kind: "basic", users }, config: loggedIn }, async (scene) => {
          expect(await scene.push()).toMatchObject({ status: 0 });
          expect(scene.peer.log.filter(({ authorization }) => authorization === undefined)).toHaveLength(1);
        }),
    },
    {
      server: "asks for Basic, and the user has nothing",
      client: "says `no basic auth credentials` and how to log in",
      run: () =>
        withScene({ auth: { kind: "basic", users } }, async (scene) => {
          const { status, stderr } = await scene.push();
          expect(status).toBe(1);
          expect(stderr).toMatch(/no basic auth credentials\nnot logged in to 127\.0\.0\.1:\d+: /);
        }),
    },
    {
      server: "refuses the password",
      client: "sends it once, and says who refused it and where it comes from",
      run: () =>
        withScene(
          { auth: { kind: "basic", users: { me: "another" } }, config: loggedIn, images: many },
          async (scene) => {
            const { status, stderr } = await scene.push();
            expect(status).toBe(1);
            expect(stderr).toMatch(/127\.0\.0\.1:\d+ refused: unauthorized: authentication required\n/);
            expect(stderr).toMatch(
              /answered 401; the user name or password for \S+, from \S+\/config\.json, is not accepted: log in again \(docker login \S+\)\n$/,
            );
            expect(stderr).not.toContain("copy");
            expect(shown(scene.peer)).toHaveLength(1);
          },
        ),
    },
    {
      server: "reads without credentials, and refuses the password of whoever writes",
      client: "sends it once",
      run: () => {
        const intercept = (request: Incoming, response: Outgoing): boolean => {
          if (request.method === "GET" || request.method === "HEAD") return false;
          request.resume();
          return answer(response, 401, { "WWW-Authenticate": 'Basic realm="r"' });
        };
        return withScene({ config: loggedIn, intercept, images: many }, async (scene) => {
          const { status, stderr } = await scene.push();
          expect(status).toBe(1);
          expect(stderr).toContain("refused: unauthorized: authentication required");
          expect(shown(scene.peer)).toHaveLength(1);
        });
      },
    },
    {
      server: "refuses mounts with 401 and takes the password for everything else",
      client: "copies",
      run: () => {
        const onRequest: SceneOptions["onRequest"] = ({ method, path, headers }) =>
          method === "POST" && path.includes("mount=") && headers.authorization !== undefined
            ? { status: 401, headers: { "WWW-Authenticate": 'Basic realm="r"' } }
            : undefined;
        return withScene({ auth: { kind: "basic", users }, config: loggedIn, onRequest }, async (scene) => {
          expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
        });
      },
    },
    {
      server: "answers /v2/ with 200 and the real request with 401",
      client: "never asks /v2/",
      run: () =>
        withScene(withTokens, async (scene) => {
          await scene.push();
          expect(scene.count(/\/v2\/$/)).toBe(0);
        }),
    },
    {
      server: "answers 403 instead of 401, with a challenge",
      client: "treats it as a 401",
      run: () =>
        withScene(
          { config: loggedIn, intercept: guarded(BASIC, ['Basic realm="r"'], 403) },
          async (scene) => {
            expect(await scene.push()).toMatchObject({ status: 0 });
          },
        ),
    },
    {
      server: "answers 403 without a challenge, which only /v2/ has",
      client: "asks /v2/ once",
      run: () => {
        const door = guarded(BASIC, ['Basic realm="r"']);
        const rest = guarded(BASIC, [], 403);
        const intercept = (request: Incoming, response: Outgoing): boolean =>
          (request.url === "/v2/" ? door : rest)(request, response);
        return withScene({ config: loggedIn, intercept }, async (scene) => {
          expect(await scene.push()).toMatchObject({ status: 0 });
          expect(scene.count(/ \/v2\/$/)).toBe(1);
        });
      },
    },
    {
      server: "answers a stale token with a Basic challenge",
      client: "still gets a new token",
      run: () => {
        let refused = 0;
        const intercept = (request: Incoming, response: Outgoing): boolean => {
          if (request.headers.authorization === undefined || request.method !== "PUT" || refused > 0)
            return false;
          refused++;
          request.resume();
          return answer(response, 401, { "WWW-Authenticate": 'Basic realm="harbor"' });
        };
        return withScene({ ...withTokens, intercept }, async (scene) => {
          expect(await scene.push()).toMatchObject({ status: 0 });
          expect(scene.count(/\/token/)).toBe(2);
        });
      },
    },
    {
      server: "answers a stale token with 401 and no challenge",
      client: "uses the challenge it already knows, and gets a new token",
      run: () => {
        let refused = 0;
        const intercept = (request: Incoming, response: Outgoing): boolean => {
          if (request.method !== "PUT" || refused > 0) return false;
          refused++;
          request.resume();
          return answer(response, 401);
        };
        return withScene({ ...withTokens, intercept }, async (scene) => {
          expect(await scene.push()).toMatchObject({ status: 0 });
          expect(scene.count(/\/token/)).toBe(2);
          expect(scene.count(/ \/v2\/$/)).toBe(0);
        });
      },
    },
    {
      server: "ends all tokens in mid-push, and refuses many requests together",
      client: "gets one new token for all of them",
      run: async () => {
        let expire: (() => void) | undefined;
        const images = Array.from({ length: 8 }, (_, index) => ({
          seed: String(index),
          layers: [`l${index}`],
        }));
        const onRequest: SceneOptions["onRequest"] = ({ method, path }) => {
          if (method === "PUT" && path.includes("sha256:")) {
            expire?.();
            expire = undefined;
          }
          return undefined;
        };
        await withScene({ ...withTokens, images, onRequest }, async (scene) => {
          expire = () => {
            scene.peer.expireTokens();
          };
          expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
          expect(scene.count(/\/token/)).toBe(2);
        });
      },
    },
    {
      server: "refuses every token it gives out",
      client: "gets one token and no more, and reports what the registry says",
      run: () => {
        const challenge = (host: string): string => `Bearer realm="http://${host}/token",service="s"`;
        const intercept = (request: Incoming, response: Outgoing): boolean => {
          if (request.url?.startsWith("/token") === true) {
            return answer(response, 200, {}, JSON.stringify({ token: SECRETS.bearerToken }));
          }
          request.resume();
          return answer(response, 401, { "WWW-Authenticate": challenge(request.headers.host ?? "") });
        };
        return withScene({ config: loggedIn, intercept }, async (scene) => {
          const { status, stderr } = await scene.push();
          expect(status).toBe(1);
          expect(stderr).toContain("unauthorized: authentication required");
          expect(scene.count(/\/token/)).toBe(1);
        });
      },
    },
    {
      server: "demands a scope that was not asked for (insufficient_scope)",
      client: "asks once for a token that has it",
      run: () => {
        let tokens = 0;
        const intercept = (request: Incoming, response: Outgoing): boolean => {
          const { host = "", authorization } = request.headers;
          if (request.url?.startsWith("/token") === true) {
            const wanted = new URL(request.url, "http://x").searchParams.getAll("scope");
            tokens++;
            const token = wanted.includes("repository:extra:pull") ? SECRETS.bearerToken : "short";
            return answer(response, 200, {}, JSON.stringify({ token }));
          }
          if (authorization === BEARER) return false;
          request.resume();
          const more =
            authorization === undefined ? "" : ',error="insufficient_scope",scope="repository:extra:pull"';
          return answer(response, 401, { "WWW-Authenticate": `Bearer realm="http://${host}/token"${more}` });
        };
        return withScene({ config: loggedIn, intercept }, async (scene) => {
          expect(await scene.push()).toMatchObject({ status: 0 });
          expect(tokens).toBe(2);
        });
      },
    },
    {
      server: "takes an identity token by POST",
      client: "sends it as a refresh token",
      run: () =>
        withScene(
          {
            auth: { ...bearer, identityTokens: { [SECRETS.identityToken]: "me" } },
            config: (host) => ({
              auths: { [host]: { auth: btoa("me:"), identitytoken: SECRETS.identityToken } },
            }),
          },
          async (scene) => {
            expect(await scene.push()).toMatchObject({ status: 0 });
            expect(scene.count(/^POST \/token/)).toBe(1);
          },
        ),
    },
    {
      server: "does not support POST for tokens (404, 405)",
      client: "falls back to GET, with the identity token as the password",
      run: () =>
        withScene(
          {
            auth: { ...bearer, users: { "<token>": SECRETS.identityToken }, post: false },
            config: (host) => ({ auths: { [host]: { identitytoken: SECRETS.identityToken } } }),
          },
          async (scene) => {
            expect(await scene.push()).toMatchObject({ status: 0 });
            expect(
              scene.peer.requests.filter((one) => one.includes("/token")).map((one) => one.split(" ")[0]),
            ).toEqual(["POST", "GET"]);
          },
        ),
    },
    {
      server: "takes a registry token",
      client: "sends it as it is, with every request",
      run: () =>
        withScene(
          {
            intercept: guarded(`Bearer ${SECRETS.registryToken}`, []),
            config: (host) => ({ auths: { [host]: { registrytoken: SECRETS.registryToken } } }),
          },
          async (scene) => {
            expect(await scene.push()).toMatchObject({ status: 0 });
          },
        ),
    },
    {
      server: "gives an anonymous token to whoever reads",
      client: "inspects without credentials",
      run: () =>
        withScene({ auth: { ...bearer, anonymous: "pull" } }, async (scene) => {
          expect(await scene.run("inspect", scene.sources[0] ?? "")).toMatchObject({ status: 0, stderr: "" });
        }),
    },
    {
      server: "refuses at the token server",
      client: "names the token server and its answer, not the password",
      run: () =>
        withScene(
          { auth: { ...bearer, users: { me: "another" } }, config: loggedIn, images: many },
          async (scene) => {
            const { status, stderr } = await scene.push();
            expect(status).toBe(1);
            expect(stderr).toContain("the token server refused: unauthorized");
            expect(stderr).toMatch(/\/token\?.* answered 401; the user name or password for /);
            expect(shown(scene.peer)).toHaveLength(1);
          },
        ),
    },
    {
      server: "has the identity token refused by 400 (invalid_grant)",
      client: "asks once, and says that the token server refused it",
      run: () => {
        const intercept = (request: Incoming, response: Outgoing): boolean => {
          if (request.url !== "/token") return false;
          request.resume();
          return answer(response, 400, {}, '{"error":"invalid_grant"}');
        };
        return withScene(
          {
            auth: bearer,
            config: (host) => ({ auths: { [host]: { identitytoken: SECRETS.identityToken } } }),
            intercept,
          },
          async (scene) => {
            const { status, stderr } = await scene.push();
            expect(status).toBe(1);
            expect(stderr).toMatch(
              /the token server refused: .*\n.*\/token answered 400; the saved login for /,
            );
            expect(scene.count(/\/token/)).toBe(1);
          },
        );
      },
    },
    ...[400, 403].flatMap((code) =>
      [loggedIn, identity].map((config) => ({
        server: `has no token for ${config === identity ? "an identity token" : "a user"}, whatever it is asked for (${code})`,
        client:
          "asks for everything, for one request and for nothing, and says that the token server refused",
        run: () => {
          const intercept = (request: Incoming, response: Outgoing): boolean => {
            request.resume();
            return request.url?.startsWith("/token") === true && answer(response, code);
          };
          return withScene({ auth: bearer, config, images: many, intercept }, async (scene) => {
            const { status, stderr } = await scene.push();
            expect(status).toBe(1);
            expect(stderr).toContain(
              "the token server refused: unauthorized: no token for these credentials\n",
            );
            expect(stderr).toMatch(
              new RegExp(
                `http://${scene.domain}/token\\b.* answered ${code}; the (?:user name or password|saved login) for `,
              ),
            );
            expect(stderr).not.toContain("copy");
            expect(scene.count(/\/token/)).toBe(3);
          });
        },
      })),
    ),
    ...[400, 403, 404].map((code) => ({
      server: `has no token for scopes with a private source among them (${code})`,
      client: "asks for each request's own, and pushes what does not need that source",
      run: () => {
        const images = [{ architecture: "amd64" }, { architecture: "arm64" }];
        const intercept = (request: Incoming, response: Outgoing): boolean => {
          const url = new URL(request.url ?? "", "http://x");
          const isPrivate = url.searchParams.getAll("scope").some((scope) => scope.includes("src/1"));
          return url.pathname === "/token" && isPrivate && answer(response, code);
        };
        return withScene({ ...withTokens, images, intercept }, async (scene) => {
          scene.peer.putImage("team/app", images[1]);
          expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
          // For all, for the target, for it with either source, and for the private source.
          expect(scene.count(/\/token/)).toBeLessThanOrEqual(5);
        });
      },
    })),
    {
      server: "has a token server that reads only the first scope",
      client: "gets a token for each source if the token for all of them is not enough",
      run: () =>
        withFirstScopes({}, async (scene, tokens) => {
          const [first = "", second = ""] = scene.sources;
          expect(await scene.run("create", `${scene.domain}/new/app:v1`, first, second)).toMatchObject({
            status: 0,
            stderr: "",
          });
          expect(tokens.requests.filter((request) => request.includes("/token"))).toHaveLength(2);
        }),
    },
    {
      server: "has a token server that reads only the first scope, and does not mount",
      client: "copies from each source, with a token for that source",
      run: () =>
        withFirstScopes({ mounts: 405 }, async (scene) => {
          expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
        }),
    },
    {
      server: "names a scope as missing that no token brings",
      client: "asks for it once, and copies what it cannot mount",
      run: () => {
        let expire = (): void => undefined;
        const onRequest: SceneOptions["onRequest"] = ({ method, path, headers }) => {
          if (method === "PUT" && path.endsWith("/manifests/v1")) expire();
          if (!path.includes("mount=") || headers.authorization === undefined) return undefined;
          const challenge = `Bearer realm="http://${headers.host ?? ""}/token"`;
          const missing = 'error="insufficient_scope",scope="repository:extra:pull"';
          return { status: 401, headers: { "WWW-Authenticate": `${challenge},${missing}` } };
        };
        return withScene({ ...withTokens, onRequest }, async (scene) => {
          expire = () => {
            scene.peer.expireTokens();
            expire = () => undefined;
          };
          expect(await scene.push("--concurrency", "1")).toMatchObject({ status: 0, stdout: scene.pushed });
          expect(scene.count(/\/token.*extra/)).toBe(1);
        });
      },
    },
    {
      server: "refuses mounts with 401, and ends all tokens in mid-push",
      client: "gets a new token for the requests that need one",
      run: async () => {
        let expire = (): void => undefined;
        const onRequest: SceneOptions["onRequest"] = ({ method, path, headers }) => {
          if (method === "PUT" && path.endsWith("/manifests/v1")) {
            expire();
            expire = () => undefined;
          }
          if (!path.includes("mount=") || headers.authorization === undefined) return undefined;
          const challenge = `Bearer realm="http://${headers.host ?? ""}/token"`;
          return { status: 401, headers: { "WWW-Authenticate": challenge } };
        };
        await withScene({ ...withTokens, onRequest }, async (scene) => {
          expire = () => {
            scene.peer.expireTokens();
          };
          expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
          // The first, at most one to see whether that helps with the mounts, one for what had ended.
          expect(scene.count(/\/token/)).toBeLessThanOrEqual(3);
        });
      },
    },
    ...redirectCases(),
    ...firewallCases(),
    ...ownRedirectCases(),
    ...renewalCases(),
    {
      server: "has a credential helper of its own, which fails",
      client: "warns, names the helper, and uses what the file has",
      run: () =>
        withScene(
          {
            ...withTokens,
            config: (host) => ({ ...loggedIn(host), credHelpers: { [host]: "broken" } }),
            env: { PATH: "/nowhere" },
          },
          async (scene) => {
            const { status, stderr } = await scene.push();
            expect(status).toBe(0);
            expect(stderr).toContain("WARNING: no credentials for 127.0.0.1");
            expect(stderr).toContain("docker-credential-broken is not on the PATH");
          },
        ),
    },
    {
      server: "has its credentials with a helper",
      client: "asks the helper",
      run: () =>
        withScene({ auth: { ...bearer, users: { me: SECRETS.helperSecret } } }, async (scene) => {
          const reply = JSON.stringify({
            ServerURL: scene.domain,
            Username: "me",
            Secret: SECRETS.helperSecret,
          });
          const script = `#!/bin/sh\ncat >/dev/null\necho '${reply}'\n`;
          const helper = writeBelow(scene.folder, "bin/docker-credential-test", script, 0o755);
          writeBelow(scene.folder, "config.json", JSON.stringify({ credsStore: "test" }));
          const path = `${join(helper, "..")}:/usr/bin:/bin`;
          expect(await scene.runWith({ PATH: path }, "push", scene.target)).toMatchObject({ status: 0 });
        }),
    },
    {
      server: "has its credentials in DOCKER_AUTH_CONFIG",
      client: "uses those first",
      run: () =>
        withScene(
          { auth: bearer, config: (host) => ({ auths: { [host]: { auth: btoa("me:wrong") } } }) },
          async (scene) => {
            const variable = JSON.stringify(loggedIn(scene.domain));
            expect(await scene.runWith({ DOCKER_AUTH_CONFIG: variable }, "push", scene.target)).toMatchObject(
              { status: 0 },
            );
          },
        ),
    },
    {
      server: "is in config.json under an old key, with scheme and path",
      client: "finds the credentials",
      run: () =>
        withScene(
          { auth: bearer, config: (host) => ({ auths: { [`https://${host}/v1/`]: basicEntry } }) },
          async (scene) => {
            expect(await scene.push()).toMatchObject({ status: 0 });
          },
        ),
    },
    {
      server: "wants the password sent to another machine by plain HTTP",
      client: "refuses, and names the flag that allows it",
      run: () =>
        withScene(
          { config: loggedIn, intercept: guarded(BEARER, ['Bearer realm="http://auth.example/token"']) },
          async (scene) => {
            const { status, stderr } = await scene.push();
            expect(status).toBe(1);
            expect(stderr).toContain(
              "wants its password sent to auth.example by plain HTTP; pass --insecure to allow it",
            );
          },
        ),
    },
    {
      server: "gives out tokens that live for a second",
      client: "still uses one for a minute, and renews it only when it is refused",
      run: () =>
        withScene({ ...withTokens, auth: { ...bearer, expiresIn: 1 } }, async (scene) => {
          expect(await scene.push()).toMatchObject({ status: 0 });
          expect(scene.count(/\/token/)).toBe(1);
        }),
    },
  ],
};
