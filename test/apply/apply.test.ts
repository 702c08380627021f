import { existsSync, readFileSync } from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import type { Built } from "../../src/testing/index.js";
import { ApplyPlan, ApplyResult } from "../../src/ui/applyResult.js";
import { ListResult } from "../../src/ui/listResult.js";
import { PushMetadata } from "../../src/ui/pushMetadata.js";
import { attach, COSIGN_SIGNATURE, putBuild } from "../helpers/builds.js";
import { answer, type Peer, type PeerOptions } from "../helpers/peer.js";
import { changesIn, useWorkplace } from "../helpers/workplace.js";

/** `tsmanifest apply`: many lists of a file in one process. */

const workplace = useWorkplace();
const ARCHITECTURES = ["amd64", "arm64"];

let registry: Peer;
let images: Built[];
beforeEach(async () => {
  await begin();
});

async function begin(options: PeerOptions = {}): Promise<void> {
  registry = await workplace.registry(options);
  images = ARCHITECTURES.map((architecture) => putImage(architecture));
}

function putImage(architecture: string, repository = "team/app", seed = ""): Built {
  return registry.putImage(repository, {
    kind: "oci",
    architecture,
    tag: `v1-linux-${architecture}`,
    layers: 2,
    seed,
  });
}

const name = (rest: string): string => `${registry.host}/${rest}`;
const sources = (repository = "team/app"): string[] =>
  ARCHITECTURES.map((architecture) => name(`${repository}:v1-linux-${architecture}`));

/** A file of lists; JSON is YAML. */
function file(lists: readonly object[], more: object = {}, path = "lists.yaml"): string {
  return workplace.write(path, JSON.stringify({ version: 1, ...more, lists }, undefined, 2));
}

const apply = (...args: string[]) => workplace.run("apply", "-f", ...args);

