import { rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { ErrorResult, InspectResult, LsResult, RemovalResult } from "../../src/index.js";
import { emptyDraft } from "../../src/list/draft.js";
import { parseReference } from "../../src/oci/reference.js";
import { openStore } from "../../src/store/store.js";
import { local, type Local } from "../commands/local.js";
import { attestationOf } from "../helpers/attestations.js";
import { putBuild } from "../helpers/builds.js";
import { entryOf } from "../helpers/entries.js";
import type { Peer } from "../helpers/peer.js";
import { useWorkplace } from "../helpers/workplace.js";

/** What the commands on local lists tell machines. */

const workplace = useWorkplace();

let hub: Peer;
beforeEach(async () => {
  hub = await workplace.registry();
  for (const architecture of ["amd64", "arm64"]) {
    hub.putImage("me/app", { kind: "oci", architecture, tag: architecture, layers: 2 });
  }
});

const list = (): string => `${hub.host}/me/list:v1`;
const sources = (): string[] => ["amd64", "arm64"].map((tag) => `${hub.host}/me/app:${tag}`);
const image = (tag: string) => hub.manifest("me/app", tag);

/** What a run that is to succeed prints under `--format json`, and nothing else anywhere. */
async function inspected(...argv: string[]): Promise<InspectResult> {
  const [command = "", ...rest] = argv;
  const { status, stdout, stderr } = await workplace.run(command, "--format", "json", ...rest);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const value: unknown = JSON.parse(stdout);
  const result = InspectResult.parse(value);
  expect(result).toEqual(value);
  return result;
}

describe("create", () => {
  it("--format json prints the list as push will send it", async () => {
    const created = await inspected("create", list(), ...sources());
    expect(created).toMatchObject({
      version: 1,
      reference: list(),
      origin: "local",
      kind: "index",
      platforms: ["linux/amd64", "linux/arm64"],
      manifests: ["amd64", "arm64"].map((architecture) => ({
        name: `${hub.host}/me/app:${architecture}`,
        digest: image(architecture)?.digest,
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        size: image(architecture)?.body.byteLength,
        platform: `linux/${architecture}`,
      })),
      blobs: [],
      annotations: {},
    });
    expect(hub.manifest("me/list", "v1")).toBeUndefined();
    await workplace.out("push", list());
    const pushed = hub.manifest("me/list", "v1");
    expect(created).toMatchObject({ digest: pushed?.digest, size: pushed?.body.byteLength });
  });

  it("--format json prints the whole list where something is added, or nothing is new", async () => {
    const [amd64 = "", arm64 = ""] = sources();
    await workplace.out("create", list(), amd64);
    const added = await inspected("create", "--amend", list(), arm64);
    expect(added.platforms).toEqual(["linux/amd64", "linux/arm64"]);
    expect(await inspected("create", "--amend", list(), arm64)).toEqual(added);
    expect(await inspected("create", "--amend", "--refresh", list())).toEqual(added);
  });

  it("--quiet prints nothing, and makes the list", async () => {
    expect(await workplace.run("create", "--quiet", list(), ...sources())).toEqual({
      status: 0,
      stdout: "",
      stderr: "",
    });
    expect(await workplace.out("ls", "--quiet")).toBe(`${list()}\n`);
  });
});

describe("annotate", () => {
  beforeEach(() => workplace.out("create", list(), ...sources()));

  it("--format json prints the list as it is now", async () => {
    const annotated = await inspected("annotate", list(), sources()[1] ?? "", "--variant", "v8");
    expect(annotated.platforms).toEqual(["linux/amd64", "linux/arm64/v8"]);
    const { annotations, manifests } = await inspected(
      ...["annotate", list(), "--annotation", "index:org.example.a=b"],
    );
    expect(annotations).toEqual({ "org.example.a": "b" });
    expect(manifests).toEqual(annotated.manifests);
    expect(await inspected("inspect", list())).toMatchObject({ annotations, manifests });
  });

  it("--format json has annotations of an image, and what the list refers to", async () => {
    const { manifests, subject, artifactType } = await inspected(
      ...["annotate", list(), sources()[0] ?? "", "--annotation", "org.example.a=b"],
      ...["--subject", `${hub.host}/me/app:arm64`, "--artifact-type", "application/vnd.example.thing"],
    );
    expect(manifests[0]?.annotations).toEqual({ "org.example.a": "b" });
    expect(subject).toEqual({
      digest: image("arm64")?.digest,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      size: image("arm64")?.body.byteLength,
    });
    expect(artifactType).toBe("application/vnd.example.thing");
  });

  it("--quiet prints nothing, as docker does", async () => {
    const argv = [list(), sources()[1] ?? "", "--variant", "v8"];
    expect(await workplace.run("annotate", "--quiet", ...argv)).toEqual({
      status: 0,
      stdout: "",
      stderr: "",
    });
  });

  it("--format json escapes what a terminal would obey, and it is still the same", async () => {
    const evil = "\u001b[2J\u009b\u202e\r\n\u0007";
    const annotation = `index:org.example.${evil}=${evil}`;
    const { status, stdout } = await workplace.run(
      "annotate",
      "--format",
      "json",
      list(),
      "--annotation",
      annotation,
    );
    expect(status).toBe(0);
    // eslint-disable-next-line no-control-regex -- that there is none is the point
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(InspectResult.parse(JSON.parse(stdout)).annotations).toEqual({ [`org.example.${evil}`]: evil });
  });
});

describe("inspect --format json", () => {
  it("says of an image in a registry what it is for and made of", async () => {
    const { digest, blobs, ...result } = await inspected("inspect", sources()[1] ?? "");
    expect(result).toEqual({
      version: 1,
      reference: sources()[1],
      origin: "registry",
      kind: "image",
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      size: image("arm64")?.body.byteLength,
      platforms: ["linux/arm64"],
      manifests: [],
      annotations: {},
    });
    expect(digest).toBe(image("arm64")?.digest);
    expect(blobs.map(({ mediaType }) => mediaType)).toEqual([
      "application/vnd.oci.image.config.v1+json",
      ...Array.from({ length: 2 }, () => expect.stringContaining("layer") as string),
    ]);
  });

  it("says of a list in a registry what is in it, with the registry's own digest", async () => {
    const { index, image: built, attestation } = putBuild(hub, "me/build", { tag: "v1" });
    const name = `${hub.host}/me/build:v1`;
    const result = await inspected("inspect", name);
    expect(result).toMatchObject({
      reference: name,
      origin: "registry",
      kind: "index",
      digest: index.digest,
      size: index.size,
      platforms: ["linux/amd64"],
      manifests: [
        { digest: built.digest, platform: "linux/amd64" },
        { digest: attestation.digest, attests: built.digest },
      ],
    });
    expect(result.manifests.map((one) => "name" in one)).toEqual([false, false]);
    expect(result.manifests.map((one) => "platform" in one)).toEqual([true, false]);
    expect(await inspected("inspect", "-v", name)).toEqual(result);
  });

  it("says of an artifact what it is", async () => {
    const type = "application/spdx+json";
    hub.putImage("me/app", { kind: "oci", artifactType: type, tag: "sbom", layers: ["{}"] });
    expect(await inspected("inspect", `${hub.host}/me/app:sbom`)).toMatchObject({
      kind: "artifact",
      artifactType: type,
      platforms: [],
      manifests: [],
    });
  });

  it("says of an image of a local list what that list says of it", async () => {
    const [, arm64 = ""] = sources();
    await workplace.out("create", list(), ...sources());
    await workplace.out("annotate", list(), arm64, "--variant", "v8");
    expect(await inspected("inspect", list(), arm64)).toMatchObject({
      reference: arm64,
      origin: "local",
      kind: "image",
      digest: image("arm64")?.digest,
      platforms: ["linux/arm64/v8"],
    });
    const missing = await workplace.run("inspect", "--format", "json", list(), `${hub.host}/me/app:none`);
    expect(ErrorResult.parse(JSON.parse(missing.stdout)).error.code).toBe("LIST_NOT_FOUND");
  });

  it("counts no platform of an attestation, whatever that says", async () => {
    const amd64 = entryOf("x.example/app:amd64");
    const { descriptor, ...attestation } = attestationOf(amd64);
    const platform = { ...amd64.descriptor.platform!, architecture: "s390x" };
    const name = parseReference("x.example/app:v1");
    await openStore(workplace.path("manifests")).change(name, () => ({
      ...emptyDraft(name),
      entries: [amd64, { ...attestation, descriptor: { ...descriptor, platform } }],
    }));
    const { platforms, manifests } = await inspected("inspect", "x.example/app:v1");
    expect(platforms).toEqual(["linux/amd64"]);
    expect(manifests.map(({ attests }) => attests)).toEqual([undefined, amd64.descriptor.digest]);
  });

  it("shows a list of images of other registries too, which push --cross-registry takes", async () => {
    const ghcr = await workplace.registry();
    const name = `${ghcr.host}/you/list:v1`;
    await workplace.out("create", name, ...sources());
    expect((await workplace.run("inspect", name)).status).toBe(1);
    const { digest } = await inspected("inspect", name);
    await workplace.out("push", "--cross-registry", name);
    expect(digest).toBe(ghcr.manifest("you/list", "v1")?.digest);
  });
});

describe("rm, prune and ls", () => {
  const LIST = "x.example/app:v1";
  const amd64 = entryOf("x.example/app:amd64");
  const arm64 = entryOf("x.example/app:arm64", { architecture: "arm64" });
  let here: Local;
  beforeEach(async () => {
    here = await local();
  });

  function removedIn(stdout: string): RemovalResult {
    const value: unknown = JSON.parse(stdout);
    const result = RemovalResult.parse(value);
    expect(Object.keys(result)).toEqual(Object.keys(value ?? {}).filter((name) => name !== "error"));
    return result;
  }

  it("rm --format json names the lists that are gone", async () => {
    await here.makeList(LIST, [amd64]);
    await here.makeList("a", [amd64]);
    const { status, stdout, stderr } = await here.run("rm", "--format", "json", "a", LIST);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const lists = ["docker.io/library/a:latest", LIST];
    expect(removedIn(stdout)).toEqual({ version: 1, lists, entries: [] });
  });

  it("rm --format json says what it has deleted although the rest failed", async () => {
    await here.makeList(LIST, [amd64]);
    const { status, stdout, stderr } = await here.run("rm", "--format", "json", "none", LIST, "No");
    expect(status).toBe(1);
    const { code, message, hint } = ErrorResult.parse(JSON.parse(stdout)).error;
    expect(code).toBe("LIST_NOT_FOUND");
    expect(`${message}\n${hint}\n`).toBe(stderr);
    expect(removedIn(stdout).lists).toEqual([LIST]);
    const text = await here.run("rm", "none", "No");
    expect(text).toEqual({ status, stdout: "", stderr });
  });

  it("rm --entry --format json names the entries that have left", async () => {
    const attestation = attestationOf(amd64);
    await here.makeList(LIST, [amd64, arm64, attestation]);
    const { stdout } = await here.run("rm", "--format", "json", LIST, "--entry", "x.example/app:amd64");
    const { lists, entries } = removedIn(stdout);
    expect(lists).toEqual([]);
    const { digest, mediaType, size } = amd64.descriptor;
    expect(entries).toHaveLength(2);
    expect(entries).toContainEqual({
      name: "x.example/app:amd64",
      digest,
      mediaType,
      size,
      platform: "linux/amd64",
    });
    expect(entries.map(({ attests }) => attests)).toContain(digest);
  });

  it("rm --quiet prints nothing, also of entries", async () => {
    await here.makeList(LIST, [amd64, arm64]);
    const nothing = { status: 0, stdout: "", stderr: "" };
    expect(await here.run("rm", "--quiet", LIST, "--entry", "x.example/app:amd64")).toEqual(nothing);
    expect((await here.store.read(parseReference(LIST)))?.entries).toHaveLength(1);
    expect(await here.run("rm", "--quiet", LIST)).toEqual(nothing);
    expect(await here.run("rm", "--quiet", LIST)).toMatchObject({ status: 1, stdout: "" });
  });

  it("prune --format json names the lists, also of a dry run; how many there are stays on stderr", async () => {
    await here.makeList(LIST, [amd64]);
    await here.age(31);
    const dry = await here.run("prune", "--format", "json", "--dry-run");
    expect(dry).toMatchObject({ status: 0, stderr: "1 list would be deleted\n" });
    expect(removedIn(dry.stdout)).toEqual({ version: 1, lists: [LIST], entries: [], dryRun: true });
    const pruned = await here.run("prune", "--format", "json");
    expect(pruned).toMatchObject({ status: 0, stderr: "1 list deleted\n" });
    expect(removedIn(pruned.stdout)).toEqual({ version: 1, lists: [LIST], entries: [] });
  });

  it("prune --quiet says nothing but what is wrong", async () => {
    await here.makeList(LIST, [amd64]);
    await here.age(31);
    expect(await here.run("prune", "--quiet")).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(await here.run("ls")).toMatchObject({ stdout: "" });
  });

  it("prune --format json says what it has deleted, and what it could not", async () => {
    await here.makeList(LIST, [amd64]);
    for (const name of ["x.example_bad-v1", "x.example_worse-v1"]) {
      await mkdir(join(here.root, name));
      writeFileSync(join(here.root, name, "entry"), "{");
    }
    await here.age(31);
    const { status, stdout, stderr } = await here.run("prune", "--format", "json");
    expect(status).toBe(1);
    expect(removedIn(stdout).lists).toEqual([LIST]);
    const { code, message } = ErrorResult.parse(JSON.parse(stdout)).error;
    expect(code).toBe("STORE");
    expect(message.split("\n")).toHaveLength(2);
    expect(stderr).toBe(`1 list deleted\n${message}\n`);
  });

  it("ls --format json is a document, also beside --quiet, which is for names alone", async () => {
    await openStore(here.root).change(parseReference(LIST), () => emptyDraft(parseReference(LIST)));
    const { stdout } = await here.run("ls", "--format", "json", "--quiet");
    expect(LsResult.parse(JSON.parse(stdout)).lists).toMatchObject([{ name: LIST, entries: 0 }]);
    rmSync(here.root, { recursive: true });
    expect((await here.run("ls", "--quiet")).stdout).toBe("");
  });
});
