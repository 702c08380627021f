import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { systemCode } from "../../src/errors.js";
import type { AuthOptions } from "../../src/testing/index.js";
import { certificateFile } from "../helpers/certificates.js";
import { answer, type Incoming, type Outgoing } from "../helpers/peer.js";
import { startProxy } from "../helpers/proxy.js";
import { withScene, type Scene, type SceneOptions } from "../helpers/scene.js";
import { SECRETS } from "../helpers/secrets.js";
import { digestsAt, isComplete } from "./contents.js";
import { dialects } from "./dialects.js";

/** What users ask of the way to a registry. The numbers are those of the asks, with a thread behind each. */

const NEW = "team/app:v2";
const newList = ({ domain }: Scene): string => `${domain}/${NEW}`;
const digestsOf = ({ images }: Scene): string[] => images.map(({ digest }) => digest);

describe.each(dialects)("2: retries of $dialect", ({ make }) => {
  const MOMENTS: readonly (readonly [string, number, Record<string, string>, string])[] = [
    ["429 with Retry-After in a fraction of a second", 429, { "Retry-After": "0.02" }, ""],
    ["429 with Retry-After in milliseconds, as GHCR has it", 429, { "Retry-After": "12.5ms" }, ""],
    ["429 that says so in its body alone", 429, {}, "retry-after: 2.5ms, allowed: 44000/minute"],
    ["500", 500, {}, ""],
    ["502 of a proxy", 502, { "Content-Type": "text/html" }, "<html>Bad Gateway</html>"],
    ["503", 503, {}, ""],
    ["504 of a proxy", 504, {}, ""],
  ];

  it.each(MOMENTS)(
    "a registry that answers every request by %s first does not fail the job (goreleaser#5853)",
    async (_, status, headers, body) => {
      const asked = new Set<string>();
      await withScene(
        {
          intercept: (request, response) => {
            const name = `${request.method ?? ""} ${request.url ?? ""}`;
            if (asked.has(name)) return false;
            asked.add(name);
            request.resume();
            return answer(response, status, headers, body);
          },
        },
        async (scene) => {
          expect(await make(scene, newList(scene), scene.sources)).toMatchObject({ status: 0 });
          expect(digestsAt(scene.peer, NEW)).toEqual(digestsOf(scene));
        },
      );
    },
  );

  it.each([
    ["in its header", { "Retry-After": "0.4" }, ""],
    [
      "in its body",
      {},
      '{"errors":[{"code":"TOOMANYREQUESTS","message":"retry-after: 400ms, allowed: 9/s"}]}',
    ],
  ])(
    "does not come back before the time that a rate limit gives %s (containerd#10447)",
    async (_, headers, body) => {
      const times: number[] = [];
      const isList = ({ method, url = "" }: Incoming): boolean =>
        method === "PUT" && url.startsWith("/v2/team/app/manifests/");
      await withScene(
        {
          images: [{}],
          mounts: "allow",
          intercept: (request, response) => {
            if (!isList(request)) return false;
            times.push(performance.now());
            if (times.length > 1) return false;
            request.resume();
            return answer(response, 429, headers, body);
          },
        },
        async (scene) => {
          expect(await make(scene, newList(scene), scene.sources)).toMatchObject({ status: 0 });
          const [first = 0, second = 0] = times;
          expect(second - first).toBeGreaterThanOrEqual(395);
        },
      );
    },
  );

  it("says which request failed, and how, where somebody wants no second try", async () => {
    const intercept = ({ url = "" }: Incoming, response: Outgoing): boolean =>
      url.startsWith("/v2/src/1/") && answer(response, 503, {}, "upstream is being restarted");
    await withScene({ intercept }, async (scene) => {
      const network = ["--retries", "0"];
      const made = await make(scene, newList(scene), scene.sources, { network });
      expect(made).toMatchObject({ status: 1, stdout: "" });
      expect(made.stderr).toMatch(/upstream is being restarted/);
      expect(made.stderr).toMatch(/GET http:\/\/127\.0\.0\.1:\d+\/v2\/src\/1\/manifests\/v1 answered 503/);
      expect(scene.count(/\/v2\/src\/1\//)).toBe(1);
    });
  });
});

/** Passes on what comes to a port that belongs to root in most places; undefined where it cannot be had. */
async function forwardFrom(
  port: number,
  address: string,
  to: number,
): Promise<{ readonly close: () => void } | undefined> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    const other = connect(to, "127.0.0.1");
    sockets.push(socket, other);
    socket.on("error", () => other.destroy());
    other.on("error", () => socket.destroy());
    socket.pipe(other).pipe(socket);
  });
  const problem = await new Promise<Error | undefined>((resolve) => {
    server.once("error", resolve);
    server.listen(port, address, () => {
      resolve(undefined);
    });
  });
  if (problem !== undefined) {
    if (["EACCES", "EADDRINUSE"].includes(systemCode(problem) ?? "")) return undefined;
    throw problem;
  }
  return {
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

describe.each(dialects)("3: --insecure of $dialect", ({ make }) => {
  const network = ["--insecure"];
  const ELSEWHERE = "0.0.0.0"; // This machine, too, but not by a name that plain HTTP is taken for granted with.

  it("takes a registry by plain HTTP on a port of its own", async () => {
    await withScene({ address: ELSEWHERE }, async (scene) => {
      expect(await make(scene, newList(scene), scene.sources, { network })).toMatchObject({ status: 0 });
      expect(digestsAt(scene.peer, NEW)).toEqual(digestsOf(scene));
    });
  });

  it("takes a registry by plain HTTP that is named without a port, and has none of HTTPS (dc#2347, dc#3250)", async (test) => {
    await withScene({ domain: ELSEWHERE }, async (scene) => {
      const forward = await forwardFrom(80, ELSEWHERE, scene.peer.port);
      if (forward === undefined) {
        test.skip("port 80 cannot be had here");
        return;
      }
      try {
        expect(await make(scene, newList(scene), scene.sources, { network })).toMatchObject({ status: 0 });
        expect(digestsAt(scene.peer, NEW)).toEqual(digestsOf(scene));
      } finally {
        forward.close();
      }
    });
  });

  it("takes such a registry behind a proxy as well", async () => {
    await withScene({ domain: "registry.internal" }, async (scene) => {
      const proxy = await startProxy(scene.peer.port);
      try {
        const env = { http_proxy: `http://${proxy.host}`, https_proxy: `http://${proxy.host}` };
        const run: Scene["run"] = (...argv) => scene.runWith(env, ...argv);
        expect(await make({ run }, newList(scene), scene.sources, { network })).toMatchObject({ status: 0 });
        expect(digestsAt(scene.peer, NEW)).toEqual(digestsOf(scene));
      } finally {
        await proxy.close();
      }
    });
  });

  it.each(["127.0.0.1", ELSEWHERE])(
    "takes a certificate that nobody has signed, at %s (dc#1951)",
    async (address) => {
      await withScene({ speaks: "tls", certificate: "stranger", address }, async (scene) => {
        expect(await make(scene, newList(scene), scene.sources, { network })).toMatchObject({ status: 0 });
        expect(digestsAt(scene.peer, NEW)).toEqual(digestsOf(scene));
      });
    },
  );

  it("is named where it is missing", async () => {
    await withScene({ speaks: "tls", certificate: "stranger", address: ELSEWHERE }, async (scene) => {
      const made = await make(scene, newList(scene), scene.sources);
      expect(made.status).toBe(1);
      expect(made.stderr).toMatch(/certificate/);
      expect(made.stderr).toMatch(/--ca-file|--insecure/);
    });
    await withScene({ address: ELSEWHERE }, async (scene) => {
      const made = await make(scene, newList(scene), scene.sources);
      expect(made.status).toBe(1);
      expect(made.stderr).toMatch(/plain HTTP.*--insecure/s);
    });
  });

  it("is not needed for a registry whose CA is in a file", async () => {
    await withScene({ speaks: "tls" }, async (scene) => {
      const ca = ["--ca-file", certificateFile("ca")];
      expect(await make(scene, newList(scene), scene.sources, { network: ca })).toMatchObject({ status: 0 });
      expect(digestsAt(scene.peer, NEW)).toEqual(digestsOf(scene));
    });
  });

  it("has a sister that tries plain HTTP and nothing else", async () => {
    const tls = await startProxyThatCounts();
    try {
      await withScene({ domain: "registry.internal" }, async (scene) => {
        const proxy = await startProxy(scene.peer.port);
        const env = { http_proxy: `http://${proxy.host}`, https_proxy: `http://${tls.host}` };
        const run: Scene["run"] = (...argv) => scene.runWith(env, ...argv);
        const made = await make({ run }, newList(scene), scene.sources, { network: ["--plain-http"] });
        await proxy.close();
        expect(made).toMatchObject({ status: 0 });
        expect(tls.requests).toEqual([]);
      });
    } finally {
      await tls.close();
    }
  });
});

/** A proxy that nobody should use. */
const startProxyThatCounts = () => startProxy(1, 503);

describe.each(dialects)("8: mounts that are refused, by $dialect", ({ make }) => {
  it.each([
    ["opens an upload instead (ECR Public, containers-roadmap#2860)", "refuse202"],
    ["says 404 (Quay, mt#124)", 404],
    ["says 405 (GitLab)", 405],
  ] as const)("a registry that %s gets the blobs sent", async (_, mounts) => {
    await withScene({ mounts }, async (scene) => {
      expect(await make(scene, newList(scene), scene.sources)).toMatchObject({ status: 0 });
      expect(digestsAt(scene.peer, NEW)).toEqual(digestsOf(scene));
      expect(isComplete(scene.peer, NEW)).toBe(true);
      expect(scene.peer.openUploads()).toBe(0);
    });
  });
});

const USERS = { me: SECRETS.password };
const loggedIn = (host: string): object => ({ auths: { [host]: { auth: btoa(`me:${SECRETS.password}`) } } });

describe.each(dialects)("10: what $dialect asks a token server for", ({ make }) => {
  const scopesOf = ({ peer }: Scene): string[] =>
    peer.seen
      .filter(({ path }) => path.startsWith("/token"))
      .flatMap(({ path }) => new URL(path, "http://x").searchParams.getAll("scope"))
      .flatMap((scope) => scope.split(" "));

  it("is no more than it needs: GitLab gives nobody everything (dc#1010)", async () => {
    const allow: NonNullable<AuthOptions["allow"]> = (_, repository, action) =>
      action === "pull" || (action === "push" && repository === "team/app");
    const options: SceneOptions = {
      auth: { kind: "bearer", users: USERS, allow, post: false },
      config: loggedIn,
    };
    await withScene(options, async (scene) => {
      expect(await make(scene, newList(scene), scene.sources)).toMatchObject({ status: 0 });
      expect(digestsAt(scene.peer, NEW)).toEqual(digestsOf(scene));
      const scopes = new Set(scopesOf(scene));
      expect([...scopes].filter((scope) => scope.includes("*"))).toEqual([]);
      expect([...scopes].sort()).toEqual([
        "repository:src/0:pull",
        "repository:src/1:pull",
        "repository:team/app:pull,push",
      ]);
    });
  });
});

it("10 (dc#4345): a token that may only read is enough to look at an image", async () => {
  const auth: AuthOptions = { kind: "bearer", users: USERS, allow: (_, __, action) => action === "pull" };
  await withScene({ auth, config: loggedIn }, async (scene) => {
    const [source = ""] = scene.sources;
    expect(await scene.run("inspect", "-v", source)).toMatchObject({ status: 0, stderr: "" });
    expect(await scene.run("imagetools", "inspect", source)).toMatchObject({ status: 0, stderr: "" });
    expect(scene.peer.seen.filter(({ path }) => /push|%2A|\*/.test(path))).toEqual([]);
  });
});

describe.each(dialects)("19: credential helpers of $dialect", ({ make }) => {
  /** A folder on the PATH with a helper that does this. */
  function withHelper(scene: Scene, script: string): Pick<Scene, "run"> {
    const bin = join(scene.folder, "bin");
    mkdirSync(bin);
    const file = join(bin, "docker-credential-ecr-login");
    writeFileSync(file, `#!/bin/sh\ncat >/dev/null\n${script}\n`);
    chmodSync(file, 0o755);
    const PATH = `${bin}:${process.env["PATH"] ?? ""}`;
    return { run: (...argv) => scene.runWith({ PATH }, ...argv) };
  }
  const options: SceneOptions = {
    auth: { kind: "basic", users: USERS },
    config: (host) => ({ credHelpers: { [host]: "ecr-login" } }),
  };

  it.each([
    ["for this registry", options.config],
    ["for all registries", () => ({ credsStore: "ecr-login" })],
  ])("are asked, as docker asks them (%s)", async (_, config) => {
    await withScene({ ...options, ...(config && { config }) }, async (scene) => {
      const user = withHelper(scene, `echo '{"Username":"me","Secret":"${SECRETS.password}"}'`);
      expect(await make(user, newList(scene), scene.sources)).toMatchObject({ status: 0, stderr: "" });
      expect(digestsAt(scene.peer, NEW)).toEqual(digestsOf(scene));
    });
  });

  it("that are not installed are named, with the registry that they are for (mt#192)", async () => {
    await withScene(options, async (scene) => {
      const made = await make(scene, newList(scene), scene.sources);
      expect(made.status).toBe(1);
      expect(made.stderr).toContain(
        `WARNING: no credentials for ${scene.domain} from the credential helper: docker-credential-ecr-login is not on the PATH`,
      );
    });
  });

  it("that fail say how to see why, and not what they know (dc#2121)", async () => {
    await withScene(options, async (scene) => {
      const user = withHelper(scene, `echo 'the session has expired: ${SECRETS.helperSecret}'; exit 1`);
      const made = await make(user, newList(scene), scene.sources);
      expect(made.status).toBe(1);
      expect(made.stderr).toMatch(
        /docker-credential-ecr-login failed \(.*\); to see why: echo \S+ \| docker-credential-ecr-login get/,
      );
    });
  });
});

describe.each(dialects)(
  "21 (docker-manifest-create-action#857): a registry that lags, and $dialect",
  ({ make }) => {
    /** Shows the images only some time after the first question for one of them. */
    function lagging(ms: number): NonNullable<SceneOptions["intercept"]> {
      let shownAt = Infinity;
      return ({ method, url = "" }, response) => {
        if (method === "PUT" || !url.startsWith("/v2/src/")) return false;
        if (shownAt === Infinity) shownAt = performance.now() + ms;
        if (performance.now() >= shownAt) return false;
        const error = { code: "MANIFEST_UNKNOWN", message: "manifest unknown" };
        return answer(response, 404, {}, JSON.stringify({ errors: [error] }));
      };
    }

    it("waits for images that were pushed a moment ago, as long as it is told", async () => {
      await withScene({ intercept: lagging(600) }, async (scene) => {
        const made = await make(scene, newList(scene), scene.sources, { create: ["--wait", "30s"] });
        expect(made).toMatchObject({ status: 0 });
        expect(digestsAt(scene.peer, NEW)).toEqual(digestsOf(scene));
      });
    });

    it("fails at once without, and no later than it is told with it", async () => {
      await withScene({ intercept: lagging(60_000) }, async (scene) => {
        for (const create of [[], ["--wait", "400ms"]]) {
          const made = await make(scene, newList(scene), scene.sources, { create });
          expect(made).toMatchObject({ status: 1, stdout: "" });
          expect(made.stderr).toMatch(/src\/0:v1/);
        }
        // What the tag names may be asked, but is not changed.
        expect(scene.count(/^(?!GET|HEAD)/)).toBe(0);
      });
    });
  },
);

it.each(dialects)(
  "21: $dialect does not end before the registry shows the list that it was given",
  async ({ make }) => {
    let [putAt, shown] = [Infinity, 0];
    const intercept = ({ method, url = "" }: Incoming, response: Outgoing): boolean => {
      const isTag = url.includes("/v2/team/app/manifests/");
      if (method === "PUT" && isTag) putAt = performance.now();
      const isHidden = isTag && method !== "PUT" && performance.now() < putAt + 500 && putAt !== Infinity;
      if (isTag && method !== "PUT" && putAt !== Infinity && !isHidden) shown++;
      return isHidden && answer(response, 404, {}, "");
    };
    await withScene({ intercept }, async (scene) => {
      const made = await make(scene, newList(scene), scene.sources, { push: ["--wait", "30s"] });
      expect(made).toMatchObject({ status: 0 });
      expect(shown).toBeGreaterThan(0);
    });
  },
);

describe("18: folders that may not be read", () => {
  it.each(dialects)("certs.d does not keep $dialect from working (dc#1358, moby#41386)", async ({ make }) => {
    await withScene({}, async (scene) => {
      const folder = join(scene.folder, "xdg", "docker", "certs.d");
      mkdirSync(folder, { recursive: true });
      // A link to itself: root may read everything else.
      symlinkSync(scene.peer.host, join(folder, scene.peer.host));
      const env = { XDG_CONFIG_HOME: join(scene.folder, "xdg") };
      const run: Scene["run"] = (...argv) => scene.runWith(env, ...argv);
      const made = await make({ run }, newList(scene), scene.sources);
      expect(made).toMatchObject({ status: 0 });
      expect(made.stderr).toMatch(/^WARNING: .*certs\.d/);
      expect(digestsAt(scene.peer, NEW)).toEqual(digestsOf(scene));
    });
  });
});
