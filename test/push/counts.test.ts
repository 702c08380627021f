import { describe, expect, test } from "vitest";
import type { ImageOptions } from "../../src/testing/index.js";
import { peakConcurrency } from "../../src/testing/index.js";
import { certificateFile } from "../helpers/certificates.js";
import { inRounds } from "../helpers/rounds.js";
import { withScene, type Scene, type SceneOptions } from "../helpers/scene.js";
import { SECRETS } from "../helpers/secrets.js";

/**
 * What a push may cost, in requests, connections and dependent round trips. Five images of four blobs each (a config, a
 * layer of their own, two that all share): 5 + 5 + 2 blobs to mount. Beside these each image is asked for, and the tag.
 */
const SHARED = ["shared layer one", "shared layer two"];
const IMAGES: readonly ImageOptions[] = ["amd64", "arm64", "s390x", "ppc64le", "riscv64"].map(
  (architecture) => ({
    architecture,
    layers: [`layer of ${architecture}`, ...SHARED],
  }),
);
const MOUNTS = 12;
const QUESTIONS = IMAGES.length + 1;
/**
 * Over HTTP/1.1 eight requests go at once at first, and how many soon is a matter of time: what fits into eight tells how many
 * round trips there are. Two images of two blobs: three questions and four mounts.
 */
const FEW: readonly ImageOptions[] = ["amd64", "arm64"].map((architecture) => ({
  architecture,
  layers: [`layer of ${architecture}`],
}));
const FIRST_PUSH = QUESTIONS + MOUNTS + IMAGES.length + 1;

const auth: SceneOptions = {
  auth: { kind: "bearer", users: { me: SECRETS.password } },
  config: (host) => ({ auths: { [host]: { auth: btoa(`me:${SECRETS.password}`) } } }),
};
const TRANSPORTS: readonly {
  readonly name: string;
  readonly options: SceneOptions;
  /** Is it clear from the name that nobody asks for credentials there? */
  readonly isOpen: boolean;
  readonly flags: readonly string[];
  readonly protocol: string;
}[] = [
  { name: "HTTP", options: {}, isOpen: true, flags: [], protocol: "HTTP/1.1" },
  {
    name: "HTTPS over HTTP/1.1",
    options: { speaks: "tls", address: "0.0.0.0" },
    isOpen: false,
    flags: ["--ca-file", certificateFile("ca")],
    protocol: "HTTP/1.1",
  },
  {
    name: "HTTPS over HTTP/2",
    options: { speaks: "h2", address: "0.0.0.0" },
    isOpen: false,
    flags: ["--ca-file", certificateFile("ca")],
    protocol: "HTTP/2.0",
  },
];

