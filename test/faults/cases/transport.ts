import { createServer as createTcpServer } from "node:net";
import { expect } from "vitest";
import { apiHost } from "../../../src/registry/http/endpoint.js";
import { digestOf } from "../../../src/oci/digest.js";
import { certificate, certificateFile, privateKey } from "../../helpers/certificates.js";
import {
  answer,
  answerRaw,
  listen,
  reset,
  startPeer,
  type Incoming,
  type Outgoing,
} from "../../helpers/peer.js";
import { startProxy, startSocksProxy } from "../../helpers/proxy.js";
import { withScene, writeBelow, type SceneOptions } from "../../helpers/scene.js";
import { SECRETS } from "../../helpers/secrets.js";
import type { Concern, FaultCase } from "../faultCase.js";

type Intercept = NonNullable<SceneOptions["intercept"]>;

/** Deals with the first requests, as often as told, and leaves the others to the registry. */
function firstly(times: number, deal: Intercept): Intercept {
  let left = times;
  return (request, response) => (left-- > 0 ? deal(request, response) : false);
}

const TLS: SceneOptions = { speaks: "tls", address: "0.0.0.0" };
const CA = ["--ca-file", certificateFile("ca")];
const SHORT = { timeouts: { connect: 300, headers: 300, stall: 300 } };

/** Inspects an image while the first answers are these, and expects that it works out after so many requests. */
function retried(
  server: string,
  client: string,
  times: number,
  deal: Intercept,
  options: SceneOptions = {},
): FaultCase {
  return {
    server,
    client,
    run: () =>
      withScene({ intercept: firstly(times, deal), ...options }, async (scene) => {
        const { status, stdout } = await scene.run("inspect", scene.sources[0] ?? "");
        expect({ status, seen: scene.peer.seen.length }).toEqual({ status: 0, seen: times + 1 });
        expect(stdout).toContain("schemaVersion");
      }),
  };
}

/** Expects that an inspection fails after one request, with this on stderr. */
function final(
  server: string,
  client: string,
  deal: Intercept,
  message: RegExp,
  flags: readonly string[] = [],
): FaultCase {
  return {
    server,
    client,
    run: () =>
      withScene({ intercept: deal }, async (scene) => {
        const { status, stderr } = await scene.run("inspect", ...flags, scene.sources[0] ?? "");
        expect(status).toBe(1);
        expect(stderr).toMatch(message);
        expect(scene.peer.seen).toHaveLength(1);
      }),
  };
}

const replies =
  (status: number, headers: Record<string, string> = {}, body = ""): Intercept =>
  (_, response) =>
    answer(response, status, headers, body);

/** A registry that wants tokens, and a user who gets them. */
const withTokens: SceneOptions = {
  auth: { kind: "bearer", users: { me: SECRETS.password } },
  config: (host) => ({ auths: { [host]: { auth: btoa(`me:${SECRETS.password}`) } } }),
};

const continues: Intercept = (_, response) => {
  response.writeContinue();
  return false;
};

