import { setTimeout } from "node:timers/promises";
import { inspect } from "node:util";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { hasCode } from "../../../../src/errors.js";
import type { Credentials } from "../../../../src/registry/auth/credentials.js";
import { TransportError } from "../../../../src/registry/http/transportError.js";
import { authClient } from "../../../helpers/authClient.js";
import {
  answer,
  reset,
  startPeer,
  type Incoming,
  type Outgoing,
  type Peer,
  type PeerOptions,
} from "../../../helpers/peer.js";
import { expectNoSecrets, SECRETS } from "../../../helpers/secrets.js";

const users = { me: SECRETS.password };
const me: Credentials = { kind: "basic", username: "me", password: SECRETS.password };
const credentials = (): Promise<Credentials> => Promise.resolve(me);

async function start(options: PeerOptions): Promise<Peer> {
  const peer = await startPeer(options);
  onTestFinished(() => peer.close());
  return peer;
}

const tokens = (peer: Peer): string[] => peer.requests.filter((request) => request.includes("/token"));
const withAuthorization = (peer: Peer): number =>
  peer.seen.filter(({ headers }) => headers.authorization !== undefined).length;

/** Resets the first connections that this is true of. */
function resetting(times: number, matches: (request: Incoming) => boolean) {
  let left = times;
  return (request: Incoming): boolean => matches(request) && left-- > 0 && reset(request);
}

