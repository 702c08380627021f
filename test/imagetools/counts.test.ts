import { describe, expect, it } from "vitest";
import type { ImageOptions } from "../../src/testing/index.js";
import { certificateFile } from "../helpers/certificates.js";
import { inRounds } from "../helpers/rounds.js";
import { withScene, type Scene, type SceneOptions } from "../helpers/scene.js";
import { SECRETS } from "../helpers/secrets.js";

/**
 * What `imagetools create` may cost, in requests and dependent round trips. Five images of four blobs, none of which they share:
 * beside each other 5 manifests and what the tag names; 20 mounts, 5 questions whether the image is there, 5 configs, 5 questions for what refers to
 * it; 5 images; the list.
 */
const IMAGES: readonly ImageOptions[] = ["amd64", "arm64", "s390x", "ppc64le", "riscv64"].map(
  (architecture) => ({ architecture, layers: [1, 2, 3].map((layer) => `layer ${layer} of ${architecture}`) }),
);
/** Two images of two blobs. */
const SMALL: readonly ImageOptions[] = ["amd64", "arm64"].map((architecture) => ({
  architecture,
  layers: [`layer of ${architecture}`],
}));

const AUTH: SceneOptions = {
  auth: { kind: "bearer", users: { me: SECRETS.password } },
  config: (host) => ({ auths: { [host]: { auth: btoa(`me:${SECRETS.password}`) } } }),
};
const TLS1: SceneOptions = { speaks: "tls", address: "0.0.0.0" };
const HTTP2: SceneOptions = { speaks: "h2", address: "0.0.0.0" };
const TLS = ["--ca-file", certificateFile("ca")];

const create = (scene: Scene, ...flags: string[]): ReturnType<Scene["run"]> =>
  scene.run("imagetools", "create", ...flags, "-t", `${scene.domain}/me/new:v1`, ...scene.sources);

const kinds = ({ count }: Scene): Record<string, number> => ({
  manifests: count(/^GET .*\/manifests\//),
  configs: count(/^GET .*\/blobs\//),
  referrers: count(/^GET .*\/referrers\//),
  mounts: count(/^POST .*mount=/),
  heads: count(/^HEAD .*\/manifests\/sha256:/),
  asked: count(/^HEAD .*\/manifests\/v1$/),
  children: count(/^PUT .*\/manifests\/sha256:/),
  tags: count(/^PUT .*\/manifests\/v1$/),
  tokens: count(/\/token/),
});

describe.each([
  { name: "HTTP", options: {}, flags: [], tokens: 0 },
  { name: "HTTP with a bearer token", options: AUTH, flags: [], tokens: 1 },
  { name: "HTTPS over HTTP/1.1", options: TLS1, flags: TLS, tokens: 0 },
  { name: "HTTP/2", options: HTTP2, flags: TLS, tokens: 0 },
  { name: "HTTP/2 with a bearer token", options: { ...HTTP2, ...AUTH }, flags: TLS, tokens: 1 },
])("imagetools create of five images by $name", ({ options, flags, tokens }) => {
  it("costs no more requests than it must", async () => {
    await withScene({ ...options, images: IMAGES }, async (scene) => {
      expect(await create(scene, ...flags)).toMatchObject({ status: 0 });
      // Where a token is wanted, or somebody might want one, one request goes ahead: what the tag names.
      expect(kinds(scene)).toEqual({
        manifests: 5,
        configs: 5,
        referrers: 5,
        mounts: 20,
        heads: 5,
        asked: 1 + tokens,
        children: 5,
        tags: 1,
        tokens,
      });
    });
  });
});

/**
 * Over HTTP/1.1 eight requests go at once at first, and how many soon is a matter of time: what fits into eight tells how many
 * round trips there are. Two images of a config alone: a mount and three questions each.
 */
const FEW: readonly ImageOptions[] = ["amd64", "arm64"].map((architecture) => ({ architecture, layers: [] }));

describe("imagetools create takes four round trips behind authentication", () => {
  it.each([
    { name: "HTTP", options: {}, images: FEW, flags: [], rounds: [3, 8, 2, 1] },
    { name: "HTTP with a token", options: AUTH, images: FEW, flags: [], rounds: [1, 1, 3, 8, 2, 1] },
    { name: "HTTPS over HTTP/1.1", options: TLS1, images: FEW, flags: TLS, rounds: [1, 2, 8, 2, 1] },
    {
      name: "HTTPS over HTTP/1.1 with a token",
      options: { ...TLS1, ...AUTH },
      images: FEW,
      flags: TLS,
      rounds: [1, 1, 3, 8, 2, 1],
    },
    { name: "HTTP/2", options: HTTP2, images: IMAGES, flags: TLS, rounds: [1, 5, 35, 5, 1] },
    {
      name: "HTTP/2 with a token",
      options: { ...HTTP2, ...AUTH },
      images: IMAGES,
      flags: TLS,
      rounds: [1, 1, 6, 35, 5, 1],
    },
  ])("by $name", async ({ options, images, flags, rounds }) => {
    const gate = inRounds(rounds);
    await withScene({ ...options, ...gate, images }, async (scene) => {
      expect(await create(scene, ...flags, "--concurrency", "100")).toMatchObject({ status: 0 });
      expect(gate.done()).toBe(true);
    });
  });
});

describe("imagetools create of what it has made before", () => {
  it("mounts nothing and puts nothing, in two round trips", async () => {
    let gate: ReturnType<typeof inRounds> | undefined;
    const onRequest: SceneOptions["onRequest"] = (request) => gate?.onRequest?.(request);
    await withScene({ onRequest, images: SMALL }, async (scene) => {
      expect(await create(scene)).toMatchObject({ status: 0 });
      const earlier = scene.peer.requests.length;
      gate = inRounds([3, 6]);
      expect(await create(scene)).toMatchObject({ status: 0 });
      expect(gate.done()).toBe(true);
      const again = scene.peer.requests.slice(earlier);
      expect(again.filter((request) => !/^(?:GET|HEAD) /.test(request))).toEqual([]);
      expect(again).toHaveLength(9);
    });
  });
});

describe("imagetools create of a source that is named twice", () => {
  it("asks once what its tag names", async () => {
    await withScene({ images: SMALL }, async (scene) => {
      const [source = ""] = scene.sources;
      const command = ["imagetools", "create", "-t", `${scene.domain}/me/new:v1`, source, source];
      expect(await scene.run(...command)).toMatchObject({ status: 0 });
      expect(kinds(scene)).toMatchObject({ manifests: 1, configs: 1, heads: 1, tags: 1 });
    });
  });
});
