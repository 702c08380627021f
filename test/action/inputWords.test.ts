import { describe, expect, it } from "vitest";
import { readInputs, type ActionInputs } from "../../src/action/inputs.js";
import { inInputWords } from "../../src/action/inputWords.js";

const LIST = { tags: "ghcr.io/me/app:v1", sources: "ghcr.io/me/app:v1-amd64" };
const LOGIN = { registry: "ghcr.io", username: "me", password: "x" };

function inputs(given: Readonly<Record<string, string>>): ActionInputs {
  return readInputs((name) => given[name] ?? "");
}

function hint(code: string, said: string, given: Readonly<Record<string, string>> = {}): string | undefined {
  return inInputWords({ code, message: "it failed", hint: said }, inputs({ ...LIST, ...given })).hint;
}

describe("the program's errors in terms of inputs", () => {
  it.each([
    ["pass --insecure to allow it", "set input insecure to true to allow it"],
    [
      "name its CA by --ca-file, or pass --insecure",
      "name its CA by input ca-file, or set input insecure to true",
    ],
    ["pass --shard I/N, or set CI_NODE_INDEX", "set input shard to I/N, or set CI_NODE_INDEX"],
    ["apply the two without --shard", "apply the two without input shard"],
    ["pass --tag, or name the images in full", "set input tags, or name the images in full"],
    ["a file of docker buildx build --metadata-file", "a file of docker buildx build --metadata-file"],
    ["build with --push", "build with --push"],
  ])("name inputs where they would name flags: %s", (said, expected) => {
    expect(hint("CONFIG", said)).toBe(expected);
  });

  it("stay as they are where nothing is to be added", () => {
    const error = { code: "INVALID_DIGEST", message: "sha256:abc is no digest", hint: undefined };
    expect(inInputWords(error, inputs(LIST))).toEqual(error);
  });

  it("name what chooses platforms", () => {
    const error = { code: "EXPECTATION", message: "a would not have the expected platforms: missing b" };
    const both = { ...LIST, from: "digests", platforms: "linux/amd64" };
    expect(inInputWords(error, inputs(both)).hint).toBe(
      "nothing was changed: check that each of them, and no other, has an image in the inputs from and sources, or change input platforms or expect",
    );
    const other = { ...error, message: "ghcr.io/me/app:1 is for linux/arm64", hint: "the name says so" };
    expect(inInputWords(other, inputs(both))).toEqual(other);
  });

  it("say that an image has no platform, which no input can change", () => {
    const message = "cannot filter platforms from a manifest without platform information";
    const error = { code: "NO_MATCH", message };
    expect(inInputWords(error, inputs({ ...LIST, platforms: "linux/amd64" })).hint).toBe(
      "one of the images in input sources does not say which platform it is for: leave it out or rebuild it",
    );
  });

  it("name the input that has a platform which is none", () => {
    const message = '"linux/amd65" is not a platform';
    const error = { code: "INVALID_PLATFORM", message };
    expect(inInputWords(error, inputs({ ...LIST, expect: "linux/amd65" })).message).toBe(
      `input expect: ${message}`,
    );
    expect(inInputWords(error, inputs({ ...LIST, platforms: "linux/amd65" })).message).toBe(
      `input platforms: ${message}`,
    );
    expect(inInputWords(error, inputs({ file: "lists.yaml" })).message).toBe(message);
  });

  it("say what to do where there is no list to append to, and where a source is not there", () => {
    const error = { code: "MANIFEST_UNKNOWN", message: "ghcr.io/me/app:v1: not found" };
    expect(inInputWords(error, inputs({ ...LIST, append: "true" })).hint).toMatch(
      /^there is no list to append to: .*merge/,
    );
    expect(inInputWords(error, inputs(LIST)).hint).toMatch(/^check input sources/);
  });

  it("say where the job number comes from", () => {
    const error = {
      code: "USAGE",
      message: "--shard auto: nothing says which job this is",
      hint: "pass --shard I/N",
    };
    expect(inInputWords(error, inputs({ file: "lists.yaml", shard: "auto" }))).toEqual({
      code: "USAGE",
      message: "input shard auto: nothing says which job this is",
      hint: "set the inputs job-index and job-total, or shard to I/N",
    });
  });
});

describe("a login that is refused", () => {
  const refused = (url: string): string =>
    `GET ${url} answered 401; the user name or password for ghcr.io, from DOCKER_AUTH_CONFIG, is not accepted: log in again (docker login ghcr.io)`;

  it.each([
    ["https://ghcr.io/token?service=ghcr.io&scope=…", LOGIN],
    ["https://auth.docker.io/token?service=registry.docker.io&scope=…", { username: "me", password: "x" }],
    [
      "https://gitlab.example/jwt/auth?service=registry.gitlab.example&scope=…",
      { ...LOGIN, registry: "registry.gitlab.example" },
    ],
  ])("is this step's where the registry is its: %s", (url, login) => {
    expect(hint("UNAUTHENTICATED", refused(url), login)).toBe(
      `GET ${url} answered 401; check the inputs username and password`,
    );
  });

  it("may be another step's where the registry is another", () => {
    expect(hint("UNAUTHENTICATED", refused("https://quay.io/v2/auth?service=quay.io"), LOGIN)).toMatch(
      /check the inputs username and password if this is about ghcr\.io, else the login of docker\/login-action$/,
    );
    expect(hint("UNAUTHENTICATED", refused("https://quay.io/v2/auth?service=quay.io"))).toMatch(
      /check the login of docker\/login-action in an earlier step$/,
    );
  });

  it("has too few rights: on GitHub the job's permissions", () => {
    const said = (host: string): string =>
      `PUT https://${host}/v2/me/app/manifests/v1 answered 403; the account may not do this there: ask for access, or log in as somebody else`;
    expect(hint("REGISTRY", said("ghcr.io"), LOGIN)).toMatch(/ the permission packages: write, /);
    expect(hint("REGISTRY", said("quay.io"), { ...LOGIN, registry: "quay.io" })).toMatch(
      /there: check the inputs username and password$/,
    );
  });

  it("is there, with too few rights", () => {
    const said =
      "GET https://ghcr.io/v2/me/app/manifests/v1 answered 401; not logged in to ghcr.io, or not with enough rights: log in by docker login, or ask for access";
    const refusal = said.replace(": log in by docker login, or ask for access", "");
    expect(hint("REGISTRY", said, LOGIN)).toBe(`${refusal}: check the inputs username and password`);
  });
});
