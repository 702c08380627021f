import { describe, expect, test } from "vitest";
import type { Repository } from "../../src/content/repository.js";
import type { Location } from "../../src/oci/location.js";
import { parseReference } from "../../src/oci/reference.js";
import { emptyDraft } from "../../src/list/draft.js";
import { execute, type PushEvent } from "../../src/push/execute.js";
import { plan } from "../../src/push/plan.js";
import { createRegistry } from "../../src/registry/createRegistry.js";
import type { Built } from "../../src/testing/index.js";
import { startPeer } from "../helpers/peer.js";
import { entryOf, withScene, type SceneOptions } from "../helpers/scene.js";

type Hook = NonNullable<SceneOptions["onRequest"]>;
const THREE = ["amd64", "arm64", "s390x"].map((architecture) => ({
  architecture,
  layers: ["shared", architecture],
}));

describe("a push", () => {
  test("mounts shared blobs once", async () => {
    await withScene({ images: THREE }, async (scene) => {
      expect(await scene.push()).toMatchObject({ status: 0 });
      // Three configs, three layers, and one that all share.
      expect(scene.count(/^POST /)).toBe(7);
    });
  });

  test("puts a child when its own blobs are there, and the list when all children are", async () => {
    await withScene({ images: THREE }, async (scene) => {
      await scene.push();
      const at = (pattern: RegExp): number =>
        scene.peer.requests.findIndex((request) => pattern.test(request));
      const list = scene.peer.log[at(/^PUT .*\/v1$/)];
      const puts = scene.peer.log.filter(({ method, path }) => method === "PUT" && path.includes("sha256:"));
      expect(puts).toHaveLength(3);
      for (const put of puts) expect(put.end).toBeLessThan(list?.start ?? 0);
    });
  });

  test("prints its lines in list order, whatever order the work ends in", async () => {
    let late = 0;
    const onRequest: Hook = async ({ method, path }) => {
      // The first child's PUT is answered when the others have been.
      if (method !== "PUT" || !path.includes("sha256:")) return undefined;
      if (late++ === 0) await new Promise((resolve) => setTimeout(resolve, 100));
      return undefined;
    };
    await withScene({ images: THREE, onRequest }, async (scene) => {
      expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
    });
  });

  test("tells what failed, not that earlier children were stopped because of it", async () => {
    let failing = "";
    const onRequest: Hook = ({ method, path }) =>
      // Uploads for the other children never end by themselves.
      method === "PUT" && path.includes("/uploads/")
        ? new Promise(() => undefined)
        : method === "PUT" && path.includes(failing)
          ? { status: 415 }
          : method === "POST" && !path.includes("src%2F2") && path.includes("mount=")
            ? { status: 405 }
            : undefined;
    const images = THREE.map((image, index) => ({ ...image, layers: [String(index)] }));
    await withScene({ images, onRequest }, async (scene) => {
      failing = scene.images[2]?.digest ?? "";
      const { status, stdout, stderr } = await scene.push();
      expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
      expect(stderr).toMatch(new RegExp(`^failed to put manifest \\S+@${failing}: `));
      expect(scene.tag()).toBeUndefined();
    });
  });

  test("tells what failed, not that a child which waited for another try was stopped because of it", async () => {
    let [lagging, refused] = ["", ""];
    let isWaiting = (): void => undefined;
    const waiting = new Promise<void>((resolve) => (isWaiting = resolve));
    const onRequest: Hook = async ({ method, path }) => {
      if (method !== "PUT") return undefined;
      if (path.includes(lagging)) {
        setTimeout(isWaiting, 50);
        return { status: 404, body: JSON.stringify({ errors: [{ code: "MANIFEST_BLOB_UNKNOWN" }] }) };
      }
      if (!path.includes(refused)) return undefined;
      await waiting;
      return { status: 403, body: JSON.stringify({ errors: [{ code: "DENIED" }] }) };
    };
    const retryLimits = { baseMs: 10_000, capMs: 10_000, longestRetryAfterMs: 0, totalMs: 60_000 };
    await withScene({ images: THREE, onRequest, waits: { retryLimits } }, async (scene) => {
      [lagging, refused] = [scene.images[0]?.digest ?? "", scene.images[2]?.digest ?? ""];
      const { status, stderr } = await scene.push();
      expect(status).toBe(1);
      expect(stderr).toMatch(new RegExp(`^failed to put manifest \\S+@${refused}: denied`));
      expect(scene.tag()).toBeUndefined();
    });
  });

  test("reports an upload that leads nowhere, though its download was never read", async () => {
    const onRequest: Hook = ({ method }) =>
      method === "POST" ? { status: 202, headers: { Location: "http://127.0.0.1:1/upload" } } : undefined;
    await withScene({ onRequest }, async (scene) => {
      const { status, stderr } = await scene.push();
      expect(status).toBe(1);
      expect(stderr).toMatch(/^failed to copy blob .*127\.0\.0\.1:1: connection refused/);
      // An error that nobody listens to would end the program, and this test, by now.
      await new Promise((resolve) => setTimeout(resolve, 50));
    });
  });

  test("prints the children before the one that could not be put, and leaves the tag alone", async () => {
    let refused = "";
    const onRequest: Hook = async ({ method, path }) => {
      if (method !== "PUT" || !path.includes(refused)) return undefined;
      await new Promise((resolve) => setTimeout(resolve, 50));
      return { status: 400 };
    };
    await withScene({ images: THREE, onRequest }, async (scene) => {
      refused = scene.images[2]?.digest ?? "";
      const { status, stdout, stderr } = await scene.push();
      expect(status).toBe(1);
      expect(stdout.split("\n")).toHaveLength(3);
      expect(stdout).toContain(scene.images[1]?.digest);
      expect(stderr).toMatch(/^failed to put manifest \S+\/team\/app@sha256:/);
      expect(scene.tag()).toBeUndefined();
    });
  });

  test("copies from another registry, and never to it", async () => {
    const source = await startPeer();
    const target = await startPeer();
    try {
      const image = source.putImage("src/a", { tag: "v1", layers: 2 });
      const list = parseReference(`${target.host}/team/app:v1`);
      const draft = { ...emptyDraft(list), entries: [entryOf(`${source.host}/src/a:v1`, image)] };
      const planned = plan(draft, { anyRegistry: true });
      const clients = new Map(
        await Promise.all(
          [source.host, target.host].map(
            async (domain) => [domain, await createRegistry({ domain })] as const,
          ),
        ),
      );
      const events: PushEvent["kind"][] = [];
      const { digest, blobs } = await execute(
        planned,
        (location) => {
          if (location.kind !== "registry") return expect.unreachable();
          const client = clients.get(location.domain) ?? expect.unreachable();
          return client.session({ access: [] }).repository(location.path);
        },
        { onEvent: ({ kind }) => events.push(kind) },
      );
      await Promise.all([...clients.values()].map((client) => client.close()));
      expect(target.manifest("team/app", "v1")?.digest).toBe(digest);
      expect(source.seen.every(({ method }) => method === "GET")).toBe(true);
      expect(target.requests.filter((request) => request.includes("mount="))).toEqual([]);
      expect([...blobs.values()]).toEqual(["copied", "copied", "copied"]);
      expect(events.filter((kind) => kind !== "progress").slice(-3)).toEqual(["child", "tagging", "tagged"]);
    } finally {
      await Promise.all([source.close(), target.close()]);
    }
  });

  test("puts the children after all where the target said that it has them, and has not", async () => {
    let images: readonly Built[] = [];
    const onRequest: Hook = ({ method, path }) => {
      const child = images.find(({ digest }) => path.endsWith(digest));
      if (method !== "HEAD" || child === undefined) return undefined;
      const headers = { "Content-Type": child.mediaType, "Docker-Content-Digest": child.digest };
      return { status: 200, headers };
    };
    await withScene({ images: THREE, onRequest }, async (scene) => {
      images = scene.images;
      expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
      expect(scene.peer.manifest("team/app", scene.images[0]?.digest ?? "")).toBeDefined();
    });
  });

  test("copies with one request at a time, too", async () => {
    await withScene({ mounts: "refuse202", images: THREE, speaks: "h2" }, async (scene) => {
      expect(await scene.push("--insecure", "--concurrency", "1")).toMatchObject({
        status: 0,
        stdout: scene.pushed,
      });
    });
  });

  test("of hundreds of images begins some hundred blobs at a time, and brings all of them", async () => {
    const peer = await startPeer({ mounts: 405 });
    try {
      const list = parseReference(`${peer.host}/team/app:v1`);
      const entries = Array.from({ length: 200 }, (_, index) => {
        const image = peer.putImage("src/a", { tag: `v${index}`, layers: [`layer ${index}`] });
        return entryOf(`${peer.host}/src/a:v${index}`, image);
      });
      await using client = await createRegistry({ domain: peer.host });
      const session = client.session({ access: [] });
      let [underWay, most] = [0, 0];
      const open = (location: Location): Repository => {
        if (location.kind !== "registry") return expect.unreachable();
        const repository = session.repository(location.path);
        const ensureBlob: Repository["ensureBlob"] = async (...blob) => {
          most = Math.max(most, ++underWay);
          try {
            return await repository.ensureBlob(...blob);
          } finally {
            underWay--;
          }
        };
        return { ...repository, ensureBlob };
      };
      const planned = plan({ ...emptyDraft(list), entries });
      expect(planned.blobs.length).toBe(400);
      const { digest, blobs } = await execute(planned, open);
      expect(peer.manifest("team/app", "v1")?.digest).toBe(digest);
      expect(blobs.size).toBe(planned.blobs.length);
      expect(most).toBe(256);
    } finally {
      await peer.close();
    }
  });
});
