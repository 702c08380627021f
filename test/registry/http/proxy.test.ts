import { createServer } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import type { TlsSettings } from "../../../src/registry/http/tls.js";
import { createTransport } from "../../../src/registry/http/transport.js";
import { certificate } from "../../helpers/certificates.js";
import { answer, listen, startPeer, type Peer, type PeerOptions } from "../../helpers/peer.js";
import { startProxy, startSocksProxy } from "../../helpers/proxy.js";

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

function closed<T extends { close: () => Promise<void> }>(thing: T): T {
  closing.unshift(thing.close);
  return thing;
}

const registry = async (speaks: PeerOptions["speaks"] = "tls"): Promise<Peer> =>
  closed(await startPeer({ speaks, intercept: (_, response) => answer(response, 200, {}, "{}") }));

const CA = [certificate("ca")];

/** Asks registry.example through a proxy; by HTTPS if it is to be. */
async function ask(proxy: string, scheme: "http" | "https", tls: TlsSettings = { verify: true, ca: CA }) {
  const hosts: string[] = [];
  const transport = closed(
    createTransport({
      tls: (host) => {
        hosts.push(host);
        return Promise.resolve(tls);
      },
      roots: () => Promise.resolve([]),
      proxyFor: () => new URL(proxy),
      userAgent: "test",
      timeouts: { connect: 2_000, headers: 2_000 },
    }),
  );
  const url = new URL(`${scheme}://registry.example/v2/?n=1`);
  const { status } = await transport.send({ method: "GET", url, idempotent: true });
  return { status, hosts };
}

describe("a proxy by HTTPS", () => {
  test("gets a tunnel's request for HTTPS, by TLS in TLS", async () => {
    const { port } = await registry();
    const proxy = closed(await startProxy(port, undefined, "server"));
    expect(await ask(`https://me:secret@${proxy.host}`, "https")).toEqual({
      status: 200,
      hosts: ["registry.example", proxy.host].sort().reverse(),
    });
    expect(proxy.requests).toEqual(["CONNECT registry.example:443"]);
    expect(proxy.authorizations).toEqual([`Basic ${btoa("me:secret")}`]);
  });

  test("gets a whole URL for HTTP", async () => {
    const peer = await registry("http");
    const proxy = closed(await startProxy(peer.port, undefined, "server"));
    expect(await ask(`https://me:100%25@${proxy.host}`, "http")).toMatchObject({ status: 200 });
    expect(proxy.requests).toEqual(["GET http://registry.example/v2/?n=1"]);
    expect(proxy.authorizations).toEqual([`Basic ${btoa("me:100%")}`]);
    expect(peer.seen[0]?.headers).toMatchObject({ host: "registry.example" });
  });

  test.each(["http", "https"] as const)("is trusted like a registry, or not, for %s", async (scheme) => {
    const { port } = await registry(scheme === "http" ? "http" : "tls");
    const proxy = closed(await startProxy(port, undefined, "server"));
    const unknown = ask(`https://${proxy.host}`, scheme, { verify: true });
    await expect(unknown).rejects.toThrow(
      new RegExp(
        String.raw`^the proxy ${proxy.host} has a certificate that is not trusted \(.*\); name its CA by --ca-file`,
      ),
    );
    expect(await ask(`https://${proxy.host}`, scheme, { verify: false })).toMatchObject({ status: 200 });
  });

  test("may have a certificate that only the machine's roots know", async () => {
    const { port } = await registry();
    const proxy = closed(await startProxy(port, undefined, "server"));
    const transport = closed(
      createTransport({
        tls: () => Promise.resolve({ verify: true }),
        roots: () => Promise.resolve(CA),
        proxyFor: () => new URL(`https://${proxy.host}`),
        userAgent: "test",
      }),
    );
    const url = new URL("https://registry.example/v2/");
    expect(await transport.send({ method: "GET", url, idempotent: true })).toMatchObject({ status: 200 });
  });

  test("that speaks HTTP alone is named", async () => {
    const proxy = closed(await startProxy(1));
    await expect(ask(`https://${proxy.host}`, "https")).rejects.toThrow(
      `the proxy ${proxy.host} does not speak TLS: its URL should begin by http://`,
    );
  });
});

