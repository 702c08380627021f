import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openLayout } from "../../src/content/layout.js";
import { execute, Push, type PushEvent } from "../../src/push/execute.js";
import { executeAll } from "../../src/push/executeAll.js";
import { planManifests, rootOf, type Plan } from "../../src/push/plan.js";
import { createRegistry } from "../../src/registry/createRegistry.js";
import { OCI_INDEX } from "../../src/oci/mediaTypes.js";
import { createTestRegistry, type ImageOptions, type TestRegistry } from "../../src/testing/index.js";
import { answer, startPeer, type Peer, type PeerOptions } from "../helpers/peer.js";
import { withScene, type Scene, type SceneOptions } from "../helpers/scene.js";
import { SECRETS } from "../helpers/secrets.js";
import { imageItem, indexOf, manifestOfBuilt, repositoryOf } from "../helpers/trees.js";

/** A push of what was pushed before, from here or from elsewhere; what it costs is in counts.test.ts. */

type Hook = NonNullable<SceneOptions["onRequest"]>;

const TWO: readonly ImageOptions[] = ["amd64", "arm64"].map((architecture) => ({
  architecture,
  layers: [architecture],
}));

const WITH_TOKEN: SceneOptions = {
  auth: { kind: "bearer", users: { me: SECRETS.password } },
  config: (host) => ({ auths: { [host]: { auth: btoa(`me:${SECRETS.password}`) } } }),
};

/** Pushes once, and says what a second push sends. */
async function again(
  options: SceneOptions,
  play: (scene: Scene, push: (...flags: string[]) => Promise<string[]>) => Promise<void>,
): Promise<void> {
  let isFirst = true;
  const onRequest: Hook = (request) => (isFirst ? undefined : options.onRequest?.(request));
  await withScene({ images: TWO, ...options, onRequest }, async (scene) => {
    expect(await scene.push()).toMatchObject({ status: 0 });
    await play(scene, async (...flags) => {
      isFirst = false;
      const earlier = scene.peer.requests.length;
      expect(await scene.push(...flags)).toMatchObject({ status: 0 });
      return scene.peer.requests.slice(earlier);
    });
  });
}

const changes = (sent: readonly string[]): string[] =>
  sent.filter((request) => !/^(?:GET|HEAD) /.test(request)).map((one) => one.replace(/\?.*/, ""));
const isTag = (path: string): boolean => path.endsWith("/team/app/manifests/v1");
const PUT_LIST = "PUT /v2/team/app/manifests/v1";
const MOUNT = "POST /v2/team/app/blobs/uploads/";

