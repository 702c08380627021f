import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ManifestError } from "../../../src/errors.js";
import { resolveLocation, closingUrl } from "../../../src/registry/http/locations.js";
import { location, requestUrl } from "../../helpers/generators/locations.js";

const UPLOADS = new URL("https://registry.example/v2/multi/app/blobs/uploads/");
const at = (text: string): URL => new URL(text);

describe("an upload's Location", () => {
  const rows: [string, string, URL, string, boolean][] = [
    ["a path", "/v2/a/blobs/uploads/1", UPLOADS, "https://registry.example/v2/a/blobs/uploads/1", true],
    ["a relative path", "1?s=2", UPLOADS, "https://registry.example/v2/multi/app/blobs/uploads/1?s=2", true],
    ["only a query", "?s=2", UPLOADS, "https://registry.example/v2/multi/app/blobs/uploads/?s=2", true],
    ["the same host", "https://registry.example/u", UPLOADS, "https://registry.example/u", true],
    ["with the default port", "https://registry.example:443/u", UPLOADS, "https://registry.example/u", true],
    [
      "without it",
      "https://registry.example/u",
      at("https://registry.example:443/"),
      "https://registry.example/u",
      true,
    ],
    ["host in capitals", "HTTPS://Registry.Example/U", UPLOADS, "https://registry.example/U", true],
    ["http behind a TLS proxy", "http://registry.example/u", UPLOADS, "https://registry.example/u", true],
    ["http with the TLS port", "http://registry.example:443/u", UPLOADS, "https://registry.example/u", true],
    ["http with port 80", "http://registry.example:80/u", UPLOADS, "https://registry.example/u", true],
    [
      "http, the port kept",
      "http://r.example:8443/u",
      at("https://r.example:8443/"),
      "https://r.example:8443/u",
      true,
    ],
    [
      "http, the port lost",
      "http://r.example/u",
      at("https://r.example:8443/"),
      "https://r.example:8443/u",
      true,
    ],
    [
      "http, another port",
      "http://r.example:5000/u",
      at("https://r.example/"),
      "https://r.example:5000/u",
      false,
    ],
    [
      "https, another port",
      "https://r.example/u",
      at("https://r.example:8443/"),
      "https://r.example/u",
      false,
    ],
    ["another host", "https://store.example/u?sig=1", UPLOADS, "https://store.example/u?sig=1", false],
    ["a sub-domain", "https://a.registry.example/u", UPLOADS, "https://a.registry.example/u", false],
    ["without a scheme", "//store.example/u", UPLOADS, "https://store.example/u", false],
    [
      "from http to http",
      "http://127.0.0.1:5000/u",
      at("http://127.0.0.1:5000/"),
      "http://127.0.0.1:5000/u",
      true,
    ],
    ["from http to https", "https://r.example/u", at("http://r.example/"), "https://r.example/u", true],
    [
      "from http to https elsewhere",
      "https://r.example:5001/u",
      at("http://r.example:5000/"),
      "https://r.example:5001/u",
      false,
    ],
    ["IPv6", "http://[::1]:5000/u", at("http://[::1]:5000/v2/"), "http://[::1]:5000/u", true],
    [
      "user name and fragment are dropped",
      "https://u:p@registry.example/u#f",
      UPLOADS,
      "https://registry.example/u",
      true,
    ],
    ["spaces around it", " /u ", UPLOADS, "https://registry.example/u", true],
    [
      "the query stays",
      "/u?_state=a%2Fb+c%20d==&&x=%7e|&y",
      UPLOADS,
      "https://registry.example/u?_state=a%2Fb+c%20d==&&x=%7e|&y",
      true,
    ],
  ];
  test.each(rows)("%s", (_name, value, from, url, sameOrigin) => {
    const resolved = resolveLocation(value, from);
    expect([resolved.url.href, resolved.sameOrigin]).toEqual([url, sameOrigin]);
  });

  test.each([
    ["a missing one", undefined, /sent no Location header/],
    ["an empty one", "  ", /sent no Location header/],
    ["another protocol", "ftp://registry.example/canary", /neither http nor https/],
    ["a file", "file:///etc/canary", /neither http nor https/],
    ["a broken URL", "https://[canary", /not a URL/],
    ["a port that is none", "https://registry.example:99999/canary", /not a URL/],
    ["a line break", "/canary\r\nx: y", /not a URL/],
    ["an endless one", `/canary${"a".repeat(20_000)}`, /not a URL/],
    [
      "plain HTTP elsewhere",
      "http://store.example/canary?sig=canary",
      /on to store\.example by plain HTTP; pass --insecure/,
    ],
  ])("%s is an error that names the registry and no secret", (_name, value, message) => {
    const resolve = (): unknown => resolveLocation(value, UPLOADS);
    expect(resolve).toThrow(ManifestError);
    expect(resolve).toThrow(message);
    expect(resolve).toThrow(/^registry\.example sen/);
    expect(resolve).not.toThrow(/canary/);
  });

  test("plain HTTP elsewhere is taken where the user allows it", () => {
    const resolved = resolveLocation("http://store.example/u", UPLOADS, { allowPlainHttp: true });
    expect([resolved.url.href, resolved.sameOrigin]).toEqual(["http://store.example/u", false]);
  });

  test("never leads out of the web, nor from TLS to plain HTTP, nor takes credentials elsewhere", () => {
    fc.assert(
      fc.property(location, requestUrl, (value, from) => {
        try {
          const { url, sameOrigin } = resolveLocation(value, from);
          expect(["http:", "https:"]).toContain(url.protocol);
          if (from.protocol === "https:") expect(url.protocol).toBe("https:");
          if (sameOrigin) expect(url.hostname).toBe(from.hostname);
          expect(url.username + url.password + url.hash).toBe("");
          expect(closingUrl(url, "sha256:00").href).toContain("digest=sha256%3A00");
        } catch (error) {
          expect(error).toBeInstanceOf(ManifestError);
          expect(error).not.toHaveProperty("message", expect.stringContaining("canary-secret"));
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("the URL that closes an upload", () => {
  test.each([
    ["without a query", "https://r.example/u", "https://r.example/u?digest=sha256%3Aab"],
    [
      "with one",
      "https://r.example/u?_state=a%2F+b%20==",
      "https://r.example/u?_state=a%2F+b%20==&digest=sha256%3Aab",
    ],
    ["with an open end", "https://r.example/u?a=b&", "https://r.example/u?a=b&digest=sha256%3Aab"],
    ["with a lone question mark", "https://r.example/u?", "https://r.example/u?digest=sha256%3Aab"],
  ])("%s", (_name, url, expected) => {
    const upload = new URL(url);
    expect(closingUrl(upload, "sha256:ab").href).toBe(expected);
    expect(upload.href).toBe(url);
  });
});
