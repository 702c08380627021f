import { gzipSync } from "node:zlib";
import { expect } from "vitest";
import { DOCKER_LIST } from "../../../src/oci/mediaTypes.js";
import { answer, type Incoming, type Outgoing } from "../../helpers/peer.js";
import { withScene, type SceneOptions } from "../../helpers/scene.js";
import { SECRETS } from "../../helpers/secrets.js";
import type { Concern, FaultCase } from "../faultCase.js";

type Intercept = NonNullable<SceneOptions["intercept"]>;

const MIB = 1024 * 1024;
const CSI = "\u009b31m";

/** Expects that an inspection (by these flags) fails with one line like this, and soon. */
function refused(
  server: string,
  client: string,
  intercept: Intercept,
  message: RegExp,
  flags: readonly string[] = [],
  options: SceneOptions = {},
): FaultCase {
  return {
    server,
    client,
    run: () =>
      withScene({ intercept, ...options }, async (scene) => {
        const { status, stderr } = await scene.run("inspect", ...flags, `${scene.domain}/some/thing:v1`);
        expect(status).toBe(1);
        expect(stderr).toMatch(message);
        expect(stderr.length).toBeLessThan(6000);
      }),
  };
}

const sends =
  (body: string | Uint8Array, headers: Record<string, string> = {}, status = 200): Intercept =>
  (_, response) =>
    answer(response, status, headers, body);

const list = (count: number): string =>
  JSON.stringify({
    schemaVersion: 2,
    mediaType: DOCKER_LIST,
    manifests: Array.from({ length: count }, () => ({ digest: `sha256:${"a".repeat(64)}` })),
  });

/** A registry that wants a token and says where, and a token server that answers with this. */
function tokenAnswer(body: string, realm = "/token"): Intercept {
  return (request: Incoming, response: Outgoing) => {
    const { host = "" } = request.headers;
    if (request.url?.startsWith("/token") === true) return answer(response, 200, {}, body);
    const url = realm.startsWith("/") ? `http://${host}${realm}` : realm;
    return answer(response, 401, { "WWW-Authenticate": `Bearer realm="${url}"` });
  };
}

const errors = (message: string): string => JSON.stringify({ errors: [{ code: "DENIED", message }] });

