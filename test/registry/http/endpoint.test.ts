import { describe, expect, test } from "vitest";
import { createRegistry } from "../../../src/registry/createRegistry.js";
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
});
