import { describe, expect, test } from "vitest";
import { createRegistry } from "../../../src/registry/createRegistry.js";
import { ProxyError } from "../../../src/registry/http/causes.js";
import { apiHost, withProtocol, type Protocol } from "../../../src/registry/http/endpoint.js";
import type { HttpRequest } from "../../../src/registry/http/message.js";
import { TransportError } from "../../../src/registry/http/transportError.js";

describe("the host of a registry's API", () => {
  test.each([
    ["of Docker Hub", "docker.io", "registry-1.docker.io"],
    ["with a port", "r.example:5000", "r.example:5000"],
    ["in upper case", "LOCALHOST:5000", "localhost:5000"],
    ["with the port of HTTPS", "r.example:443", "r.example:443"],
    ["with the port of HTTP", "r.example:80", "r.example:80"],
    ["an IPv6 address", "[::1]:443", "[::1]:443"],
  ])("%s", (_, domain, host) => {
    expect(apiHost(domain)).toBe(host);
  });

  test.each([
    ["a port that there is not", "x.com:99999"],
    ["an IPv4 address that there is not", "1.2.3.400"],
    ["an IPv6 address that there is not", "[1:2]:5000"],
    ["none", ""],
  ])("is an error in one line for %s", async (_, domain) => {
    await expect(createRegistry({ domain })).rejects.toThrow(`"${domain}" is not the address of a registry`);
  });

  test("is what the user's certificates are looked up by", async () => {
    const asked: string[] = [];
    const certificates = (host: string) => {
      asked.push(host);
      return Promise.resolve({});
    };
    await (await createRegistry({ domain: "r.example:443", certificates })).close();
    expect(asked).toEqual(["r.example:443"]);
  });
});

describe("finding the protocol", () => {
  const both: readonly [Protocol, Protocol] = ["http:", "https:"];
  const request = (url: string): HttpRequest => ({ method: "GET", url: new URL(url), idempotent: true });

  test.each([
    ["localhost:443", "http://localhost:443/v2/"],
    ["localhost:80", "http://localhost/v2/"],
    ["localhost:5000", "http://localhost:5000/v2/"],
  ])("keeps to the port of %s", async (host, first) => {
    const sent: string[] = [];
    const send = withProtocol(
      ({ url }) => {
        sent.push(url.href);
        if (url.protocol === "http:") throw new TransportError("GET", url, undefined);
        return Promise.resolve({ status: 200, headers: {}, url, redirected: false, body: Buffer.alloc(0) });
      },
      host,
      both,
      () => Promise.resolve(true),
    );
    await send(request(`https://${host}/v2/`));
    expect(sent).toEqual([first, new URL(`https://${host}/v2/`).href]);
  });

  /** A host whose state each outcome is a function of: `up` for what answers, else the error's code. */
  function changing(
    state: { http: string; https: string; tls: boolean },
    possible: readonly [Protocol, ...Protocol[]],
  ) {
    const sent: string[] = [];
    let probes = 0;
    const send = withProtocol(
      ({ url }) => {
        sent.push(url.protocol);
        const now = url.protocol === "http:" ? state.http : state.https;
        if (now !== "up")
          return Promise.reject(new TransportError("GET", url, Object.assign(new Error(now), { code: now })));
        return Promise.resolve({ status: 200, headers: {}, url, redirected: false, body: Buffer.alloc(0) });
      },
      "r.example",
      possible,
      () => {
        probes++;
        return Promise.resolve(state.tls);
      },
    );
    const ask = (): Promise<string> =>
      send(request("https://r.example/v2/")).then(
        ({ url }) => url.protocol,
        (error: unknown) => String(error instanceof TransportError && error.systemCode),
      );
    return { sent, ask, probes: () => probes };
  }

  const insecure: readonly [Protocol, Protocol] = ["https:", "http:"];
  const DOWN = "ECONNREFUSED";

  test("asks a host that was down again, by TLS first", async () => {
    const state = { http: DOWN, https: DOWN, tls: false };
    const { ask, sent } = changing(state, insecure);
    expect(await ask()).toBe(DOWN);
    Object.assign(state, { http: "up", https: "up" });
    sent.length = 0;
    expect([await ask(), await ask()]).toEqual(["https:", "https:"]);
    expect(sent).toEqual(["https:", "https:"]);
  });

  test("is not settled by a server that broke off plain HTTP too", async () => {
    const state = { http: "ECONNRESET", https: "EPROTO", tls: false };
    const { ask } = changing(state, insecure);
    expect(await ask()).toBe("ECONNRESET");
    Object.assign(state, { http: DOWN, https: "up" });
    expect(await ask()).toBe("https:");
  });

  test("asks once more whether it speaks TLS, when it did not the first time", async () => {
    const state = { http: "ECONNRESET", https: "up", tls: false };
    const { ask, probes } = changing(state, both);
    expect(await ask()).toBe("ECONNRESET");
    state.tls = true;
    expect([await ask(), await ask()]).toEqual(["https:", "https:"]);
    expect(probes()).toBe(2);
  });

  test("asks once for all requests that went out together", async () => {
    const { ask, probes } = changing({ http: "ECONNRESET", https: "up", tls: true }, both);
    expect(await Promise.all([ask(), ask(), ask()])).toEqual(["https:", "https:", "https:"]);
    expect(probes()).toBe(1);
  });

  test("keeps to what has answered", async () => {
    const state = { http: "up", https: "EPROTO", tls: false };
    const { ask, sent } = changing(state, insecure);
    expect(await ask()).toBe("http:");
    state.http = "ECONNRESET";
    expect(await ask()).toBe("ECONNRESET");
    expect(sent).toEqual(["https:", "http:", "http:"]);
  });

  test("is not looked for when the proxy does not answer", async () => {
    const sent: string[] = [];
    const send = withProtocol(
      ({ url }) => {
        sent.push(url.protocol);
        const cause = Object.assign(new Error(DOWN), { code: DOWN });
        return Promise.reject(
          new TransportError("GET", url, new ProxyError(new URL("http://proxy.example"), cause)),
        );
      },
      "r.example",
      insecure,
      () => Promise.resolve(false),
    );
    await expect(send(request("https://r.example/v2/"))).rejects.toThrow("the proxy proxy.example");
    expect(sent).toEqual(["https:"]);
  });
});
