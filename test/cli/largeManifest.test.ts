import { describe, expect, it } from "vitest";
import { withScene } from "../helpers/scene.js";

const MiB = 1024 * 1024;

/** A registry takes manifests of up to 4 MiB. As base64, that is more text than some expressions can be matched with. */
describe("an image manifest of 4 MiB", () => {
  it("is created, amended, annotated, inspected, pushed and removed", async () => {
    const annotations = { padding: "x".repeat(4 * MiB - 2_000) };
    await withScene({ images: [{ architecture: "s390x" }, { kind: "oci", annotations }] }, async (scene) => {
      const [small = "", large = ""] = scene.sources;
      const list = `${scene.domain}/team/large:v1`;
      const ok = async (...argv: string[]): Promise<string> => {
        const { status, stdout, stderr } = await scene.run(...argv);
        expect({ argv, status, stderr }).toEqual({ argv, status: 0, stderr: "" });
        return stdout;
      };
      await ok("create", list, large);
      await ok("create", "--amend", list, small);
      await ok("annotate", list, large, "--variant", "v1");
      expect(await ok("inspect", list)).toContain('"variant": "v1"');
      expect((await ok("inspect", "-v", list)).length).toBeGreaterThan(9 * MiB);
      expect((await ok("inspect", list, large)).length).toBeGreaterThan(3 * MiB);
      expect(await ok("push", list)).toContain(scene.images[1]?.digest);
      await ok("rm", list);
    });
  });
});