describe("what failed is tried again by the next", () => {
  test("the first request to a registry", async () => {
    const peer = await start({ auth: { kind: "bearer", users }, intercept: resetting(1, () => true) });
    const client = authClient({ host: peer.host, credentials });
    const work = client.session("app");
    await expect(work.get("app")).rejects.toThrow(TransportError);
    expect(await work.get("app")).toBe(404);
  });

  test("the first request, of those that were waiting for it", async () => {
    const peer = await start({ auth: { kind: "bearer", users }, intercept: resetting(1, () => true) });
    const work = authClient({ host: peer.host, credentials }).session("app");
    const results = await Promise.allSettled([work.get("app"), work.get("app"), work.get("app")]);
    expect(results).toMatchObject([
      { reason: { code: "TRANSPORT" } },
      { status: "fulfilled", value: 404 },
      { status: "fulfilled", value: 404 },
    ]);
    expect(tokens(peer)).toHaveLength(1);
  });

  test("the first request, of those in another session, and not of its own, where nobody is there", async () => {
    const peer = await start({});
    await peer.close();
    const client = authClient({ host: peer.host, credentials });
    const [one, other] = [client.session("app"), client.session("app")];
    const works = [one, one, one, other];
    const results = await Promise.all(works.map((work) => work.get("app").catch((error: unknown) => error)));
    expect(results[0]).toBeInstanceOf(TransportError);
    expect(results.map((result) => result === results[0])).toEqual([true, true, true, false]);
  });

  test.each(["basic", "bearer"] as const)(
    "by who needs no HEAD, where a firewall cuts every one: %s",
    async (kind) => {
      const peer = await start({
        auth: { kind, users },
        intercept: (request) => request.method === "HEAD" && reset(request),
      });
      const client = authClient({ host: peer.host, credentials });
      for (let push = 0; push < 2; push++) {
        const work = client.session("app:push");
        const heads = Array.from({ length: 6 }, () => work.send("HEAD", "app/manifests/v1", "app:push"));
        const gets = Array.from({ length: 6 }, () => work.get("app:push"));
        for (const result of await Promise.allSettled(heads)) {
          expect(result).toMatchObject({ reason: { code: "TRANSPORT" } });
        }
        expect(await Promise.all(gets)).toEqual(gets.map(() => 404));
      }
      expect(tokens(peer)).toHaveLength(kind === "bearer" ? 1 : 0);
    },
  );

  test("the credential helper", async () => {
    const peer = await start({ auth: { kind: "bearer", users } });
    let asked = 0;
    const client = authClient({
      host: peer.host,
      credentials: () => (asked++ === 0 ? Promise.reject(new Error("aborted")) : credentials()),
    });
    const work = client.session("app");
    await expect(Promise.all([work.get("app"), work.get("app")])).rejects.toThrow("aborted");
    expect(await work.get("app")).toBe(404);
    expect(asked).toBe(2);
  });

  test("/v2/", async () => {
    const failing = resetting(1, ({ url }) => url === "/v2/");
    const intercept = (request: Incoming, response: Outgoing): boolean => {
      if (failing(request)) return true;
      if (request.url === "/v2/" || request.headers.authorization !== undefined) return false;
      return answer(response, 401);
    };
    const peer = await start({ auth: { kind: "basic", users }, intercept });
    const work = authClient({ host: peer.host, credentials }).session("app");
    await expect(work.get("app")).rejects.toThrow(TransportError);
    expect(await work.get("app")).toBe(404);
  });

  test.each([503, 429])("a token server that answers %d", async (status) => {
    let isDown = true;
    const intercept = ({ url = "" }: Incoming, response: Outgoing): boolean =>
      isDown && url.startsWith("/token") && answer(response, status);
    const peer = await start({ auth: { kind: "bearer", users }, intercept });
    const client = authClient({ host: peer.host, credentials });
    const work = client.session("app");
    await expect(Promise.all([work.get("app"), work.get("app")])).rejects.toMatchObject({
      code: "REGISTRY",
      status,
    });
    expect(tokens(peer)).toHaveLength(1);
    isDown = false;
    expect(await work.get("app")).toBe(404);
    expect(await client.session("lib").get("lib")).toBe(404);
  });

  test("a token server where the registry has named a dead one", async () => {
    let isDead = false;
    const challenge = { "WWW-Authenticate": 'Bearer realm="http://127.0.0.1:1/token"' };
    const peer = await start({
      auth: { kind: "bearer", users },
      intercept: ({ url = "" }, response) =>
        isDead && !url.startsWith("/token") && answer(response, 401, challenge),
    });
    const client = authClient({ host: peer.host, credentials });
    expect(await client.session("app").get("app")).toBe(404);
    isDead = true;
    await expect(client.session("app").get("app")).rejects.toThrow(TransportError);
    isDead = false;
    expect(await client.session("app").get("app")).toBe(404);
    expect(await client.session("lib").get("lib")).toBe(404);
  });

  test("a token server where the registry has named another, which knows nobody", async () => {
    let isOther = true;
    const other = await start({ intercept: (_, response) => answer(response, 404) });
    const challenge = { "WWW-Authenticate": `Bearer realm="http://${other.host}/token"` };
    const peer = await start({
      auth: { kind: "bearer", users },
      intercept: ({ url = "" }, response) =>
        isOther && !url.startsWith("/token") && answer(response, 401, challenge),
    });
    const client = authClient({ host: peer.host });
    expect(await client.session("app").get("app")).toBe(401);
    expect(other.requests).toHaveLength(1);
    isOther = false;
    await client.session("app").get("app");
    expect(other.requests).toHaveLength(1);
    expect(tokens(peer)).not.toEqual([]);
  });

  test("credentials that were refused, when they are others", async () => {
    const peer = await start({ auth: { kind: "basic", users } });
    let password: string = SECRETS.helperSecret;
    const client = authClient({ host: peer.host, credentials: () => Promise.resolve({ ...me, password }) });
    const work = client.session("app");
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => work.get("app")));
    for (const result of results) {
      expect(result.status === "rejected" && hasCode(result.reason, "UNAUTHENTICATED")).toBe(true);
    }
    expect(withAuthorization(peer)).toBe(1);
    password = SECRETS.password;
    await expect(work.get("app")).rejects.toThrow("refused: unauthorized: authentication required");
    expect(await client.session("app").get("app")).toBe(404);
  });
});

