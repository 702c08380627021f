import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { ManifestError } from "../../../../src/errors.js";
import { openMemory, type Memory, type RememberedChallenge } from "../../../../src/memory/memory.js";
import type { Credentials } from "../../../../src/registry/auth/credentials.js";
import {
  createRegistry,
  type RegistryEvent,
  type RegistryOptions,
} from "../../../../src/registry/createRegistry.js";
import type { AuthOptions } from "../../../../src/testing/index.js";
import { wireLogLine } from "../../../../src/ui/wireLog.js";
import { certificate } from "../../../helpers/certificates.js";
import { answer, startPeer, type Peer, type PeerOptions } from "../../../helpers/peer.js";
import { seededRandom } from "../../../helpers/seededRandom.js";
import { expectNoSecrets, SECRETS } from "../../../helpers/secrets.js";
import { limits } from "../../stage.js";

const me: Credentials = { kind: "basic", username: "me", password: SECRETS.password };
const users = { me: SECRETS.password };
const APP = "team/app";

let home: string;
let memory: Memory;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "recollection-"));
  memory = openMemory({ env: {}, home, platform: "linux" });
  const made = home;
  onTestFinished(() => rm(made, { recursive: true, force: true }));
});

async function start(options: PeerOptions): Promise<Peer> {
  const peer = await startPeer({ speaks: "tls", ...options });
  onTestFinished(() => peer.close());
  return peer;
}

type Intercept = NonNullable<PeerOptions["intercept"]>;

interface Scene {
  readonly registry: Peer;
  /** A token server with an address of its own, whose tokens the registry takes. */
  readonly tokens: Peer;
  readonly realm: string;
  /** What the registry's challenge says. */
  readonly challenge: RememberedChallenge;
}

interface SceneOptions {
  readonly auth?: AuthOptions | undefined;
  readonly onRegistry?: Intercept;
  readonly onTokens?: Intercept;
}

/** A registry with an image, and its token server. */
async function openScene({ auth, onRegistry, onTokens }: SceneOptions = {}): Promise<Scene> {
  const door: { handler?: Peer["handler"] } = {};
  const tokens = await start({
    intercept: (request, response) => {
      if (onTokens?.(request, response) !== true) door.handler?.(request, response);
      return true;
    },
  });
  const realm = `https://${tokens.host}/token`;
  const registry = await start({
    auth: auth ?? { kind: "bearer", users, realm, service: "the registry" },
    ...(onRegistry && { intercept: onRegistry }),
  });
  door.handler = registry.handler;
  registry.putImage(APP, { tag: "v1" });
  return { registry, tokens, realm, challenge: { realm, service: "the registry" } };
}

interface Outcome {
  readonly digest?: string;
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string | undefined };
  readonly events: readonly RegistryEvent[];
  readonly ms: number;
}

/** One run of a program: a client of its own, which asks for the image several times at once. */
async function run(registry: Peer, options: Partial<RegistryOptions> = {}): Promise<Outcome> {
  const events: RegistryEvent[] = [];
  const began = Date.now();
  await using client = await createRegistry({
    domain: registry.host,
    credentials: () => Promise.resolve(me),
    certificates: () => Promise.resolve({ ca: [certificate("ca")] }),
    retryLimits: limits,
    retries: 2,
    memory,
    onEvent: (event) => events.push(event),
    ...options,
  });
  const session = client.session({ access: [{ path: APP, actions: ["pull"] }] });
  const repository = session.repository(APP);
  try {
    const [found] = await Promise.all([1, 2, 3].map(() => repository.get("v1")));
    return { digest: found?.digest ?? "", events, ms: Date.now() - began };
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    const { code, message, hint } = error;
    return { error: { code, message, hint }, events, ms: Date.now() - began };
  }
}

const asked = ({ requests }: Peer): string[] => requests.filter((request) => request.includes("/token"));
const withPassword = ({ seen }: Peer): number =>
  seen.filter(({ headers }) => headers.authorization?.startsWith("Basic")).length;