interface Index {
  readonly mediaType: string;
  readonly manifests: readonly {
    readonly digest: string;
    readonly platform?: { readonly architecture: string };
    readonly annotations?: Readonly<Record<string, string>>;
  }[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly subject?: { readonly digest: string };
  readonly artifactType?: string;
}

function index(repository: string, tag: string): Index | undefined {
  const found = registry.manifest(repository, tag);
  return found && (JSON.parse(found.body.toString()) as Index);
}

const digestsAt = (repository: string, tag: string): string[] | undefined =>
  index(repository, tag)?.manifests.map(({ digest }) => digest);

const methods = (): string[] =>
  [...new Set(registry.requests.map((request) => request.split(" ")[0] ?? ""))].sort();
const writes = (): string[] =>
  registry.log
    .filter(({ method, status = 0 }) => ["PUT", "POST", "PATCH"].includes(method) && status < 300)
    .map(({ method, path }) => `${method} ${path}`);

/** From here on, requests count. */
function forget(): void {
  registry.resetLog();
  (registry.seen as unknown[]).length = 0;
}

function resultsIn(path: string): ListResult[] {
  const lines = readFileSync(path, "utf8").split("\n");
  expect(lines.pop()).toBe("");
  return lines.map((line) => ListResult.parse(JSON.parse(line)));
}

describe("a file of lists", () => {
  it("is made, each list with all its names, and a line for each says what it is", async () => {
    putImage("amd64", "team/tools");
    putImage("arm64", "team/tools");
    const lists = file([
      { target: name("team/app:v1"), tags: ["latest", name("mirror/app:v1")], sources: sources() },
      { target: name("team/tools:v1"), sources: sources("team/tools") },
    ]);
    const { status, stdout, stderr } = await apply(lists);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const [app, tools] = ["team/app", "team/tools"].map(
      (path) => registry.manifest(path, "v1")?.digest ?? "",
    );
    expect(stdout.split("\n").sort()).toEqual(
      ["", `${app}  ${name("team/app:v1")}`, `${tools}  ${name("team/tools:v1")}`].sort(),
    );
    expect(digestsAt("team/app", "v1")).toEqual(images.map(({ digest }) => digest));
    expect(registry.manifest("team/app", "latest")?.digest).toBe(app);
    expect(registry.manifest("mirror/app", "v1")?.digest).toBe(app);
  });

  it("makes the list that imagetools create makes of the same", async () => {
    const build = putBuild(registry, "team/built", { architecture: "s390x", tag: "v1" });
    const all = [...sources(), name("team/built:v1")];
    await workplace.out("imagetools", "create", "-t", name("team/app:one"), ...all);
    expect(await apply(file([{ target: name("team/app:many"), sources: all }]))).toMatchObject({ status: 0 });
    expect(registry.manifest("team/app", "many")?.body).toEqual(registry.manifest("team/app", "one")?.body);
    expect(digestsAt("team/app", "many")).toContain(build.attestation.digest);
  });

  it("says what each list and each entry says of itself", async () => {
    const [amd64 = "", arm64 = ""] = sources();
    const lists = file([
      {
        target: name("team/app:v1"),
        sources: [
          amd64,
          { image: arm64, platform: "linux/arm64/v8", annotations: { "org.example.builder": "b2" } },
        ],
        annotations: { "org.opencontainers.image.version": "1.10" },
        subject: images[0]?.digest,
        artifactType: "application/vnd.example.thing",
      },
    ]);
    expect(await apply(lists)).toMatchObject({ status: 0, stderr: "" });
    expect(index("team/app", "v1")).toMatchObject({
      mediaType: "application/vnd.oci.image.index.v1+json",
      artifactType: "application/vnd.example.thing",
      subject: { digest: images[0]?.digest },
      annotations: { "org.opencontainers.image.version": "1.10" },
      manifests: [
        { platform: { architecture: "amd64" } },
        { platform: { architecture: "arm64", variant: "v8" }, annotations: { "org.example.builder": "b2" } },
      ],
    });
  });

  it("is docker's list where docker's images say nothing more, and an OCI index where the list does", async () => {
    for (const architecture of ARCHITECTURES)
      registry.putImage("docker/app", { architecture, tag: architecture });
    const all = ARCHITECTURES.map((tag) => name(`docker/app:${tag}`));
    const lists = file([
      { target: name("docker/app:plain"), sources: all },
      { target: name("docker/app:annotated"), sources: all, annotations: { a: "b" } },
      { target: name("docker/app:oci"), sources: all, type: "oci" },
      { target: name("docker/app:docker"), sources: all, type: "docker", annotations: { a: "b" } },
    ]);
    const { status, stderr } = await apply(lists);
    expect(status).toBe(0);
    expect(stderr).toBe(
      `WARNING: ${name("docker/app:docker")}: docker's manifest list has no room for annotations: left out\n`,
    );
    const types = ["plain", "annotated", "oci", "docker"].map((tag) => index("docker/app", tag)?.mediaType);
    const [list, oci] = [
      "application/vnd.docker.distribution.manifest.list.v2+json",
      "application/vnd.oci.image.index.v1+json",
    ];
    expect(types).toEqual([list, oci, oci, list]);
  });

  it("takes what builds have left in folders, and bare digests, from the list's own repository", async () => {
    workplace.touch(images.map(({ digest }) => digest.replace("sha256:", "")));
    const lists = file([
      { target: name("team/app:folder"), sources: [{ from: "./digests" }] },
      { target: name("team/app:digests"), sources: images.map(({ digest }) => digest) },
    ]);
    expect(await apply(lists)).toMatchObject({ status: 0 });
    for (const tag of ["folder", "digests"]) {
      expect(digestsAt("team/app", tag)?.sort()).toEqual(images.map(({ digest }) => digest).sort());
    }
  });

  it("copies from other registries, and takes attestations and what is attached along where that is asked", async () => {
    const other = await workplace.registry();
    const build = putBuild(other, "team/app", { architecture: "amd64", tag: "v1" });
    attach(other, "team/app", build.image, COSIGN_SIGNATURE);
    const source = [`${other.host}/team/app:v1`];
    const lists = file([
      { target: name("copies/app:plain"), sources: source },
      { target: name("copies/dropped:v1"), sources: source, attestations: "drop" },
      { target: name("copies/signed:v1"), sources: source, referrers: true },
    ]);
    expect(await apply(lists)).toMatchObject({ status: 0 });
    expect(digestsAt("copies/app", "plain")).toEqual([build.image.digest, build.attestation.digest]);
    expect(digestsAt("copies/dropped", "v1")).toEqual([build.image.digest]);
    const types = registry
      .manifests("copies/signed")
      .map((digest) => index("copies/signed", digest)?.artifactType);
    expect(types).toContain(COSIGN_SIGNATURE);
    expect(
      registry.manifests("copies/app").map((digest) => index("copies/app", digest)?.artifactType),
    ).not.toContain(COSIGN_SIGNATURE);
    // What is attached is brought along later, too, though the list itself is as it should be.
    const later = file([{ target: name("copies/app:plain"), sources: source, referrers: true }]);
    expect(await apply(later)).toMatchObject({ status: 0 });
    const now = registry.manifests("copies/app").map((digest) => index("copies/app", digest)?.artifactType);
    expect(now).toContain(COSIGN_SIGNATURE);
  });

  it("adds to the list that is there, or puts images in the place of others", async () => {
    const [amd64 = "", arm64 = ""] = sources();
    await workplace.out("imagetools", "create", "-t", name("team/app:v1"), amd64);
    expect(
      await apply(file([{ target: name("team/app:v1"), sources: [arm64], existing: "append" }])),
    ).toMatchObject({
      status: 0,
    });
    expect(digestsAt("team/app", "v1")).toEqual(images.map(({ digest }) => digest));
    const news = putImage("arm64", "team/app", "newer");
    expect(
      await apply(file([{ target: name("team/app:v1"), sources: [arm64], existing: "merge" }])),
    ).toMatchObject({
      status: 0,
    });
    expect(digestsAt("team/app", "v1")).toEqual([images[0]?.digest, news.digest]);
    forget();
    const again = file([{ target: name("team/app:v1"), sources: [arm64], existing: "merge" }]);
    expect(await apply(again)).toMatchObject({ status: 0 });
    expect(changesIn(registry)).toEqual([]);
  });

  it("is written into layouts, and read from them", async () => {
    const lists = file([
      { target: `oci-layout://${workplace.path("out")}:v1`, sources: sources() },
      { target: name("back/app:v1"), sources: [`oci-layout://${workplace.path("out")}:v1`] },
    ]);
    expect(await apply(lists)).toMatchObject({ status: 0, stderr: "" });
    expect(digestsAt("back/app", "v1")).toEqual(images.map(({ digest }) => digest));
    forget();
    expect(await apply(lists)).toMatchObject({ status: 0 });
    expect(changesIn(registry)).toEqual([]);
  });

  it("may be piped in, or several, or a folder of them", async () => {
    const text = JSON.stringify({
      version: 1,
      lists: [{ target: name("piped/app:v1"), sources: sources() }],
    });
    const { status } = await workplace.runPiped(text, "apply", "-f", "-");
    expect(status).toBe(0);
    expect(digestsAt("piped/app", "v1")).toHaveLength(2);
    file([{ target: name("one/app:v1"), sources: sources() }], {}, "folder/one.yaml");
    file([{ target: name("two/app:v1"), sources: sources() }], {}, "folder/two.json");
    const third = file([{ target: name("three/app:v1"), sources: sources() }], {}, "three.yaml");
    expect(await apply(workplace.path("folder"), "-f", third)).toMatchObject({ status: 0 });
    for (const path of ["one/app", "two/app", "three/app"]) expect(digestsAt(path, "v1")).toHaveLength(2);
  });
});

describe("a template", () => {
  const templated = (more: object = {}): string =>
    file([
      {
        target: name("team/app:v1"),
        template: name("team/app:v1-{os}-{arch}"),
        platforms: ["linux/amd64", "linux/arm64"],
        ...more,
      },
    ]);

  it("names an image for each platform", async () => {
    expect(await apply(templated())).toMatchObject({ status: 0, stderr: "" });
    expect(digestsAt("team/app", "v1")).toEqual(images.map(({ digest }) => digest));
  });

  it("takes what a build has for the platform, with its attestation", async () => {
    const builds = ARCHITECTURES.map((architecture) =>
      putBuild(registry, "team/app", { architecture, tag: `v1-linux-${architecture}` }),
    );
    expect(await apply(templated())).toMatchObject({ status: 0, stderr: "" });
    expect(digestsAt("team/app", "v1")?.sort()).toEqual(
      builds.flatMap(({ image, attestation }) => [image.digest, attestation.digest]).sort(),
    );
  });

  it("fails where the image is for another platform than its name says, and nothing is pushed", async () => {
    registry.putImage("team/app", { kind: "oci", architecture: "riscv64", tag: "v1-linux-arm64" });
    const { status, stderr } = await apply(templated());
    expect(status).toBe(1);
    expect(stderr).toContain(`${name("team/app:v1-linux-arm64")} is for linux/riscv64, not linux/arm64`);
    putBuild(registry, "team/app", { architecture: "riscv64", tag: "v1-linux-arm64" });
    expect((await apply(templated())).stderr).toContain("has nothing for linux/arm64");
    expect(registry.tags("team/app")).not.toContain("v1");
  });

  it("says a variant that the image does not know of", async () => {
    registry.putImage("team/app", { kind: "oci", architecture: "arm", tag: "v1-linux-armv6" });
    const lists = file([
      {
        target: name("team/app:arm"),
        template: name("team/app:v1-{os}-{arch}{variant}"),
        platforms: ["linux/arm/v6"],
      },
    ]);
    expect(await apply(lists)).toMatchObject({ status: 0 });
    expect(index("team/app", "arm")?.manifests[0]?.platform).toMatchObject({
      architecture: "arm",
      variant: "v6",
    });
  });
});

describe("nothing twice", () => {
  const declared = (tags: readonly string[] = ["latest"]): string =>
    file([
      {
        target: name("team/app:v1"),
        tags,
        template: name("team/app:v1-{os}-{arch}"),
        platforms: ["linux/amd64", "linux/arm64"],
      },
      {
        target: name("other/app:v1"),
        sources: sources().map((image, at) => ({ image, platform: `linux/${ARCHITECTURES[at] ?? ""}` })),
      },
    ]);

  it("costs HEAD alone where the file says the platforms", async () => {
    expect(await apply(declared())).toMatchObject({ status: 0 });
    forget();
    const results = workplace.path("results.jsonl");
    expect(await apply(declared(), "--results", results)).toMatchObject({ status: 0, stderr: "" });
    expect(methods()).toEqual(["HEAD"]);
    expect(
      resultsIn(results).map(({ status, sent, digest, tags }) => ({
        status,
        sent,
        isThere: digest !== undefined,
        tags: tags.length,
      })),
    ).toEqual([
      {
        status: "unchanged",
        sent: { manifests: 0, mounted: 0, copied: 0, bytes: 0 },
        isThere: true,
        tags: 2,
      },
      {
        status: "unchanged",
        sent: { manifests: 0, mounted: 0, copied: 0, bytes: 0 },
        isThere: true,
        tags: 1,
      },
    ]);
  });

  it("costs what tells the platforms where the file does not, each once", async () => {
    const build = putBuild(registry, "team/built", { architecture: "s390x", tag: "v1" });
    const lists = file(
      ["one", "two", "three"].map((tag) => ({
        target: name(`lists/app:${tag}`),
        sources: [...sources(), name("team/built:v1")],
      })),
    );
    expect(await apply(lists)).toMatchObject({ status: 0 });
    expect(digestsAt("lists/app", "one")).toContain(build.attestation.digest);
    forget();
    expect(await apply(lists)).toMatchObject({ status: 0 });
    expect(methods()).toEqual(["GET", "HEAD"]);
    const gets = registry.requests.filter((request) => request.startsWith("GET "));
    expect(gets).toHaveLength(new Set(gets).size);
    // A manifest and a config of each image, and of the build its index alone.
    expect(gets).toHaveLength(5);
  });

  it("moves only the tags that are elsewhere", async () => {
    expect(await apply(declared())).toMatchObject({ status: 0 });
    registry.putManifest(
      "team/app",
      "application/vnd.oci.image.index.v1+json",
      '{"schemaVersion":2,"manifests":[]}',
      "latest",
    );
    forget();
    expect(await apply(declared(["latest", "newer"]))).toMatchObject({ status: 0 });
    expect(writes().map((write) => write.replace(/sha256:\w+/, "DIGEST"))).toEqual([
      "PUT /v2/team/app/manifests/DIGEST?tag=latest&tag=newer",
    ]);
    expect(
      new Set(["v1", "latest", "newer"].map((tag) => registry.manifest("team/app", tag)?.digest)).size,
    ).toBe(1);
  });

  it("tells a registry again what a list refers to, where that was not done", async () => {
    await begin({ referrers: false });
    const lists = file([{ target: name("team/app:v1"), sources: sources(), subject: images[0]?.digest }]);
    expect(await apply(lists)).toMatchObject({ status: 0 });
    const [fallback = ""] = registry.tags("team/app").filter((tag) => tag.startsWith("sha256-"));
    expect(digestsAt("team/app", fallback)).toEqual([registry.manifest("team/app", "v1")?.digest]);
    forget();
    expect(await apply(lists)).toMatchObject({ status: 0 });
    expect(changesIn(registry)).toEqual([]);
    registry.deleteManifest("team/app", fallback);
    expect(await apply(lists)).toMatchObject({ status: 0 });
    expect(digestsAt("team/app", fallback)).toEqual([registry.manifest("team/app", "v1")?.digest]);
  });

  it("holds what is there to what is expected, though nothing would be sent", async () => {
    const declared = (more: object) =>
      file([
        {
          target: name("team/app:v1"),
          sources: sources().map((image, at) => ({ image, platform: `linux/${ARCHITECTURES[at] ?? ""}` })),
          ...more,
        },
      ]);
    expect(await apply(declared({}))).toMatchObject({ status: 0 });
    const { status, stderr } = await apply(
      declared({ expect: ["linux/amd64", "linux/arm64", "linux/s390x"] }),
    );
    expect(status).toBe(1);
    expect(stderr).toContain("missing linux/s390x");
  });

  it("brings back children that were deleted behind the list", async () => {
    const lists = file([{ target: name("lists/app:v1"), sources: sources() }]);
    expect(await apply(lists)).toMatchObject({ status: 0 });
    const list = registry.manifest("lists/app", "v1");
    registry.deleteManifest("lists/app", images[1]?.digest ?? "");
    expect(await apply(lists)).toMatchObject({ status: 0 });
    expect(registry.manifests("lists/app")).toContain(images[1]?.digest);
    expect(registry.manifest("lists/app", "v1")).toEqual(list);
  });

  it("puts the children that lists share once, and mounts their blobs once", async () => {
    const lists = file(
      Array.from({ length: 20 }, (_, at) => ({
        target: name(`shared/app:v${at}`),
        sources: sources(),
        annotations: { at: `${at}` },
      })),
    );
    expect(await apply(lists)).toMatchObject({ status: 0 });
    const all = writes();
    const children = all.filter((write) =>
      images.some(({ digest }) => write.includes(`manifests/${digest}`)),
    );
    expect(children).toHaveLength(2);
    for (const { digest } of images) {
      expect(
        registry.requests.filter((request) => request.includes(`HEAD /v2/shared/app/manifests/${digest}`)),
      ).toHaveLength(1);
    }
    const mounts = all.filter((write) => write.includes("mount="));
    expect(mounts).toHaveLength(new Set(mounts).size);
    expect(mounts.length).toBe(new Set(images.flatMap(({ blobs }) => blobs)).size);
    expect(registry.tags("shared/app")).toHaveLength(20);
  });

  it("reads a source once, however many lists are made of it", async () => {
    const lists = file(
      Array.from({ length: 20 }, (_, at) => ({
        target: name(`team/app:list${at}`),
        sources: sources(),
        annotations: { at: `${at}` },
      })),
    );
    expect(await apply(lists)).toMatchObject({ status: 0 });
    expect(registry.requests.filter((request) => request.startsWith("GET "))).toHaveLength(4);
  });

  it("asks for a token once for as many repositories as fit into it", async () => {
    await begin({ auth: { kind: "bearer", users: { ci: "secret" } } });
    workplace.write(
      "config.json",
      JSON.stringify({ auths: { [registry.host]: { auth: Buffer.from("ci:secret").toString("base64") } } }),
    );
    const lists = file(
      Array.from({ length: 60 }, (_, at) => ({ target: name(`lists/app${at}:v1`), sources: sources() })),
    );
    expect(await apply(lists)).toMatchObject({ status: 0, stderr: "" });
    const tokens = registry.log.filter(({ path }) => path.startsWith("/token"));
    expect(tokens.length).toBeGreaterThan(0);
    expect(tokens.length).toBeLessThanOrEqual(3);
  });
});

describe("a list that fails", () => {
  const some = (): object[] => [
    { target: name("good/app:v1"), sources: sources() },
    { target: name("bad/app:v1"), sources: [name("nowhere/app:v1")] },
    { target: name("short/app:v1"), sources: sources().slice(0, 1), expect: ["linux/amd64", "linux/arm64"] },
    { target: name("good/app:v2"), sources: sources() },
  ];

  it("keeps no other from being made; the end is a table of those that failed, and exit status 1", async () => {
    const results = workplace.path("results.jsonl");
    const { status, stdout, stderr } = await apply(file(some()), "--results", results);
    expect(status).toBe(1);
    expect(stdout.trim().split("\n")).toHaveLength(2);
    expect(registry.tags("good/app")).toEqual(["v1", "v2"]);
    expect(registry.repositories()).not.toContain("bad/app");
    expect(registry.repositories()).not.toContain("short/app");
    const lines = stderr.split("\n");
    expect(lines[0]).toBe("2 of 4 lists failed:");
    expect(lines[1]).toMatch(/^ {2}\S+\/bad\/app:v1 +MANIFEST_UNKNOWN +\S+\/nowhere\/app:v1: not found$/);
    expect(lines[2]).toMatch(/^ {6}\S+ has no tag v1 in nowhere\/app: /);
    expect(lines[3]).toMatch(/^ {2}\S+\/short\/app:v1 +EXPECTATION +.*missing linux\/arm64$/);
    const told = resultsIn(results);
    expect(told).toHaveLength(4);
    const failed = told.filter((result) => result.status === "failed");
    expect(failed.map(({ error }) => error?.code).sort()).toEqual(["EXPECTATION", "MANIFEST_UNKNOWN"]);
    for (const { digest, tags } of failed) expect({ digest, tags }).toEqual({ digest: undefined, tags: [] });
  });

  it("keeps those from being made that are begun behind it no more than those before it", async () => {
    const lists = file([
      { target: name("bad/app:v1"), sources: [name("nowhere/app:v1")] },
      ...Array.from({ length: 5 }, (_, at) => ({ target: name(`good/app:v${at}`), sources: sources() })),
    ]);
    expect((await apply(lists, "--jobs", "1")).status).toBe(1);
    expect(registry.tags("good/app")).toHaveLength(5);
  });

  it("tells which of its names it has all the same", async () => {
    const other = await workplace.registry({
      intercept: (request, response) =>
        request.method === "PUT" && (request.url ?? "").includes("/manifests/v1")
          ? answer(response, 403, {}, '{"errors":[{"code":"DENIED","message":"no"}]}')
          : false,
    });
    const lists = file([
      { target: name("team/app:v1"), tags: [`${other.host}/team/app:v1`], sources: sources() },
    ]);
    const { status, stdout, stderr } = await apply(lists, "--format", "json");
    expect(status).toBe(1);
    const [list] = ApplyResult.parse(JSON.parse(stdout)).lists;
    const digest = registry.manifest("team/app", "v1")?.digest;
    expect(list).toMatchObject({ status: "failed", digest, tags: [name("team/app:v1")] });
    expect(list?.error?.message).toContain(`it is there already as ${name("team/app:v1")}`);
    expect(stderr).toContain("it is there already as");
  });

  it("begins a line of its own in the results, whatever an earlier run has left there", async () => {
    const results = workplace.write("results.jsonl", '{"version":1,"target":"cut off in the mid');
    expect(await apply(file(some().slice(0, 1)), "--results", results)).toMatchObject({ status: 0 });
    const [, ...lines] = readFileSync(results, "utf8").trimEnd().split("\n");
    expect(lines.map((line) => ListResult.parse(JSON.parse(line)).status)).toEqual(["pushed"]);
  });

  it("is the last one that is begun, with --fail-fast", async () => {
    const [good, bad, ...others] = some();
    const { status, stderr } = await apply(
      file([bad ?? {}, good ?? {}, ...others]),
      "--fail-fast",
      "--jobs",
      "1",
    );
    expect(status).toBe(1);
    expect(stderr).toContain("1 of 4 lists failed:");
    expect(stderr).toContain("3 were not begun (--fail-fast)\nwhen that is fixed, run it again\n");
    expect(registry.repositories()).toEqual(["team/app"]);
  });

  it("is mended by running it again, which goes on where it was", async () => {
    expect((await apply(file(some()))).status).toBe(1);
    registry.putImage("nowhere/app", { kind: "oci", tag: "v1" });
    const mended = some().filter((_, at) => at !== 2);
    forget();
    expect(await apply(file(mended))).toMatchObject({ status: 0 });
    expect(writes().filter((write) => write.includes("/manifests/v"))).toEqual([
      "PUT /v2/bad/app/manifests/v1",
    ]);
  });

  it("says in --format json what became of all, with the error beside", async () => {
    const { status, stdout } = await apply(file(some()), "--format", "json");
    expect(status).toBe(1);
    const document = ApplyResult.parse(JSON.parse(stdout));
    expect(document.lists.map(({ status: became }) => became).sort()).toEqual([
      "failed",
      "failed",
      "pushed",
      "pushed",
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "LISTS_FAILED" } });
    const quiet = await apply(file(some().slice(0, 1)), "--quiet");
    expect(quiet).toMatchObject({ status: 0, stdout: "", stderr: "" });
  });

  it("is told with the way out, once for all that need the same", async () => {
    await begin({ auth: { kind: "bearer", users: { ci: "secret" } } });
    const lists = file(
      ["one", "two"].map((tag) => ({ target: name(`lists/app:${tag}`), sources: sources() })),
    );
    const { status, stderr } = await apply(lists);
    expect(status).toBe(1);
    expect(stderr).not.toContain("not found");
    const [, first, hint = "", second] = stderr.split("\n");
    expect(first).toContain("unauthorized: authentication required");
    expect(hint).toMatch(/^ {6}\S.*not logged in to/);
    expect(second).toContain("lists/app:two");
    expect(stderr.split("not logged in to")).toHaveLength(2);
    expect(stderr).toContain("\nwhen that is fixed, run it again\n");
  });

  it("is one of many more than anybody reads: where they are is said", async () => {
    const lists = file(
      Array.from({ length: 60 }, (_, at) => ({
        target: name(`a/app:v${at}`),
        sources: [name("nowhere/app:v1")],
      })),
    );
    const { stderr } = await apply(lists);
    expect(stderr).toContain("60 of 60 lists failed:");
    expect(stderr).toContain("and 10 more: --results FILE has them all");
  });

  it("writes no files of digests; where none fails they have all of them", async () => {
    const [digests, metadata] = [workplace.path("digests.txt"), workplace.path("metadata.json")];
    const files = ["--digest-file", digests, "--metadata-file", metadata];
    expect((await apply(file(some()), ...files)).status).toBe(1);
    expect(existsSync(digests)).toBe(false);
    const { stdout } = await apply(file(some().slice(0, 1)), ...files);
    expect(readFileSync(digests, "utf8")).toBe(stdout);
    const written: unknown = JSON.parse(readFileSync(metadata, "utf8"));
    const { [name("good/app:v1")]: own } = written as Record<string, unknown>;
    expect(PushMetadata.parse(own)).toMatchObject({ "image.name": name("good/app") });
  });

  it("is told of before anything is sent, where the results cannot be written", async () => {
    const { status, stderr } = await apply(file(some()), "--results", workplace.path("no", "such", "folder"));
    expect(status).toBe(1);
    expect(stderr).toContain("there is no such folder");
    expect(registry.requests).toEqual([]);
  });
});

