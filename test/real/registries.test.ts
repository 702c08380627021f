import { execFileSync, spawnSync } from "node:child_process";
import { createReadStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { request } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { certificateFile } from "../helpers/certificates.js";
import { cli } from "../helpers/cli.js";
import { seed, seedImage, type SeedImage, type Send } from "../helpers/images.js";
import { listen, type Listening } from "../helpers/peer.js";
import { describeWithPrograms, startRegistryServer, type RegistryServer } from "../helpers/registryServer.js";
import { expectNoSecrets, SECRETS } from "../helpers/secrets.js";
import { startTokenServer, TOKEN_ISSUER, TOKEN_SERVICE, type TokenServer } from "../helpers/tokenServer.js";

/** The whole program on real registries, in the ways that people run them. */

const images: readonly SeedImage[] = [
  seedImage("build/amd64:v1"),
  seedImage("build/arm64:v1", { kind: "oci", config: { os: "linux", architecture: "arm64" } }),
  seedImage("build/windows:v1", {
    config: { os: "windows", architecture: "amd64", "os.version": "10.0.20348.2849" },
    foreignLayers: 1,
  }),
];
const USER = "builder";
const basic = Buffer.from(`${USER}:${SECRETS.password}`).toString("base64");

const tls = {
  certificate: certificateFile("server"),
  key: certificateFile("server").replace(/crt$/, "key"),
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "real-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

async function run(argv: readonly string[], env: Record<string, string> = {}) {
  const result = await cli(argv, undefined, {
    env: { PATH: process.env["PATH"], DOCKER_CONFIG: folder, ...env },
    home: folder,
  });
  expectNoSecrets(result.stdout + result.stderr);
  return result;
}

/** create, push and inspect; everything that a registry is asked for. */
async function expectWholeRound(
  host: string,
  flags: readonly string[] = [],
  env: Record<string, string> = {},
) {
  const list = `${host}/app:v1`;
  const sources = images.map(({ name }) => `${host}/${name}`);
  expect(await run(["create", ...flags, list, ...sources], env)).toEqual({
    status: 0,
    stdout: `Created manifest list ${list}\n`,
    stderr: "",
  });
  const planned = await run(["inspect", list], env);
  const pushed = await run(["push", "--purge", ...flags, list], env);
  expect(pushed).toMatchObject({ status: 0, stderr: "" });
  expect(pushed.stdout.trimEnd().split("\n")).toHaveLength(images.length + 1);
  const read = await run(["inspect", ...flags, list], env);
  expect(read).toEqual(planned);
}

function login(host: string): void {
  writeFileSync(join(folder, "config.json"), JSON.stringify({ auths: { [host]: { auth: basic } } }));
}

/** distribution 3 where somebody has installed it. */
const programs = [
  "docker-registry",
  ...(spawnSync("registry", ["--version"]).error === undefined ? ["registry"] : []),
];

describeWithPrograms("real registries", ["docker-registry", "htpasswd"], () => {
  describe.each(programs)("%s", (program) => {
    describe("by plain HTTP", () => {
      let registry: RegistryServer;
      beforeAll(async () => {
        registry = await startRegistryServer({ program });
        await seed(registry.url, images);
      });
      afterAll(() => registry.close());

      it("takes a list", () => expectWholeRound(registry.host));
      it("takes a list with --insecure, which finds that there is no TLS", () =>
        expectWholeRound(registry.host, ["--insecure"]));
    });

    describe("by HTTPS with a CA of its own", () => {
      let registry: RegistryServer;
      beforeAll(async () => {
        registry = await startRegistryServer({ program, tls });
        await seedByTls(registry);
      });
      afterAll(() => registry.close());

      it("is refused as long as nobody says that the CA is to be trusted", async () => {
        const { status, stderr } = await run(["inspect", `${registry.host}/build/amd64:v1`]);
        expect(status).toBe(1);
        expect(stderr).toContain("certificate");
        expect(stderr).toContain("--ca-file");
      });
      it("is trusted by --ca-file", () =>
        expectWholeRound(registry.host, ["--ca-file", certificateFile("ca")]));
      it("is trusted by certs.d", async () => {
        const certs = join(folder, "config", "docker", "certs.d", registry.host);
        mkdirSync(certs, { recursive: true });
        execFileSync("cp", [certificateFile("ca"), certs]);
        await expectWholeRound(registry.host, [], { XDG_CONFIG_HOME: join(folder, "config") });
      });
      it("is taken as it is with --insecure", () => expectWholeRound(registry.host, ["--insecure"]));
    });

    describe("with users in an htpasswd file", () => {
      let registry: RegistryServer;
      let file: string;
      beforeAll(async () => {
        file = mkdtempSync(join(tmpdir(), "htpasswd-"));
        execFileSync("htpasswd", ["-Bbc", join(file, "users"), USER, SECRETS.password], { stdio: "ignore" });
        registry = await startRegistryServer({
          program,
          config: { auth: { htpasswd: { realm: "test", path: join(file, "users") } } },
        });
        await seed(
          registry.url,
          images,
          authorized(() => `Basic ${basic}`),
        );
      });
      afterAll(async () => {
        await registry.close();
        rmSync(file, { recursive: true });
      });

      it("takes a list of a user who is logged in", async () => {
        login(registry.host);
        await expectWholeRound(registry.host);
      });
      it("tells a user who is not", async () => {
        const { status, stderr } = await run(["inspect", `${registry.host}/build/amd64:v1`]);
        expect(status).toBe(1);
        expect(stderr).toContain("no basic auth credentials");
        expect(stderr).toContain("not logged in");
      });
    });

    describe("with a token server", () => {
      let registry: RegistryServer;
      let tokens: TokenServer;
      beforeAll(async () => {
        tokens = await startTokenServer(USER, SECRETS.password);
        const token = {
          realm: tokens.realm,
          service: TOKEN_SERVICE,
          issuer: TOKEN_ISSUER,
          rootcertbundle: certificateFile("ca"),
        };
        registry = await startRegistryServer({ program, config: { auth: { token } } });
        await seed(
          registry.url,
          images,
          authorized(async (repository) => {
            const url = `${tokens.realm}?service=${TOKEN_SERVICE}&scope=repository:${repository}:pull,push`;
            const answer: unknown = await (
              await fetch(url, { headers: { authorization: `Basic ${basic}` } })
            ).json();
            return `Bearer ${String(Reflect.get(Object(answer), "token"))}`;
          }),
        );
      });
      afterAll(async () => {
        await registry.close();
        await tokens.close();
      });

      it("takes a list of a user who is logged in", async () => {
        login(registry.host);
        await expectWholeRound(registry.host);
      });
      it("is asked for one token for target and sources, target first", async () => {
        login(registry.host);
        const list = `${registry.host}/one/token:v1`;
        await run(["create", list, ...images.map(({ name }) => `${registry.host}/${name}`)]);
        const before = tokens.asked.length;
        expect((await run(["push", list])).status).toBe(0);
        expect(tokens.asked.slice(before)).toEqual([
          [
            "repository:one/token:pull,push",
            ...images.map(({ repository }) => `repository:${repository}:pull`),
          ],
        ]);
      });
    });

    describe("behind a proxy", () => {
      let registry: RegistryServer;
      let proxy: Listening;
      const tunnels: string[] = [];
      beforeAll(async () => {
        // A loopback name would never go through a proxy; 0.0.0.0 is this machine too.
        registry = await startRegistryServer({ program, tls, address: "0.0.0.0" });
        await seedByTls(registry);
        const server = createServer();
        server.on("connect", (request, client, head) => {
          tunnels.push(request.url ?? "");
          const upstream = connect(Number(registry.host.split(":")[1]), "127.0.0.1", () => {
            client.write("HTTP/1.1 200 OK\r\n\r\n");
            upstream.write(head);
            upstream.pipe(client).pipe(upstream);
          });
          upstream.on("error", () => client.destroy());
          client.on("error", () => upstream.destroy());
        });
        proxy = await listen(server);
      });
      afterAll(async () => {
        await proxy.close();
        await registry.close();
      });

      it("takes a list through a tunnel", async () => {
        await expectWholeRound(registry.host, ["--ca-file", certificateFile("ca")], {
          HTTPS_PROXY: `http://127.0.0.1:${proxy.port}`,
        });
        expect(new Set(tunnels)).toEqual(new Set([registry.host]));
      });
    });

    describe("that redirects to the store of its blobs", () => {
      let registry: RegistryServer;
      let store: Listening;
      let files: string;
      const served: string[] = [];
      beforeAll(async () => {
        files = mkdtempSync(join(tmpdir(), "blobs-"));
        store = await listen(
          createServer((request, response) => {
            // As object stores do: one kind of credentials is enough, two are refused.
            if (request.headers.authorization !== undefined) {
              response.writeHead(400).end();
              return;
            }
            const path = new URL(request.url ?? "", "http://x").pathname;
            served.push(path);
            createReadStream(join(files, path))
              .on("error", () => response.writeHead(404).end())
              .pipe(response);
          }),
        );
        const users = join(files, "users");
        execFileSync("htpasswd", ["-Bbc", users, USER, SECRETS.password], { stdio: "ignore" });
        registry = await startRegistryServer({
          program,
          config: {
            storage: { filesystem: { rootdirectory: files } },
            auth: { htpasswd: { realm: "test", path: users } },
            middleware: {
              storage: [{ name: "redirect", options: { baseurl: `http://127.0.0.1:${store.port}/` } }],
            },
          },
        });
        await seed(
          registry.url,
          images,
          authorized(() => `Basic ${basic}`),
        );
      });
      afterAll(async () => {
        await registry.close();
        await store.close();
        rmSync(files, { recursive: true });
      });

      it("gives configs by way of the redirect, without the registry's credentials", async () => {
        login(registry.host);
        await expectWholeRound(registry.host);
        expect(served.length).toBeGreaterThanOrEqual(images.length);
      });
    });
  });
});

/** Sends with the header that this makes for a repository. */
function authorized(headerFor: (repository: string) => string | Promise<string>): Send {
  return async (url, init) => {
    const repository = /\/v2\/(.+)\/(?:blobs|manifests)\//.exec(new URL(url).pathname)?.[1] ?? "";
    const headers = new Headers(init.headers);
    headers.set("authorization", await headerFor(repository));
    return fetch(url, { ...init, headers });
  };
}

/** Sends to a registry whose certificate nobody vouches for. */
async function seedByTls(registry: RegistryServer): Promise<void> {
  const send: Send = (url, { method = "GET", headers, body }) =>
    new Promise((resolve, reject) => {
      const sent = request(
        url,
        { method, rejectUnauthorized: false, headers: Object.fromEntries(new Headers(headers)) },
        (answer) => {
          answer.resume();
          const { location } = answer.headers;
          resolve(
            new Response(null, {
              status: answer.statusCode ?? 500,
              headers: location === undefined ? {} : { location },
            }),
          );
        },
      );
      sent.on("error", reject);
      sent.end(body instanceof Uint8Array ? body : undefined);
    });
  await seed(registry.url, images, send);
}
