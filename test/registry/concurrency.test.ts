import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from "node:http2";
import { createServer, type RequestListener } from "node:http";
import type { Server, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import {
  createRegistry,
  HostRates,
  type RegistryClient,
  type RegistryEvent,
  type RegistryOptions,
} from "../../src/registry/createRegistry.js";
import { digestOf } from "../../src/oci/digest.js";
import { certificate, privateKey } from "../helpers/certificates.js";
import { answer, listen, startPeer, type Peer } from "../helpers/peer.js";

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const OCI_INDEX = "application/vnd.oci.image.index.v1+json";

/** A registry that takes so long for each answer, and what it has seen. */
class Host {
  /** Under way now, and at most so far. */
  now = 0;
  peak = 0;
  answered = 0;
  connections = 0;
  /** Answers by 429 what goes beyond. */
  limit = Infinity;
  refused = 0;
  /** In milliseconds, with so many under way. */
  takes: (underWay: number) => number = () => 20;
  domain = "";
  /** Is the next connection closed at once? */
  refuses = (): boolean => false;
  readonly sessions = new Set<ServerHttp2Session>();

  readonly answer: RequestListener = (request, response) => {
    this.peak = Math.max(this.peak, ++this.now);
    request.resume();
    if (this.now > this.limit) {
      this.now--;
      this.refused++;
      response.writeHead(429).end();
      return;
    }
    void sleep(this.takes(this.now)).then(() => {
      this.now--;
      this.answered++;
      const digest = digestOf(Buffer.from(request.url ?? ""));
      response.writeHead(200, {
        "content-type": OCI_INDEX,
        "content-length": 2,
        "docker-content-digest": digest,
      });
      response.end();
    });
  };
}

async function start(server: Server | Http2SecureServer, host: Host, name = "127.0.0.1"): Promise<Host> {
  server.on("connection", (socket: Socket) => {
    socket.setNoDelay(true);
    host.connections++;
    if (host.refuses()) socket.resetAndDestroy();
  });
  const { port, close } = await listen(server);
  closing.push(close);
  host.domain = `${name}:${port}`;
  return host;
}

function http1(host = new Host()): Promise<Host> {
  return start(createServer({ keepAliveTimeout: 60_000 }, host.answer), host);
}

/** @param streams how many it says that it allows; it says nothing without */
function http2(streams?: number, host = new Host()): Promise<Host> {
  const server = createSecureServer({
    key: privateKey("server"),
    cert: certificate("server"),
    ...(streams !== undefined && { settings: { maxConcurrentStreams: streams } }),
  });
  server.on("request", host.answer as never);
  server.on("session", (session) => host.sessions.add(session));
  return start(server, host, "localhost");
}

async function clientOf({ domain }: Host, options: Partial<RegistryOptions> = {}): Promise<RegistryClient> {
  const client = await createRegistry({
    domain,
    certificates: () => Promise.resolve(domain.startsWith("127.") ? {} : { ca: [certificate("ca")] }),
    retryLimits: { baseMs: 5, capMs: 50, longestRetryAfterMs: 1000, totalMs: 20_000 },
    ...options,
  });
  closing.push(() => client.close());
  return client;
}

/** Asks for so many manifests at once; all must be answered. */
async function ask(client: RegistryClient, count: number): Promise<void> {
  const app = client.session({ access: [{ path: "app", actions: ["pull"] }] }).repository("app");
  await Promise.all(
    Array.from({ length: count }, async (_, at) => {
      expect(await app.resolve(`tag-${at}`)).toBeDefined();
    }),
  );
}

describe("over HTTP/1.1", () => {
  test("begins with eight, has more where answers come as quickly as ever, and no more than 64", async () => {
    const host = await http1();
    const client = await clientOf(host);
    await ask(client, 8);
    expect([host.peak, host.connections]).toEqual([8, 8]);
    host.takes = () => 60;
    await ask(client, 600);
    expect(host.peak).toBeGreaterThan(32);
    expect(host.connections).toBeLessThanOrEqual(64);
  });

  test("opens a connection for each request under way, and takes one that has become free", async () => {
    const host = await http1();
    const client = await clientOf(host);
    for (let at = 0; at < 5; at++) await ask(client, 3);
    expect(host.connections).toBe(3);
  });

  test.each([1, 3])("has no more than the user allows: %i", async (concurrency) => {
    const host = await http1();
    await ask(await clientOf(host, { concurrency }), 40);
    expect([host.peak, host.connections]).toEqual([concurrency, concurrency]);
  });

  test("has more than 64 where the user allows more", async () => {
    const host = await http1();
    host.takes = () => 60;
    await ask(await clientOf(host, { concurrency: 200 }), 1500);
    expect(host.peak).toBeGreaterThan(64);
  });

  test("all clients that share rates share the number, and another host has its own", async () => {
    const [one, other] = await Promise.all([http1(), http1()]);
    const rates = new HostRates();
    const clients = await Promise.all([one, one, other].map((host) => clientOf(host, { rates })));
    await Promise.all(clients.map((client) => ask(client, 4)));
    expect(one.peak).toBe(8);
    expect(other.peak).toBe(4);
    one.takes = () => 60;
    await Promise.all(clients.slice(0, 2).map((client) => ask(client, 400)));
    expect(one.peak).toBeLessThanOrEqual(64);
    expect(other.peak).toBe(4);
  });

  test("a 429 while it grows halves the number, and all is done in the end", async () => {
    const host = await http1();
    host.limit = 20;
    const events: RegistryEvent[] = [];
    await ask(await clientOf(host, { patient: true, onEvent: (event) => events.push(event) }), 300);
    expect(host.answered).toBe(300);
    expect(host.refused).toBeGreaterThan(0);
    // Not again and again.
    expect(host.refused).toBeLessThan(100);
  }, 60_000);
});

describe("a connection that is refused", () => {
  test("among good ones halves the number, and costs nobody the answer", async () => {
    const host = await http1();
    const client = await clientOf(host);
    await ask(client, 8);
    host.takes = () => 60;
    let refused = 0;
    host.refuses = () => host.connections > 16 && refused++ < 5;
    await ask(client, 200);
    expect(refused).toBeGreaterThan(0);
    expect(host.answered).toBe(208);
  });

  test("by a host that is not there changes nothing: it is refused as before", async () => {
    const host = await http1();
    const client = await clientOf(host, { retries: 0 });
    for (const close of closing.splice(0, 1)) await close();
    await expect(ask(client, 1)).rejects.toThrow("connection refused");
  });
});

describe("over HTTP/2", () => {
  test.each([10, 50, 100, 250])("has as many as the server says that it allows: %i", async (streams) => {
    const host = await http2(streams);
    const client = await clientOf(host);
    await ask(client, 1);
    await ask(client, 300);
    expect([host.peak, host.connections]).toEqual([streams, 1]);
  });

  test("has 100 where the server sets no bound, and answers 429 beyond that", async () => {
    const host = await http2();
    host.limit = 100;
    const client = await clientOf(host);
    await ask(client, 1);
    await ask(client, 641);
    expect([host.peak, host.refused, host.connections]).toEqual([100, 0, 1]);
  });

  test("has 256 where the server allows more", async () => {
    const host = await http2(1000);
    host.takes = () => 200;
    const client = await clientOf(host);
    await ask(client, 1);
    await ask(client, 641);
    expect([host.peak, host.connections]).toEqual([256, 1]);
  });

  test("has no more than 32 before the server has said anything", async () => {
    const host = await http2(1000);
    host.takes = () => 50;
    await ask(await clientOf(host), 100);
    expect(host.peak).toBeGreaterThanOrEqual(32);
    expect(host.answered).toBe(100);
  });

  test("has more where the user allows more, and less where less", async () => {
    const [one, other] = await Promise.all([http2(), http2()]);
    const most = await clientOf(one, { concurrency: 150 });
    const few = await clientOf(other, { concurrency: 5 });
    for (const client of [most, few]) await ask(client, 1);
    await Promise.all([ask(most, 400), ask(few, 40)]);
    expect([one.peak, other.peak]).toEqual([150, 5]);
  });

  test("follows a server that allows less in the middle of it", async () => {
    const host = await http2(100);
    const client = await clientOf(host);
    await ask(client, 1);
    const asking = ask(client, 400);
    await sleep(30);
    for (const session of host.sessions) session.settings({ maxConcurrentStreams: 10 });
    await sleep(100);
    host.peak = host.now;
    await asking;
    expect(host.peak).toBeLessThanOrEqual(10);
  });

  test("a connection that ends by GOAWAY with many requests on it is followed by another, and all are answered", async () => {
    const host = await http2(100);
    const client = await clientOf(host);
    await ask(client, 1);
    const asking = ask(client, 300);
    await sleep(30);
    for (const session of host.sessions) session.goaway();
    await asking;
    expect(host.connections).toBeGreaterThanOrEqual(2);
  });
});

describe("a token server on a host of its own", () => {
  /** A registry that wants tokens of another host, which `intercept` may keep or refuse; what it does not see to is granted. */
  async function withTokens(
    onRequest: () => void,
    onToken: () => Promise<boolean>,
  ): Promise<{ registry: Peer; tokens: Peer }> {
    const granting: { handler?: Peer["handler"] } = {};
    const tokens = await startPeer({
      intercept: (request, response) => {
        void onToken().then((isGranted) => {
          if (isGranted) granting.handler?.(request, response);
          else answer(response, 429, { "retry-after": "0.4" });
        });
        return true;
      },
    });
    closing.push(tokens.close);
    const registry = await startPeer({
      auth: { kind: "bearer", users: { me: "secret" }, realm: `http://${tokens.host}/token` },
      intercept: () => {
        onRequest();
        return false;
      },
    });
    closing.push(registry.close);
    granting.handler = registry.handler;
    registry.putImage("app", { tag: "v1" });
    return { registry, tokens };
  }

  const resolve = (client: RegistryClient): Promise<unknown> =>
    client
      .session({ access: [{ path: "app", actions: ["pull"] }] })
      .repository("app")
      .resolve("v1");

  async function clientsOf(
    { host }: Peer,
    rates: HostRates,
  ): Promise<readonly [RegistryClient, RegistryClient]> {
    const open = async (): Promise<RegistryClient> => {
      const client = await createRegistry({
        domain: host,
        plainHttp: true,
        rates,
        credentials: () => Promise.resolve({ kind: "basic", username: "me", password: "secret" }),
      });
      closing.push(() => client.close());
      return client;
    };
    return [await open(), await open()];
  }

  test("is asked beside the registry, where one request at a time is allowed to each", async () => {
    let tell: () => void = () => undefined;
    const isAskedAgain = new Promise<void>((done) => (tell = done));
    let [asked, waiting] = [0, 0];
    // Nobody has a token before the registry has seen the other client's request.
    const { registry, tokens } = await withTokens(
      () => {
        if (++asked === 2) tell();
      },
      async () => {
        waiting++;
        await isAskedAgain;
        return true;
      },
    );
    const [one, other] = await clientsOf(registry, new HostRates({ concurrency: 1 }));
    const first = resolve(one);
    await expect.poll(() => waiting).toBe(1);
    await expect(Promise.all([first, resolve(other)])).resolves.toHaveLength(2);
    expect(tokens.seen).toHaveLength(2);
  });

  test("that refuses too many is waited for, and the registry is not", async () => {
    const { registry, tokens } = await withTokens(
      () => undefined,
      () => Promise.resolve(false),
    );
    // No moment that somebody waits for comes: a host that is closed remains so.
    const rates = new HostRates({ callLater: () => () => undefined });
    const [one, other] = await clientsOf(registry, rates);
    const first = expect(resolve(one)).rejects.toMatchObject({ code: "STOPPED" });
    await expect.poll(() => rates.of(tokens.host).newlyClosedFor(0)).toBeGreaterThan(0);
    const second = expect(resolve(other)).rejects.toMatchObject({ code: "STOPPED" });
    await expect.poll(() => registry.seen.length).toBe(2);
    expect(rates.of(registry.host).newlyClosedFor(0)).toBeUndefined();
    expect(tokens.seen).toHaveLength(1);
    await Promise.all([one.close(), other.close()]);
    await Promise.all([first, second]);
  });
});
