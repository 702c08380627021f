import fc from "fast-check";
import { mkdir, mkdtemp, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { authFor } from "../../src/docker/auths.js";
import {
  dockerConfigDir,
  parseDockerConfig,
  readAuthVariable,
  readDockerConfig,
} from "../../src/docker/config.js";
import { CANARY, dockerConfig } from "../helpers/generators/dockerConfigs.js";

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const auths = (entries: unknown): string => JSON.stringify({ auths: entries });

describe("docker's folder", () => {
  test.each([
    ["DOCKER_CONFIG", { env: { DOCKER_CONFIG: "/conf" }, home: "/home/u", platform: "linux" }, "/conf"],
    ["the user's home", { env: {}, home: "/home/u", platform: "linux" }, "/home/u/.docker"],
    [
      "the user's home where the variable is empty",
      { env: { DOCKER_CONFIG: "" }, home: "/h", platform: "linux" },
      "/h/.docker",
    ],
    ["on Windows", { env: {}, home: "C:\\Users\\u", platform: "win32" }, "C:\\Users\\u\\.docker"],
    [
      "a path from the current folder",
      { env: { DOCKER_CONFIG: "c/../d" }, home: "/h", platform: "linux" },
      "c/../d",
    ],
    ["no home at all: the current folder", { env: {}, home: "", platform: "linux" }, ".docker"],
    [
      "on Windows, the variable in any case",
      { env: { Docker_Config: "D:\\c" }, home: "C:\\u", platform: "win32" },
      "D:\\c",
    ],
  ] as const)("is found by %s", (_name, surroundings, expected) => {
    expect(dockerConfigDir(surroundings)).toBe(expected);
  });
});

describe("a configuration", () => {
  const basic = { kind: "basic", username: "u", password: "p:w" };
  const rows: [string, string, string, unknown][] = [
    ["auth", auths({ "r.example": { auth: base64("u:p:w") } }), "r.example", basic],
    [
      "user name and password",
      auths({ "r.example": { username: "u", password: "p:w" } }),
      "r.example",
      basic,
    ],
    [
      "auth before the fields",
      auths({ "r.example": { auth: base64("u:p:w"), username: "x", password: "y" } }),
      "r.example",
      basic,
    ],
    ["NULs around the password", auths({ "r.example": { auth: base64("u:p:w\0\0") } }), "r.example", basic],
    [
      "keys in any case",
      JSON.stringify({ AUTHS: { "r.example": { Auth: base64("u:p:w") } } }),
      "r.example",
      basic,
    ],
    [
      "unknown keys and nulls",
      JSON.stringify({
        x: 1,
        credsStore: null,
        credHelpers: null,
        auths: { a: null, r: { auth: base64("u:p:w"), email: null } },
      }),
      "r",
      basic,
    ],
    [
      "something behind it",
      `${auths({ "r.example": { auth: base64("u:p:w") } })} }garbage`,
      "r.example",
      basic,
    ],
    ["a byte order mark", `\ufeff${auths({ "r.example": { auth: base64("u:p:w") } })}`, "r.example", basic],
    ["an old-style key", auths({ "https://r.example/v1/": { auth: base64("u:p:w") } }), "r.example", basic],
    [
      "a key with a scheme and a port",
      auths({ "http://r.example:5000": { auth: base64("u:p:w") } }),
      "r.example:5000",
      basic,
    ],
    ["a key with a path", auths({ "r.example/team": { auth: base64("u:p:w") } }), "r.example", basic],
    [
      "the exact key before others",
      auths({ "https://r.example": { auth: base64("x:y") }, "r.example": { auth: base64("u:p:w") } }),
      "r.example",
      basic,
    ],
    ["Docker Hub", auths({ "https://index.docker.io/v1/": { auth: base64("u:p:w") } }), "docker.io", basic],
    ["Docker Hub by its index", auths({ "index.docker.io": { auth: base64("u:p:w") } }), "docker.io", basic],
    ["Docker Hub by its name", auths({ "docker.io": { auth: base64("u:p:w") } }), "docker.io", basic],
    ["another port", auths({ "r.example:5000": { auth: base64("u:p:w") } }), "r.example", undefined],
    ["another host", auths({ "r.example.org": { auth: base64("u:p:w") } }), "r.example", undefined],
    ["an entry of docker login with a helper", auths({ "r.example": {} }), "r.example", undefined],
    ["a user without a password", auths({ "r.example": { username: "u" } }), "r.example", undefined],
    ["an identity token", auths({ r: { identitytoken: "t" } }), "r", { kind: "identityToken", token: "t" }],
    [
      "an identity token with its user",
      auths({ r: { auth: base64("00000000-0000:"), identitytoken: "t" } }),
      "r",
      { kind: "identityToken", token: "t", username: "00000000-0000" },
    ],
    [
      "a registry token",
      auths({ r: { registrytoken: "t", auth: base64("u:p") } }),
      "r",
      { kind: "registryToken", token: "t" },
    ],
    ["an empty file", " \n", "r", undefined],
    ["null", "null", "r", undefined],
  ];
  test.each(rows)("%s", (_name, text, host, expected) => {
    const { config, faults } = parseDockerConfig(text);
    expect(faults).toEqual([]);
    expect(authFor(config.auths, host)).toEqual(expected);
  });

  test.each([
    ["broken JSON", `{"auths": ${CANARY}`, /^not valid JSON/],
    ["an array", `["${CANARY}"]`, /^not an object$/],
    ["auths that are none", `{"auths":"${CANARY}"}`, /^auths is not an object$/],
    ["an entry that is none", auths({ r: CANARY }), /^auths\["r"\] is not what docker login writes$/],
    ["auth that is not base64", auths({ r: { auth: `${CANARY}!` } }), /^auths\["r"\]/],
    ["auth without a colon", auths({ r: { auth: base64(CANARY) } }), /^auths\["r"\]/],
    ["auth without a user", auths({ r: { auth: base64(`:${CANARY}`) } }), /^auths\["r"\]/],
    ["a password that is a number", auths({ r: { username: CANARY, password: 5 } }), /^auths\["r"\]/],
    ["a key with control characters", auths({ "\u001b[31m\u202e": 5 }), /^auths\["\\u001b\[31m\\u202e"\]/],
    ["a store that is no name", '{"credsStore":5}', /^credsStore is not a string$/],
    ["helpers that are none", '{"credHelpers":5}', /^credHelpers is not an object$/],
    ["a helper that is no name", '{"credHelpers":{"r":[]}}', /^credHelpers\["r"\] is not a string$/],
  ])("%s is a fault, told without its values", (_name, text, expected) => {
    const { faults } = parseDockerConfig(text);
    expect(faults).toEqual([expect.stringMatching(expected)]);
    expect(faults.join()).not.toContain(CANARY);
  });

  test("that is broken in one place is good for the rest", () => {
    const text = JSON.stringify({ credsStore: 5, auths: { bad: 1, r: { auth: base64("u:p") } } });
    const { config, faults } = parseDockerConfig(text);
    expect(faults).toHaveLength(2);
    expect(authFor(config.auths, "r")).toEqual({ kind: "basic", username: "u", password: "p" });
  });

  test("may be anything: it never throws, never tells a secret, never touches prototypes", () => {
    fc.assert(
      fc.property(dockerConfig, (text) => {
        const { config, faults } = parseDockerConfig(text);
        authFor(config.auths, "registry.example");
        authFor(config.auths, "docker.io");
        expect(faults.join()).not.toContain(CANARY);
        expect(({} as Record<string, unknown>)["auths"]).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });
});

describe("reading it", () => {
  async function read(
    prepare: (folder: string) => Promise<unknown>,
  ): Promise<{ size: number; warnings: string[] }> {
    const folder = await mkdtemp(path.join(tmpdir(), "docker-config-"));
    await prepare(folder);
    const warnings: string[] = [];
    const surroundings = { env: { DOCKER_CONFIG: folder }, home: "/", platform: process.platform };
    const config = await readDockerConfig(surroundings, (message) =>
      warnings.push(message.replaceAll(folder, "…")),
    );
    return { size: config.auths.size, warnings };
  }
  const file = (folder: string): string => path.join(folder, "config.json");

  test("takes a missing file for an empty one", async () => {
    expect(await read(() => Promise.resolve())).toEqual({ size: 0, warnings: [] });
  });

  test("takes what is there", async () => {
    const text = auths({ a: { auth: base64("u:p") }, b: { auth: base64("u:p") } });
    expect(await read((folder) => writeFile(file(folder), text))).toEqual({ size: 2, warnings: [] });
  });

  test("warns of a broken file, once, and names it", async () => {
    const text = auths({ a: 1, b: 2, c: 3, d: 4, e: { auth: base64("u:p") } });
    const { size, warnings } = await read((folder) => writeFile(file(folder), text));
    expect(size).toBe(1);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(
      /^Error parsing config file \(….config\.json\): auths\["a"\] .*; and 1 more$/,
    );
  });

  test("warns of a folder in its place, and of a file that is too large", async () => {
    const folder = await read((base) => mkdir(file(base)));
    expect(folder.warnings).toEqual([
      expect.stringMatching(/^Error parsing config file \((….config\.json)\): read \1: is a directory$/),
    ]);
    const large = await read((base) => writeFile(file(base), " ".repeat(1_100_000)));
    expect(large.warnings).toEqual([expect.stringMatching(/config\.json\): larger than 1048576 bytes$/)]);
  });

  test.skipIf(process.platform === "win32")("warns of what cannot be opened, in docker's words", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "docker-config-"));
    await writeFile(path.join(folder, "file"), "");
    const warnings: string[] = [];
    const surroundings = { env: {}, home: path.join(folder, "file"), platform: process.platform };
    const config = await readDockerConfig(surroundings, (message) => warnings.push(message));
    expect(config.auths.size).toBe(0);
    expect(warnings).toEqual([
      `Error loading config file: open ${folder}/file/.docker/config.json: not a directory`,
    ]);
  });

  test.skipIf(process.platform === "win32")("warns of a link in a circle, in docker's words", async () => {
    const { warnings } = await read((folder) => symlink("config.json", file(folder)));
    expect(warnings).toEqual([
      "Error loading config file: open …/config.json: too many levels of symbolic links",
    ]);
  });

  test("DOCKER_AUTH_CONFIG is read the same way", () => {
    const warnings: string[] = [];
    const variable = (text: string): number => {
      const surroundings = { env: { DOCKER_AUTH_CONFIG: text }, home: "/", platform: process.platform };
      return readAuthVariable(surroundings, (message) => warnings.push(message)).size;
    };
    expect(variable("")).toBe(0);
    expect(variable(auths({ a: { auth: base64("u:p") } }))).toBe(1);
    expect(warnings).toEqual([]);
    expect(variable(`{${CANARY}`)).toBe(0);
    expect(variable(" ".repeat(1_100_000))).toBe(0);
    expect(warnings).toEqual([
      expect.stringMatching(/^cannot use all of DOCKER_AUTH_CONFIG: not valid JSON/),
      expect.stringMatching(/^cannot use DOCKER_AUTH_CONFIG: larger/),
    ]);
    expect(warnings.join()).not.toContain(CANARY);
  });
});
