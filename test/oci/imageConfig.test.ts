import { describe, expect, it } from "vitest";
import { parseImageConfig } from "../../src/oci/imageConfig.js";

describe("an image's config", () => {
  const parse = (json: unknown): ReturnType<typeof parseImageConfig> =>
    parseImageConfig(Buffer.from(typeof json === "string" ? json : JSON.stringify(json)));

  it("is found whatever the case of its keys, and empty where it says nothing", () => {
    expect(parse({ OS: "linux", CONFIG: { user: "me" } })).toMatchObject({
      os: "linux",
      architecture: "",
      config: { User: "me", Env: [], Labels: {} },
      rootfs: { type: "" },
      history: [],
    });
  });

  it("may have null wherever something could be", () => {
    const nothing = {
      created: null,
      config: null,
      rootfs: { type: null, diff_ids: [null] },
      history: [null],
    };
    expect(parse(nothing)).toMatchObject({
      rootfs: { type: "", diff_ids: [null] },
      history: [{ author: "" }],
    });
    expect(parse("null")).toBeUndefined();
  });

  it.each([
    ["no object", "[]", "should be an object"],
    ["no JSON", "{]", "invalid JSON at position 1"],
    ["a time that is none", { created: "yesterday" }, "created is not a time of RFC 3339"],
    ["a command that is no list", { config: { Cmd: "sh" } }, "config.Cmd should be an array"],
    ["ports that are no set", { config: { ExposedPorts: { "80/tcp": 1 } } }, "config.ExposedPorts.80/tcp"],
    ["history of numbers", { history: [1] }, "history.0 should be an object"],
  ])("with %s is refused", (_, json, message) => {
    expect(() => parse(json)).toThrow(message);
  });
});