describe("lists that are made of each other", () => {
  it("are made one after the other, wherever they stand", async () => {
    const lists = file([
      { target: name("all/app:v1"), sources: [name("parts/app:amd64"), name("parts/app:arm64")] },
      ...sources().map((source, at) => ({
        target: name(`parts/app:${ARCHITECTURES[at] ?? ""}`),
        sources: [source],
      })),
    ]);
    expect(await apply(lists)).toMatchObject({ status: 0, stderr: "" });
    expect(digestsAt("all/app", "v1")).toEqual(images.map(({ digest }) => digest));
  });

  it("are made of what the other one is now, though its name was a source before", async () => {
    await workplace.out("imagetools", "create", "-t", name("team/all:v1"), ...sources());
    const third = registry.putImage("team/app", { kind: "oci", architecture: "s390x", tag: "third" });
    const lists = file([
      { target: name("team/all:v1"), sources: [name("team/all:v1"), name("team/app:third")] },
      { target: name("team/copy:v1"), sources: [name("team/all:v1")] },
    ]);
    expect(await apply(lists)).toMatchObject({ status: 0, stderr: "" });
    expect(digestsAt("team/copy", "v1")).toEqual([...images.map(({ digest }) => digest), third.digest]);
  });

  it("are made after what they refer to", async () => {
    const lists = file([
      { target: name("team/app:sig"), sources: sources(), subject: name("team/app:v1") },
      { target: name("team/app:v1"), sources: sources() },
    ]);
    expect(await apply(lists)).toMatchObject({ status: 0, stderr: "" });
    expect(index("team/app", "sig")?.subject?.digest).toBe(registry.manifest("team/app", "v1")?.digest);
  });

  it("fail with what they are made of", async () => {
    const lists = file([
      { target: name("all/app:v1"), sources: [name("parts/app:v1")] },
      { target: name("parts/app:v1"), sources: [name("nowhere/app:v1")] },
    ]);
    const { status, stderr } = await apply(lists);
    expect(status).toBe(1);
    expect(stderr).toContain("2 of 2 lists failed:");
    expect(stderr).toMatch(
      /all\/app:v1 +SOURCE_FAILED +\S+\/parts\/app:v1, which it is made of, was not made/,
    );
  });

  it("cannot be made in a circle, nor of one in another shard; nothing is sent", async () => {
    const circle = file([
      { target: name("a/app:v1"), sources: [name("b/app:v1")] },
      { target: name("b/app:v1"), sources: [name("a/app:v1")] },
    ]);
    const { status, stderr } = await apply(circle);
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /lists\.yaml:\d+:\d+: lists are made of each other: \S+a\/app:v1 of \S+b\/app:v1 of \S+a\/app:v1/,
    );
    const others = Array.from({ length: 32 }, (_, at) => ({
      target: name(`parts/app:v${at}`),
      sources: sources(),
    }));
    const shards = file([
      ...others,
      { target: name("all/app:v1"), sources: others.map(({ target }) => target) },
    ]);
    const run = await Promise.all(["1/2", "2/2"].map((shard) => apply(shards, "--shard", shard)));
    expect(run.some((one) => one.stderr.includes("which is in another shard"))).toBe(true);
    expect(registry.repositories()).not.toContain("all/app");
  });
});

