import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildProgram, type Program } from "../helpers/program.js";
import { withScene, type SceneOptions } from "../helpers/scene.js";
import { expectNoSecrets } from "../helpers/secrets.js";

describe("SIGINT and SIGTERM", () => {
  let program: Program;
  beforeAll(async () => {
    program = await buildProgram();
  });
  afterAll(() => {
    program.remove();
  });

  /** The first child's PUT is answered; all else that is put waits for ever, and says that it does. */
  function stuck(): { options: SceneOptions; isStuck: Promise<void> } {
    let tell: () => void = () => undefined;
    const isStuck = new Promise<void>((resolve) => (tell = resolve));
    const onRequest: SceneOptions["onRequest"] = ({ method, path }) => {
      if (method !== "PUT" || !path.includes("/manifests/v1")) return undefined;
      tell();
      return new Promise(() => undefined);
    };
    return { options: { onRequest }, isStuck };
  }

  test.each([
    { signal: "SIGINT", status: 130 },
    { signal: "SIGTERM", status: 143 },
  ] as const)(
    "$signal stops a push, says what was done, and ends with $status",
    async ({ signal, status }) => {
      const { options, isStuck } = stuck();
      await withScene(options, async (scene) => {
        const { child, ended } = program.start(["push", scene.target], { DOCKER_CONFIG: scene.folder });
        await isStuck;
        child.kill(signal);
        const result = await ended;
        expectNoSecrets(result.stdout + result.stderr);
        expect(result.status).toBe(status);
        // Both images, but not the digest of the list.
        expect(result.stdout).toMatch(/^Pushed ref .*\nPushed ref .*\n$/);
        expect(result.stderr).toBe(
          `2 of 2 images are in ${scene.domain}/team/app; ${scene.target} was about to be changed: ` +
            "inspect it, or push again\ntsmanifest: interrupted\n",
        );
        expect(scene.tag()).toBeUndefined();
      });
    },
  );

  test("before the last step the tag is not touched, and another push completes it", async () => {
    let isOpen = false;
    let tell: () => void = () => undefined;
    const isStuck = new Promise<void>((resolve) => (tell = resolve));
    const onRequest: SceneOptions["onRequest"] = ({ method, path }) => {
      if (isOpen || method !== "POST" || !path.includes("from=src%2F1")) return undefined;
      tell();
      return new Promise(() => undefined);
    };
    await withScene({ onRequest }, async (scene) => {
      const { child, ended } = program.start(["push", scene.target], { DOCKER_CONFIG: scene.folder });
      await isStuck;
      child.kill("SIGINT");
      const { status, stderr } = await ended;
      expect(status).toBe(130);
      expect(stderr).toMatch(/^[01] of 2 images are in \S+; \S+ was not changed\ntsmanifest: interrupted\n$/);
      expect(scene.tag()).toBeUndefined();
      isOpen = true;
      expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
    });
  });

  test("a second signal ends it at once", async () => {
    const { options, isStuck } = stuck();
    await withScene(options, async (scene) => {
      const { child, ended } = program.start(["push", scene.target], { DOCKER_CONFIG: scene.folder });
      await isStuck;
      child.kill("SIGTERM");
      child.kill("SIGINT");
      const { status } = await ended;
      expect([130, 143]).toContain(status);
    });
  });
});