async function files(): Promise<string> {
  const folder = join(home, ".cache", "tsmanifest");
  const names = await readdir(folder).catch(() => []);
  return (await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")))).join("\n");
}

describe("a run whose registry wanted tokens in an earlier one", () => {
  test("asks for its token while it asks the registry, and then for everything at once", async () => {
    let arrived: () => void = () => undefined;
    const isTokenAsked = new Promise<void>((resolve) => (arrived = resolve));
    const scene = await openScene({
      // The registry answers once the token server has been asked: who waits for its answer first waits in vain.
      onRegistry: (request, response) => {
        void isTokenAsked.then(() => {
          scene.registry.handler(request, response);
        });
        return true;
      },
      onTokens: () => {
        arrived();
        return false;
      },
    });
    memory.rememberChallenge(scene.registry.host, scene.challenge);
    expect((await run(scene.registry)).error).toBeUndefined();
    expect(scene.registry.log.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 401]);
    expect(asked(scene.tokens)).toHaveLength(1);
  });

  test("opens a connection to the token server as early as one to the registry", async () => {
    const { registry, challenge, tokens } = await openScene();
    memory.rememberChallenge(registry.host, challenge);
    await using client = await createRegistry({
      domain: registry.host,
      credentials: () => Promise.resolve(me),
      certificates: () => Promise.resolve({ ca: [certificate("ca")] }),
      memory,
    });
    client.connect();
    await vi.waitFor(() => {
      expect([registry.connections, tokens.connections]).toEqual([1, 1]);
    });
    const session = client.session({ access: [{ path: APP, actions: ["pull"] }] });
    await session.repository(APP).get("v1");
    expect(tokens.connections).toBe(1);
  });

  test("is told of by --debug", async () => {
    const { registry, challenge, tokens } = await openScene();
    memory.rememberChallenge(registry.host, challenge);
    const lines = (await run(registry)).events.map(wireLogLine);
    expect(lines[0]).toBe(
      `${registry.host} named https://${tokens.host}/token for its tokens in an earlier run`,
    );
    expectNoSecrets(lines.join("\n"));
  });

  test("sends no more requests than one that recalls nothing", async () => {
    const { registry, tokens } = await openScene();
    await run(registry);
    const [first, firstTokens] = [registry.seen.length, tokens.seen.length];
    await run(registry);
    expect([registry.seen.length, tokens.seen.length]).toEqual([2 * first, 2 * firstTokens]);
  });

  test("asks anonymously, too, where the user has no credentials", async () => {
    const scene = await openScene();
    const auth: AuthOptions = { kind: "bearer", users, realm: scene.realm, service: "x", anonymous: "pull" };
    const open = await openScene({ auth });
    memory.rememberChallenge(open.registry.host, {
      realm: `https://${open.tokens.host}/token`,
      service: "x",
    });
    const outcome = await run(open.registry, { credentials: () => Promise.resolve(undefined) });
    expect(outcome.events.some(({ kind }) => kind === "recalled")).toBe(true);
    expect(withPassword(open.tokens)).toBe(0);
  });

  test("asks with an identity token just as with a password", async () => {
    const scene = await openScene({
      auth: { kind: "bearer", users, identityTokens: { [SECRETS.identityToken]: "me" }, service: "s" },
    });
    const identity: Credentials = { kind: "identityToken", token: SECRETS.identityToken };
    const options = { credentials: () => Promise.resolve(identity) };
    await run(scene.registry, options);
    expect(await files()).toContain("/token");
    expect((await run(scene.registry, options)).error).toBeUndefined();
    expectNoSecrets(await files());
  });

  test("ends at once though the server that was recalled is silent", async () => {
    const scene = await openScene();
    const silent = await start({ intercept: () => true });
    memory.rememberChallenge(scene.registry.host, { realm: `https://${silent.host}/token`, service: "s" });
    const outcome = await run(scene.registry);
    expect(outcome.error).toBeUndefined();
    expect(outcome.ms).toBeLessThan(5_000);
  });
});