const retries: readonly FaultCase[] = [
  ...[408, 429, 499, 500, 502, 503, 504, 522].map((status) =>
    retried(`answers ${status} twice`, "tries again", 2, replies(status)),
  ),
  final("answers 500, and --retries 0 is given", "tries once", replies(500), /500 Internal Server Error/, [
    "--retries",
    "0",
  ]),
  final("answers 400", "does not try again", replies(400), /no such manifest/),
  final("answers 403", "does not try again", replies(403), /no such manifest.*answered 403/s),
  final("answers 422", "does not try again", replies(422), /no such manifest/),
  retried(
    "says Retry-After in a fraction of a second",
    "waits and tries again",
    1,
    replies(429, { "Retry-After": "0.01" }),
  ),
  retried(
    "says Retry-After in milliseconds (GHCR)",
    "waits and tries again",
    1,
    replies(429, { "Retry-After": "5.5ms" }),
  ),
  retried("says Retry-After as a date that has passed", "tries again", 1, (_, response) =>
    answer(response, 503, { "Retry-After": new Date(0).toUTCString() }),
  ),
  retried(
    "says Retry-After as a date by a clock that is far ahead",
    "goes by the difference to its Date header",
    1,
    (_, response) => {
      const ahead = Date.now() + 86_400_000;
      return answer(response, 429, {
        Date: new Date(ahead).toUTCString(),
        "Retry-After": new Date(ahead).toUTCString(),
      });
    },
  ),
  retried(
    "says the wait in the text of a 429",
    "waits and tries again",
    1,
    replies(429, {}, "retry-after: 796.969µs, allowed: 44000/minute"),
  ),
  final(
    "asks its clients to come back in an hour",
    "does not wait, and says until when",
    replies(429, { "Retry-After": "3600" }, "slow down"),
    /toomanyrequests: slow down\n.*a rate limit, until \d{4}-/,
  ),
  {
    server: "sends a rate limit with bare line feeds (Docker Hub)",
    client: "reports a rate limit",
    run: () =>
      withScene(
        {
          intercept: (request) => answerRaw(request, "HTTP/1.1 429 Too Many Requests\nContent-Length: 0\n\n"),
        },
        async (scene) => {
          const { status, stderr } = await scene.run("inspect", scene.sources[0] ?? "");
          expect(status).toBe(1);
          expect(stderr).toMatch(/rate limit|toomanyrequests/);
        },
      ),
  },
  retried("resets the connection", "tries again", 2, (request) => reset(request)),
  retried("closes the connection without an answer", "tries again", 1, (request) => answerRaw(request, "")),
  retried("cuts the answer in the middle of its headers", "tries again", 1, (request) =>
    answerRaw(request, "HTTP/1.1 200 OK\r\nContent-"),
  ),
  retried("cuts the answer in the middle of its body", "tries again", 1, (request) =>
    answerRaw(request, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
  ),
  retried(
    "accepts the request and never answers",
    "gives up after the time-out, and tries again",
    1,
    () => true,
    { waits: SHORT },
  ),
  retried(
    "stops in the middle of the answer",
    "gives up after the time-out, and tries again",
    1,
    (_, response) => {
      if (!("createPushResponse" in response))
        response.writeHead(200, { "Content-Length": "100" }).write("{");
      return true;
    },
    { waits: SHORT },
  ),
  {
    server: "sends 100 Continue before every answer, a challenge among them",
    client: "waits for the answer itself",
    run: () =>
      withScene({ ...withTokens, intercept: continues, mounts: 405 }, async (scene) => {
        expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
        expect(scene.count(/^PUT .*\/blobs\/uploads\//)).toBeGreaterThan(0);
      }),
  },
  {
    server: "does not answer in HTTP",
    client: "says so, and does not try again",
    run: () =>
      withScene(
        { intercept: (request) => answerRaw(request, "220 smtp.example ESMTP\r\n") },
        async (scene) => {
          const { status, stderr } = await scene.run("inspect", scene.sources[0] ?? "");
          expect(status).toBe(1);
          expect(stderr).toMatch(/did not answer in HTTP/);
        },
      ),
  },
  {
    server: "is not there",
    client: "retries twice, then reports that the connection was refused",
    run: async () => {
      const gone = await startPeer();
      await gone.close();
      await withScene({}, async (scene) => {
        const { status, stderr, log } = await scene.run("inspect", `${gone.host}/a/b:v1`);
        expect(status).toBe(1);
        expect(stderr).toContain(`${gone.host}: connection refused (GET http`);
        expect(log.match(/^again in/gm)).toHaveLength(2);
      });
    },
  },
  {
    server: "sends a warning, several times",
    client: "prints it once, with control characters escaped",
    run: () => {
      const warning = '299 - "this registry \\"moves\\" \u001b[31m soon"';
      const intercept: Intercept = (_, response) => {
        response.setHeader("Warning", Buffer.from(warning).toString("latin1").replaceAll("\u001b", "\u009b"));
        return false;
      };
      return withScene({ intercept }, async (scene) => {
        const { status, stderr } = await scene.push();
        expect(status).toBe(0);
        expect(stderr).toBe(`WARNING: ${scene.domain}: this registry "moves" \\u009b[31m soon\n`);
      });
    },
  },
];

/** Sends each POST and PUT of the API to the same place, once. */
function moved(status: number): Intercept {
  return (request, response) => {
    const { method, url = "" } = request;
    if ((method !== "POST" && method !== "PUT") || url.includes("moved=1")) return false;
    request.resume();
    return answer(response, status, { Location: `${url}${url.includes("?") ? "&" : "?"}moved=1` });
  };
}

const redirects: readonly FaultCase[] = [
  {
    server: "redirects a download to another host, which refuses Authorization",
    client: "goes there without credentials",
    run: async () => {
      let content: Buffer = Buffer.alloc(0);
      const store = await startPeer({
        intercept: (request, response) =>
          request.headers.authorization === undefined
            ? answer(response, 200, {}, content)
            : answer(response, 400),
      });
      try {
        await withScene(
          {
            auth: { kind: "basic", users: { me: SECRETS.password } },
            config: (host) => ({ auths: { [host]: { auth: btoa(`me:${SECRETS.password}`) } } }),
            images: [{ layers: 0 }],
            onRequest: ({ method, route, headers }) =>
              method === "GET" && route?.kind === "blob" && headers.authorization !== undefined
                ? { status: 307, headers: { Location: `http://${store.host}/blob?sig=${SECRETS.signature}` } }
                : undefined,
          },
          async (scene) => {
            content = scene.peer.blob("src/0", scene.images[0]?.blobs[0] ?? "") ?? content;
            expect(
              await scene.run("create", `${scene.domain}/new:v1`, ...scene.sources, ...scene.sources),
            ).toMatchObject({
              status: 0,
            });
            expect(store.seen.map(({ headers }) => headers.authorization)).toEqual([undefined]);
          },
        );
      } finally {
        await store.close();
      }
    },
  },
  ...[307, 308].map((status): FaultCase => ({
    server: `redirects each POST and PUT once, by ${status}, within its host`,
    client: "sends method, body and credentials there; the bytes of an upload are sent again",
    run: () =>
      withScene({ ...withTokens, mounts: 405, intercept: moved(status) }, async (scene) => {
        expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
        expect(scene.count(/^POST .*moved=1/)).toBeGreaterThan(0);
        expect(scene.count(/^PUT .*\/blobs\/uploads\/.*moved=1/)).toBeGreaterThan(0);
        expect(scene.count(/^PUT .*\/manifests\/.*moved=1/)).toBe(3);
      }),
  })),
  {
    server: "has moved to another host, to which it redirects everything (308)",
    client: "pushes there, without the credentials that are for the old one",
    run: async () => {
      const next = await startPeer();
      try {
        await withScene(
          {
            ...withTokens,
            intercept: (request, response) =>
              request.url?.startsWith("/v2/") === true &&
              answer(response, 308, { Location: `http://${next.host}${request.url}` }),
          },
          async (scene) => {
            for (const [index] of scene.images.entries()) {
              next.putImage(`src/${index}`, { architecture: index === 0 ? "amd64" : "arm64", layers: 1 });
            }
            expect(await scene.push()).toMatchObject({ status: 0 });
            expect(next.manifest("team/app", "v1")).toBeDefined();
            expect(next.seen.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
          },
        );
      } finally {
        await next.close();
      }
    },
  },
  {
    server: "redirects each PUT, behind a proxy and by TLS",
    client: "sends it there, through the proxy",
    run: () =>
      withScene(
        { speaks: "tls", domain: "registry.example", mounts: 405, intercept: moved(307) },
        async (scene) => {
          const proxy = await startProxy(scene.peer.port);
          try {
            const env = { HTTPS_PROXY: proxy.host };
            const pushed = await scene.runWith(env, "push", ...CA, scene.target);
            expect(pushed).toMatchObject({ status: 0, stdout: scene.pushed });
            expect(scene.count(/^PUT .*\/manifests\/.*moved=1/)).toBe(3);
          } finally {
            await proxy.close();
          }
        },
      ),
  },
  {
    server: "answers a PUT by 302",
    client: "does not count that as a success",
    run: () =>
      withScene(
        {
          intercept: (request, response) => {
            if (request.method !== "PUT") return false;
            request.resume();
            return answer(response, 302, { Location: "/v2/" });
          },
        },
        async (scene) => {
          const { status, stderr } = await scene.push();
          expect(status).toBe(1);
          expect(stderr).toContain("302");
          expect(scene.tag()).toBeUndefined();
        },
      ),
  },
  {
    server: "redirects in a circle",
    client: "stops after five",
    run: () =>
      withScene(
        { intercept: (request, response) => answer(response, 302, { Location: request.url ?? "" }) },
        async (scene) => {
          const { status, stderr } = await scene.run("inspect", scene.sources[0] ?? "");
          expect(status).toBe(1);
          expect(stderr).toContain("redirects more than 5 times");
          expect(scene.peer.seen).toHaveLength(6);
        },
      ),
  },
  {
    server: "redirects from TLS to plain HTTP on another host",
    client: "refuses",
    run: () =>
      withScene(
        { ...TLS, intercept: (_, response) => answer(response, 307, { Location: "http://blobs.example/x" }) },
        async (scene) => {
          const { status, stderr } = await scene.run("inspect", ...CA, scene.sources[0] ?? "");
          expect(status).toBe(1);
          expect(stderr).toContain(
            "sends its clients on to blobs.example by plain HTTP; pass --insecure to allow it",
          );
        },
      ),
  },
];

/** Pushes with these flags to a server of this kind. */
function pushes(server: string, client: string, options: SceneOptions, flags: readonly string[]): FaultCase {
  return {
    server,
    client,
    run: () =>
      withScene(options, async (scene) => {
        expect(await scene.push(...flags)).toMatchObject({ status: 0, stdout: scene.pushed });
      }),
  };
}

function refuses(
  server: string,
  client: string,
  options: SceneOptions,
  flags: readonly string[],
  message: RegExp,
): FaultCase {
  return {
    server,
    client,
    run: () =>
      withScene(options, async (scene) => {
        const { status, stderr } = await scene.push(...flags);
        expect(status).toBe(1);
        expect(stderr).toMatch(message);
        expect(scene.peer.seen).toHaveLength(0);
      }),
  };
}

const ANY: SceneOptions = { address: "0.0.0.0" };

/** Expects that a refused certificate is reported in one line, after one try. */
function wantsCertificate(
  server: string,
  speaks: "mutual" | "mutual-h2",
  shown: "expired" | "stranger" | undefined,
): FaultCase {
  return {
    server,
    client: "says so, and where the certificate has to be",
    run: () =>
      withScene({ speaks, address: "0.0.0.0" }, async (scene) => {
        const folder = `.config/docker/certs.d/${scene.domain}`;
        if (shown !== undefined) {
          writeBelow(scene.folder, `${folder}/client.cert`, certificate(shown));
          writeBelow(scene.folder, `${folder}/client.key`, privateKey(shown));
        }
        const { status, stderr, log } = await scene.run("inspect", ...CA, scene.sources[0] ?? "");
        expect(status).toBe(1);
        expect(stderr).toContain(
          `client certificate${shown === undefined ? "" : ", or another one"}: ` +
            `put client.cert and client.key into certs.d/${scene.domain}/`,
        );
        expect(log).not.toContain("again in");
      }),
  };
}

const tls: readonly FaultCase[] = [
  refuses(
    "speaks plain HTTP, not on a loopback name",
    "refuses, and names the flag that allows it",
    ANY,
    [],
    /speaks plain HTTP; pass --insecure to allow it/,
  ),
  pushes("speaks plain HTTP, and --insecure is given", "falls back to HTTP", ANY, ["--insecure"]),
  pushes("speaks plain HTTP, and --plain-http is given", "speaks HTTP at once", ANY, ["--plain-http"]),
  pushes("speaks plain HTTP on a loopback name", "speaks HTTP without a flag", {}, []),
  pushes("speaks TLS on a loopback name, and --insecure is given", "finds TLS", { speaks: "tls" }, [
    "--insecure",
  ]),
  pushes("speaks TLS on a loopback name, with a private CA", "finds TLS", { speaks: "tls" }, CA),
  pushes("listens on an IPv6 address", "understands the address in brackets", { address: "::1" }, []),
  pushes(
    "listens on an IPv6 address by TLS",
    "understands the address in brackets",
    { address: "::1", speaks: "h2" },
    CA,
  ),
  refuses(
    "has a certificate of a private CA",
    "names the ways to trust it",
    TLS,
    [],
    /has a certificate that is not trusted \(.*\); name its CA by --ca-file or in certs\.d, or pass --insecure/,
  ),
  pushes("has a certificate of a private CA, and --ca-file names it", "trusts it", TLS, CA),
  pushes("has a certificate of a private CA, and --insecure is given", "accepts any certificate", TLS, [
    "--insecure",
  ]),
  refuses(
    "has a certificate for another name",
    "refuses it",
    { ...TLS, certificate: "other" },
    CA,
    /has a certificate for another name \(.*\); use a name that is in it, or pass --insecure/,
  ),
  {
    server: "has a certificate of a CA in certs.d",
    client: "trusts it",
    run: () =>
      withScene(TLS, async (scene) => {
        writeBelow(scene.folder, `.config/docker/certs.d/${scene.domain}/ca.crt`, certificate("ca"));
        expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
      }),
  },
  {
    server: "wants a client's certificate, which certs.d has",
    client: "shows it",
    run: () =>
      withScene({ ...TLS, speaks: "mutual" }, async (scene) => {
        const folder = `.config/docker/certs.d/${scene.domain}`;
        writeBelow(scene.folder, `${folder}/ca.crt`, certificate("ca"));
        writeBelow(scene.folder, `${folder}/client.cert`, certificate("client"));
        writeBelow(scene.folder, `${folder}/client.key`, privateKey("client"));
        expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
      }),
  },
  ...(["mutual", "mutual-h2"] as const).flatMap((speaks) => {
    const http = speaks === "mutual" ? "" : " (HTTP/2)";
    return [
      wantsCertificate(`wants a client's certificate, and there is none${http}`, speaks, undefined),
      wantsCertificate(`wants a client's certificate, and it has expired${http}`, speaks, "expired"),
      wantsCertificate(`wants a client's certificate of another authority${http}`, speaks, "stranger"),
    ];
  }),
  {
    server: "wants a client's certificate, behind a proxy, and there is none",
    client: "names the server, and where the certificate has to be",
    run: () =>
      withScene({ speaks: "mutual", domain: "registry.example" }, async (scene) => {
        const proxy = await startProxy(scene.peer.port);
        try {
          const { status, stderr } = await scene.runWith(
            { HTTPS_PROXY: proxy.host },
            "push",
            ...CA,
            scene.target,
          );
          expect(status).toBe(1);
          expect(stderr).toContain(
            "registry.example wants a client certificate: put client.cert and client.key into certs.d/registry.example/",
          );
        } finally {
          await proxy.close();
        }
      }),
  },
  {
    server: "has a file in certs.d that cannot be used",
    client: "warns, naming the file, and goes on",
    run: () =>
      withScene({}, async (scene) => {
        writeBelow(scene.folder, `.config/docker/certs.d/${scene.domain}/broken.crt`, "nothing");
        const { stderr } = await scene.push();
        expect(stderr).toMatch(/^WARNING: cannot use ".*broken\.crt": it holds no certificate/);
      }),
  },
  {
    server: "is used with a --ca-file that does not exist",
    client: "fails, naming the file",
    run: () =>
      withScene(TLS, async (scene) => {
        const { status, stderr } = await scene.push("--ca-file", "/nowhere/ca.pem");
        expect(status).toBe(1);
        expect(stderr).toContain("/nowhere/ca.pem");
      }),
  },
  {
    server: "is Docker Hub",
    client: "uses the host of its API",
    run: () => {
      expect([apiHost("docker.io"), apiHost("ghcr.io")]).toEqual(["registry-1.docker.io", "ghcr.io"]);
      return Promise.resolve();
    },
  },
  {
    server: "accepts a connection and says nothing to the TLS handshake",
    client: "gives up after the time-out",
    run: async () => {
      const silent = await listen(createTcpServer(), "0.0.0.0");
      try {
        await withScene({ waits: { ...SHORT } }, async (scene) => {
          const { status, stderr } = await scene.run(
            "inspect",
            "--retries",
            "0",
            `0.0.0.0:${silent.port}/a:v1`,
          );
          expect(status).toBe(1);
          expect(stderr).toContain("the connection timed out");
        });
      } finally {
        await silent.close();
      }
    },
  },
];

/** Deals with an HTTP/2 stream. */
function onStream(deal: (response: Extract<Outgoing, { stream: unknown }>) => void) {
  return (_: Incoming, response: Outgoing): boolean => {
    if (!("stream" in response)) return false;
    deal(response);
    return true;
  };
}

const H2: SceneOptions = { speaks: "h2", address: "0.0.0.0" };
const H2_ONLY: SceneOptions = { speaks: "h2-only", address: "0.0.0.0" };

const TWENTY_LAYERS: SceneOptions["images"] = [
  { layers: Array.from({ length: 20 }, (_, index) => `layer ${index} `.repeat(20_000)) },
];

/** Pushes over HTTP/2 while the first requests meet a fault. */
function survives(server: string, client: string, deal: Intercept): FaultCase {
  return pushes(server, client, { ...H2, intercept: firstly(1, deal) }, CA);
}

const http2: readonly FaultCase[] = [
  survives(
    "resets an HTTP/2 stream (REFUSED_STREAM)",
    "tries again",
    onStream(({ stream }) => {
      stream.close(7);
    }),
  ),
  survives(
    "resets an HTTP/2 stream (INTERNAL_ERROR)",
    "tries again",
    onStream(({ stream }) => {
      stream.close(2);
    }),
  ),
  survives(
    "sends GOAWAY",
    "tries again on a new connection",
    onStream(({ stream }) => {
      stream.session?.goaway();
      stream.session?.destroy();
    }),
  ),
  survives(
    "closes the HTTP/2 connection",
    "tries again on a new one",
    onStream(({ stream }) => {
      stream.session?.destroy();
    }),
  ),
];

/** Ends a stream by RST_STREAM(CANCEL), when what was written has gone out. */
const cancelSoon = ({ stream }: Extract<Outgoing, { stream: unknown }>): unknown =>
  setImmediate(() => {
    stream.close(8);
  });

const http2Only: readonly FaultCase[] = [
  {
    server: "cancels an answer in its middle, after a redirect (RST_STREAM)",
    client: "tries again",
    run: () => {
      const cancel = firstly(
        1,
        onStream((response) => {
          response.writeHead(200, { "Content-Length": 100 });
          response.write("{", () => cancelSoon(response));
        }),
      );
      const intercept: Intercept = (request, response) => {
        if (request.url?.endsWith("?moved=1") === true) return cancel(request, response);
        return (
          request.method === "GET" && answer(response, 307, { Location: `${request.url ?? ""}?moved=1` })
        );
      };
      return withScene({ ...H2, intercept }, async (scene) => {
        expect(await scene.run("inspect", ...CA, scene.sources[0] ?? "")).toMatchObject({ status: 0 });
        expect(scene.count(/moved=1/)).toBe(2);
      });
    },
  },
  {
    server: "cancels the download of a blob in its middle (RST_STREAM)",
    client: "asks for the rest, or for all of it again",
    run: () => {
      const content = "0123456789".repeat(20_000);
      const cancel = firstly(
        1,
        onStream((response) => {
          response.writeHead(200, { "Content-Length": content.length });
          response.write(content.slice(0, 100_000), () => cancelSoon(response));
        }),
      );
      const intercept: Intercept = (request, response) =>
        request.method === "GET" &&
        request.url?.endsWith(digestOf(Buffer.from(content))) === true &&
        cancel(request, response);
      const options = { mounts: 405, images: [{ layers: [content] }], intercept } as const;
      return withScene({ ...H2_ONLY, ...options }, async (scene) => {
        expect(await scene.push(...CA)).toMatchObject({ status: 0, stdout: scene.pushed });
        expect(scene.count(new RegExp(`^GET .*${digestOf(Buffer.from(content))}`))).toBe(2);
      });
    },
  },
  pushes("speaks nothing but HTTP/2", "pushes", H2_ONLY, CA),
  pushes(
    "speaks nothing but HTTP/2, wants tokens and takes no mounts",
    "copies the blobs over HTTP/2",
    { ...H2_ONLY, ...withTokens, mounts: 405, images: TWENTY_LAYERS },
    CA,
  ),
  {
    server: "speaks nothing but HTTP/2, behind a proxy",
    client: "copies the blobs through it",
    run: () =>
      withScene(
        { speaks: "h2-only", domain: "registry.example", mounts: 405, images: TWENTY_LAYERS },
        async (scene) => {
          const proxy = await startProxy(scene.peer.port);
          try {
            const env = { HTTPS_PROXY: proxy.host };
            const pushed = await scene.runWith(env, "push", ...CA, scene.target);
            expect(pushed).toMatchObject({ status: 0, stdout: scene.pushed });
          } finally {
            await proxy.close();
          }
        },
      ),
  },
];

function viaProxy(
  server: string,
  client: string,
  options: SceneOptions,
  play: (env: Record<string, string>, host: string) => Record<string, string>,
  expected: {
    readonly request: RegExp;
    readonly refuse?: number;
    readonly stderr?: RegExp;
    readonly flags: readonly string[];
    /** The proxy is spoken to by TLS. */
    readonly secure?: boolean;
  },
): FaultCase {
  return {
    server,
    client,
    run: () =>
      withScene({ domain: "registry.example", ...options }, async (scene) => {
        const name = expected.secure === true ? "server" : undefined;
        const proxy = await startProxy(scene.peer.port, expected.refuse, name);
        try {
          const { status, stderr } = await scene.runWith(
            play({}, proxy.host),
            "push",
            ...expected.flags,
            scene.target,
          );
          expect(status).toBe(expected.stderr === undefined ? 0 : 1);
          expect(proxy.requests.join("\n")).toMatch(expected.request);
          if (expected.stderr !== undefined) expect(stderr).toMatch(expected.stderr);
          else if (JSON.stringify(play({}, "")).includes(SECRETS.proxyPassword)) {
            expect(proxy.authorizations[0]).toBe(`Basic ${btoa(`me:${SECRETS.proxyPassword}`)}`);
          }
        } finally {
          await proxy.close();
        }
      }),
  };
}

const proxies: readonly FaultCase[] = [
  viaProxy("is behind an HTTP proxy", "sends it the whole URL", {}, (_, host) => ({ HTTP_PROXY: host }), {
    request: /^HEAD http:\/\/registry\.example\/v2\//,
    flags: ["--plain-http"],
  }),
  viaProxy(
    "is behind a proxy for HTTPS",
    "asks it for a tunnel",
    { speaks: "tls" },
    (_, host) => ({ https_proxy: `http://${host}` }),
    { request: /^CONNECT registry\.example:443/, flags: CA },
  ),
  viaProxy(
    "is behind a proxy that wants a password",
    "sends it to the proxy, and shows it nowhere",
    { speaks: "tls" },
    (_, host) => ({ HTTPS_PROXY: `http://me:${SECRETS.proxyPassword}@${host}` }),
    { request: /^CONNECT registry\.example:443/, flags: CA },
  ),
  viaProxy(
    "is behind a proxy that refuses the tunnel (407)",
    "says what the proxy said, without the password",
    { speaks: "tls" },
    (_, host) => ({ HTTPS_PROXY: `http://me:${SECRETS.proxyPassword}@${host}` }),
    { request: /^CONNECT /, refuse: 407, stderr: /407/, flags: [...CA, "--retries", "0"] },
  ),
  viaProxy(
    "is behind a proxy that is spoken to by TLS",
    "trusts it like a registry (--ca-file)",
    { speaks: "tls" },
    (_, host) => ({ HTTPS_PROXY: `https://${host}` }),
    { request: /^CONNECT registry\.example:443/, flags: CA, secure: true },
  ),
  viaProxy(
    "is behind a proxy that is spoken to by TLS, and --insecure is given",
    "accepts any certificate of the proxy, too",
    { speaks: "h2" },
    (_, host) => ({ HTTPS_PROXY: `https://${host}` }),
    { request: /^CONNECT registry\.example:443/, flags: ["--insecure"], secure: true },
  ),
  viaProxy(
    "speaks plain HTTP behind a proxy that is spoken to by TLS",
    "sends it the whole URL",
    {},
    (_, host) => ({ HTTP_PROXY: `https://${host}` }),
    {
      request: /^HEAD http:\/\/registry\.example\/v2\//,
      flags: [...CA, "--plain-http"],
      secure: true,
    },
  ),
  viaProxy(
    "is behind a proxy whose certificate is of a private CA",
    "names the proxy, and the ways to trust it",
    { speaks: "tls" },
    (_, host) => ({ HTTPS_PROXY: `https://${host}` }),
    {
      request: /^$/,
      stderr:
        /the proxy 127\.0\.0\.1:\d+ has a certificate that is not trusted \(.*\); name its CA by --ca-file or in certs\.d, or pass --insecure/,
      flags: [],
      secure: true,
    },
  ),
  {
    server: "is behind a proxy whose CA is in certs.d",
    client: "trusts it",
    run: () =>
      withScene({ speaks: "tls", domain: "registry.example" }, async (scene) => {
        const proxy = await startProxy(scene.peer.port, undefined, "server");
        try {
          for (const host of [proxy.host, "registry.example"]) {
            writeBelow(scene.folder, `.config/docker/certs.d/${host}/ca.crt`, certificate("ca"));
          }
          const env = { HTTPS_PROXY: `https://${proxy.host}` };
          expect(await scene.runWith(env, "push", scene.target)).toMatchObject({ status: 0 });
        } finally {
          await proxy.close();
        }
      }),
  },
  ...(["socks5", "socks5h"] as const).map((scheme): FaultCase => ({
    server: `is behind a SOCKS proxy (${scheme}://)`,
    client: "has the proxy look up its name, and connect",
    run: () =>
      withScene({ speaks: "h2", domain: "registry.example", mounts: 405 }, async (scene) => {
        const proxy = await startSocksProxy(scene.peer.port);
        try {
          const env = { HTTPS_PROXY: `${scheme}://${proxy.host}` };
          const pushed = await scene.runWith(env, "push", ...CA, scene.target);
          expect(pushed).toMatchObject({ status: 0, stdout: scene.pushed });
          expect(proxy.requests[0]).toBe("registry.example:443");
        } finally {
          await proxy.close();
        }
      }),
  })),
  {
    server: "is exempt from the proxy (NO_PROXY)",
    client: "goes there directly",
    run: () =>
      withScene({ address: "0.0.0.0" }, async (scene) => {
        const env = { HTTP_PROXY: "http://127.0.0.1:1", NO_PROXY: "0.0.0.0" };
        expect(await scene.runWith(env, "push", "--plain-http", scene.target)).toMatchObject({ status: 0 });
      }),
  },
  {
    server: "has a broken proxy setting in front of it",
    client: "names the variable, not its value",
    run: () =>
      withScene({ domain: "registry.example" }, async (scene) => {
        const env = { HTTPS_PROXY: `ftp://me:${SECRETS.proxyPassword}@proxy.example` };
        const { status, stderr } = await scene.runWith(env, "push", scene.target);
        expect(status).toBe(1);
        expect(stderr).toContain("HTTPS_PROXY names a proxy");
      }),
  },
];

export const transport: Concern = {
  title: "Transport",
  cases: [...retries, ...redirects, ...tls, ...http2, ...http2Only, ...proxies],
};