describe("what was read before the first request", () => {
  it("has all its faults told at once, each with its place, and nothing is sent", async () => {
    const path = workplace.write(
      "bad.yaml",
      [
        "version: 1",
        "lists:",
        `  - target: ${name("team/app:v1")}`,
        "    sorces: [a]",
        `  - target: ${name("team/app:v1")}`,
        "    sources: [{ from: ./nowhere }]",
        "",
      ].join("\n"),
    );
    const { status, stdout, stderr } = await apply(path);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toMatch(/bad\.yaml:4:5: .*sources/);
    expect(registry.requests).toEqual([]);
  });

  it("includes folders of digests that are not there", async () => {
    const { status, stderr } = await apply(
      file([{ target: name("team/app:v1"), sources: [...sources(), { from: "./nowhere" }] }]),
    );
    expect(status).toBe(1);
    expect(stderr).toMatch(/lists\.yaml:\d+:\d+: .*nowhere/);
    expect(registry.requests).toEqual([]);
  });
});

describe("a command line without -f", () => {
  it("is told how files are given", async () => {
    for (const args of [[], ["lists.yaml"]]) {
      const { status, stderr } = await workplace.run("apply", ...args);
      expect(status).toBe(1);
      expect(stderr).toContain("-f");
    }
  });
});

