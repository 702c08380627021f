import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { proxyFor } from "../../src/docker/proxies.js";
import { ManifestError } from "../../src/errors.js";
import { noProxy, proxyValue } from "../helpers/generators/noProxies.js";

const HTTPS_PROXY = "http://proxy.example:3128";
const proxied = (url: string, NO_PROXY = ""): boolean =>
  proxyFor(new URL(url), { HTTP_PROXY: HTTPS_PROXY, HTTPS_PROXY, NO_PROXY }) !== undefined;

describe("the proxy", () => {
  const rows: [string, string, Record<string, string>, string | undefined][] = [
    [
      "of an https URL",
      "https://r.example",
      { HTTPS_PROXY: "http://a:1", HTTP_PROXY: "http://b:1" },
      "http://a:1/",
    ],
    [
      "of an http URL",
      "http://r.example",
      { HTTPS_PROXY: "http://a:1", HTTP_PROXY: "http://b:1" },
      "http://b:1/",
    ],
    ["in lower case", "https://r.example", { https_proxy: "http://a:1" }, "http://a:1/"],
    [
      "in upper case before lower case",
      "https://r.example",
      { HTTPS_PROXY: "http://a:1", https_proxy: "http://b:1" },
      "http://a:1/",
    ],
    [
      "in lower case where upper case is empty",
      "https://r.example",
      { HTTPS_PROXY: "", https_proxy: "http://b:1" },
      "http://b:1/",
    ],
    ["none", "https://r.example", {}, undefined],
    ["not of the other scheme", "https://r.example", { HTTP_PROXY: "http://b:1" }, undefined],
    ["not ALL_PROXY, as with docker", "https://r.example", { ALL_PROXY: "http://b:1" }, undefined],
    [
      "without a scheme",
      "https://r.example",
      { HTTPS_PROXY: "proxy.example:3128" },
      "http://proxy.example:3128/",
    ],
    ["a bare name", "https://r.example", { HTTPS_PROXY: "proxy" }, "http://proxy/"],
    ["by TLS", "https://r.example", { HTTPS_PROXY: "https://a:1" }, "https://a:1/"],
    ["SOCKS", "https://r.example", { HTTPS_PROXY: "socks5://a:1" }, "socks5://a:1"],
    ["SOCKS by curl's name", "https://r.example", { HTTPS_PROXY: "socks5h://a:1" }, "socks5h://a:1"],
    ["with a password", "https://r.example", { HTTPS_PROXY: "http://u:p%40@a:1" }, "http://u:p%40@a:1/"],
  ];
  test.each(rows)("%s", (_name, url, env, expected) => {
    expect(proxyFor(new URL(url), env)?.href).toBe(expected);
  });

  test.each([
    "http://127.0.0.1:5000",
    "http://127.9.9.9",
    "http://localhost:5000",
    "http://[::1]:5000",
    "https://localhost",
  ])("is never used for the machine itself: %s", (url) => {
    expect(proxied(url)).toBe(false);
  });

  test.each([
    "http://u:canary@",
    "ftp://u:canary@proxy",
    "socks4://u:canary@proxy",
    "http://[canary",
    "u:canary@proxy:port",
  ])("that is none is an error which names the variable and no secret: %s", (value) => {
    const ask = (): unknown => proxyFor(new URL("https://r.example"), { HTTPS_PROXY: value });
    expect(ask).toThrow(ManifestError);
    expect(ask).toThrow(/^HTTPS_PROXY /);
    expect(ask).not.toThrow(/canary/);
  });

  test("that is none does not matter where it is not used", () => {
    expect(
      proxyFor(new URL("https://r.example"), { HTTPS_PROXY: "ftp://p", NO_PROXY: "r.example" }),
    ).toBeUndefined();
  });
});

describe("NO_PROXY", () => {
  const rows: [string, string, string, boolean][] = [
    ["names the host", "r.example", "https://r.example", false],
    ["names another", "s.example", "https://r.example", true],
    ["names the domain", "example", "https://r.example", false],
    ["names the domain with a dot", ".example", "https://r.example", false],
    ["with a dot: not the domain itself", ".r.example", "https://r.example", true],
    ["with a star", "*.example", "https://r.example", false],
    ["with a star: not the domain itself", "*.r.example", "https://r.example", true],
    ["is no suffix of letters", "example", "https://counterexample", true],
    ["in capitals, with spaces", " A , R.EXAMPLE ", "https://r.example", false],
    ["everything", "*", "https://r.example", false],
    ["everything, among others", "a,*,b", "https://r.example", false],
    ["the same port", "r.example:5000", "https://r.example:5000", false],
    ["another port", "r.example:5000", "https://r.example", true],
    ["the default port", "r.example:443", "https://r.example", false],
    ["an address", "10.1.2.3", "https://10.1.2.3:5000", false],
    ["an address and its port", "10.1.2.3:5000", "https://10.1.2.3:5000", false],
    ["an address and another port", "10.1.2.3:5000", "https://10.1.2.3", true],
    ["a network", "10.0.0.0/8", "https://10.1.2.3", false],
    ["another network", "10.0.0.0/8", "https://11.1.2.3", true],
    ["a network that is none", "10.0.0.0/33", "https://10.1.2.3", true],
    ["an IPv6 address", "fd00::1", "https://[fd00::1]:5000", false],
    ["the same IPv6 address, spelt otherwise", "fd00:0::0:1", "https://[fd00::1]", false],
    ["an IPv6 address and its port", "[fd00::1]:5000", "https://[fd00::1]:5000", false],
    ["an IPv6 network", "fd00::/8", "https://[fd12::1]", false],
    ["a network does not hold names", "0.0.0.0/0", "https://r.example", true],
    ["a name in another alphabet", "bücher.example", "https://bücher.example", false],
    ["only a port", ":443", "https://r.example", true],
    ["nothing", ",,", "https://r.example", true],
  ];
  test.each(rows)("%s", (_name, value, url, expected) => {
    expect(proxied(url, value)).toBe(expected);
  });

  test("may be in lower case", () => {
    expect(proxyFor(new URL("https://r.example"), { HTTPS_PROXY, no_proxy: "r.example" })).toBeUndefined();
  });

  test("may say anything: the answer is a proxy, none, or an error without its password", () => {
    const url = fc
      .constantFrom("https://r.example", "http://10.1.2.3", "https://[fd00::1]:5000")
      .map((text) => new URL(text));
    fc.assert(
      fc.property(url, proxyValue, noProxy, (target, value, exempt) => {
        try {
          proxyFor(target, { HTTPS_PROXY: value, HTTP_PROXY: value, NO_PROXY: exempt });
        } catch (error) {
          expect(error).toBeInstanceOf(ManifestError);
          expect(error).not.toHaveProperty("message", expect.stringContaining("canary-secret"));
        }
      }),
      { numRuns: 500 },
    );
  });
});