export const limits: Concern = {
  title: "Limits and hostile answers",
  cases: [
    refused(
      "sends a manifest of more than 4 MiB",
      "stops reading",
      sends(Buffer.alloc(5 * MIB, " ")),
      /the answer is larger than 4194304 bytes/,
    ),
    refused(
      "sends a manifest without end",
      "stops reading",
      (_, response) => {
        if ("createPushResponse" in response) return false;
        response.writeHead(200);
        const more = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(MIB, " ")));
        };
        response.on("drain", more);
        more();
        return true;
      },
      /the answer is larger than 4194304 bytes/,
    ),
    refused(
      "sends a few bytes that decode to many",
      "stops decoding",
      sends(gzipSync(Buffer.alloc(64 * MIB)), { "Content-Encoding": "gzip" }),
      /the answer is larger than 4194304 bytes/,
    ),
    refused(
      "sends what is not gzip as gzip",
      "fails",
      sends("{}", { "Content-Encoding": "gzip" }),
      /incorrect header check/,
    ),
    refused(
      "sends headers of 100 KiB",
      "stops reading",
      sends("{}", { "X-Large": "x".repeat(100_000) }),
      /the answer's headers are too large/,
    ),
    refused(
      "nests JSON 100,000 deep",
      "refuses it",
      sends("[".repeat(100_000), { "Content-Type": DOCKER_LIST }),
      /JSON is nested more than 1000 deep/,
    ),
    refused(
      "nests JSON deeply in an error",
      "prints what can be printed",
      sends(`{"errors":${"[".repeat(1_000_000)}`, {}, 403),
      /no such manifest/,
    ),
    refused(
      "sends a list of 20,000 children",
      "refuses it",
      sends(list(20_000), { "Content-Type": DOCKER_LIST }),
      /more than 10000 manifests/,
      ["-v"],
    ),
    refused(
      "sends lists that contain themselves",
      "stops at a depth",
      sends(list(1), { "Content-Type": DOCKER_LIST }),
      /manifest verification failed/,
      ["-v"],
    ),
    refused(
      "sends a child whose digest is a path",
      "refuses the list, and asks for nothing of the kind",
      sends(list(1).replaceAll(/sha256:a+/g, "../../../etc/passwd"), { "Content-Type": DOCKER_LIST }),
      /invalid checksum digest format/,
      ["-v"],
    ),
    refused(
      "sends JSON with __proto__",
      "treats it as a name like any other",
      sends('{"__proto__":{"mediaType":"x"},"constructor":{}}'),
      /unsupported manifest media type/,
    ),
    refused("sends an empty manifest", "says so", sends(""), /unexpected end of JSON input/),
    refused(
      "sends a page of HTML",
      "says that it is not JSON",
      sends("<html></html>", { "Content-Type": "text/html" }),
      /text\/html|invalid JSON/,
    ),
    refused(
      "puts control characters into an error",
      "prints them escaped",
      sends(errors(`${CSI}red\u001b]0;x\u0007`), {}, 400),
      /^denied: \\u009b31mred\\u001b\]0;x\\u0007/,
    ),
    refused(
      "sends an error of a megabyte",
      "shortens it",
      sends(errors("x".repeat(MIB)), {}, 400),
      /^denied: x/,
    ),
    refused(
      "sends a token of 100 KB",
      "refuses it",
      tokenAnswer(JSON.stringify({ token: "x".repeat(100_000) })),
      /the token server's answer holds no token/,
    ),
    refused(
      "sends a token answer of a megabyte",
      "stops reading",
      tokenAnswer(" ".repeat(MIB)),
      /the answer is larger than 262144 bytes/,
    ),
    refused(
      "sends a token with a line break",
      "refuses it, and does not show it",
      tokenAnswer(JSON.stringify({ token: `${SECRETS.bearerToken}\r\nX: y` })),
      /the token server's answer holds no token/,
    ),
    refused(
      "sends a token answer that is no JSON",
      "does not show it",
      tokenAnswer(SECRETS.bearerToken),
      /the token server's answer holds no token/,
    ),
    refused(
      "has a realm that is a file: URL",
      "does not ask for a token there",
      tokenAnswer("", "file:///etc/passwd"),
      /no such manifest/,
    ),
    refused(
      "names a realm with a password in it",
      "leaves the password out, and shows it nowhere",
      tokenAnswer("{}", `http://me:${SECRETS.urlPassword}@127.0.0.1:1/token`),
      /127\.0\.0\.1:1: connection refused \(GET http:\/\/127\.0\.0\.1:1\/token/,
      ["--retries", "0"],
    ),
    refused(
      "asks its clients to wait for a thousand years",
      "does not wait",
      sends("", { "Retry-After": "31536000000" }, 429),
      /a rate limit, until/,
    ),
    refused(
      "redirects to a file",
      "refuses",
      sends("", { Location: "file:///etc/passwd" }, 307),
      /sent a Location header that is neither http nor https/,
    ),
    refused(
      "redirects with a Location of 20 KB",
      "refuses, without showing it",
      sends("", { Location: `/${"x".repeat(20_000)}` }, 307),
      /sent a Location header that is not a URL/,
    ),
    {
      server: "redirects to a signed URL that fails",
      client: "shows neither the signature nor the user",
      run: () =>
        withScene(
          {
            intercept: (request, response) =>
              request.url?.includes("sig=") === true
                ? answer(response, 500)
                : answer(response, 307, {
                    Location: `http://u:${SECRETS.urlPassword}@${request.headers.host ?? ""}/b?sig=${SECRETS.signature}`,
                  }),
          },
          async (scene) => {
            const { status, stderr } = await scene.run("inspect", "--retries", "1", scene.sources[0] ?? "");
            expect(status).toBe(1);
            expect(stderr).toContain("500 Internal Server Error");
          },
        ),
    },
    {
      server: "sends twenty different warnings and more",
      client: "prints twenty",
      run: () => {
        let count = 0;
        const intercept: Intercept = (_, response) => {
          response.setHeader("Warning", `299 - "warning ${count++}"`);
          return false;
        };
        const images = Array.from({ length: 20 }, (_, index) => ({ layers: [`layer ${index}`] }));
        return withScene({ intercept, images }, async (scene) => {
          const { stderr } = await scene.push();
          expect(stderr.match(/^WARNING: 127\.0\.0\.1/gm)).toHaveLength(20);
        });
      },
    },
  ],
};
