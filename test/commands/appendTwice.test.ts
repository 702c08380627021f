import { describe, expect, it } from "vitest";
import { putBuild } from "../helpers/builds.js";
import { listOf, useWorkplace } from "../helpers/workplace.js";

describe.each(["--append", "--merge"])(
  "create %s of an image that the registry's list has already",
  (flag) => {
    const place = useWorkplace();

    it("changes nothing, however often it is done", async () => {
      const registry = await place.registry();
      const one = putBuild(registry, "build/app", { architecture: "amd64" });
      const other = putBuild(registry, "build/app", { architecture: "arm64" });
      const list = `${registry.host}/team/app:v1`;
      const source = (digest: string): string => `${registry.host}/build/app@${digest}`;
      await place.run(
        "imagetools",
        "create",
        "-t",
        list,
        source(one.index.digest),
        source(other.index.digest),
      );
      const digests = async (): Promise<string[]> => {
        const { stdout } = await place.run("imagetools", "inspect", "--raw", list);
        return listOf(stdout)
          .manifests.map(({ digest }) => digest)
          .sort();
      };
      const before = await digests();
      for (let time = 1; time <= 2; time++) {
        await place.run("create", flag, "--replace", list, source(one.index.digest));
        await place.run("push", "--purge", list);
        expect(await digests()).toEqual(before);
      }
    });
  },
);
