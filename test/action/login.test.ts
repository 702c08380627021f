import { describe, expect, it } from "vitest";
import { basicAuth, withLogin } from "../../src/action/login.js";

const me = { registry: "ghcr.io", username: "me", password: "p:w" };
const auth = Buffer.from("me:p:w").toString("base64");

describe("a login in DOCKER_AUTH_CONFIG", () => {
  it("is what docker login writes", () => {
    expect(basicAuth(me)).toBe(auth);
    expect(withLogin(undefined, me)).toBe(`{"auths":{"ghcr.io":{"auth":"${auth}"}}}`);
  });

  it("stands beside the others, and beside what else is there", () => {
    const existing = { auths: { "quay.io": { auth: "x" }, "ghcr.io": { auth: "y" } }, credsStore: "z" };
    expect(JSON.parse(withLogin(JSON.stringify(existing), me))).toEqual({
      auths: { "quay.io": { auth: "x" }, "ghcr.io": { auth } },
      credsStore: "z",
    });
  });

  it.each(["docker.io", "index.docker.io", "registry-1.docker.io"])(
    "takes the place of all that is for Docker Hub: %s",
    (registry) => {
      const existing = {
        auths: { "https://index.docker.io/v1/": { auth: "x" }, "docker.io": { auth: "y" } },
      };
      expect(JSON.parse(withLogin(JSON.stringify(existing), { ...me, registry }))).toEqual({
        auths: { [registry]: { auth } },
      });
    },
  );

  it.each(["", "{", "[]", '{"auths":1}'])("replaces what is no configuration: %j", (existing) => {
    expect(JSON.parse(withLogin(existing, me))).toEqual({ auths: { "ghcr.io": { auth } } });
  });
});