describe("--plan", () => {
  const lists = (): string =>
    file([
      { target: name("team/app:v1"), sources: sources() },
      { target: name("lists/app:v1"), tags: ["latest"], sources: sources() },
      { target: name("lists/all:v1"), sources: [name("lists/app:v1")] },
    ]);

  it("shows what would be sent list by list, and changes nothing", async () => {
    await workplace.out("apply", "-f", file([{ target: name("team/app:v1"), sources: sources() }]));
    forget();
    const results = workplace.path("results.jsonl");
    const { status, stdout, stderr } = await apply(lists(), "--plan", "--results", results);
    expect(existsSync(results)).toBe(false);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(changesIn(registry)).toEqual([]);
    expect(stdout).toContain("3 lists, 1 of them with nothing to do");
    expect(stdout).toContain(`${name("team/app:v1")}: nothing to do`);
    expect(stdout).toContain("tag latest: ");
    expect(stdout).toContain(`${name("lists/all:v1")}: is made of another list of the file`);
  });

  it("shows what each shard would do, as text and as JSON", async () => {
    const many = file(
      Array.from({ length: 60 }, (_, at) => ({ target: name(`lists/app${at}:v1`), sources: sources() })),
    );
    const text = await workplace.out("apply", "-f", many, "--plan", "--shards", "3");
    expect(text).toMatch(/^shard 1 of 3: \d+ lists/m);
    const plan = ApplyPlan.parse(
      JSON.parse(await workplace.out("apply", "-f", many, "--plan", "--shards", "3", "--format", "json")),
    );
    expect(plan.shards.map(({ shard, of }) => [shard, of])).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
    const planned = plan.shards.map(({ lists: some }) => some.map(({ target }) => target));
    expect(planned.flat().sort()).toEqual(
      Array.from({ length: 60 }, (_, at) => name(`lists/app${at}:v1`)).sort(),
    );
    for (const [at, targets] of planned.entries()) {
      const own = await workplace.run("apply", "-f", many, "--shard", `${at + 1}/3`);
      expect(
        own.stdout
          .trim()
          .split("\n")
          .map((line) => line.split("  ")[1])
          .sort(),
      ).toEqual([...targets].sort());
    }
  });

  it("shows a list in the shard that makes it, in whatever way its registry is written", async () => {
    const port = registry.host.split(":")[1] ?? "";
    const shardsAt = async (host: string): Promise<string[][]> => {
      const targets = Array.from({ length: 12 }, (_, at) => `${host}:${port}/lists/app${at}:v1`);
      const many = file(targets.map((target) => ({ target, sources: sources() })));
      const args = ["--plan", "--shards", "3", "--insecure", "--format", "json"];
      const { shards } = ApplyPlan.parse(JSON.parse((await apply(many, ...args)).stdout));
      return shards.map(({ lists: some }) => some.map(({ target }) => target.toLowerCase()));
    };
    expect(await shardsAt("LOCALHOST")).toEqual(await shardsAt("localhost"));
  });

  it("says which lists would fail", async () => {
    const { status, stdout, stderr } = await apply(
      file([{ target: name("a/app:v1"), sources: [name("nowhere/app:v1")] }]),
      "--plan",
    );
    expect(status).toBe(1);
    expect(stdout).toContain("fails:");
    expect(stderr).toContain("1 list would fail");
    expect(changesIn(registry)).toEqual([]);
  });
});