const kinds = ({ count }: Scene) => ({
  mounts: count(/^POST .*mount=/),
  heads: count(/^HEAD .*\/manifests\//),
  children: count(/^PUT .*\/manifests\/sha256:/),
  tags: count(/^PUT .*\/manifests\/v1$/),
  tokens: count(/\/token/),
  pings: count(/ \/v2\/$/),
});

describe.each(TRANSPORTS)("a first push by $name", ({ options, flags, protocol, isOpen }) => {
  test.each([
    { credentials: "without auth", more: {}, extra: 0, tokens: 0 },
    { credentials: "with a bearer token", more: auth, extra: 2, tokens: 1 },
  ])("costs no more requests than it must, $credentials", async ({ more, extra, tokens }) => {
    await withScene({ ...options, ...more, images: IMAGES }, async (scene) => {
      expect(await scene.push(...flags)).toMatchObject({ status: 0, stdout: scene.pushed });
      const heads = QUESTIONS + (tokens > 0 ? 1 : 0);
      expect(kinds(scene)).toEqual({ mounts: MOUNTS, heads, children: 5, tags: 1, tokens, pings: 0 });
      expect(scene.peer.seen).toHaveLength(FIRST_PUSH + extra);
      expect(new Set(scene.peer.log.map((request) => request.protocol))).toEqual(new Set([protocol]));
    });
  });

  // Without credentials, and not on a loopback name, the first request goes alone: it finds out what is wanted.
  // Where one request goes ahead, it is a child's: what nobody else needs of it is not mounted.
  const { first, rest } = protocol === "HTTP/2.0" ? { first: 18, rest: [5, 1] } : { first: 7, rest: [2, 1] };
  test.each([
    { credentials: "without auth", more: {}, rounds: isOpen ? [first] : [1, first - 1] },
    { credentials: "with a bearer token", more: auth, rounds: [1, 1, first] },
  ])("takes three round trips, $credentials, and at most two before them", async ({ more, rounds }) => {
    const gate = inRounds([...rounds, ...rest]);
    const images = protocol === "HTTP/2.0" ? IMAGES : FEW;
    await withScene({ ...options, ...more, ...gate, images }, async (scene) => {
      expect(await scene.push(...flags)).toMatchObject({ status: 0 });
      expect(gate.done()).toBe(true);
    });
  });

  test("takes one connection over HTTP/2, and no more than the limit over HTTP/1.1", async () => {
    await withScene({ ...options, images: IMAGES }, async (scene) => {
      await scene.push(...flags, "--concurrency", "4");
      expect(peakConcurrency(scene.peer.log)).toBeLessThanOrEqual(4);
      expect(scene.peer.connections).toBeLessThanOrEqual(protocol === "HTTP/2.0" ? 1 : 4);
    });
  });
});

/** The tags that each of the scene's lists is pushed under. */
const TAGS = ["--tag", "latest", "--tag", "1"];

describe.each(TRANSPORTS)("a repeated push by $name", ({ options, flags, protocol, isOpen }) => {
  test.each([
    { credentials: "without auth", more: {}, rounds: isOpen ? [8] : [1, 7], tokens: 0 },
    { credentials: "with a bearer token", more: auth, rounds: [1, 1, 8], tokens: 1 },
  ])("asks for each image and each tag, in one round trip, and sends nothing, $credentials", async (one) => {
    const { more, rounds, tokens } = one;
    let gate: ReturnType<typeof inRounds> | undefined;
    const onRequest: SceneOptions["onRequest"] = (request) => gate?.onRequest?.(request);
    await withScene({ ...options, ...more, onRequest, images: IMAGES }, async (scene) => {
      const first = await scene.push(...flags, ...TAGS);
      const earlier = scene.peer.seen.length;
      const connections = scene.peer.connections;
      gate = inRounds(rounds);
      const again = await scene.push(...flags, ...TAGS);
      expect([again.status, again.stdout]).toEqual([first.status, first.stdout]);
      expect(again).toMatchObject({ status: 0, stdout: scene.pushed });
      expect(gate.done()).toBe(true);
      const names = [...scene.images.map(({ digest }) => digest), "v1", "latest", "1"];
      const asked = names.map((name) => `HEAD /v2/team/app/manifests/${name}`);
      const sent = scene.peer.requests.slice(earlier);
      const isToken = (request: string): boolean => request.includes("/token");
      expect(sent.filter(isToken)).toHaveLength(tokens);
      // What is refused for want of a token is sent again.
      const refused = tokens === 0 ? [] : [asked[0]];
      expect(sent.filter((request) => !isToken(request)).sort()).toEqual([...asked, ...refused].sort());
      if (options.speaks === "h2") expect(scene.peer.connections - connections).toBe(1);
    });
  });

  test.each([
    { credentials: "without auth", more: {}, rounds: isOpen ? [8, 1] : [1, 7, 1] },
    { credentials: "with a bearer token", more: auth, rounds: [1, 1, 8, 1] },
  ])("puts the list under the one tag that names something else, $credentials", async ({ more, rounds }) => {
    let gate: ReturnType<typeof inRounds> | undefined;
    const onRequest: SceneOptions["onRequest"] = (request) => gate?.onRequest?.(request);
    await withScene({ ...options, ...more, onRequest, images: IMAGES }, async (scene) => {
      await scene.push(...flags, ...TAGS);
      scene.peer.putImage("team/app", { tag: "latest", seed: "somebody else's" });
      const earlier = scene.peer.seen.length;
      gate = inRounds(rounds);
      expect(await scene.push(...flags, ...TAGS)).toMatchObject({ status: 0, stdout: scene.pushed });
      expect(gate.done()).toBe(true);
      expect(scene.peer.manifest("team/app", "latest")?.digest).toBe(scene.tag());
      const sent = scene.peer.requests.slice(earlier).filter((request) => !/^(HEAD|GET) /.test(request));
      expect(sent).toEqual(["PUT /v2/team/app/manifests/latest"]);
    });
  });

  test("with one image that is new mounts its blobs beside the questions, in three round trips", async () => {
    const more: ImageOptions = { architecture: "mips64le", layers: ["layer of mips64le", ...SHARED] };
    let gate: ReturnType<typeof inRounds> | undefined;
    const onRequest: SceneOptions["onRequest"] = (request) => gate?.onRequest?.(request);
    const images = protocol === "HTTP/2.0" ? IMAGES : IMAGES.slice(0, 2);
    await withScene({ ...options, onRequest, images }, async (scene) => {
      await scene.push(...flags);
      scene.peer.putImage("src/new", { tag: "v1", ...more });
      const source = `${scene.domain}/src/new:v1`;
      const made = await scene.run("create", "--amend", ...flags, scene.target, source);
      expect(made).toMatchObject({ status: 0 });
      const earlier = scene.peer.seen.length;
      // All images, a tag, and the four blobs of the new one: those that it shares are needed after all.
      const level = images.length + 1 + 1 + 4;
      gate = inRounds(isOpen ? [level, 1, 1] : [1, level - 1, 1, 1]);
      expect(await scene.push(...flags)).toMatchObject({ status: 0 });
      expect(gate.done()).toBe(true);
      const sent = scene.peer.requests.slice(earlier);
      expect(sent.filter((request) => request.startsWith("POST"))).toHaveLength(4);
      expect(sent.filter((request) => request.startsWith("PUT"))).toHaveLength(2);
    });
  });
});

describe("other commands", () => {
  test("a remote list inspected is one request", async () => {
    await withScene({ images: IMAGES }, async (scene) => {
      const list = scene.peer.putList("remote/list", { tag: "v1", children: scene.images });
      expect(await scene.run("inspect", `${scene.domain}/remote/list:v1`)).toMatchObject({ status: 0 });
      expect(list.digest).toMatch(/^sha256:/);
      expect(scene.peer.requests).toEqual(["GET /v2/remote/list/manifests/v1"]);
    });
  });

  test("create gets each manifest, then its config, each config once, all at once", async () => {
    // The same configuration under two manifests, which differ in their layers' order of annotations.
    const twin = { architecture: "amd64", layers: ["same"] };
    const images = [twin, { ...twin, annotations: { twin: "yes" } }, ...IMAGES];
    await withScene({ ...inRounds([7, 6]), images }, async (scene) => {
      const made = await scene.run("create", `${scene.domain}/team/new:v1`, ...scene.sources);
      expect(made).toMatchObject({ status: 0 });
      expect(scene.count(/^GET .*\/manifests\//)).toBe(7);
      expect(scene.count(/^GET .*\/blobs\//)).toBe(6);
      expect(scene.peer.seen).toHaveLength(13);
    });
  });

  test("create needs one token for all sources", async () => {
    await withScene({ ...auth, images: IMAGES }, async (scene) => {
      const made = await scene.run("create", `${scene.domain}/team/new:v1`, ...scene.sources);
      expect(made).toMatchObject({ status: 0 });
      expect(scene.count(/\/token/)).toBe(1);
      expect(scene.peer.seen).toHaveLength(5 + 5 + 2);
    });
  });
});