describe("a list that is there", () => {
  test("is told as unchanged, for machines and for people, and docker's lines are the same", async () => {
    await again({}, async (scene, push) => {
      expect(changes(await push())).toEqual([]);
      const { stdout } = await scene.push("--format", "json");
      expect(JSON.parse(stdout)).toMatchObject({
        status: "unchanged",
        tags: [scene.target],
        sent: { manifests: 0, mounted: 0, copied: 0, bytes: 0 },
      });
      const markdown = await scene.push("--format", "markdown");
      expect(markdown.stdout).toContain("is already in the registry");
      expect(await scene.push()).toMatchObject({ stdout: scene.pushed, stderr: "" });
      const log = await scene.push("--progress", "plain");
      expect(log.stderr).toContain(`${scene.domain}/team/app unchanged\n`);
    });
  });

  test("is read back where that is wanted, and then removed here", async () => {
    await again({}, async (scene, push) => {
      const sent = await push("--verify=blobs", "--purge");
      expect(changes(sent)).toEqual([]);
      expect(sent).toContain(`GET /v2/team/app/manifests/${scene.tag() ?? ""}`);
      expect(await scene.push()).toMatchObject({
        status: 1,
        stderr: expect.stringContaining("No such manifest") as string,
      });
    });
  });

  test("is found by what its tags are, where a registry does not say a manifest's digest", async () => {
    let peer: Peer | undefined;
    const onRequest: Hook = ({ method, path }) => {
      const [, reference] = /^\/v2\/team\/app\/manifests\/(.+)$/.exec(path) ?? [];
      const found = reference === undefined ? undefined : peer?.manifest("team/app", reference);
      if (found === undefined || !/^(?:GET|HEAD)$/.test(method)) return undefined;
      const { mediaType, body } = found;
      const headers = { "Content-Type": mediaType, "Content-Length": `${body.byteLength}` };
      return { status: 200, headers, ...(method === "GET" && { body }) };
    };
    await again({ onRequest }, async (scene, push) => {
      ({ peer } = scene);
      const sent = await push();
      expect(changes(sent)).toEqual([]);
      expect(sent.filter((request) => request.startsWith("GET"))).toEqual(["GET /v2/team/app/manifests/v1"]);
    });
  });

  test("is found by GET, where a registry knows no HEAD", async () => {
    await again(
      { onRequest: ({ method }) => (method === "HEAD" ? { status: 405 } : undefined) },
      async (_, push) => {
        const sent = await push();
        expect(changes(sent)).toEqual([]);
        expect(sent.filter((request) => request.startsWith("GET"))).toHaveLength(3);
      },
    );
  });

  test.each([500, 401, 403])("is put again where the tag's HEAD is answered by %i", async (status) => {
    const onRequest: Hook = ({ method, path }) => (method !== "PUT" && isTag(path) ? { status } : undefined);
    await again({ onRequest }, async (_, push) => {
      expect(changes(await push("--retries", "0"))).toEqual([PUT_LIST]);
    });
  });

  test("is there where the tag's HEAD is answered by 401 at first: another token is asked for", async () => {
    let count = 0;
    const onRequest: Hook = ({ method, path }) => {
      if (method !== "HEAD" || !isTag(path) || count++ > 0) return undefined;
      const challenge = `Bearer realm="http://${domain}/token",service="${domain}",error="invalid_token"`;
      return { status: 401, headers: { "WWW-Authenticate": challenge } };
    };
    let domain = "";
    await again({ ...WITH_TOKEN, onRequest }, async (scene, push) => {
      ({ domain } = scene);
      const sent = await push();
      expect(count).toBe(2);
      expect(sent.filter((request) => request.includes("/token"))).toHaveLength(2);
      expect(changes(sent)).toEqual([]);
    });
  });

  test.each([
    { answered: "what the tag names", status: 200, puts: [] },
    { answered: "401", status: 401, puts: [PUT_LIST] },
    { answered: "404", status: 404, puts: [PUT_LIST] },
  ])("is asked for where the tag's HEAD is redirected, which is answered by $answered there", async (one) => {
    const { status, puts } = one;
    let [place, domain, digest] = ["", "", ""];
    const seen: PeerOptions["intercept"] = (_, response) =>
      answer(response, status, {
        ...(status === 200 && {
          "Content-Type": OCI_INDEX,
          "Content-Length": "2",
          "Docker-Content-Digest": digest,
        }),
        ...(status === 401 && {
          "WWW-Authenticate": `Bearer realm="http://${place}/token",service="${domain}"`,
        }),
      });
    const elsewhere = await startPeer({ intercept: seen });
    place = elsewhere.host;
    const onRequest: Hook = ({ method, path }) =>
      method !== "PUT" && isTag(path)
        ? { status: 307, headers: { Location: `http://${place}/there` } }
        : undefined;
    try {
      await again({ ...WITH_TOKEN, onRequest }, async (scene, push) => {
        domain = scene.domain;
        digest = scene.tag() ?? "";
        expect(changes(await push("--retries", "0"))).toEqual(puts);
        // Whoever the registry leads to gets none of its credentials, and is asked for none.
        expect(elsewhere.requests.filter((request) => request !== "GET /there")).toEqual(["HEAD /there"]);
        expect(elsewhere.seen.flatMap(({ headers }) => headers.authorization ?? [])).toEqual([]);
        expect(scene.tag()).toBe(digest);
      });
    } finally {
      await elsewhere.close();
    }
  });

  test.each([
    { then: "is answered", puts: [] },
    // A question that can be done without is not worth more tries.
    { then: "is cut", puts: [PUT_LIST] },
  ])("is asked for again where the tag's HEAD is refused by a rate limit, and then $then", async (one) => {
    let count = 0;
    const onRequest: Hook = ({ method, path }) => {
      if (method !== "HEAD" || !isTag(path)) return undefined;
      count++;
      if (count === 1) return { status: 429, headers: { "Retry-After": "0" } };
      return one.then === "is cut" ? { cut: "before" } : undefined;
    };
    await again({ onRequest }, async (_, push) => {
      expect(changes(await push())).toEqual(one.puts);
      expect(count).toBeGreaterThan(1);
    });
  });

  test("is put where somebody has moved the tag between", async () => {
    await again({}, async (scene, push) => {
      scene.peer.putImage("team/app", { tag: "v1", seed: "another's" });
      expect(changes(await push())).toEqual([PUT_LIST]);
      expect((await scene.push()).stdout).toBe(scene.pushed);
    });
  });
});

