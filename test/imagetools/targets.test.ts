import { connect } from "node:net";
import { createServer as createTlsServer } from "node:https";
import { beforeEach, describe, expect, it } from "vitest";
import { openLayout } from "../../src/content/layout.js";
import type { AuthOptions } from "../../src/testing/index.js";
import { putBuild, type Build } from "../helpers/builds.js";
import { certificate, certificateFile, privateKey } from "../helpers/certificates.js";
import { answer, listen, type Peer, type PeerOptions } from "../helpers/peer.js";
import { SECRETS } from "../helpers/secrets.js";
import { blobTransfersIn, changesIn, platformsOf, useWorkplace } from "../helpers/workplace.js";

/** One list in several registries and layouts: what is taken from where, and what has happened when one of them fails. */

const workplace = useWorkplace();

let hub: Peer;
let ghcr: Peer;
let builds: readonly Build[];
let sources: readonly string[];

/** Two builds in a registry, by the same digests wherever it is done. */
function build(registry: Peer, repository: string): Build[] {
  return ["amd64", "arm64"].map((architecture) =>
    putBuild(registry, repository, { architecture, tag: architecture, layers: 2 }),
  );
}

async function begin(ofHub: PeerOptions = {}, ofGhcr: PeerOptions = {}): Promise<void> {
  hub = await workplace.registry(ofHub);
  ghcr = await workplace.registry(ofGhcr);
  builds = build(hub, "me/app");
  sources = ["amd64", "arm64"].map((tag) => `${hub.host}/me/app:${tag}`);
}

const blobsOfBuilds = (): string[] =>
  builds.flatMap(({ image, attestation }) => [...image.blobs, ...attestation.blobs]);

const PLATFORMS = ["linux/amd64", "unknown/unknown", "linux/arm64", "unknown/unknown"];
/** docker's command line has the attestations behind the images. */
const DOCKER_PLATFORMS = ["linux/amd64", "linux/arm64", "unknown/unknown", "unknown/unknown"];

/** A list is there with all that it needs. */
function expectWhole(registry: Peer, repository: string, tag: string, platforms = PLATFORMS): void {
  expect(platformsOf(registry.manifest(repository, tag)?.body)).toEqual(platforms);
  for (const { image, attestation } of builds) {
    expect(registry.manifests(repository)).toEqual(
      expect.arrayContaining([image.digest, attestation.digest]),
    );
  }
  expect(registry.blobs(repository)).toEqual(expect.arrayContaining(blobsOfBuilds()));
}

/** A draft of the builds, by docker's command line. */
async function draft(): Promise<string> {
  const list = `${hub.host}/me/list:v1`;
  await workplace.out("create", list, ...sources);
  return list;
}