describe("what a run leaves for the next", () => {
  test("is realm and service of a token that the registry has accepted", async () => {
    const { registry, challenge } = await openScene();
    await run(registry);
    expect(memory.challenge(registry.host)).toEqual(challenge);
    expect(Object.keys(JSON.parse(await files()) as object).sort()).toEqual([
      "at",
      "host",
      "realm",
      "service",
    ]);
  });

  test("is written once a day, not by every run", async () => {
    const { registry } = await openScene();
    await run(registry);
    const before = await files();
    await run(registry);
    expect(await files()).toBe(before);
  });

  test("is of each registry its own, where two have one token server", async () => {
    const scene = await openScene();
    const auth: AuthOptions = { kind: "bearer", users, realm: scene.realm, service: "another" };
    const other = await openScene({ auth });
    await run(scene.registry);
    await run(other.registry);
    expect(memory.challenge(scene.registry.host)).toEqual(scene.challenge);
    // Its tokens are not those of the other's server: nothing was accepted.
    expect(memory.challenge(other.registry.host)).toBeUndefined();
  });

  const nothing: readonly [string, () => Promise<Outcome>][] = [
    [
      "plain HTTP",
      async () => {
        const peer = await start({ speaks: "http", auth: { kind: "bearer", users } });
        peer.putImage(APP, { tag: "v1" });
        return run(peer, { certificates: () => Promise.resolve({}) });
      },
    ],
    ["certificates that are not verified", async () => run((await openScene()).registry, { insecure: true })],
    [
      "a realm of plain HTTP",
      async () => {
        const plain = await start({ speaks: "http", intercept: () => false });
        return run((await openScene({ auth: bearerAt(`http://${plain.host}/token`) })).registry);
      },
    ],
    [
      "a realm with a query, which may be a key",
      async () => {
        const scene = await openScene();
        return run((await ownServer((realm) => `${realm}?key=${SECRETS.signature}`, scene)).registry);
      },
    ],
    [
      "a realm with a password",
      async () =>
        run((await ownServer((realm) => realm.replace("//", `//x:${SECRETS.urlPassword}@`))).registry),
    ],
    ["Basic", async () => run((await openScene({ auth: { kind: "basic", users } })).registry)],
    [
      "a token that is never accepted",
      async () =>
        run(
          (
            await openScene({
              onTokens: (_, response) => answer(response, 200, {}, '{"token":"not-good"}'),
            })
          ).registry,
        ),
    ],
  ];
  test.each(nothing)("is nothing after %s", async (_, play) => {
    await play();
    expect(await files()).toBe("");
  });

  test("never holds what was sent, though the registry says it again in its challenges", async () => {
    const said: string[] = [];
    const scene = await openScene({
      onRegistry: ({ headers: { authorization = "" } }, response) => {
        if (authorization === "" || said.length > 3) return false;
        said.push(authorization);
        const realm = `${scene.realm}/${authorization.split(" ")[1] ?? ""}`;
        return answer(response, 401, { "WWW-Authenticate": `Bearer realm="${realm}",service="x"` });
      },
    });
    await run(scene.registry);
    expect(said.length).toBeGreaterThan(0);
    const kept = await files();
    expectNoSecrets(kept);
    for (const text of said) expect(kept).not.toContain(text.split(" ")[1]);
  });

  test("is plain, or nothing, whatever the registry sends", async () => {
    const random = seededRandom(12);
    const integer = (below: number): number => Math.floor(random() * below);
    const pieces = [
      ...[
        'Bearer realm="',
        "Basic ",
        '",service="',
        '",scope="',
        '"',
        "\\",
        ",",
        "=",
        " ",
        "\t",
        "https://",
        "http://",
      ],
      ...[
        "file:///",
        "@",
        "?",
        "#",
        "%00",
        "%0a",
        "\u0080",
        "é",
        "x".repeat(2000),
        "REALM",
        "/../",
        ":99999",
        "[::1]",
      ],
    ];
    let header = "";
    const scene = await openScene({
      onRegistry: ({ headers: { authorization } }, response) =>
        authorization === undefined && answer(response, 401, { "WWW-Authenticate": header }),
    });
    for (let round = 0; round < 60; round++) {
      const count = 1 + integer(8);
      const noise = Array.from({ length: count }, () => pieces[integer(pieces.length)] ?? "").join("");
      header =
        [
          `Bearer realm="${scene.realm}${noise}",service="${noise}`,
          noise,
          `Bearer realm="${scene.realm}",${noise}`,
        ][integer(3)]?.replaceAll("REALM", scene.realm) ?? "";
      await run(scene.registry, { retries: 0 });
      for (const text of (await files()).split("\n").filter((line) => line !== "")) {
        const { realm } = JSON.parse(text) as { realm: string };
        expect(text).toMatch(/^[\x20-\x7e]{1,2000}$/);
        expect(realm).toMatch(/^https:\/\/127\.0\.0\.1:\d+\/token[^?#@]*$/);
      }
    }
  }, 60_000);
});

function bearerAt(realm: string): AuthOptions {
  return { kind: "bearer", users, realm, service: "the registry" };
}

/** A registry whose challenge names its own token server in another way. */
async function ownServer(spell: (realm: string) => string, scene?: Scene): Promise<Scene> {
  const made = scene ?? (await openScene());
  const registry = await start({ auth: bearerAt(spell(made.realm)) });
  registry.putImage(APP, { tag: "v1" });
  return { ...made, registry };
}

/** Makes what is recalled wrong; returns it. */
type Wrong = (scene: Scene) => Promise<RememberedChallenge> | RememberedChallenge;
const at = (realm: string): RememberedChallenge => ({ realm, service: "the registry" });
const answering =
  (status: number, headers = {}, body = ""): Wrong =>
  async () => {
    const peer = await start({ intercept: (_, response) => answer(response, status, headers, body) });
    return at(`https://${peer.host}/token`);
  };

const WRONG: readonly [string, Wrong][] = [
  ["refuses connections", () => at("https://127.0.0.1:1/token")],
  ["has no address any more", () => at("https://gone.invalid/token")],
  [
    "speaks no TLS",
    async () => at(`https://${(await start({ speaks: "http", intercept: () => true })).host}/token`),
  ],
  [
    "has another's certificate",
    async () => at(`https://${(await start({ certificate: "stranger" })).host}/token`),
  ],
  [
    "has a certificate that has expired",
    async () => at(`https://${(await start({ certificate: "expired" })).host}/token`),
  ],
  ["is silent", async () => at(`https://${(await start({ intercept: () => true })).host}/token`)],
  [
    "cuts the connection",
    async () => at(`https://${(await start({ intercept: ({ socket }) => !!socket.destroy() })).host}/token`),
  ],
  ...[400, 401, 403, 404, 405, 429, 500, 503].map((status): [string, Wrong] => [
    `answers ${status}`,
    answering(status),
  ]),
  ["asks to wait an hour", answering(429, { "Retry-After": "3600" })],
  ["sends a page of HTML", answering(200, {}, "<html>")],
  ["gives a token of its own", answering(200, {}, '{"token":"a-token-of-its-own"}')],
  ["redirects to nowhere", answering(307, { Location: "https://127.0.0.1:1/x" })],
  ["redirects to plain HTTP", answering(302, { Location: "http://127.0.0.1:1/x" })],
  ["is of another service", ({ realm }) => ({ realm, service: "what it was called" })],
  ["has another path", ({ realm }) => at(`${realm}/old`)],
];

describe("where the registry names another token server now, and the old one", () => {
  test.each(WRONG)("%s, all is as if nothing had been recalled", async (_, wrong) => {
    const scene = await openScene();
    memory.rememberChallenge(scene.registry.host, await wrong(scene));
    const outcome = await run(scene.registry);
    expect(outcome.error).toBeUndefined();
    expect(outcome.ms).toBeLessThan(5_000);
    const shown = scene.registry.seen.map(({ headers }) => headers.authorization?.split(" "));
    expect(shown.map((words) => words?.[0])).toEqual([undefined, "Bearer", "Bearer", "Bearer"]);
    expect(shown.flat()).not.toContain("a-token-of-its-own");
    expect(memory.challenge(scene.registry.host)).toEqual(scene.challenge);
  });
});

describe("where the registry wants no tokens any more", () => {
  test.each(WRONG)("and the old server %s, Basic does", async (_, wrong) => {
    const scene = await openScene({ auth: { kind: "basic", users } });
    memory.rememberChallenge(scene.registry.host, await wrong(scene));
    const outcome = await run(scene.registry);
    expect(outcome.error).toBeUndefined();
    expect(outcome.ms).toBeLessThan(5_000);
    expect(memory.challenge(scene.registry.host)).toBeUndefined();
  });

  test("but nothing, that is found out and remembered", async () => {
    const scene = await openScene();
    const open = await start({});
    open.putImage(APP, { tag: "v1" });
    memory.rememberChallenge(open.host, scene.challenge);
    expect((await run(open)).error).toBeUndefined();
    expect(memory.challenge(open.host)).toBeUndefined();
    expect(open.seen).toHaveLength(3);
  });
});

describe("where what is recalled is right, a token server that fails does so as without", () => {
  const failures: readonly [string, Intercept | undefined, Partial<RegistryOptions>?][] = [
    [
      "wrong password",
      undefined,
      { credentials: () => Promise.resolve({ kind: "basic", username: "me", password: "wrong" }) },
    ],
    ...[400, 401, 403, 404, 429, 500, 503].map((status): [string, Intercept] => [
      `${status}`,
      (_, response) => answer(response, status),
    ]),
    ["HTML", (_, response) => answer(response, 200, {}, "<html>")],
    ["no answer", ({ socket }) => !!socket.destroy()],
    ["a redirect to nowhere", (_, response) => answer(response, 307, { Location: "http://x/" })],
  ];
  test.each(failures)("%s: same error, same number of requests", async (_, onTokens, options) => {
    const scene = await openScene(onTokens && { onTokens });
    const without = await run(scene.registry, { memory: undefined, ...options });
    const [registryBefore, tokensBefore] = [scene.registry.requests.length, asked(scene.tokens).length];
    memory.rememberChallenge(scene.registry.host, scene.challenge);
    const recalled = await run(scene.registry, options);
    expect(without.error).toBeDefined();
    expect(recalled.error).toEqual(without.error);
    expect(asked(scene.tokens).length).toBe(2 * tokensBefore);
    expect(scene.registry.requests.length).toBe(2 * registryBefore);
  });

  test("a token that the registry does not take", async () => {
    const scene = await openScene({
      onTokens: (_, response) => answer(response, 200, {}, '{"token":"bad"}'),
    });
    const without = await run(scene.registry, { memory: undefined });
    memory.rememberChallenge(scene.registry.host, scene.challenge);
    expect((await run(scene.registry)).error).toEqual(without.error);
    expect(without.error).toBeDefined();
  });

  test("a server that is gone", async () => {
    const scene = await openScene();
    await scene.tokens.close();
    const without = await run(scene.registry, { memory: undefined });
    memory.rememberChallenge(scene.registry.host, scene.challenge);
    expect((await run(scene.registry)).error).toEqual(without.error);
    expect(without.error?.code).toBe("TRANSPORT");
  });
});

describe("two things at once:", () => {
  test("another realm now, and the registry asks to wait", async () => {
    let left = 1;
    const scene = await openScene({ onRegistry: (_, response) => left-- > 0 && answer(response, 429) });
    memory.rememberChallenge(scene.registry.host, at("https://127.0.0.1:1/token"));
    expect((await run(scene.registry)).error).toBeUndefined();
    expect(memory.challenge(scene.registry.host)).toEqual(scene.challenge);
  });

  test("a realm that redirects to another host gets no password there", async () => {
    const elsewhere = await start({ intercept: (_, response) => answer(response, 200, {}, '{"token":"x"}') });
    const scene = await openScene({
      onTokens: (_, response) => answer(response, 307, { Location: `https://${elsewhere.host}/token` }),
    });
    memory.rememberChallenge(scene.registry.host, scene.challenge);
    await run(scene.registry);
    expect(withPassword(elsewhere)).toBe(0);
    expect(elsewhere.seen.length).toBeGreaterThan(0);
  });

  test("the token has a short life, and the registry refuses it once", async () => {
    let refuses = 1;
    const scene = await openScene({
      onRegistry: ({ headers: { authorization } }, response) =>
        authorization?.startsWith("Bearer") === true &&
        refuses-- > 0 &&
        answer(response, 401, {
          "WWW-Authenticate": `Bearer realm="${scene.realm}",service="the registry",error="invalid_token"`,
        }),
    });
    const without = await run(scene.registry, { memory: undefined });
    refuses = 1;
    memory.rememberChallenge(scene.registry.host, scene.challenge);
    const outcome = await run(scene.registry);
    expect(outcome.error).toEqual(without.error);
  });

  test("a wrong password, and another realm now: it is sent to each once", async () => {
    const scene = await openScene();
    const old = await start({ intercept: (_, response) => answer(response, 401) });
    memory.rememberChallenge(scene.registry.host, at(`https://${old.host}/token`));
    const wrong: Credentials = { kind: "basic", username: "me", password: "wrong" };
    const outcome = await run(scene.registry, { credentials: () => Promise.resolve(wrong) });
    expect(outcome.error?.code).toBe("UNAUTHENTICATED");
    expect([withPassword(old), withPassword(scene.tokens)]).toEqual([1, 1]);
  });

  test("--insecure, and something to recall: it is not used, and stays", async () => {
    const scene = await openScene();
    memory.rememberChallenge(scene.registry.host, at("https://127.0.0.1:1/token"));
    const outcome = await run(scene.registry, { insecure: true });
    expect(outcome.events.some(({ kind }) => kind === "recalled")).toBe(false);
    expect(memory.challenge(scene.registry.host)).toEqual(at("https://127.0.0.1:1/token"));
  });
});