describe("a list in a layout", () => {
  /** Writes it; what is told of that. */
  async function write(scene: Scene, ...flags: string[]): Promise<unknown> {
    const to = `oci-layout://${join(scene.folder, "out")}:v1`;
    const written = await scene.push("--to", to, "--format", "json", ...flags);
    expect(written).toMatchObject({ status: 0 });
    return JSON.parse(written.stdout);
  }

  test("is told as unchanged where all is there, and as pushed where anything is not", async () => {
    await withScene({ images: TWO }, async (scene) => {
      const [pushed, unchanged] = [{ status: "pushed" }, { status: "unchanged" }];
      expect(await write(scene)).toMatchObject(pushed);
      expect(await write(scene)).toMatchObject({ ...unchanged, sent: { manifests: 0, copied: 0, bytes: 0 } });
      // It has no name for it yet.
      expect(await write(scene, "--tag", "latest")).toMatchObject(pushed);
      expect(await write(scene, "--tag", "latest")).toMatchObject(unchanged);

      const blob = (digest: string): string => join(scene.folder, "out", "blobs", digest.replace(":", "/"));
      const [{ digest } = { digest: "" }] = scene.images;
      const whole = readFileSync(blob(digest));
      rmSync(blob(digest));
      expect(await write(scene)).toMatchObject(pushed);
      expect(readFileSync(blob(digest))).toEqual(whole);
      expect(await write(scene)).toMatchObject(unchanged);
    });
  });

  test("is unchanged there, and is pushed to a registry that has lost it", async () => {
    await withScene({ images: TWO }, async (scene) => {
      const registry = ["--tag", `${scene.domain}/team/app:v1`, "--cross-registry"];
      expect(await write(scene, ...registry)).toMatchObject({ status: "pushed" });
      expect(await write(scene, ...registry)).toMatchObject({ status: "unchanged" });
      const digest = scene.tag();
      scene.peer.deleteManifest("team/app", digest ?? "");
      expect(await write(scene, ...registry)).toMatchObject({ status: "pushed" });
      expect(scene.tag()).toBe(digest);
    });
  });
});

test("a tag that is moved while the registry takes its time over an image is moved back", async () => {
  let move: (() => void) | undefined;
  const onRequest: Hook = async ({ method, path }) => {
    if (method !== "HEAD" || isTag(path) || move === undefined) return undefined;
    const now = move;
    move = undefined;
    // The tag has been answered for by then.
    await new Promise((resolve) => setTimeout(resolve, 300));
    now();
    await new Promise((resolve) => setTimeout(resolve, 5_300));
    return undefined;
  };
  await again({ onRequest }, async (scene, push) => {
    const before = scene.tag();
    move = () => scene.peer.putImage("team/app", { tag: "v1", seed: "another's" });
    expect(changes(await push())).toEqual([PUT_LIST]);
    expect(scene.tag()).toBe(before);
  });
});

