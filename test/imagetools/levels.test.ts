import { describe, expect, it } from "vitest";
import { useWorkplace } from "../helpers/workplace.js";

/** What is sent without waiting for what it does not need. */

const workplace = useWorkplace();
const ARCHITECTURES = ["amd64", "arm64"];

describe("imagetools create, of images in a registry without referrers API", () => {
  it("puts the images while it is still looking by tags for what is attached to them", async () => {
    let put = 0;
    let onAllPut: () => void = () => undefined;
    const allPut = new Promise<void>((resolve) => (onAllPut = resolve));
    const registry = await workplace.registry({
      referrers: false,
      onRequest: async ({ method, path }) => {
        if (method === "PUT" && path.includes("/manifests/sha256:") && ++put === 2) onAllPut();
        // What is attached is told only when the images are there.
        if (path.includes("/manifests/sha256-")) await allPut;
        return undefined;
      },
    });
    const sources = ARCHITECTURES.map((architecture) => {
      registry.putImage(`build/${architecture}`, { kind: "oci", architecture, tag: "v1", layers: 2 });
      return `${registry.host}/build/${architecture}:v1`;
    });
    await workplace.out("imagetools", "create", "-t", `${registry.host}/me/list:v1`, ...sources);
    expect(registry.manifest("me/list", "v1")).toBeDefined();
    const puts = registry.requests.filter((request) => request.startsWith("PUT"));
    expect(puts).toHaveLength(ARCHITECTURES.length + 1);
  });

  it("puts a single image that is carried over once, under its tag", async () => {
    const registry = await workplace.registry({ referrers: false });
    registry.putImage("build/amd64", { kind: "oci", architecture: "amd64", tag: "v1", layers: 2 });
    const argv = ["imagetools", "create", "--prefer-index=false", "-t", `${registry.host}/me/app:v1`];
    await workplace.out(...argv, `${registry.host}/build/amd64:v1`);
    const puts = registry.requests.filter((request) => request.startsWith("PUT"));
    expect(puts).toEqual(["PUT /v2/me/app/manifests/v1"]);
  });
});