describe("imagetools create", () => {
  beforeEach(() => begin());

  it("gives one list its tags in two registries and a layout", async () => {
    const folder = workplace.path("out");
    const [one, other] = [`${hub.host}/me/list:v1`, `${ghcr.host}/you/list:v2`];
    await workplace.out(
      ...["imagetools", "create", "-t", one, "-t", other, "-t", `oci-layout://${folder}:v3`],
      ...sources,
    );
    expectWhole(hub, "me/list", "v1");
    expectWhole(ghcr, "you/list", "v2");
    const { digest } = await openLayout(folder).get("v3");
    expect([hub.manifest("me/list", "v1")?.digest, ghcr.manifest("you/list", "v2")?.digest]).toEqual([
      digest,
      digest,
    ]);
    // In the registry of the sources all is mounted.
    expect(hub.requests.filter((request) => /^(?:PUT|PATCH) \S+\/blobs\//.test(request))).toEqual([]);
    expect(hub.requests.filter((request) => /^POST \S+mount=/.test(request))).toHaveLength(
      new Set(blobsOfBuilds()).size,
    );
  });

  it.each([
    ["the target itself", "me/list", []],
    ["the path of the source", "me/app", []],
    ["a repository that gets the list, too", "build/cache", ["build/cache:v1"]],
  ])(
    "takes what the target's registry has in %s from there, without a byte passing",
    async (_, path, more) => {
      build(ghcr, path);
      const tags = ["me/list:v1", ...more].flatMap((name) => ["-t", `${ghcr.host}/${name}`]);
      await workplace.out("imagetools", "create", ...tags, ...sources);
      expectWhole(ghcr, "me/list", "v1");
      expect(blobTransfersIn(hub)).toEqual([]);
      expect(blobTransfersIn(ghcr)).toEqual([]);
    },
  );

  it("takes what the target's registry has in the repository of another source from there", async () => {
    build(ghcr, "build/cache");
    const other = `${ghcr.host}/build/cache:arm64`;
    await workplace.out("imagetools", "create", "-t", `${ghcr.host}/me/list:v1`, ...sources, other);
    expectWhole(ghcr, "me/list", "v1");
    expect([blobTransfersIn(hub), blobTransfersIn(ghcr)]).toEqual([[], []]);
  });

  it("downloads each blob once that the target's registry does not have, and what it has not at all", async () => {
    putBuild(ghcr, "me/app", { architecture: "amd64", layers: 2 });
    await workplace.out("imagetools", "create", "-t", `${ghcr.host}/me/list:v1`, ...sources);
    expectWhole(ghcr, "me/list", "v1");
    const [, arm] = builds;
    const [amd] = builds;
    const known = new Set([...(amd?.image.blobs ?? []), ...(amd?.attestation.blobs ?? [])]);
    const missing = [...(arm?.image.blobs ?? []), ...(arm?.attestation.blobs ?? [])];
    const wanted = missing
      .filter((digest) => !known.has(digest))
      .map((digest) => `GET /v2/me/app/blobs/${digest}`);
    expect(blobTransfersIn(hub).sort()).toEqual(wanted.sort());
  });

  it("says what was copied, and from where", async () => {
    const target = ["-t", `${ghcr.host}/me/list:v1`];
    const { stderr } = await workplace.run("imagetools", "create", ...target, ...sources);
    expect(stderr).toMatch(new RegExp(`^copied \\d+ blobs \\([^)]+\\), from ${hub.host}/me/app\n$`));
  });
});

describe("push --tag", () => {
  beforeEach(() => begin());

  it("wants --cross-registry for a registry that has nothing of the list, and changes nothing without", async () => {
    const list = await draft();
    const elsewhere = `${ghcr.host}/you/list:v1`;
    const refused = await workplace.run("push", "--tag", elsewhere, list);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toBe(
      `cannot use source images from a different registry than the target image: ${hub.host} != ${ghcr.host}\n` +
        "pass --cross-registry to push to have them copied: what the target does not have yet goes through this machine\n",
    );
    expect([changesIn(hub), changesIn(ghcr)]).toEqual([[], []]);

    const stdout = await workplace.out("push", "--cross-registry", "--tag", elsewhere, list);
    expectWhole(hub, "me/list", "v1", DOCKER_PLATFORMS);
    expectWhole(ghcr, "you/list", "v1", DOCKER_PLATFORMS);
    expect(stdout.trimEnd().split("\n").at(-1)).toBe(ghcr.manifest("you/list", "v1")?.digest);
  });

  it.each([
    ["the target itself", "you/list", []],
    ["the path of the source", "me/app", []],
    ["another target", "build/cache", ["build/cache:v1"]],
  ])("needs no flag where the registry has all of it in %s: nothing is copied", async (_, path, more) => {
    build(ghcr, path);
    const list = await draft();
    const before = [blobTransfersIn(hub).length, blobTransfersIn(ghcr).length];
    const tags = ["you/list:v1", ...more].flatMap((name) => ["--tag", `${ghcr.host}/${name}`]);
    await workplace.out("push", ...tags, list);
    expectWhole(hub, "me/list", "v1", DOCKER_PLATFORMS);
    expectWhole(ghcr, "you/list", "v1", DOCKER_PLATFORMS);
    expect([blobTransfersIn(hub).length, blobTransfersIn(ghcr).length]).toEqual(before);
  });

  it("wants the flag where the registry lacks one of the images", async () => {
    putBuild(ghcr, "me/app", { architecture: "amd64", layers: 2 });
    const list = await draft();
    const { status, stderr } = await workplace.run("push", "--tag", `${ghcr.host}/you/list:v1`, list);
    expect(status).toBe(1);
    expect(stderr).toContain("--cross-registry");
    expect([changesIn(hub), changesIn(ghcr)]).toEqual([[], []]);
  });
});

describe("when one of several targets fails", () => {
  const both = (): string[] => ["-t", `${hub.host}/me/list:v1`, "-t", `${ghcr.host}/you/list:v1`];
  const expectNoTag = (): void => {
    expect(hub.tags("me/list")).toEqual([]);
    expect(ghcr.tags("you/list")).toEqual([]);
  };

  async function runBoth(): Promise<string> {
    const created = await workplace.run("imagetools", "create", "--retries", "0", ...both(), ...sources);
    const list = await draft();
    const elsewhere = `${ghcr.host}/you/list:v1`;
    const flags = ["--retries", "0", "--cross-registry", "--tag", elsewhere];
    const pushed = await workplace.run("push", ...flags, list);
    expect([created.status, pushed.status]).toEqual([1, 1]);
    expect(pushed.stdout).not.toMatch(/^sha256:/m);
    return created.stderr + pushed.stderr;
  }

  it("no tag moves anywhere: a registry that is not there", async () => {
    await begin();
    await ghcr.close();
    expect(await runBoth()).toContain(ghcr.host);
    expectNoTag();
  });

  it("no tag moves anywhere: a registry that dies during the copies", async () => {
    let uploads = 0;
    await begin(
      {},
      {
        intercept: (request) => {
          if (request.method !== "PUT" || ++uploads < 3) return false;
          request.socket.destroy();
          return true;
        },
      },
    );
    await runBoth();
    expectNoTag();
  });

  it("no tag moves anywhere: uploads that are refused", async () => {
    await begin({}, { intercept: (request, response) => request.method === "POST" && answer(response, 403) });
    expect(await runBoth()).toContain(ghcr.host);
    expectNoTag();
  });

  it("no tag moves anywhere: images that are refused", async () => {
    await begin(
      {},
      {
        intercept: (request, response) =>
          request.method === "PUT" &&
          (request.url ?? "").includes("/manifests/sha256:") &&
          answer(response, 403),
      },
    );
    await runBoth();
    expectNoTag();
  });

  it("no tag moves anywhere: a blob that the source does not have", async () => {
    await begin();
    const [amd] = builds;
    const missing = amd?.image.blobs[1] ?? "";
    hub.deleteBlob("me/app", missing);
    expect(await runBoth()).toContain(missing);
    expectNoTag();
  });

  it.each(["imagetools create", "push"])(
    "%s says which tags have moved where only the last step fails",
    async (command) => {
      await begin(
        {},
        {
          intercept: (request, response) =>
            request.method === "PUT" &&
            (request.url ?? "").includes("/manifests/v1") &&
            answer(response, 403),
        },
      );
      const list = await draft();
      const { status, stderr } =
        command === "push"
          ? await workplace.run("push", "--cross-registry", "--tag", `${ghcr.host}/you/list:v1`, list)
          : await workplace.run("imagetools", "create", ...both(), ...sources);
      expect(status).toBe(1);
      expect(stderr).toContain(`WARNING: in ${hub.host}/me/list the tags have moved already\n`);
      expect(stderr).toContain("403");
      expect(stderr).toContain(`${ghcr.host}/v2/you/list/manifests/v1`);
      expect(hub.tags("me/list")).toEqual(["v1"]);
      expect(ghcr.tags("you/list")).toEqual([]);
    },
  );

  it("a second try moves all of them, and copies nothing again", async () => {
    let isRefused = true;
    await begin(
      {},
      {
        intercept: (request, response) =>
          isRefused &&
          /PUT \S+\/manifests\/v1/.test(`${request.method ?? ""} ${request.url ?? ""}`) &&
          answer(response, 403),
      },
    );
    await workplace.run("imagetools", "create", ...both(), ...sources);
    isRefused = false;
    const before = ghcr.requests.length;
    await workplace.out("imagetools", "create", ...both(), ...sources);
    expectWhole(hub, "me/list", "v1");
    expectWhole(ghcr, "you/list", "v1");
    expect(blobTransfersIn({ ...ghcr, requests: ghcr.requests.slice(before) })).toEqual([]);
  });
});

describe("two registries with a token server each", () => {
  interface User {
    readonly name: string;
    readonly password: string;
  }
  const hubUser: User = { name: "hub-user", password: SECRETS.password };
  const ghcrUser: User = { name: "ghcr-user", password: SECRETS.helperSecret };
  const bearer = ({ name, password }: User): AuthOptions => ({
    kind: "bearer",
    users: { [name]: password },
  });
  const basic = ({ name, password }: User): string => Buffer.from(`${name}:${password}`).toString("base64");

  beforeEach(async () => {
    await begin({ auth: bearer(hubUser) }, { auth: bearer(ghcrUser) });
    const auths = { [hub.host]: { auth: basic(hubUser) }, [ghcr.host]: { auth: basic(ghcrUser) } };
    workplace.write("config.json", JSON.stringify({ auths }));
  });

  const scopesOf = (registry: Peer): string[][] =>
    registry.requests.flatMap((request) => {
      const query = /^GET \/token\?(.*)/.exec(request)?.[1];
      return query === undefined ? [] : [new URLSearchParams(query).getAll("scope")];
    });

  /** What a registry and its token server were shown, and by whom. */
  function expectOwnCredentials(): void {
    for (const [registry, own, other] of [
      [hub, hubUser, ghcrUser],
      [ghcr, ghcrUser, hubUser],
    ] as const) {
      const shown = registry.seen.map(({ headers }) => headers.authorization ?? "");
      expect(shown).toContain(`Basic ${basic(own)}`);
      expect(shown).not.toContain(`Basic ${basic(other)}`);
      const tokens = registry.seen.filter(({ path }) => path.startsWith("/token"));
      const others = registry.seen.filter(({ path }) => !path.startsWith("/token"));
      expect(tokens.every(({ headers }) => headers.authorization === `Basic ${basic(own)}`)).toBe(true);
      // The password goes to the token server alone.
      expect(others.every(({ headers }) => headers.authorization?.startsWith("Basic ") !== true)).toBe(true);
    }
    const bearers = (registry: Peer): string[] =>
      registry.seen.flatMap(({ headers }) => headers.authorization?.match(/^Bearer .*/)?.[0] ?? []);
    const shared = bearers(hub).filter((token) => bearers(ghcr).includes(token));
    expect(shared).toEqual([]);
  }

  it("get their own user's password each, and are asked for no more than is needed", async () => {
    const tags = ["-t", `${hub.host}/me/list:v1`, "-t", `${ghcr.host}/you/list:v1`];
    await workplace.out("imagetools", "create", ...tags, ...sources);
    expectWhole(ghcr, "you/list", "v1");
    expectOwnCredentials();
    expect(scopesOf(hub)).toEqual([["repository:me/list:pull,push", "repository:me/app:pull"]]);
    // It may have the images in the repository that is called like their own.
    expect(scopesOf(ghcr)).toEqual([["repository:you/list:pull,push", "repository:me/app:pull"]]);
  });

  it("get the same from docker's command line", async () => {
    const list = await draft();
    const read = scopesOf(hub);
    expect(read).toEqual([["repository:me/app:pull"]]);
    await workplace.out("push", "--cross-registry", "--tag", `${ghcr.host}/you/list:v1`, list);
    expectOwnCredentials();
    expect(scopesOf(hub).slice(1)).toEqual([["repository:me/list:pull,push", "repository:me/app:pull"]]);
    expect(scopesOf(ghcr)).toEqual([["repository:you/list:pull,push", "repository:me/app:pull"]]);
  });

  it("are told apart when a password is wrong: nothing has moved in the other", async () => {
    const auths = { [hub.host]: { auth: basic(hubUser) }, [ghcr.host]: { auth: basic(hubUser) } };
    workplace.write("config.json", JSON.stringify({ auths }));
    const tags = ["-t", `${hub.host}/me/list:v1`, "-t", `${ghcr.host}/you/list:v1`];
    const { status, stderr } = await workplace.run("imagetools", "create", ...tags, ...sources);
    expect(status).toBe(1);
    expect(stderr).toContain(ghcr.host);
    expect([hub.tags("me/list"), ghcr.tags("you/list")]).toEqual([[], []]);
  });
});

describe("behind a proxy that is spoken to by TLS", () => {
  it("both registries are reached through tunnels, and by no other way", async () => {
    const tls = { speaks: "h2", address: "0.0.0.0" } as const;
    await begin(tls, tls);
    const tunnels: string[] = [];
    const server = createTlsServer({ cert: certificate("server"), key: privateKey("server") });
    server.on("connect", (request, client) => {
      tunnels.push(request.url ?? "");
      const port = Number(request.url?.split(":").at(-1));
      const upstream = connect(port, "127.0.0.1", () => {
        client.write("HTTP/1.1 200 OK\r\n\r\n");
        upstream.pipe(client).pipe(upstream);
      });
      upstream.on("error", () => client.destroy());
      client.on("error", () => upstream.destroy());
    });
    const proxy = await listen(server);
    try {
      const env = { HTTPS_PROXY: `https://127.0.0.1:${proxy.port}` };
      const flags = ["--ca-file", certificateFile("ca")];
      const tags = ["-t", `${hub.host}/me/list:v1`, "-t", `${ghcr.host}/you/list:v1`];
      const result = await workplace.runWith(env, "imagetools", "create", ...flags, ...tags, ...sources);
      expect(result).toMatchObject({ status: 0, stdout: "" });
      expectWhole(hub, "me/list", "v1");
      expectWhole(ghcr, "you/list", "v1");
      expect(new Set(tunnels)).toEqual(new Set([hub.host, ghcr.host]));
      expect(hub.connections + ghcr.connections).toBe(tunnels.length);
    } finally {
      await proxy.close();
    }
  });
});