describe("what is remembered, and is wrong", () => {
  test("the repository was deleted: all is mounted and put as at first, one round trip later", async () => {
    await again({}, async (scene, push) => {
      const before = scene.tag();
      for (const { digest } of [...scene.images, { digest: before ?? "" }]) {
        scene.peer.deleteManifest("team/app", digest);
      }
      const sent = changes(await push());
      expect(sent.filter((request) => request === MOUNT)).toHaveLength(4);
      expect(sent.filter((request) => request.startsWith("PUT"))).toHaveLength(3);
      expect(scene.tag()).toBe(before);
    });
  });

  test("one image was taken away: its blobs alone are mounted, and the list is put again", async () => {
    await again({}, async (scene, push) => {
      const [gone] = scene.images;
      scene.peer.deleteManifest("team/app", gone?.digest ?? "");
      const sent = changes(await push());
      expect(sent.filter((request) => request === MOUNT)).toHaveLength(2);
      expect(sent.filter((request) => request.startsWith("PUT")).sort()).toEqual(
        [`PUT /v2/team/app/manifests/${gone?.digest ?? ""}`, PUT_LIST].sort(),
      );
    });
  });

  test.each([
    { what: "that has the images", isSeeded: true },
    { what: "that has nothing", isSeeded: false },
  ])("another registry has the name now, $what: what is sent is what a first push sends", async (one) => {
    let [another, host]: [TestRegistry | undefined, string] = [undefined, ""];
    const requests: string[] = [];
    const intercept: PeerOptions["intercept"] = (request, response) => {
      if (another === undefined) return false;
      requests.push(`${request.method ?? ""} ${request.url ?? ""}`);
      another.handler(request, response);
      return true;
    };
    await withScene({ images: TWO, intercept }, async (scene) => {
      const first = await scene.push();
      expect(first).toMatchObject({ status: 0 });
      host = scene.domain;
      const sentFirst = changes(scene.peer.requests);

      another = createTestRegistry();
      if (one.isSeeded)
        TWO.forEach((image, index) => another?.putImage(`src/${index}`, { tag: "v1", ...image }));
      const again = await scene.push("--retries", "0");
      if (one.isSeeded) {
        expect(again).toEqual({ ...first, log: again.log });
        expect(changes(requests).sort()).toEqual(sentFirst.sort());
        expect(another.manifest("team/app", "v1")?.digest).toBe(scene.tag());
        requests.length = 0;
        expect(await scene.push()).toMatchObject({ status: 0, stdout: first.stdout });
        expect(changes(requests)).toEqual([]);
      } else {
        expect(again).toMatchObject({ status: 1, stdout: "" });
        expect(again.stderr).toContain(`${host}/src/`);
        expect(another.tags("team/app")).toEqual([]);
      }
    });
  });

  test("an image is not answered for, and its mount is refused at first: all is done after all", async () => {
    let [digest, refused] = ["", 0];
    const onRequest: Hook = ({ method, path }) => {
      if (method === "HEAD" && path.endsWith(digest)) return { status: 503 };
      return method === "POST" && refused++ === 0 ? { status: 503 } : undefined;
    };
    await again({ onRequest }, async (scene, push) => {
      digest = scene.images[0]?.digest ?? "";
      const sent = changes(await push("--retries", "1"));
      // Two mounts, of which one is asked for twice.
      expect(sent.filter((request) => request === MOUNT)).toHaveLength(3);
      expect(sent.at(-1)).toBe(PUT_LIST);
    });
  });

  test("nothing is, where nothing was pushed to its end", async () => {
    let isRefused = true;
    const onRequest: Hook = ({ method, path }) =>
      isRefused && method === "PUT" && isTag(path) ? { status: 400 } : undefined;
    await withScene({ images: TWO, onRequest }, async (scene) => {
      expect(await scene.push()).toMatchObject({ status: 1 });
      isRefused = false;
      const earlier = scene.peer.requests.length;
      expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
      const sent = changes(scene.peer.requests.slice(earlier));
      expect(sent.filter((request) => request.startsWith("PUT"))).toEqual([PUT_LIST]);
      expect(await scene.push("--format", "json")).toMatchObject({
        status: 0,
        stdout: expect.stringContaining('"unchanged"') as string,
      });
    });
  });
});

