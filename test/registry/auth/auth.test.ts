import { describe, expect, test } from "vitest";
import { withScene, type SceneOptions } from "../../helpers/scene.js";

describe("a token", () => {
  test("that ends in mid-push is renewed where mounts were refused by 401 before", async () => {
    let expire = (): void => undefined;
    const intercept: SceneOptions["intercept"] = (request, response) => {
      const { method, url = "", headers } = request;
      if (method === "PUT" && url.endsWith("/manifests/v1")) {
        expire();
        expire = () => undefined;
      }
      if (!url.includes("mount=") || headers.authorization === undefined) return false;
      const host = headers.host ?? "";
      request.resume();
      response.writeHead(401, {
        "WWW-Authenticate": `Bearer realm="http://${host}/token",service="${host}"`,
      });
      response.end();
      return true;
    };
    const auth = Buffer.from("user:password").toString("base64");
    const options: SceneOptions = {
      auth: { kind: "bearer", users: { user: "password" } },
      config: (host) => ({ auths: { [host]: { auth } } }),
      intercept,
    };
    await withScene(options, async (scene) => {
      expire = () => {
        scene.peer.expireTokens();
      };
      expect(await scene.push()).toMatchObject({ status: 0, stdout: scene.pushed });
      // The first, one to see whether that helps with the mounts, one for what had ended.
      expect(scene.count(/\/token/)).toBe(3);
    });
  });
});
