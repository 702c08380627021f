import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { addEntries } from "../../src/list/draft.js";
import { openStore } from "../../src/store/store.js";
import { parseReference } from "../../src/oci/reference.js";
import type { ImageOptions } from "../../src/testing/index.js";
import { entryOf, withScene } from "../helpers/scene.js";
import { SECRETS } from "../helpers/secrets.js";

const shared = Buffer.from("a layer that both have");

describe("the sources of a push", () => {
  it("are all tried for a blob that they share, until one has it", async () => {
    const images: ImageOptions[] = [
      { architecture: "amd64", layers: [shared], seed: "a" },
      { architecture: "arm64", layers: [shared], seed: "b" },
    ];
    await withScene({ images }, async (scene) => {
      const layer = scene.images[0]?.blobs.at(-1) ?? "";
      expect(scene.images[1]?.blobs.at(-1)).toBe(layer);
      scene.peer.deleteBlob("src/0", layer);
      expect(await scene.push()).toMatchObject({ status: 0, stderr: "" });
      expect(scene.peer.hasBlob("team/app", layer)).toBe(true);
    });
  });

  it("may be so many that one token's URL cannot name them: then there are several tokens", async () => {
    const images = Array.from({ length: 300 }, (_, index): ImageOptions => ({
      layers: 1,
      seed: String(index),
    }));
    const credentials = Buffer.from(`builder:${SECRETS.password}`).toString("base64");
    await withScene(
      {
        images,
        auth: { kind: "bearer", users: { builder: SECRETS.password } },
        config: (host) => ({ auths: { [host]: { auth: credentials } } }),
      },
      async (scene) => {
        expect((await scene.push()).status).toBe(0);
        const asked = scene.peer.seen.filter(({ path }) => path.startsWith("/token"));
        expect(asked.length).toBeGreaterThan(1);
        expect(asked.length).toBeLessThan(5);
        for (const { path } of asked) {
          expect(path.length).toBeLessThan(8 * 1024);
          expect(new URL(path, "http://x").searchParams.get("scope")).toBe("repository:team/app:pull,push");
        }
      },
    );
  });
});

describe("--purge", () => {
  it("keeps a list to which somebody has added an image during the push", async () => {
    let add = (): Promise<void> => Promise.resolve();
    const onRequest = async ({ method, path }: { method: string; path: string }): Promise<undefined> => {
      if (method === "PUT" && path.endsWith("/manifests/v1")) await add();
    };
    await withScene({ onRequest }, async (scene) => {
      const late = scene.peer.putImage("src/late", { tag: "v1", architecture: "s390x", layers: 1 });
      add = async () => {
        const store = openStore(join(scene.folder, "manifests"));
        await store.change(
          parseReference(scene.target),
          (draft) => draft && addEntries(draft, [entryOf(`${scene.domain}/src/late:v1`, late)]),
        );
      };
      const { status, stderr } = await scene.push("--purge");
      expect({ status, stderr }).toEqual({
        status: 0,
        stderr: `WARNING: ${scene.target} was changed during the push: the local list is kept\n`,
      });
      expect(
        await openStore(join(scene.folder, "manifests")).read(parseReference(scene.target)),
      ).toHaveProperty("entries.length", 3);
    });
  });

  it("deletes a list that is as it was", async () => {
    await withScene({}, async (scene) => {
      mkdirSync(join(scene.folder, "manifests"), { recursive: true });
      writeFileSync(join(scene.folder, "manifests", "somebody-elses"), "");
      expect(await scene.push("-p")).toMatchObject({ status: 0, stderr: "" });
      expect(readdirSync(join(scene.folder, "manifests"))).toEqual(["somebody-elses"]);
    });
  });
});