describe("programs", () => {
  async function onPeers(
    play: (
      peers: readonly [Peer, Peer],
      plans: (...tags: string[]) => Plan[],
      open: Parameters<typeof execute>[1],
    ) => Promise<void>,
  ): Promise<void> {
    const peers = [await startPeer(), await startPeer()] as const;
    const clients = await Promise.all(peers.map(({ host }) => createRegistry({ domain: host, retries: 0 })));
    try {
      const sessions = clients.map((client) => client.session({ access: [] }));
      const item = imageItem(peers[0], "src/a", { layers: ["one"] });
      const root = indexOf([item.manifest]);
      const plans = (...tags: string[]): Plan[] =>
        peers.map((peer) =>
          planManifests({
            target: repositoryOf(peer, "team/app"),
            root,
            tags: tags.length === 0 ? ["v1"] : tags,
            items: [item],
          }),
        );
      await play(peers, plans, (location) => {
        if (location.kind === "layout") return openLayout(location.folder);
        return sessions[peers.findIndex(({ host }) => host === location.domain)]!.repository(location.path);
      });
    } finally {
      await Promise.all(clients.map((client) => client.close()));
      await Promise.all(peers.map((peer) => peer.close()));
    }
  }

  test("are told that nothing was put, and by no event that tags move", async () => {
    await onPeers(async (_, plans, open) => {
      const [planned] = plans();
      expect(await execute(planned!, open)).toMatchObject({ root: "put" });
      const events: PushEvent["kind"][] = [];
      const expected = (): boolean => true;
      const result = await execute(planned!, open, { expected, onEvent: ({ kind }) => events.push(kind) });
      expect(result).toMatchObject({ root: "present" });
      expect([...new Set(events)]).toEqual(["progress", "child", "blob", "unchanged"]);
    });
  });

  test("with several targets, a tag that is moved while another target is filled is moved back", async () => {
    await onPeers(async ([first, second], plans, open) => {
      const [one] = plans();
      const { digest } = await execute(one!, open);
      const moved: string[] = [];
      const results = await executeAll(plans(), open, {
        beforeTags: () => {
          first.putImage("team/app", { tag: "v1", seed: "another's" });
          return Promise.resolve();
        },
        onTagged: (target) => moved.push(target.kind === "registry" ? target.domain : ""),
      });
      expect(results.map(({ root }) => root)).toEqual(["put", "put"]);
      expect(moved.sort()).toEqual([first.host, second.host].sort());
      expect(first.manifest("team/app", "v1")?.digest).toBe(digest);
    });
  });

  test("with several targets, one of two tags that is moved meanwhile is moved back, too", async () => {
    await onPeers(async ([first], plans, open) => {
      const { digest } = await execute(plans("v1")[0]!, open);
      await executeAll(plans("v1", "v2"), open, {
        beforeTags: () => {
          first.putImage("team/app", { tag: "v1", seed: "another's" });
          return Promise.resolve();
        },
      });
      for (const tag of ["v1", "v2"]) expect(first.manifest("team/app", tag)?.digest).toBe(digest);
    });
  });

  test("that push a second plan are not told of it what was said of the first", async () => {
    await onPeers(async ([first], plans, open) => {
      const [planned] = plans();
      const { target } = planned!;
      await execute(planned!, open);
      const push = new Push(target, open, {
        expected: (digest) => digest === rootOf(planned!).manifest.digest,
      });
      await push.children(planned!);
      expect(push.isUnchanged).toBe(true);
      const root = indexOf([manifestOfBuilt(first.putImage("team/app", { kind: "oci", seed: "another" }))]);
      const second = planManifests({ target, root, tags: ["v1"], items: [] });
      await push.children(second);
      expect(push.isUnchanged).toBe(false);
      await push.root(second);
      expect(first.manifest("team/app", "v1")?.digest).toBe(root.digest);
    });
  });

  test("whose tags all name the list hear nothing of tags that are about to move", async () => {
    await onPeers(async (_, plans, open) => {
      await executeAll(plans(), open);
      const called: string[] = [];
      const results = await executeAll(plans(), open, {
        beforeTags: () => Promise.resolve(void called.push("before")),
        onTagged: () => called.push("tagged"),
      });
      expect(results.map(({ root }) => root)).toEqual(["present", "present"]);
      expect(called).toEqual([]);
    });
  });
});

test("what is remembered is no list's name, and nothing of the user's", async () => {
  await withScene({ images: TWO }, async (scene) => {
    await scene.push();
    const { readdirSync } = await import("node:fs");
    const folder = join(scene.folder, ".cache", "tsmanifest");
    const texts = readdirSync(folder).map((name) => `${name} ${readFileSync(join(folder, name), "utf8")}`);
    expect(texts.join("\n")).not.toContain("team");
  });
});
