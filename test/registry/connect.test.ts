import { once } from "node:events";
import { connect as connectTcp, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import {
  createRegistry,
  type RegistryClient,
  type RegistryOptions,
} from "../../src/registry/createRegistry.js";
import { certificate } from "../helpers/certificates.js";
import { listen, startPeer, type Peer, type PeerOptions } from "../helpers/peer.js";
import { startProxy, startSocksProxy } from "../helpers/proxy.js";

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function peerThat(
  speaks: NonNullable<PeerOptions["speaks"]>,
  options: PeerOptions = {},
): Promise<Peer> {
  const peer = await startPeer({ ...options, speaks });
  closing.push(peer.close);
  peer.putImage("app", { tag: "v1", architecture: "amd64" });
  return peer;
}

async function clientOf(domain: string, options: Partial<RegistryOptions> = {}): Promise<RegistryClient> {
  const ca = [certificate("ca")];
  const client = await createRegistry({
    domain,
    retries: 0,
    certificates: () => Promise.resolve(domain.startsWith("127.") ? {} : { ca }),
    insecure: domain.startsWith("127."),
    ...options,
  });
  closing.push(() => client.close());
  return client;
}

function resolve(client: RegistryClient, path = "app"): Promise<unknown> {
  return client
    .session({ access: [{ path, actions: ["pull"] }] })
    .repository(path)
    .resolve("v1");
}

async function until(is: () => boolean): Promise<void> {
  for (let tries = 0; tries < 200 && !is(); tries++) await sleep(10);
  expect(is()).toBe(true);
}

describe("a client that is told to connect", () => {
  test("has connections before there is a request, and requests take those", async () => {
    const peer = await peerThat("http");
    const client = await clientOf(peer.host);
    client.connect(3);
    await until(() => peer.connections === 3);
    expect(peer.seen).toEqual([]);
    await Promise.all([resolve(client), resolve(client), resolve(client)]);
    expect(peer.connections).toBe(3);
    // A connection is free a moment after its answer.
    await sleep(50);
    await Promise.all([1, 2, 3, 4].map(() => resolve(client)));
    expect(peer.connections).toBe(4);
  });

  test("opens one, unless told how many, and no more than it may have requests", async () => {
    const [one, two] = await Promise.all([peerThat("http"), peerThat("http")]);
    (await clientOf(one.host)).connect();
    (await clientOf(two.host, { concurrency: 2 })).connect(50);
    await until(() => one.connections === 1 && two.connections === 2);
    await sleep(50);
    expect([one.connections, two.connections]).toEqual([1, 2]);
  });

  test("does TLS, too, and over HTTP/1.1 as many as it is told", async () => {
    const peer = await peerThat("tls");
    const client = await clientOf(peer.host.replace("127.0.0.1", "localhost"), { insecure: false });
    client.connect(3);
    await until(() => peer.connections === 3);
    await Promise.all([resolve(client), resolve(client), resolve(client)]);
    expect(peer.connections).toBe(3);
  });

  test.each(["h2", "h2-only"] as const)("has one where that is enough: %s", async (speaks) => {
    const peer = await peerThat(speaks);
    const client = await clientOf(peer.host.replace("127.0.0.1", "localhost"), { insecure: false });
    client.connect(8);
    await until(() => peer.connections === 1);
    // By now the server has said how many streams it allows, and nobody has read it.
    await sleep(100);
    await Promise.all(Array.from({ length: 20 }, () => resolve(client)));
    expect(peer.connections).toBe(1);
  });

  test("connects once, however often it is told and whoever asks meanwhile", async () => {
    const peer = await peerThat("http");
    const client = await clientOf(peer.host);
    client.connect();
    const first = resolve(client);
    client.connect(4);
    await first;
    client.connect(4);
    await sleep(50);
    expect(peer.connections).toBe(1);
  });

  test.each([
    [
      "speaks plain HTTP, and HTTPS comes first",
      "http",
      { certificates: () => Promise.resolve({ ca: [certificate("ca")] }) },
    ],
    ["speaks TLS, and plain HTTP comes first", "tls", {}],
  ] as const)("finds the protocol as ever of a registry that %s", async (_, speaks, options) => {
    const peer = await peerThat(speaks);
    const client = await clientOf(peer.host, { ...options, insecure: true });
    client.connect(3);
    await sleep(50);
    await expect(resolve(client)).resolves.toBeDefined();
  });

  test.each(["http", "tls", "h2"] as const)("goes through a proxy: %s", async (speaks) => {
    const peer = await peerThat(speaks, { address: "0.0.0.0" });
    const proxy = await startProxy(peer.port);
    closing.push(proxy.close);
    const client = await clientOf(`0.0.0.0:${peer.port}`, {
      insecure: true,
      plainHttp: speaks === "http",
      certificates: () => Promise.resolve({}),
      proxyFor: () => new URL(`http://me:secret@${proxy.host}`),
    });
    client.connect();
    if (speaks !== "http") await until(() => peer.connections === 1);
    expect(peer.seen).toEqual([]);
    await expect(resolve(client)).resolves.toBeDefined();
    expect(proxy.requests).toHaveLength(1);
    expect(new Set(proxy.authorizations).size).toBe(1);
  });

  test.each(["http", "tls", "h2"] as const)("goes through a proxy by TLS: %s", async (speaks) => {
    const peer = await peerThat(speaks, { address: "0.0.0.0" });
    const proxy = await startProxy(peer.port, undefined, "server");
    closing.push(proxy.close);
    const client = await clientOf(`0.0.0.0:${peer.port}`, {
      plainHttp: speaks === "http",
      proxyFor: () => new URL(`https://me:secret@${proxy.host}`),
    });
    client.connect(2);
    await until(() => (speaks === "http" ? proxy.connections === 2 : peer.connections > 0));
    expect(peer.seen).toEqual([]);
    await expect(Promise.all([resolve(client), resolve(client)])).resolves.toHaveLength(2);
    expect(proxy.connections).toBe(speaks === "h2" ? 1 : 2);
    expect(proxy.requests).toHaveLength(speaks === "h2" ? 1 : 2);
    expect(new Set(proxy.authorizations)).toEqual(new Set([`Basic ${btoa("me:secret")}`]));
    // What the proxy passes on, it passes on whole.
    const shown = peer.seen.filter(({ headers }) => headers["proxy-authorization"] !== undefined);
    expect(shown).toHaveLength(speaks === "http" ? 2 : 0);
  });

  test("and whose proxy is not trusted meets that with its first request, in the same words", async () => {
    const peer = await peerThat("tls");
    const proxy = await startProxy(peer.port, undefined, "server");
    closing.push(proxy.close);
    const options = {
      certificates: () => Promise.resolve({}),
      proxyFor: () => new URL(`https://${proxy.host}`),
    };
    const client = await clientOf("registry.example", options);
    client.connect(2);
    await sleep(100);
    const early = await resolve(client).catch(String);
    expect(early).toBe(await resolve(await clientOf("registry.example", options)).catch(String));
    expect(early).toContain(`the proxy ${proxy.host} has a certificate that is not trusted`);
    expect(peer.connections).toBe(0);
  });

  test("goes through a SOCKS proxy", async () => {
    const peer = await peerThat("http");
    const proxy = await startSocksProxy(peer.port);
    closing.push(proxy.close);
    const proxyFor = () => new URL(`socks5h://${proxy.host}`);
    const client = await clientOf("registry.example", { plainHttp: true, proxyFor });
    client.connect(2);
    await until(() => proxy.requests.length === 2);
    await Promise.all([resolve(client), resolve(client)]);
    expect(proxy.requests).toEqual(["registry.example:80", "registry.example:80"]);
  });
});

describe("a connection that was opened early and", () => {
  /** A line to a peer whose first connections are dealt with by who knows whom. */
  async function lineTo(
    peer: Peer,
    first: number,
    deal: (socket: Socket) => void,
  ): Promise<{ host: string; count: () => number }> {
    let count = 0;
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      if (++count <= first) {
        deal(socket);
        return;
      }
      const on = connectTcp(peer.port, "127.0.0.1");
      on.on("error", () => socket.destroy());
      socket.pipe(on).pipe(socket);
    });
    const listening = await listen(server);
    closing.push(listening.close);
    return { host: `127.0.0.1:${listening.port}`, count: () => count };
  }

  test.each(["http", "tls", "h2"] as const)(
    "was closed while nobody used it is not used: %s",
    async (speaks) => {
      const sockets: Socket[] = [];
      const peer = await peerThat(speaks);
      const line = await lineTo(peer, 0, () => undefined);
      const server = createServer((socket) => {
        sockets.push(socket);
        const on = connectTcp(Number(line.host.split(":")[1]), "127.0.0.1");
        socket.on("error", () => on.destroy());
        on.on("error", () => socket.destroy());
        socket.pipe(on).pipe(socket);
      });
      const listening = await listen(server);
      closing.push(listening.close);
      const client = await clientOf(`localhost:${listening.port}`, { plainHttp: speaks === "http" });
      client.connect(3);
      await until(() => sockets.length === (speaks === "h2" ? 1 : 3));
      await sleep(100);
      for (const socket of sockets) socket.end();
      await sleep(100);
      await expect(Promise.all([resolve(client), resolve(client)])).resolves.toHaveLength(2);
    },
  );

  test("was told that its time is over, as proxies do, is not used", async () => {
    const peer = await peerThat("http");
    const line = await lineTo(peer, 4, (socket) =>
      socket.end("HTTP/1.1 408 Request Time-out\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
    );
    const client = await clientOf(line.host);
    client.connect(4);
    await until(() => line.count() === 4);
    await sleep(50);
    const found = await Promise.all([resolve(client), resolve(client)]);
    expect(found).toEqual([expect.anything(), expect.anything()]);
  });

  test("is closed at once, as all of its kind are, costs nobody a request", async () => {
    const peer = await peerThat("http");
    const line = await lineTo(peer, 4, (socket) => socket.end());
    const client = await clientOf(line.host);
    client.connect(4);
    await until(() => line.count() === 4);
    await sleep(50);
    await expect(Promise.all([resolve(client), resolve(client)])).resolves.toHaveLength(2);
    expect(line.count()).toBe(6);
  });

  test.each([1, 3])(
    "is closed at once by a registry that wants a token costs nobody a request: %i",
    async (asking) => {
      const peer = await peerThat("http", { auth: { kind: "bearer", users: { me: "secret" } } });
      const line = await lineTo(peer, 4, (socket) => socket.end());
      const client = await clientOf(line.host, {
        credentials: () => Promise.resolve({ kind: "basic", username: "me", password: "secret" }),
      });
      client.connect(4);
      await until(() => line.count() === 4);
      await sleep(50);
      const work = client.session({ access: [{ path: "app", actions: ["pull"] }] }).repository("app");
      await Promise.all(Array.from({ length: asking }, () => work.resolve("v1")));
      const isToken = (request: string): boolean => request.includes("/token");
      expect(peer.requests.filter(isToken)).toHaveLength(1);
      // One is refused, and tells what is wanted.
      expect(peer.requests.filter((request) => !isToken(request))).toHaveLength(asking + 1);
    },
  );

  test("is closed by a 401, as the others are meanwhile, is not used for what follows", async () => {
    const open = new Set<Socket>();
    const peer = await peerThat("http", {
      auth: { kind: "bearer", users: { me: "secret" } },
      intercept: (request, response) => {
        if (request.headers.authorization !== undefined) return false;
        response.once("finish", () => {
          for (const socket of open) socket.end();
        });
        return false;
      },
    });
    const server = createServer((socket) => {
      open.add(socket);
      const on = connectTcp(peer.port, "127.0.0.1");
      socket.on("error", () => on.destroy());
      on.on("error", () => socket.destroy());
      // What the registry has answered is passed on before all end.
      on.pipe(socket);
      socket.pipe(on);
    });
    const listening = await listen(server);
    closing.push(listening.close);
    const client = await clientOf(`127.0.0.1:${listening.port}`, {
      retries: 2,
      credentials: () => Promise.resolve({ kind: "basic", username: "me", password: "secret" }),
    });
    client.connect(4);
    await until(() => listening.connections === 4);
    await expect(Promise.all([1, 2, 3].map(() => resolve(client)))).resolves.toHaveLength(3);
  });

  test.each(["http", "tls"] as const)(
    "is on its way when the user gives up ends at once, and nothing follows it: %s",
    async (speaks) => {
      // Accepts, and says nothing.
      const server = createServer();
      const listening = await listen(server);
      closing.push(listening.close);
      const ended: Promise<unknown>[] = [];
      server.on("connection", (socket: Socket) => ended.push(once(socket.resume(), "close")));
      const user = new AbortController();
      const client = await clientOf(`localhost:${listening.port}`, {
        plainHttp: speaks === "http",
        signal: user.signal,
      });
      client.connect(3);
      await until(() => listening.connections === (speaks === "http" ? 3 : 1));
      const asked = resolve(client);
      const refused = expect(asked).rejects.toThrow("the user has had enough");
      user.abort(new Error("the user has had enough"));
      await refused;
      await expect(resolve(client)).rejects.toThrow("the user has had enough");
      await client.close();
      await Promise.all(ended);
      expect(listening.connections).toBe(speaks === "http" ? 3 : 1);
    },
  );

  test("is refused is no error of its own: the first request meets it, in the same words", async () => {
    const server = createServer();
    const { port, close } = await listen(server);
    await close();
    const client = await clientOf(`127.0.0.1:${port}`, { plainHttp: true });
    client.connect(4);
    await sleep(50);
    const early = await resolve(client).catch(String);
    const other = await clientOf(`127.0.0.1:${port}`, { plainHttp: true });
    expect(early).toBe(await resolve(other).catch(String));
    expect(early).toContain("connection refused");
  });

  test("fails by its certificate says so, as ever", async () => {
    const peer = await peerThat("tls");
    const client = await clientOf(`localhost:${peer.port}`, { certificates: () => Promise.resolve({}) });
    client.connect(4);
    await sleep(100);
    await expect(resolve(client)).rejects.toThrow(/certificate that is not trusted/);
  });

  test("is still on its way when all ends keeps nobody waiting", async () => {
    const server: Server = createServer();
    const listening = await listen(server);
    closing.push(listening.close);
    const accepted = once(server, "connection");
    const client = await clientOf(`localhost:${listening.port}`, { insecure: false });
    client.connect(4);
    const [socket] = (await accepted) as [Socket];
    const over = once(socket.resume(), "close");
    await client.close();
    await over;
  });

  test("nobody has taken is closed with the client", async () => {
    const peer = await peerThat("http");
    const client = await clientOf(peer.host);
    client.connect(4);
    await until(() => peer.connections === 4);
    await resolve(client);
    await client.close();
    // Ends when the last connection does.
    await peer.close();
  });

  test.each(["http", "tls", "h2"] as const)(
    "nobody has taken does not keep the program running: %s",
    async (speaks) => {
      const peer = await peerThat(speaks);
      const client = await clientOf(`localhost:${peer.port}`, { plainHttp: speaks === "http" });
      const before = process.getActiveResourcesInfo().filter((name) => /Timeout|Wrap/.test(name)).length;
      client.connect(2);
      await until(() => peer.connections >= 1);
      await sleep(200);
      const after = process.getActiveResourcesInfo().filter((name) => /Timeout|Wrap/.test(name)).length;
      // The peer's side of each, and nothing else.
      expect(after - before).toBeLessThanOrEqual(peer.connections);
    },
  );
});