describe("credentials", () => {
  const other: Credentials[] = [
    { ...me, password: "wrong" },
    { kind: "identityToken", token: "wrong" },
  ];
  test.each(other)("that a token server refuses are sent once: $kind", async (wrong) => {
    const peer = await start({ auth: { kind: "bearer", users } });
    // More than one token has room for.
    const repositories = Array.from({ length: 40 }, (_, index) => `${"long/".repeat(20)}${index}`);
    const work = authClient({ host: peer.host, credentials: () => Promise.resolve(wrong) }).session(
      ...repositories,
    );
    const results = await Promise.allSettled(repositories.map((repository) => work.get(repository)));
    for (const result of results) {
      const message = expect.stringContaining("the token server refused: unauthorized") as unknown;
      expect(result).toMatchObject({ reason: { code: "UNAUTHENTICATED", message } });
    }
    expect(tokens(peer)).toHaveLength(1);
  });

  const identity: Credentials = { kind: "identityToken", token: SECRETS.identityToken };
  const refusals = [400, 403, 404].flatMap((status) => [
    { status, known: me },
    { status, known: identity },
  ]);
  test.each(refusals)(
    "that bring no token, whatever it is asked for, are sent three times: $status, $known.kind",
    async ({ status, known }) => {
      const peer = await start({
        auth: { kind: "bearer", users },
        intercept: ({ url = "" }, response) => url.startsWith("/token") && answer(response, status),
      });
      const sources = Array.from({ length: 6 }, (_, index) => `src/${index}`);
      const client = authClient({ host: peer.host, credentials: () => Promise.resolve(known) });
      const work = client.session("app:push", ...sources);
      const results = await Promise.allSettled([
        ...sources.map(() => work.get("app:push")),
        ...sources.map((source) => work.get("app:push", source)),
        ...sources.map((source) => work.get(source)),
      ]);
      const where = `(?:GET|POST) http://${peer.host}/token\\b.* answered ${status}; the (?:user name or password|saved login|token) for .* is not accepted`;
      for (const result of results) {
        expect(result).toMatchObject({
          reason: {
            code: "UNAUTHENTICATED",
            message: "the token server refused: unauthorized: no token for these credentials",
            hint: expect.stringMatching(where) as unknown,
          },
        });
      }
      await expect(work.get("src/0")).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
      // All scopes, those of one request, and none. An identity token goes by GET, too, where there is no POST.
      const times = known === identity && status === 404 ? 2 : 1;
      expect(tokens(peer)).toHaveLength(3 * times);
    },
  );

  test.each([
    { what: "gives a token without scopes", general: undefined },
    { what: "refuses to give one without scopes otherwise", general: 403 },
  ])("are not called refused for one source by a token server that $what", async ({ general }) => {
    const peer = await start({
      auth: { kind: "bearer", users },
      intercept: ({ url = "" }, response) => {
        if (!url.startsWith("/token")) return false;
        if (url.includes("private")) return answer(response, 400);
        return general !== undefined && !url.includes("scope=") && answer(response, general);
      },
    });
    const work = authClient({ host: peer.host, credentials }).session("private", "lib");
    expect(await work.get("private")).toBe(401);
    expect(await work.get("lib")).toBe(404);
    // For both, for the one, for none, for the other.
    expect(tokens(peer)).toHaveLength(4);
  });

  test("of the kind that is a token for the registry are sent once if it refuses them", async () => {
    const peer = await start({ auth: { kind: "bearer", users } });
    const token = SECRETS.registryToken;
    const work = authClient({
      host: peer.host,
      credentials: () => Promise.resolve({ kind: "registryToken", token }),
    }).session("app");
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => work.get("app")));
    expect(results[19]).toMatchObject({ reason: { code: "UNAUTHENTICATED" } });
    expect(withAuthorization(peer)).toBe(1);
    expectNoSecrets(inspect(results, { depth: Infinity }));
  });

  test("that have been accepted are not called refused for one source", async () => {
    const intercept = ({ url = "", headers }: Incoming, response: Outgoing): boolean =>
      url.includes("/private/") && headers.authorization !== undefined && answer(response, 401);
    const peer = await start({ auth: { kind: "basic", users }, intercept });
    const work = authClient({ host: peer.host, credentials }).session("app:push", "private", "lib");
    expect(await work.get("app:push")).toBe(404);
    expect(await work.get("private")).toBe(401);
    expect(await work.get("lib")).toBe(404);
  });

  test("are not needed to read where only those who write are asked for them", async () => {
    const intercept = (request: Incoming, response: Outgoing): boolean => {
      if (request.url?.startsWith("/token") === true) return answer(response, 503);
      if (request.method === "GET" && request.headers.authorization === undefined) return false;
      return answer(response, 401, {
        "WWW-Authenticate": `Bearer realm="http://${request.headers.host ?? ""}/token"`,
      });
    };
    const peer = await start({ intercept });
    const client = authClient({ host: peer.host, credentials });
    await expect(
      client.session("app:push").send("PUT", "app/manifests/v1", "app:push"),
    ).rejects.toMatchObject({ status: 503 });
    expect(await client.session("app").get("app")).toBe(404);
  });

  test("that Basic wants and nobody has are missing for who writes, not for who reads", async () => {
    const intercept = (request: Incoming, response: Outgoing): boolean =>
      request.method === "PUT" && answer(response, 401, { "WWW-Authenticate": 'Basic realm="r"' });
    const peer = await start({ intercept });
    const client = authClient({ host: peer.host });
    const work = client.session("app:push");
    await expect(work.send("PUT", "app/manifests/v1", "app:push")).rejects.toMatchObject({
      code: "CREDENTIALS_MISSING",
      subject: peer.host,
    });
    expect(await work.get("app:push")).toBe(404);
  });

  test("by Basic give way to a token where the registry wants one", async () => {
    const peer = await start({
      auth: { kind: "bearer", users },
      intercept: ({ headers, url = "" }, response) =>
        headers.authorization === undefined &&
        !url.startsWith("/token") &&
        answer(response, 401, { "WWW-Authenticate": 'Basic realm="proxy"' }),
    });
    const work = authClient({ host: peer.host, credentials }).session("app");
    expect(await Promise.all([work.get("app"), work.get("app")])).toEqual([404, 404]);
    expect(tokens(peer)).toHaveLength(1);
  });
});