describe("a registry that is slow to see, or asks to wait", () => {
  it("is waited for", async () => {
    let refusals = 0;
    await begin({
      intercept: (_request, response) => {
        if (++refusals > 30) return false;
        return answer(response, 429, { "retry-after": "0.1" }, "too many requests");
      },
    });
    const lists = file([{ target: name("lists/app:v1"), sources: sources(), retries: 1 }]);
    expect(await apply(lists)).toMatchObject({ status: 0 });
  });

  it("is read back with --verify, and what is not there fails the list", async () => {
    expect(
      await apply(file([{ target: name("lists/app:v1"), sources: sources() }]), "--verify"),
    ).toMatchObject({ status: 0 });
    const lists = file([{ target: name("lists/app:v2"), sources: sources(), verify: "blobs" }]);
    expect(await apply(lists)).toMatchObject({ status: 0 });
    // What a list says counts more than the command line.
    const unverified = file([{ target: name("lists/app:v3"), sources: sources(), verify: false }]);
    forget();
    expect(await apply(unverified, "--verify")).toMatchObject({ status: 0 });
    const last = registry.requests.findLastIndex((request) => request.startsWith("PUT "));
    expect(registry.requests.slice(last + 1)).toEqual([]);
  });

  it("is tried as often as the list says", async () => {
    let failures = 0;
    await begin({
      intercept: (request, response) => {
        if (request.method !== "PUT" || failures++ > 2) return false;
        return answer(response, 500, {}, "not now");
      },
    });
    const lists = file([{ target: name("team/app:once"), sources: sources(), retries: 0 }]);
    expect((await apply(lists)).status).toBe(1);
    expect(failures).toBe(1);
  });

  it("keeps no request from anybody else when it is interrupted: what is done is told, and no tag is half moved", async () => {
    const controller = new AbortController();
    let puts = 0;
    await begin({
      intercept: (request) => {
        if (request.method === "PUT" && ++puts === 5) controller.abort();
        return false;
      },
    });
    const lists = file(
      Array.from({ length: 30 }, (_, at) => ({
        target: name(`team/app:list${at}`),
        sources: sources(),
        annotations: { at: `${at}` },
      })),
    );
    const results = workplace.path("results.jsonl");
    const { status, stderr } = await workplace.runInterrupted(
      controller.signal,
      "apply",
      "-f",
      lists,
      "--results",
      results,
      "--jobs",
      "2",
    );
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^\d+ of 30 lists are as they should be\n(?: {2}\S+: the tags were about to move\n)*tsmanifest: interrupted\n$/,
    );
    const others = resultsIn(results).filter((result) => result.status === "failed");
    expect(new Set(others.map(({ error }) => error?.code))).toEqual(new Set(["INTERRUPTED"]));
    const pushed = resultsIn(results).filter((result) => result.status === "pushed");
    expect(pushed.length).toBeGreaterThan(0);
    expect(pushed.length).toBeLessThan(30);
    for (const { target, digest } of pushed) {
      expect(registry.manifest("team/app", target.split(":").at(-1) ?? "")?.digest).toBe(digest);
    }
    const document = await workplace.runInterrupted(
      AbortSignal.abort(),
      "apply",
      "-f",
      lists,
      "--format",
      "json",
    );
    expect(JSON.parse(document.stdout)).toEqual({
      version: 1,
      lists: [],
      error: { code: "INTERRUPTED", message: "interrupted" },
    });
    const rest = await apply(lists);
    expect(rest).toMatchObject({ status: 0 });
    expect(registry.tags("team/app").filter((tag) => tag.startsWith("list"))).toHaveLength(30);
  });
});
