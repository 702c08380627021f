import { describe, expect, it } from "vitest";
import { applyCommandLine, createCommandLine, inspectCommandLine } from "../../src/action/commandLine.js";
import { readInputs, type ActionInputs } from "../../src/action/inputs.js";

function inputs(given: Readonly<Record<string, string>>): ActionInputs {
  return readInputs((name) => given[name] ?? "");
}

const ALL = {
  tags: "ghcr.io/me/app:1\nghcr.io/me/app:latest",
  sources: "sha256:abc\n--odd",
  from: "digests\nbuild.json",
  expect: "linux/amd64,linux/arm64",
  platforms: "linux/amd64",
  merge: "true",
  referrers: "true",
  verify: "blobs",
  wait: "30s",
  registry: "ghcr.io",
  username: "me",
  password: "canary",
  insecure: "true",
  "ca-file": "ca.pem",
  config: "docker",
};

describe("the command line of a step", () => {
  it("has all that the inputs say, and no secret", () => {
    expect(createCommandLine(inputs(ALL), ["index:a=b c"], "push").join(" ")).toBe(
      "--config docker imagetools create --tag ghcr.io/me/app:1 --tag ghcr.io/me/app:latest" +
        " --from digests --from build.json --annotation index:a=b c --platform linux/amd64" +
        " --expect linux/amd64 --expect linux/arm64 --merge --referrers" +
        " --retries 20 --ca-file ca.pem --insecure --format json --verify=blobs --wait 30s -- sha256:abc --odd",
    );
  });

  it("has no flag for what is not given", () => {
    const { tags, sources } = ALL;
    const least = inputs({
      tags,
      sources,
      append: "true",
      "plain-http": "true",
      verify: "true",
      retries: "3",
    });
    expect(createCommandLine(least, [], "push").join(" ")).toBe(
      "imagetools create --tag ghcr.io/me/app:1 --tag ghcr.io/me/app:latest" +
        " --append --retries 3 --plain-http --format json --verify -- sha256:abc --odd",
    );
  });

  it("reads nothing back where nothing is pushed", () => {
    const plan = createCommandLine(inputs(ALL), [], "plan").join(" ");
    expect(plan).toMatch(/ --insecure --plan --format json -- sha256:abc --odd$/);
    const show = createCommandLine(inputs(ALL), [], "show").join(" ");
    expect(show).toMatch(/ --insecure --dry-run -- sha256:abc --odd$/);
  });

  it("names all files of lists", () => {
    const file = {
      file: "a.yaml\nlists",
      shard: "1/2",
      jobs: "4",
      verify: "true",
      push: "false",
      config: "docker",
    };
    expect(applyCommandLine(inputs(file)).join(" ")).toBe(
      "--config docker apply --file a.yaml --file lists --shard 1/2 --jobs 4 --retries 20 --plan --format json --verify",
    );
  });

  it("reads a manifest the same way", () => {
    expect(inspectCommandLine(inputs(ALL), "ghcr.io/me/app@sha256:abc").join(" ")).toBe(
      "--config docker imagetools inspect --raw --retries 20 --ca-file ca.pem --insecure -- ghcr.io/me/app@sha256:abc",
    );
  });
});