describe("tokens", () => {
  test("are kept from one session to the next", async () => {
    const peer = await start({ auth: { kind: "bearer", users } });
    const client = authClient({ host: peer.host, credentials });
    for (let push = 0; push < 5; push++) {
      const work = client.session("app:push", "lib");
      expect(await Promise.all([work.get("app:push"), work.get("lib"), work.get("app")])).toEqual([
        404, 404, 404,
      ]);
    }
    expect(tokens(peer)).toHaveLength(1);
  });

  test("are renewed once for all that are refused together", async () => {
    const peer = await start({ auth: { kind: "bearer", users } });
    const client = authClient({ host: peer.host, credentials });
    const [one, other] = [client.session("app:push", "lib"), client.session("app:push", "lib")];
    await one.get("app:push");
    peer.expireTokens();
    const statuses = await Promise.all(
      [one, other].flatMap((work) => Array.from({ length: 10 }, () => work.get("app:push"))),
    );
    expect(new Set(statuses)).toEqual(new Set([404]));
    expect(tokens(peer)).toHaveLength(2);
  });

  test("that were refused do not come back while another is fetched", async () => {
    let hold: Promise<void> = Promise.resolve();
    const peer = await start({
      auth: { kind: "bearer", users },
      onRequest: async ({ path }) => {
        if (path.startsWith("/token")) await hold;
        return undefined;
      },
    });
    const repositories = Array.from({ length: 40 }, (_, index) => `${"long/".repeat(20)}${index}`);
    const [first = "", last = ""] = [repositories[1], repositories.at(-1)];
    const work = authClient({ host: peer.host, credentials }).session(...repositories);
    expect(await work.get(first)).toBe(404);
    peer.expireTokens();
    let release = (): void => undefined;
    hold = new Promise((resolve) => (release = resolve));
    const slow = work.get(last);
    while (tokens(peer).length < 2) await setTimeout(5);
    const renewed = work.get(first);
    await setTimeout(100);
    release();
    expect(await Promise.all([slow, renewed])).toEqual([404, 404]);
  });

  test("are renewed for the others when one repository is denied", async () => {
    const peer = await start({
      auth: { kind: "bearer", users, allow: (_, repository) => repository !== "private" },
    });
    const work = authClient({ host: peer.host, credentials }).session("app:push", "private", "lib");
    expect(await work.get("app:push")).toBe(404);
    expect(await work.get("private")).toBe(401);
    const before = tokens(peer).length;
    expect(await work.get("private")).toBe(401);
    expect(tokens(peer)).toHaveLength(before);
    peer.expireTokens();
    expect(await work.get("lib")).toBe(404);
    expect(await work.get("app:push")).toBe(404);
    expect(tokens(peer)).toHaveLength(before + 1);
  });

  test("are asked for anew in the next session, where a right was given meanwhile", async () => {
    let isAllowed = false;
    const peer = await start({
      auth: { kind: "bearer", users, allow: (_, repository) => isAllowed || repository !== "private" },
    });
    const client = authClient({ host: peer.host, credentials });
    const [early, late] = [client.session("app", "private"), client.session("app", "private")];
    expect(await early.get("private")).toBe(401);
    isAllowed = true;
    expect(await early.get("private")).toBe(401);
    expect(await late.get("private")).toBe(404);
  });

  test("are not asked for with a scope that did not help", async () => {
    const peer = await start({
      auth: { kind: "bearer", users },
      intercept: ({ url = "", headers }, response) =>
        url.includes("/odd/") &&
        headers.authorization !== undefined &&
        answer(response, 401, {
          "WWW-Authenticate": `Bearer realm="http://${headers.host ?? ""}/token",error="insufficient_scope",scope="repository:extra:pull"`,
        }),
    });
    const work = authClient({ host: peer.host, credentials }).session("app:push", "odd", "more/odd");
    expect(await work.get("app:push")).toBe(404);
    expect(await work.get("odd")).toBe(401);
    peer.expireTokens();
    expect(await work.get("app:push")).toBe(404);
    expect(await work.get("more/odd")).toBe(401);
    expect(tokens(peer).filter((request) => request.includes("extra"))).toHaveLength(1);
  });

  test.each([
    { kind: "a Basic challenge (Harbor)", headers: { "WWW-Authenticate": 'Basic realm="harbor"' } },
    { kind: "no challenge (GCR)", headers: {} },
  ])("that have ended are renewed where the answer has $kind", async ({ headers }) => {
    const peer = await start({
      auth: { kind: "bearer", users },
      onRequest: ({ path, headers: { authorization } }) =>
        authorization?.startsWith("Bearer ") === true &&
        ended.has(authorization) &&
        !path.startsWith("/token")
          ? { status: 401, headers }
          : undefined,
    });
    const ended = new Set<string>();
    const client = authClient({ host: peer.host, credentials });
    expect(await client.session("app").get("app")).toBe(404);
    for (const request of peer.seen) ended.add(request.headers.authorization ?? "");
    const work = client.session("app");
    expect(await Promise.all([work.get("app"), work.get("app")])).toEqual([404, 404]);
    expect(tokens(peer)).toHaveLength(2);
    expect(peer.requests.filter((request) => request.endsWith("/v2/"))).toEqual([]);
  });

  test("that have ended are renewed, and no password shown, where another session has just begun to learn", async () => {
    let isDown = false;
    let late: Promise<number> | undefined;
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const peer = await start({
      auth: { kind: "bearer", users },
      onRequest: async ({ path }) => {
        if (path.startsWith("/token")) return isDown ? { status: 503 } : undefined;
        if (path.startsWith("/v2/late/")) await held;
        if (!path.startsWith("/v2/app/") || !hasFailed || late !== undefined) return undefined;
        late = client.session("late").get("late");
        while (!peer.requests.some((request) => request.includes("/late/"))) await setTimeout(1);
        return { status: 401, headers: { "WWW-Authenticate": 'Basic realm="harbor"' } };
      },
    });
    let hasFailed = false;
    const client = authClient({ host: peer.host, credentials });
    const work = client.session("app");
    expect(await work.get("app")).toBe(404);
    isDown = true;
    await expect(client.session("lib").get("lib")).rejects.toMatchObject({ status: 503 });
    [isDown, hasFailed] = [false, true];
    expect(await work.get("app")).toBe(404);
    release();
    expect(await late).toBe(404);
    const withPassword = peer.seen.filter(
      ({ headers }) => headers.authorization?.startsWith("Basic ") === true,
    );
    expect(withPassword.filter(({ path }) => !path.startsWith("/token"))).toEqual([]);
  });

  test("are had one for each source where a server reads only the first scope", async () => {
    const peer = await start({ intercept: firstScopeOnly });
    const client = authClient({ host: peer.host, credentials });
    const work = client.session("a", "b", "c");
    const all = (): Promise<number[]> => Promise.all([work.get("a"), work.get("b"), work.get("c")]);
    expect(await all()).toEqual([404, 404, 404]);
    expect(await all()).toEqual([404, 404, 404]);
    expect(tokens(peer)).toHaveLength(3);
  });

  test("are not renewed again and again where answers take so long that each may have ended", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const peer = await start({
      auth: { kind: "bearer", users, allow: () => false },
      intercept: () => {
        vi.setSystemTime(Date.now() + 6_000);
        return false;
      },
    });
    const work = authClient({ host: peer.host, credentials }).session("app:push", "lib");
    expect(await work.get("app:push")).toBe(401);
    expect(tokens(peer).length).toBeLessThanOrEqual(3);
  });

  /** A peer that keeps requests for a manifest waiting for so long that their tokens end, so many times. */
  async function keepingWaiting(times: number): Promise<Peer> {
    vi.useFakeTimers({ toFake: ["Date"] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    let left = times;
    return start({
      auth: { kind: "bearer", users, expiresIn: 60 },
      intercept: ({ url = "", headers }) => {
        const isKept = url.includes("/manifests/") && headers.authorization !== undefined && left-- > 0;
        if (isKept) vi.setSystemTime(Date.now() + 61_000);
        return false;
      },
    });
  }

  test("are renewed each time that they end while a request is kept waiting, and nothing is held against it", async () => {
    const peer = await keepingWaiting(6);
    const work = authClient({ host: peer.host, credentials }).session("app:push", "lib");
    expect([await work.get("app:push"), await work.get("app:push")]).toEqual([404, 404]);
    expect(tokens(peer)).toHaveLength(7);
  });

  test("are not renewed for ever where each ends while the request is kept waiting", async () => {
    const peer = await keepingWaiting(50);
    const work = authClient({ host: peer.host, credentials }).session("app:push", "lib");
    expect(await work.get("app:push")).toBe(401);
    expect(tokens(peer)).toHaveLength(21);
  });

  test("are not had by plain HTTP from another machine", async () => {
    const peer = await start({
      intercept: (_, response) =>
        answer(response, 401, { "WWW-Authenticate": 'Bearer realm="http://auth.example/t"' }),
    });
    const work = authClient({ host: peer.host, credentials }).session("app");
    await expect(work.get("app")).rejects.toThrow(/by plain HTTP; pass --insecure to allow it/);
  });
});

/** Gives out tokens that are good for the first of the scopes they were asked for. */
function firstScopeOnly(request: Incoming, response: Outgoing): boolean {
  const { url = "", headers } = request;
  if (url.startsWith("/token")) {
    const [scope = ""] = new URL(url, "http://x").searchParams.getAll("scope");
    return answer(response, 200, {}, JSON.stringify({ token: scope.split(":")[1] }));
  }
  if (url.startsWith(`/v2/${headers.authorization?.slice("Bearer ".length) ?? ""}/`)) return false;
  return answer(response, 401, { "WWW-Authenticate": `Bearer realm="http://${headers.host ?? ""}/token"` });
}

/** Sends requests for `away/…` to another host, and for `round/…` to a path of the own host that is guarded. */
function redirecting(other: Peer, challenges: (host: string) => { own: string; behind: string }) {
  return ({ url = "", headers }: Incoming, response: Outgoing): boolean => {
    const { own, behind } = challenges(headers.host ?? "");
    if (url.startsWith("/v2/away/")) return answer(response, 307, { Location: `http://${other.host}/x` });
    if (url.startsWith("/v2/round/")) return answer(response, 307, { Location: "/elsewhere" });
    if (url.startsWith("/token")) {
      if (headers.authorization?.startsWith("Basic ") === false) return answer(response, 401);
      return answer(response, 200, {}, JSON.stringify({ token: SECRETS.bearerToken }));
    }
    if (headers.authorization === undefined) {
      return answer(response, 401, { "WWW-Authenticate": url === "/v2/" ? own : behind });
    }
    return answer(response, 404);
  };
}

describe("a challenge from behind a redirect", () => {
  const known: Credentials[] = [me, { kind: "identityToken", token: SECRETS.identityToken }];
  const pairs = ["Bearer", "Basic"].flatMap((scheme) => known.map((one) => ({ scheme, known: one })));

  test.each(pairs)("of another host is obeyed by nobody: $scheme, $known.kind", async ({ known: one }) => {
    const other = await start({ intercept: stealing });
    const peer = await start({
      intercept: redirecting(other, () => ({ own: "", behind: "" })),
    });
    const client = authClient({ host: peer.host, credentials: () => Promise.resolve(one) });
    for (const method of ["GET", "HEAD", "PUT"] as const) {
      const answered = await client.session("away").send(method, "away/manifests/v1", "away");
      expect(answered).toMatchObject({ status: 401, redirected: true });
    }
    expect(tokens(other)).toEqual([]);
    expect(peer.requests.filter((request) => !request.includes("/away/"))).toEqual([]);
    expect(withAuthorization(other)).toBe(0);
  });

  test.each(pairs)("of the own host is left for that of /v2/: $scheme, $known.kind", async (pair) => {
    const other = await start({ intercept: stealing });
    const peer = await start({
      intercept: redirecting(other, (host) => ({
        own: `${pair.scheme} realm="http://${host}/token"`,
        behind: `Bearer realm="http://${other.host}/token"`,
      })),
    });
    const client = authClient({ host: peer.host, credentials: () => Promise.resolve(pair.known) });
    const work = client.session("round", "away");
    const answers = Array.from({ length: 4 }, () => work.get("round"));
    if (pair.scheme === "Basic" && pair.known !== me) {
      await expect(Promise.all(answers)).rejects.toMatchObject({ code: "CREDENTIALS_MISSING" });
    } else {
      expect(await Promise.all(answers)).toEqual([404, 404, 404, 404]);
      expect(await work.get("away")).toBe(401);
    }
    expect(peer.requests.filter((request) => request.endsWith(" /v2/"))).toHaveLength(1);
    expect(tokens(other)).toEqual([]);
    expect(withAuthorization(other)).toBe(0);
  });

  test("leaves a password alone that is sent once and refused", async () => {
    const peer = await start({
      intercept: ({ url = "" }, response) =>
        url.startsWith("/v2/round/")
          ? answer(response, 307, { Location: "/elsewhere" })
          : answer(response, 401, { "WWW-Authenticate": 'Basic realm="r"' }),
    });
    const work = authClient({ host: peer.host, credentials }).session("round");
    const results = await Promise.allSettled(Array.from({ length: 6 }, () => work.get("round")));
    for (const result of results) expect(result).toMatchObject({ reason: { code: "UNAUTHENTICATED" } });
    // And to where it was redirected.
    expect(withAuthorization(peer)).toBe(2);
  });

  test("has a token renewed once that has ended", async () => {
    const peer = await start({
      auth: { kind: "bearer", users },
      intercept: ({ url = "" }, response) =>
        /^\/v2\/\w+\/manifests\/v1$/.test(url) && answer(response, 307, { Location: `${url}?moved` }),
    });
    const work = authClient({ host: peer.host, credentials }).session("app:push", "lib");
    expect(await Promise.all([work.get("app:push"), work.get("lib")])).toEqual([404, 404]);
    peer.expireTokens();
    expect(await Promise.all([work.get("app:push"), work.get("lib"), work.get("lib")])).toEqual([
      404, 404, 404,
    ]);
    expect(tokens(peer)).toHaveLength(2);
  });

  test("leaves a token that is refused each time, after one more", async () => {
    const peer = await start({
      auth: { kind: "bearer", users },
      intercept: ({ url = "" }, response) =>
        url.startsWith("/v2/round/")
          ? answer(response, 307, { Location: "/elsewhere" })
          : url === "/elsewhere" && answer(response, 401),
    });
    const work = authClient({ host: peer.host, credentials }).session("app", "round");
    expect(await work.get("app")).toBe(404);
    expect(await Promise.all([work.get("round"), work.get("round")])).toEqual([401, 401]);
    expect(await work.get("round")).toBe(401);
    expect(tokens(peer).length).toBeLessThanOrEqual(3);
    expect(await work.get("app")).toBe(404);
  });
});

/** Asks for credentials in its own name, and gives out tokens for them. */
function stealing({ url = "", headers }: Incoming, response: Outgoing): boolean {
  if (url.startsWith("/token")) return answer(response, 200, {}, '{"token":"stolen"}');
  return answer(response, 401, {
    "WWW-Authenticate": `Bearer realm="http://${headers.host ?? ""}/token"`,
  });
}
