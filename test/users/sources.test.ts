import { describe, expect, it } from "vitest";
import { DOCKER_LIST, OCI_INDEX } from "../../src/oci/mediaTypes.js";
import { putBuild } from "../helpers/builds.js";
import { startPeer } from "../helpers/peer.js";
import { withScene } from "../helpers/scene.js";
import { attestedAt, digestsAt, isComplete, listAt, platformsAt, putMultiBuild } from "./contents.js";
import { dialects } from "./dialects.js";

/**
 * What users ask of where images come from. The number is that of the ask; behind it is the thread in which somebody has
 * asked for it (dc: docker/cli, bx: docker/buildx, mt: estesp/manifest-tool).
 */

const AMD64 = { architecture: "amd64" };
const ARM64 = { architecture: "arm64" };

describe.each(dialects)("sources of $dialect", ({ make, fromElsewhere }) => {
  describe("1 (bx#1509, mt#199): buildx has made an index of every image, for its provenance", () => {
    it("makes one list of them, and each attestation still says which image it is for", async () => {
      await withScene({ images: [] }, async (scene) => {
        const amd64 = putBuild(scene.peer, "build/app", { ...AMD64, tag: "amd64" });
        const arm64 = putBuild(scene.peer, "build/app", { ...ARM64, tag: "arm64" });
        const sources = ["amd64", "arm64"].map((tag) => `${scene.domain}/build/app:${tag}`);
        expect(await make(scene, `${scene.domain}/team/app:v2`, sources)).toMatchObject({ status: 0 });

        expect(listAt(scene.peer, "team/app:v2").mediaType).toBe(OCI_INDEX);
        expect(platformsAt(scene.peer, "team/app:v2").sort()).toEqual([
          "linux/amd64",
          "linux/arm64",
          "unknown/unknown",
          "unknown/unknown",
        ]);
        const attested = [amd64, arm64].map(({ attestation, image }) => [attestation.digest, image.digest]);
        expect(attestedAt(scene.peer, "team/app:v2").sort()).toEqual(attested.sort());
        expect(isComplete(scene.peer, "team/app:v2")).toBe(true);
      });
    });

    it("leaves the attestations out where that is what somebody wants", async () => {
      await withScene({ images: [] }, async (scene) => {
        const { images } = putMultiBuild(scene.peer, "build/app:all", AMD64, ARM64);
        const flags = { create: ["--attestations", "drop"] };
        const made = await make(
          scene,
          `${scene.domain}/team/app:v2`,
          [`${scene.domain}/build/app:all`],
          flags,
        );
        expect(made).toMatchObject({ status: 0, stderr: "" });
        expect(digestsAt(scene.peer, "team/app:v2")).toEqual(images.map(({ digest }) => digest));
        expect(scene.peer.manifests("team/app")).toHaveLength(3);
      });
    });

    it("takes one platform of an index, and its attestation with it", async () => {
      await withScene({ images: [] }, async (scene) => {
        const { images, attestations } = putMultiBuild(scene.peer, "build/app:all", AMD64, ARM64);
        const flags = { create: ["--platform", "linux/arm64"] };
        const made = await make(
          scene,
          `${scene.domain}/team/app:v2`,
          [`${scene.domain}/build/app:all`],
          flags,
        );
        expect(made).toMatchObject({ status: 0, stderr: "" });
        expect(digestsAt(scene.peer, "team/app:v2")).toEqual([images[1]?.digest, attestations[1]?.digest]);
      });
    });
  });

  it("9 (bx#486): images that were built in one registry make a list in another", async () => {
    const builds = await startPeer();
    try {
      await withScene({ images: [] }, async (scene) => {
        builds.putImage("ci/app", { ...AMD64, tag: "amd64", layers: 2 });
        builds.putImage("ci/app", { ...ARM64, tag: "arm64", layers: 2 });
        const sources = ["amd64", "arm64"].map((tag) => `${builds.host}/ci/app:${tag}`);
        const made = await make(scene, `${scene.domain}/team/app:v2`, sources, { push: fromElsewhere });
        expect(made).toMatchObject({ status: 0 });
        expect(platformsAt(scene.peer, "team/app:v2")).toEqual(["linux/amd64", "linux/arm64"]);
        expect(isComplete(scene.peer, "team/app:v2")).toBe(true);
      });
    } finally {
      await builds.close();
    }
  });
});

it("9 (nerdctl#4466): who did not mean another registry hears of the flag before anything is sent", async () => {
  const builds = await startPeer();
  try {
    await withScene({ images: [] }, async (scene) => {
      builds.putImage("ci/app", { ...AMD64, tag: "amd64" });
      const list = `${scene.domain}/team/app:v2`;
      await scene.run("create", list, `${builds.host}/ci/app:amd64`);
      const pushed = await scene.run("push", list);
      expect(pushed).toMatchObject({ status: 1, stdout: "" });
      expect(pushed.stderr).toMatch(
        /cannot use source images from a different registry.*\n.*--cross-registry/,
      );
      expect(scene.peer.requests).toEqual([]);
    });
  } finally {
    await builds.close();
  }
});

describe("24: images for Windows", () => {
  const WINDOWS = { os: "windows", architecture: "amd64", foreignLayers: 1 };
  const builds = [
    { ...WINDOWS, osVersion: "10.0.17763.6893" },
    { ...WINDOWS, osVersion: "10.0.20348.3207" },
  ];

  it("have the version of Windows that their builds say, and are not taken for the same (dc#2722)", async () => {
    await withScene({ images: builds }, async (scene) => {
      const list = `${scene.domain}/team/app:v2`;
      const [docker] = dialects;
      const made = await docker?.make(scene, list, scene.sources, {
        create: ["--strict", "--expect", "windows/amd64"],
      });
      expect(made).toMatchObject({ status: 0, stderr: "" });
      const versions = listAt(scene.peer, "team/app:v2").children.map(
        ({ platform }) => platform?.["os.version"],
      );
      expect(versions).toEqual(["10.0.17763.6893", "10.0.20348.3207"]);
      expect(listAt(scene.peer, "team/app:v2").mediaType).toBe(DOCKER_LIST);
    });
  });

  it.each(dialects)(
    "have the version that a list says which they come from, by $dialect",
    async ({ make }) => {
      await withScene({ images: [] }, async (scene) => {
        const children = builds.map((image) => scene.peer.putImage("build/app", image));
        scene.peer.putList("build/app", { tag: "windows", kind: "oci", children });
        scene.peer.putImage("build/app", { ...ARM64, tag: "linux" });
        const sources = ["windows", "linux"].map((tag) => `${scene.domain}/build/app:${tag}`);
        const made = await make(scene, `${scene.domain}/team/app:v2`, sources, { create: ["--strict"] });
        expect(made).toMatchObject({ status: 0 });
        const list = listAt(scene.peer, "team/app:v2");
        const versions = list.children.map(({ platform }) => platform?.["os.version"]);
        expect(versions.sort()).toEqual(["", "10.0.17763.6893", "10.0.20348.3207"]);
      });
    },
  );

  it.each(dialects)(
    "need no layers of Microsoft's in the registry, by $dialect (mt#27)",
    async ({ make }) => {
      await withScene({ images: builds.slice(0, 1), mounts: "refuse202" }, async (scene) => {
        const made = await make(scene, `${scene.domain}/team/app:v2`, scene.sources);
        expect(made).toMatchObject({ status: 0 });
        expect(isComplete(scene.peer, "team/app:v2")).toBe(true);
      });
    },
  );
});
