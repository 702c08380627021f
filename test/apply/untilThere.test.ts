import { describe, expect, it } from "vitest";
import { untilThere } from "../../src/apply/untilThere.js";
import { ManifestError } from "../../src/errors.js";
import { withScene } from "../helpers/scene.js";

const never = new AbortController().signal;

describe("waiting for what a registry does not show yet", () => {
  it("asks again until it is there", async () => {
    let asked = 0;
    const read = (): Promise<string> => {
      asked++;
      if (asked < 3) return Promise.reject(new ManifestError("MANIFEST_UNKNOWN", "not there"));
      return Promise.resolve("there");
    };
    expect(await untilThere(read, 5_000, never)).toBe("there");
    expect(asked).toBe(3);
  });

  it("ends with the time, and says what is missing", async () => {
    const read = (): Promise<string> => Promise.reject(new ManifestError("MANIFEST_UNKNOWN", "not there"));
    await expect(untilThere(read, 300, never)).rejects.toMatchObject({ message: "not there" });
  });

  it("does not wait for what the registry refuses", async () => {
    const onRequest = ({ path }: { readonly path: string }) =>
      path.includes("/hidden/") ? { status: 400, body: "{}" } : undefined;
    await withScene({ images: [{}], onRequest }, async (scene) => {
      const source = `${scene.domain}/hidden/app:1`;
      const start = performance.now();
      const { status } = await scene.run("create", "--wait", "10m", `${scene.domain}/team/list:v1`, source);
      expect(status).toBe(1);
      expect(performance.now() - start).toBeLessThan(60_000);
    });
  });
});
