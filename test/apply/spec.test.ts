import { describe, expect, it } from "vitest";
import { useWorkplace } from "../helpers/workplace.js";

const workplace = useWorkplace();

describe("apply with a spec file of manifest-tool", () => {
  it("makes docker's list, with what the file leaves open from the images", async () => {
    const registry = await workplace.registry();
    const arm = { kind: "docker", architecture: "arm", variant: "v7", tag: "v1-arm" } as const;
    const windows = {
      kind: "docker",
      os: "windows",
      architecture: "amd64",
      osVersion: "10.0.17763.1",
      tag: "v1-win",
    } as const;
    for (const image of [arm, windows]) registry.putImage("team/app", image);
    const name = `${registry.host}/team/app`;
    const spec = workplace.write(
      "spec.yaml",
      `image: ${name}:v1
tags: ["1", latest]
manifests:
  - image: ${name}:v1-arm
    platform: { os: linux, architecture: arm }
  - image: ${name}:v1-win
    platform: { os: windows, architecture: amd64 }
`,
    );
    await workplace.out("apply", "-f", spec);
    for (const tag of ["v1", "1", "latest"]) {
      const raw = await workplace.out("imagetools", "inspect", "--raw", `${name}:${tag}`);
      expect(JSON.parse(raw)).toMatchObject({
        mediaType: "application/vnd.docker.distribution.manifest.list.v2+json",
        manifests: [
          { platform: { os: "linux", architecture: "arm", variant: "v7" } },
          { platform: { os: "windows", architecture: "amd64", "os.version": "10.0.17763.1" } },
        ],
      });
    }
  });

  it("does not take a list for its own in which that is left open", async () => {
    const registry = await workplace.registry();
    registry.putImage("team/app", { kind: "docker", architecture: "arm", variant: "v7", tag: "v1-arm" });
    const name = `${registry.host}/team/app`;
    const open = workplace.write(
      "open.yaml",
      `{ version: 1, lists: [{ target: "${name}:v1", sources: [{ image: "${name}:v1-arm", platform: linux/arm }] }] }`,
    );
    const spec = workplace.write(
      "spec.yaml",
      `{ image: "${name}:v1", manifests: [{ image: "${name}:v1-arm", platform: { os: linux, architecture: arm } }] }`,
    );
    await workplace.out("apply", "-f", open);
    const before = registry.manifest("team/app", "v1")?.digest;
    await workplace.out("apply", "-f", spec);
    expect(registry.manifest("team/app", "v1")?.digest).not.toBe(before);
    expect(registry.manifest("team/app", "v1")?.body.toString()).toContain('"variant": "v7"');
  });
});
