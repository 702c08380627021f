import { afterEach, describe, expect, it } from "vitest";
import { startRegistry, type RunningRegistry } from "../../src/testing/index.js";
import { NOWHERE, send, upload } from "./client.js";

let registry: RunningRegistry;
const start = async () => {
  registry = await startRegistry();
};
afterEach(() => registry.close());

describe("content", () => {
  it("that is put in can be pulled, and what is pushed can be looked at", async () => {
    await start();
    const options = {
      osVersion: "10.0.1",
      osFeatures: ["win32k"],
      variant: "v1",
      foreignLayers: 1,
      layers: ["a", "b"],
    };
    const image = registry.putImage("a/b", { tag: "t", kind: "oci", os: "windows", ...options });
    expect(registry.putImage("c", { kind: "oci", os: "windows", ...options }).digest).toBe(image.digest);
    expect(image.blobs).toHaveLength(3);
    expect(image.platform).toEqual({
      architecture: "amd64",
      os: "windows",
      "os.version": "10.0.1",
      "os.features": ["win32k"],
      variant: "v1",
    });
    expect(registry.blobs("a/b")).toEqual(image.blobs);
    const list = registry.putList("a/b", { tag: "list", kind: "oci", children: [image] });
    expect(registry.manifest("a/b", "list")).toEqual({
      mediaType: list.mediaType,
      body: list.body,
      digest: list.digest,
    });
    expect(registry.manifests("a/b")).toEqual([image.digest, list.digest]);
    expect(registry.tags("a/b")).toEqual(["list", "t"]);
    const digest = await upload(registry.url, "d", "pushed");
    expect(registry.blob("d", digest)?.toString()).toBe("pushed");
    expect(registry.repositories()).toEqual(["a/b", "c", "d"]);
  });

  it("that was built passes the registry's own checks", async () => {
    await start();
    for (const kind of ["docker", "oci"] as const) {
      const image = registry.putImage("a", { kind, layers: 3, foreignLayers: 1, seed: kind });
      const list = registry.putList("a", { kind, children: [image] });
      for (const { mediaType, body, digest } of [image, list]) {
        const put = await send("PUT", `${registry.url}/v2/a/manifests/${digest}`, {
          body,
          headers: { "content-type": mediaType },
        });
        expect(put.status).toBe(201);
      }
    }
  });

  it("can be taken out, and is undefined where there is none", async () => {
    await start();
    const image = registry.putImage("a", { tag: "t" });
    const blob = image.blobs[0] ?? "";
    expect([
      registry.deleteBlob("a", blob),
      registry.deleteBlob("a", blob),
      registry.deleteBlob("z", blob),
    ]).toEqual([true, false, false]);
    expect([
      registry.deleteManifest("a", "t"),
      registry.deleteManifest("a", "t"),
      registry.deleteManifest("z", "t"),
    ]).toEqual([true, false, false]);
    expect([registry.manifest("a", "t"), registry.manifest("z", "t"), registry.blob("z", blob)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect([registry.tags("z"), registry.blobs("z"), registry.manifests("z")]).toEqual([[], [], []]);
    expect(registry.hasBlob("z", blob)).toBe(false);
  });

  it("may be odd, and only its name is checked", async () => {
    await start();
    registry.putManifest("a", "text/plain", "not a manifest", "odd");
    expect((await send("GET", `${registry.url}/v2/a/manifests/odd`)).text).toBe("not a manifest");
    expect((await send("GET", `${registry.url}/v2/a/referrers/${NOWHERE}`)).status).toBe(200);
    expect(() => registry.putBlob("Not/A/Name", "x")).toThrow("NAME_INVALID");
  });
});