describe("a proxy that does not work", () => {
  test.each(["http", "https"] as const)("is named, for %s: it wants a password", async (scheme) => {
    const proxy = closed(await startProxy(1, 407));
    await expect(ask(`http://${proxy.host}`, scheme)).rejects.toThrow(
      `the proxy ${proxy.host}: it wants a user name and password in its URL (407)`,
    );
    await expect(ask(`http://me:wrong@${proxy.host}`, scheme)).rejects.toThrow(
      `the proxy ${proxy.host}: it does not accept the user name and password in its URL (407)`,
    );
  });

  test("is named: it does not reach the registry", async () => {
    const proxy = closed(await startProxy(1, 503));
    await expect(ask(`http://${proxy.host}`, "https")).rejects.toThrow(
      `the proxy ${proxy.host}: it answered 503`,
    );
  });

  test.each(["http", "https"] as const)("is named, for %s: it is down", async (scheme) => {
    const proxy = await startProxy(1);
    await proxy.close();
    for (const kind of ["http", "https", "socks5"]) {
      await expect(ask(`${kind}://${proxy.host}`, scheme)).rejects.toMatchObject({
        message: expect.stringContaining(`the proxy ${proxy.host}: connection refused`) as unknown,
        systemCode: "ECONNREFUSED",
        isProxys: true,
      });
    }
  });

  test.each(["http", "socks5"])("is given up after the time-out: %s", async (kind) => {
    const silent = closed(await listen(createServer()));
    await expect(ask(`${kind}://127.0.0.1:${silent.port}`, "https")).rejects.toThrow(
      /the proxy 127\.0\.0\.1:\d+: (no answer in time|the connection timed out)/,
    );
  });

  test.each(["http", "https", "socks5"])("is not asked again and again: %s", async (kind) => {
    const closes = closed(await listen(createServer((socket) => socket.once("data", () => socket.end()))));
    await expect(ask(`${kind}://127.0.0.1:${closes.port}`, "https")).rejects.toThrow(/the proxy 127/);
    expect(closes.connections).toBeLessThan(4);
  });
});

describe("a SOCKS proxy", () => {
  test.each([
    ["http", "http"],
    ["https", "tls"],
    ["https", "h2"],
  ] as const)("leads to a host by %s (%s), whose name it looks up itself", async (scheme, speaks) => {
    const { port } = await registry(speaks);
    const proxy = closed(await startSocksProxy(port));
    for (const kind of ["socks5", "socks5h"]) {
      expect(await ask(`${kind}://${proxy.host}`, scheme)).toMatchObject({ status: 200 });
    }
    const asked = `registry.example:${scheme === "http" ? 80 : 443}`;
    expect(proxy.requests).toEqual([asked, asked]);
  });

  test("gets the user's name and password, if it wants them", async () => {
    const { port } = await registry();
    const proxy = closed(await startSocksProxy(port, 2));
    expect(await ask(`socks5://me:secret@${proxy.host}`, "https")).toMatchObject({ status: 200 });
    await expect(ask(`socks5://me:wrong@${proxy.host}`, "https")).rejects.toThrow(
      `the proxy ${proxy.host}: it does not accept its user name and password`,
    );
    await expect(ask(`socks5://${proxy.host}`, "https")).rejects.toThrow(
      `the proxy ${proxy.host}: it wants a user name and a password in its URL`,
    );
    expect(proxy.users).toEqual(["me:secret", "me:wrong"]);
  });

  test.each([
    [5, "connection refused"],
    [4, "the host cannot be reached"],
    [99, "error 99"],
  ])("that answers %i: %s", async (reply, text) => {
    const proxy = closed(await startSocksProxy(1, 0, reply));
    await expect(ask(`socks5://${proxy.host}`, "https")).rejects.toThrow(
      `the proxy ${proxy.host}: it answered for registry.example: ${text}`,
    );
  });

  test("that is none is named", async () => {
    const proxy = closed(await startProxy(1));
    await expect(ask(`socks5://${proxy.host}`, "https")).rejects.toThrow(
      `the proxy ${proxy.host}: it does not speak SOCKS 5`,
    );
  });
});
