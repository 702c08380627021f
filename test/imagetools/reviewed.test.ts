import { describe, expect, it } from "vitest";
import { putBuild, putIndex } from "../helpers/builds.js";
import { listOf, platformsOf, useWorkplace } from "../helpers/workplace.js";

describe("imagetools create --merge", () => {
  const place = useWorkplace();

  it("keeps the other platforms of the list where only some of the new ones are taken", async () => {
    const registry = await place.registry();
    const list = `${registry.host}/team/app:v1`;
    const image = (architecture: string): string => {
      const { image: built } = putBuild(registry, `build/${architecture}`, { architecture });
      return `${registry.host}/build/${architecture}@${built.digest}`;
    };
    await place.out("imagetools", "create", "-t", list, image("amd64"), image("s390x"));
    const more = [image("arm64"), image("riscv64")];
    await place.out("imagetools", "create", "--merge", "--platform", "linux/arm64", "-t", list, ...more);
    const raw = await place.out("imagetools", "inspect", "--raw", list);
    expect(platformsOf(raw).sort()).toEqual(["linux/amd64", "linux/arm64", "linux/s390x"]);
  });

  it("keeps an image for the platform that is not replaced", async () => {
    const registry = await place.registry();
    const { image: both } = putBuild(registry, "team/app", { architecture: "amd64", seed: "both" });
    const descriptor = { mediaType: both.mediaType, digest: both.digest, size: both.size };
    const index = {
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.index.v1+json",
      manifests: ["amd64", "386"].map((architecture) => ({
        ...descriptor,
        platform: { architecture, os: "linux" },
      })),
    };
    await fetch(`http://${registry.host}/v2/team/app/manifests/v1`, {
      method: "PUT",
      headers: { "content-type": index.mediaType },
      body: JSON.stringify(index),
    });
    const { image: other } = putBuild(registry, "team/app", { architecture: "amd64", seed: "other" });
    const list = `${registry.host}/team/app:v1`;
    await place.out(
      "imagetools",
      "create",
      "--merge",
      "-t",
      list,
      `${registry.host}/team/app@${other.digest}`,
    );
    const { manifests } = listOf(await place.out("imagetools", "inspect", "--raw", list));
    expect(manifests.map(({ digest }) => digest).sort()).toEqual([both.digest, other.digest].sort());
  });

  it.each([["--verify"], ["--wait", "5s"]])(
    "by four jobs at once, each with %s, loses nothing",
    async (...flags) => {
      const registry = await place.registry();
      const list = `${registry.host}/team/app:v1`;
      const architectures = ["amd64", "arm64", "s390x", "riscv64"];
      const jobs = await Promise.all(
        architectures.map((architecture) => {
          const { image } = putBuild(registry, `build/${architecture}`, { architecture });
          const source = `${registry.host}/build/${architecture}@${image.digest}`;
          return place.run("imagetools", "create", "--merge", ...flags, "-t", list, source);
        }),
      );
      const raw = await place.out("imagetools", "inspect", "--raw", list);
      const there = platformsOf(raw);
      architectures.forEach((architecture, index) => {
        if (jobs[index]?.status === 0) expect(there).toContain(`linux/${architecture}`);
      });
      expect(jobs.map(({ stderr }) => stderr).join("")).not.toContain("moved the tag");
      expect(jobs.filter(({ status }) => status === 0).length).toBeGreaterThan(1);
    },
  );
});

describe("an index in an index", () => {
  const place = useWorkplace();

  it("is put behind what it names, although it was begun before that was known", async () => {
    const registry = await place.registry({
      onRequest: async ({ method, path }) => {
        // Mounts are not done, and what is uploaded in their place takes its time.
        if (method === "PUT" && path.includes("/uploads/"))
          await new Promise((done) => setTimeout(done, 200));
        return undefined;
      },
    });
    const one = putBuild(registry, "build/app", { architecture: "amd64" });
    const outer = putIndex(registry, "build/app", [one.index], {});
    const source = `${registry.host}/build/app@${outer.digest}`;
    registry.resetLog();
    await place.out("imagetools", "create", "-t", `${registry.host}/team/app:v1`, source);
    const refused = registry.log.filter(({ method, status = 0 }) => method === "PUT" && status >= 400);
    expect(refused).toEqual([]);
  });
});
