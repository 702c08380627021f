import { describe, expect, it } from "vitest";
import { run } from "../../src/cli.js";
import { recordingContext } from "../helpers/cli.js";
import { putBuild } from "../helpers/builds.js";
import { useWorkplace } from "../helpers/workplace.js";

describe("imagetools create that is interrupted", () => {
  const place = useWorkplace();

  it.each([
    { moment: "while the tags move", at: /\/manifests\/v1$/, says: "the tags were about to move" },
    { moment: "before that", at: /\/manifests\/sha256:/, says: "the tags were not moved" },
  ])("says how far it came: $moment", async ({ at, says }) => {
    const interruption = new AbortController();
    const target = await place.registry({
      onRequest: async ({ method, path }) => {
        if (method !== "PUT" || !at.test(path)) return undefined;
        interruption.abort();
        await new Promise((resolve) => setTimeout(resolve, 300));
        return { cut: "before" };
      },
    });
    const { index } = putBuild(target, "team/build");
    const { context, stderr } = recordingContext({
      env: { DOCKER_CONFIG: place.folder },
      home: place.folder,
      signal: interruption.signal,
    });
    const argv = [
      "imagetools",
      "create",
      "-t",
      `${target.host}/team/app:v1`,
      `${target.host}/team/build@${index.digest}`,
    ];
    expect(await run(argv, context)).toBe(1);
    expect(stderr()).toContain(`${target.host}/team/app: ${says}`);
    expect(stderr()).toContain("ERROR: tsmanifest: interrupted");
  });
});
