import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { run } from "../../src/cli.js";
import { OCI_INDEX, OCI_MANIFEST } from "../../src/oci/mediaTypes.js";
import { startRegistry, type RunningRegistry, type ServerOptions } from "../../src/testing/index.js";
import { displayWidth } from "../../src/ui/terminal/width.js";
import { TreeResult } from "../../src/ui/treeResult.js";
import { recordingContext } from "../helpers/cli.js";
import {
  putArtifact,
  putAttestation,
  putAttestedList,
  putIndex,
  putOnBase,
  type AttestedList,
} from "../helpers/lookedAt.js";
import { local, type Local } from "./local.js";

let here: Local;
let registry: RunningRegistry;
beforeEach(async () => {
  [here, registry] = await Promise.all([local(), startRegistry()]);
});
afterEach(() => registry.close());

/** The registry is called by another port each time. */
const named = (text: string): string => text.replaceAll(registry.host, "registry.example");

/** With names for digests. */
function labelled(text: string, digests: Readonly<Record<string, string>>): string {
  return Object.entries(digests).reduce(
    (result, [name, digest]) =>
      result.replaceAll(digest, `<${name}>`).replaceAll(digest.replace(":", "-"), `<tag of ${name}>`),
    named(text),
  );
}

const digestsOf = (list: AttestedList): Record<string, string> =>
  Object.fromEntries(Object.entries(list).map(([name, { digest }]) => [name, digest]));

async function tree(...args: string[]): Promise<TreeResult> {
  const { status, stdout, stderr } = await here.run("inspect", "--tree", "--format", "json", ...args);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return TreeResult.parse(JSON.parse(stdout));
}

async function startOther(options: ServerOptions): Promise<RunningRegistry> {
  const other = await startRegistry(options);
  onTestFinished(() => other.close());
  return other;
}

describe("inspect --tree", () => {
  it("shows images with what is attached to them, and the layers that they share", async () => {
    const list = putAttestedList(registry);
    const { status, stdout, stderr } = await here.run("inspect", "--tree", `${registry.host}/team/app:v1`);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const base = registry.blobs("team/app")[1] ?? "";
    expect(labelled(stdout, { ...digestsOf(list), base })).toMatchInlineSnapshot(`
      "registry.example/team/app:v1  <list>
      │  in the registry, OCI index 925 B
      │  2 images, 4.7 kB compressed: 3 layers, 2 configs, 3.0 kB shared
      ├─ linux/amd64  <amd64>
      │  │  3.8 kB: 2 layers and a config, 3.0 kB shared, OCI manifest 703 B
      │  ├─ attestation  <attestation>
      │  │     SPDX SBOM, SLSA provenance v1, 261 B: 2 layers and a config, OCI manifest 672 B
      │  └─ signature  <signature>
      │        application/vnd.cncf.notary.signature, 8 B: 1 layer and a config, OCI manifest 608 B
      └─ linux/arm64  <arm64>
         │  3.8 kB: 2 layers and a config, 3.0 kB shared, OCI manifest 703 B
         └─ signature  <tagged>
               13 B: 1 layer and a config, OCI manifest 403 B
               by the tag <tag of arm64>.sig

      Layers of more than one image:
         <base>  3.0 kB  linux/amd64, linux/arm64
      "
    `);
  });

  it("is drawn with ASCII where the terminal has nothing else, and lists layers and annotations with -v", async () => {
    const { list } = putAttestedList(registry);
    const { stdout } = await here.runWith(
      { LANG: "C" },
      "inspect",
      "--tree",
      "-v",
      `${registry.host}/team/app:v1`,
    );
    expect(stdout).not.toMatch(/[^ -~\n]/);
    expect(named(stdout).split("\n").slice(0, 5)).toEqual([
      `registry.example/team/app:v1  ${list.digest}`,
      "|  in the registry, OCI index 925 B",
      expect.stringContaining("2 images, 4.7 kB"),
      '|  annotation org.opencontainers.image.version="1.0"',
      expect.stringContaining("|- linux/amd64  sha256:"),
    ]);
    expect(stdout.match(/layer sha256:/g)).toHaveLength(8);
    expect(stdout).toContain('annotation in the list vnd.docker.reference.type="attestation-manifest"');
  });

  it("has the same as JSON", async () => {
    const { amd64, arm64, attestation, signature, tagged, list } = putAttestedList(registry);
    const { root, totals, ...rest } = await tree(`${registry.host}/team/app:v1`);
    expect(rest).toEqual({
      version: 1,
      name: `${registry.host}/team/app:v1`,
      origin: "registry",
      problems: [],
    });
    expect(root).toMatchObject({
      kind: "index",
      digest: list.digest,
      mediaType: OCI_INDEX,
      size: list.size,
      ownAnnotations: { "org.opencontainers.image.version": "1.0" },
      attached: [],
    });
    const [first, second, ...more] = root.children;
    expect(more).toEqual([]);
    expect(first).toMatchObject({ kind: "image", digest: amd64.digest, platform: "linux/amd64" });
    expect(first?.layers.map(({ size }) => size)).toEqual([3000, 500]);
    expect(first?.bytes).toBe(3500 + (first?.config?.size ?? 0));
    expect(
      first?.attached.map(({ digest, foundBy, kind, predicateTypes }) => ({
        digest,
        foundBy,
        kind,
        predicateTypes,
      })),
    ).toEqual([
      {
        digest: attestation.digest,
        foundBy: "list",
        kind: "artifact",
        predicateTypes: ["https://spdx.dev/Document", "https://slsa.dev/provenance/v1"],
      },
      { digest: signature.digest, foundBy: "subject", kind: "artifact", predicateTypes: [] },
    ]);
    expect(second?.attached).toMatchObject([
      { digest: tagged.digest, foundBy: "tag", tag: `${arm64.digest.replace(":", "-")}.sig` },
    ]);
    expect(totals).toMatchObject({ images: 2, layers: 3, sharedBytes: 3000 });
    expect(totals.sharedLayers).toEqual([
      expect.objectContaining({ size: 3000, images: [amd64.digest, arm64.digest] }),
    ]);
  });

  it("reads a list in three levels, side by side, and nothing twice", async () => {
    const { amd64, arm64, attestation, signature, tagged } = putAttestedList(registry);
    registry.resetLog();
    await here.run("inspect", "--tree", `${registry.host}/team/app:v1`);
    const requests = registry.log.map(({ method, path }) => `${method} ${path}`);
    expect(new Set(requests).size).toBe(requests.length);
    const gets = requests.filter((request) => request.includes("/manifests/") && request.startsWith("GET"));
    const wanted = [amd64, arm64, attestation, signature, tagged].map(({ digest }) => digest);
    expect(gets.map((request) => request.split("/").at(-1)).sort()).toEqual(["v1", ...wanted].sort());
    // Three images and lists with three tags each, and what refers to those and to the signature.
    expect(requests.filter((request) => request.startsWith("HEAD"))).toHaveLength(9);
    expect(requests.filter((request) => request.includes("/referrers/"))).toHaveLength(4);
    expect(registry.log.filter(({ path }) => path.includes("/blobs/"))).toEqual([]);
  });

  it("shows a single image with the platform of its config", async () => {
    putOnBase(registry, "team/one", { architecture: "arm64", tag: "v1" });
    const { root, totals } = await tree(`${registry.host}/team/one:v1`);
    expect(root).toMatchObject({ kind: "image", platform: "linux/arm64", children: [] });
    expect(totals).toMatchObject({ images: 1, layers: 2, sharedLayers: [] });
    const { stdout } = await here.run("inspect", "--tree", `${registry.host}/team/one:v1`);
    expect(stdout.split("\n")[1]).toBe(
      "   in the registry, linux/arm64, 3.8 kB: 2 layers and a config, OCI manifest 703 B",
    );
  });

  it("finds what refers to an image by the tag of a registry without that API", async () => {
    const old = await startOther({ referrers: false });
    const image = putOnBase(old, "app", { tag: "v1" });
    const { mediaType, digest, size } = image;
    const sbom = putArtifact(old, "app", [{ content: "{}", type: "application/spdx+json" }], {
      artifactType: "application/spdx+json",
      subject: { mediaType, digest, size },
    });
    putIndex(old, "app", [{ ...sbom }], { tag: digest.replace(":", "-") });
    const { root } = await tree(`${old.host}/app:v1`);
    expect(root.attached).toMatchObject([{ digest: sbom.digest, foundBy: "subject" }]);
    const { stdout } = await here.run("inspect", "--tree", `${old.host}/app:v1`);
    expect(stdout).toContain(`└─ SBOM  ${sbom.digest}`);
  });

  it("shows indexes within an index, and what is neither image nor index", async () => {
    const amd64 = putOnBase(registry, "app", { architecture: "amd64" });
    const arm64 = putOnBase(registry, "app", { architecture: "arm64" });
    const inner = putIndex(registry, "app", [arm64]);
    const chart = putArtifact(registry, "app", [{ content: "chart", type: "application/x.layer" }], {
      config: registry.putBlob("app", "{}", "application/vnd.cncf.helm.config.v1+json"),
    });
    const blob = registry.putBlob("app", "some text", "text/plain");
    putIndex(registry, "app", [amd64, inner, chart, blob], { tag: "v1" });
    const { root, totals, problems } = await tree(`${registry.host}/app:v1`);
    expect(root.children.map(({ kind, children }) => [kind, children.length])).toEqual([
      ["image", 0],
      ["index", 1],
      ["artifact", 0],
      ["unknown", 0],
    ]);
    expect(totals.images).toBe(2);
    expect(problems).toEqual([]);
    const { stdout } = await here.run("inspect", "--tree", `${registry.host}/app:v1`);
    expect(stdout).toContain(`├─ index  ${inner.digest}`);
    expect(stdout).toContain(`├─ Helm chart  ${chart.digest}`);
    expect(stdout).toContain(`└─ entry  ${blob.digest}\n      text/plain 9 B\n`);
  });

  it("shows an attestation once, also where it names its image by its subject as well", async () => {
    const image = putOnBase(registry, "app", {});
    const { mediaType, digest, size } = image;
    const statement = { content: "{}", type: "application/vnd.in-toto+json" };
    const subject = { mediaType, digest, size };
    const own = putArtifact(registry, "app", [statement], { subject });
    const { annotations, platform } = putAttestation(registry, "app", image);
    const attestation = { ...own, ...(annotations && { annotations }), platform };
    putIndex(registry, "app", [image, attestation], { tag: "v1" });
    const { root } = await tree(`${registry.host}/app:v1`);
    expect(root.children).toHaveLength(1);
    expect(root.children[0]?.attached).toMatchObject([{ digest: own.digest, foundBy: "list", attached: [] }]);
  });

  it("tells what is not there, or not as large as the list says, and shows the rest", async () => {
    const amd64 = putOnBase(registry, "app", { architecture: "amd64" });
    const arm64 = putOnBase(registry, "app", { architecture: "arm64" });
    const s390x = putOnBase(registry, "app", { architecture: "s390x" });
    putIndex(registry, "app", [amd64, { ...arm64, size: 7 }, s390x], { tag: "v1" });
    registry.deleteManifest("app", s390x.digest);
    const { status, stdout, stderr } = await here.run("inspect", "--tree", `${registry.host}/app:v1`);
    expect(status).toBe(1);
    expect(stdout).toContain(`linux/s390x  ${s390x.digest}\n      ${OCI_MANIFEST} ${s390x.size} B\n`);
    const wrong = [
      `${registry.host}/app@${arm64.digest} has ${arm64.size} bytes, and what lists it says 7`,
      `${registry.host}/app@${s390x.digest} is not there`,
    ];
    for (const message of wrong) expect(stdout).toContain(message);
    // What is wrong is an error; what is not there, a gap.
    expect(stderr.split("\n")).toEqual([wrong[0], `WARNING: ${wrong[1] ?? ""}`, ""]);
    const json = await here.run("inspect", "--tree", "--format", "json", `${registry.host}/app:v1`);
    expect(json).toMatchObject({ status: 1, stderr: "" });
    const { root, problems, totals } = TreeResult.parse(JSON.parse(json.stdout));
    expect(problems.map(({ code }) => code).sort()).toEqual(["DIGEST_MISMATCH", "MANIFEST_UNKNOWN"]);
    expect(root.children.map(({ kind, problem }) => [kind, problem?.code])).toEqual([
      ["image", undefined],
      ["image", "DIGEST_MISMATCH"],
      ["unknown", "MANIFEST_UNKNOWN"],
    ]);
    expect(totals.images).toBe(2);
  });

  it("exits with 1, after all of it, where an image does not have its digest", async () => {
    let bad = "";
    const other = await startOther({
      onRequest: ({ path }) =>
        bad !== "" && path.endsWith(bad)
          ? { status: 200, body: "{}", headers: { "content-type": OCI_MANIFEST } }
          : undefined,
    });
    const [amd64, arm64] = [
      putOnBase(other, "app", { architecture: "amd64" }),
      putOnBase(other, "app", { architecture: "arm64" }),
    ];
    putIndex(other, "app", [amd64, arm64], { tag: "v1" });
    bad = arm64.digest;
    const { status, stdout, stderr } = await here.run("inspect", "--tree", `${other.host}/app:v1`);
    expect(status).toBe(1);
    expect(stdout).toContain(`linux/amd64  ${amd64.digest}`);
    expect(stderr).toContain(bad);
    expect(stderr).not.toContain("WARNING");
  });

  it("names what is no manifest, and exits with 0", async () => {
    const text = '{"manifests":[{"size":"x"}]}';
    const broken = registry.putBlob("app", text, OCI_INDEX);
    const other = await startOther({
      onRequest: ({ path }) =>
        path.endsWith(`/manifests/${broken.digest}`) || path.endsWith("/broken")
          ? { status: 200, body: text, headers: { "content-type": OCI_INDEX } }
          : undefined,
    });
    const amd64 = putOnBase(other, "app", { architecture: "amd64" });
    putIndex(other, "app", [amd64, broken], { tag: "v1" });
    const { status, stdout, stderr } = await here.run("inspect", "--tree", `${other.host}/app:v1`);
    expect(status).toBe(0);
    expect(stdout).toContain(`linux/amd64  ${amd64.digest}`);
    expect(stderr).toBe(
      `WARNING: ${other.host}/app@${broken.digest}: manifest: manifests.0.size should be a whole number of 64 bits\n`,
    );
    const alone = await here.run("inspect", "--tree", `${other.host}/app:broken`);
    expect(alone).toMatchObject({ status: 1, stdout: "" });
    expect(alone.stderr).toMatch(/^manifest: manifests\.0\.size .*\nthat was sent for \S+\/app:broken$/m);
  });

  it("is shown without what is attached where the registry does not say it in time", async () => {
    const mute = await startOther({
      onRequest: ({ path }) => (path.includes("/referrers/") ? new Promise(() => undefined) : undefined),
    });
    const { amd64 } = putAttestedList(mute);
    const recording = recordingContext({
      env: { DOCKER_CONFIG: here.home },
      home: here.home,
      waits: { timeouts: { headers: 300 } },
    });
    const begun = performance.now();
    const argv = ["inspect", "--tree", "--progress", "plain", `${mute.host}/team/app:v1`];
    expect(await run(argv, recording.context)).toBe(0);
    expect(performance.now() - begun).toBeLessThan(5000);
    expect(recording.stdout()).toContain(`linux/amd64  ${amd64.digest}`);
    expect(recording.stderr()).toContain("asking what is attached to manifests\n");
    expect(recording.stderr()).toMatch(
      /WARNING: not all that is attached to manifests of \S+\/team\/app is known: no answer for 0\.3 seconds\n$/,
    );
  });

  it("shows no platform that is longer than any", async () => {
    const image = putOnBase(registry, "app", { architecture: "a".repeat(100_000) });
    const { mediaType, digest, size } = image;
    putIndex(
      registry,
      "app",
      Array.from({ length: 100 }, () => ({ mediaType, digest, size })),
      { tag: "v1" },
    );
    const { stdout } = await here.run("inspect", "--tree", `${registry.host}/app:v1`);
    expect(stdout).toContain("linux/aaa");
    expect(stdout.length).toBeLessThan(100_000);
  });

  it("refuses what is nested deeper, or is more, than anything honest", async () => {
    let inner = putIndex(registry, "deep", [putOnBase(registry, "deep", {})]);
    for (let depth = 0; depth < 5; depth++) inner = putIndex(registry, "deep", [inner]);
    putIndex(registry, "deep", [inner], { tag: "v1" });
    const deep = await here.run("inspect", "--tree", `${registry.host}/deep:v1`);
    expect(deep).toMatchObject({ status: 1, stdout: "" });
    expect(deep.stderr).toContain("nested more than 4 deep");
    // A hundred times a hundred times a hundred.
    let wide = putIndex(registry, "wide", [putOnBase(registry, "wide", {})]);
    for (let level = 0; level < 3; level++)
      wide = putIndex(
        registry,
        "wide",
        Array.from({ length: 100 }, () => wide),
      );
    const name = `${registry.host}/wide@${wide.digest}`;
    registry.resetLog();
    const many = await here.run("inspect", "--tree", name);
    expect(many).toMatchObject({ status: 1, stdout: "" });
    expect(many.stderr).toContain("more than 10000 manifests");
    expect(registry.log.length).toBeLessThan(50);
  });
});

describe("inspect --tree of a local list", () => {
  it("reads images where they are, and says so", async () => {
    const amd64 = putOnBase(registry, "build/amd64", { architecture: "amd64", tag: "v1" });
    putOnBase(registry, "build/arm64", { architecture: "arm64", tag: "v1" });
    const name = `${registry.host}/team/app:v1`;
    const sources = ["amd64", "arm64"].map((one) => `${registry.host}/build/${one}:v1`);
    expect(await here.run("create", name, ...sources)).toMatchObject({ status: 0 });
    registry.resetLog();
    const { origin, root, totals } = await tree(name);
    expect(origin).toBe("local");
    expect(root.children).toMatchObject([
      { digest: amd64.digest, name: sources[0], repository: `${registry.host}/build/amd64` },
      { name: sources[1], repository: `${registry.host}/build/arm64` },
    ]);
    expect(totals.sharedBytes).toBe(3000);
    // The manifests are kept here.
    expect(
      registry.log.filter(({ method, path }) => method === "GET" && path.includes("/manifests/sha256:")),
    ).toEqual([]);
    const { stdout } = await here.run("inspect", "--tree", name);
    expect(named(stdout)).toContain("registry.example/build/amd64:v1, from registry.example/build/amd64\n");
    expect(await here.run("inspect", "--tree", "--remote", name)).toMatchObject({ status: 1, stdout: "" });
  });

  it("shows what is known here where the registry does not answer, and says that once", async () => {
    const gone = await startRegistry();
    putOnBase(gone, "app", { architecture: "amd64", tag: "amd64" });
    putOnBase(gone, "app", { architecture: "arm64", tag: "arm64" });
    const name = `${gone.host}/app:v1`;
    await here.run("create", name, `${gone.host}/app:amd64`, `${gone.host}/app:arm64`);
    await gone.close();
    const { status, stdout, stderr } = await here.run("inspect", "--tree", "--retries", "0", name);
    expect(status).toBe(0);
    expect(stdout).toMatch(/2 images, 4\.7 kB compressed: 3 layers,/);
    expect(stdout).toMatch(/├─ linux\/amd64 {2}sha256:[0-9a-f]{64}\n.*3\.\d kB: 2 layers/);
    expect(stderr).toMatch(
      /^WARNING: not all that is attached to manifests of \S+\/app is known: .*connection refused.*\n$/,
    );
  });
});

describe("inspect --tree of a layout", () => {
  it("shows what is in it", async () => {
    putAttestedList(registry);
    const folder = await mkdtemp(join(tmpdir(), "tree-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const layout = `oci-layout://${join(folder, "out")}:v1`;
    const source = `${registry.host}/team/app:v1`;
    expect(await here.run("imagetools", "create", "--tag", layout, source)).toMatchObject({ status: 0 });
    const { name, origin, root, totals, problems } = await tree(layout);
    expect({ name, origin, problems }).toEqual({ name: layout, origin: "layout", problems: [] });
    expect(root.children.map(({ platform }) => platform)).toEqual(["linux/amd64", "linux/arm64"]);
    expect(root.children[0]?.attached[0]).toMatchObject({ foundBy: "list", kind: "artifact" });
    expect(totals.sharedBytes).toBe(3000);
    expect(await here.run("inspect", "--tree", `oci-layout://${folder}/none`)).toMatchObject({ status: 1 });
  });
});

describe("what a tree is written to", () => {
  async function onTerminal(
    columns: number,
    env: Record<string, string>,
    ...args: string[]
  ): Promise<string> {
    const recording = recordingContext({
      env: { DOCKER_CONFIG: here.home, TERM: "xterm", ...env },
      home: here.home,
    });
    const stdout = { ...recording.context.stdout, isTTY: true, columns };
    expect(await run(args, { ...recording.context, stdout })).toBe(0);
    return recording.stdout();
  }

  // eslint-disable-next-line no-control-regex -- colours are written with control characters
  const withoutColours = (text: string): string => text.replace(/\u001b\[\d+m/g, "");

  it.each([20, 40, 100, 300])("fits a terminal of %d columns", async (columns) => {
    const { amd64 } = putAttestedList(registry);
    const text = withoutColours(
      await onTerminal(columns, {}, "inspect", "--tree", `${registry.host}/team/app:v1`),
    );
    const lines = text.split("\n");
    expect(lines.filter((line) => displayWidth(line) > columns)).toEqual([]);
    const digest = columns >= 300 ? amd64.digest : amd64.digest.slice(0, 19);
    if (columns >= 40) expect(lines).toContain(`├─ linux/amd64  ${digest}`);
  });

  it("is whole where a terminal does not know how wide it is, and has no colours with NO_COLOR", async () => {
    putAttestedList(registry);
    const name = `${registry.host}/team/app:v1`;
    const piped = await here.run("inspect", "--tree", name);
    expect(await onTerminal(0, { NO_COLOR: "1" }, "inspect", "--tree", name)).toBe(piped.stdout);
    const coloured = await onTerminal(0, {}, "inspect", "--tree", name);
    expect(coloured).toContain("\u001b[1mlinux/amd64\u001b[22m");
    expect(withoutColours(coloured)).toBe(piped.stdout);
  });

  it("gets nothing that it would obey from names, types and annotations", async () => {
    const evil = "\u001b[2J\u202e\nlinux\r";
    const image = putOnBase(registry, "app", {});
    const strange = putArtifact(registry, "app", [], { artifactType: evil, annotations: { [evil]: evil } });
    const listed = { ...image, platform: { os: evil, architecture: evil }, annotations: { [evil]: evil } };
    putIndex(registry, "app", [listed, strange], { tag: "v1", annotations: { [evil]: evil } });
    for (const format of ["text", "json", "markdown"]) {
      const { stdout, stderr } = await here.run(
        "inspect",
        "--tree",
        "-v",
        "--format",
        format,
        `${registry.host}/app:v1`,
      );
      expect(stderr).toBe("");
      expect(stdout).toMatch(/(?:\\|&#92;)u001b/);
      // eslint-disable-next-line no-control-regex -- finding control characters is the point
      expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
      if (format === "text")
        expect(stdout.split("\n").filter((line) => line.startsWith("linux"))).toEqual([]);
    }
  });

  it("is a table of Markdown with --format markdown, which has no markup of others in it", async () => {
    const list = putAttestedList(registry);
    const { stdout } = await here.run("inspect", "--format", "markdown", `${registry.host}/team/app:v1`);
    expect(labelled(stdout, digestsOf(list)).replaceAll("&#45;", "-")).toMatchInlineSnapshot(`
      "### <code>registry.example/team/app:v1</code>

      Digest: <code><list></code><br>OCI index, 925 B<br>2 images, 4.7 kB compressed, 3.0 kB shared

      | Platform | Digest | Size | Layers | Attached |
      | --- | --- | ---: | ---: | --- |
      | linux/amd64 | <code><amd64></code> | 3.8 kB | 2 | attestation (SPDX SBOM, SLSA provenance v1)<br>signature |
      | linux/arm64 | <code><arm64></code> | 3.8 kB | 2 | signature |
      "
    `);
    const evil = "a|b`c`<img src=x>\n# d";
    const image = putOnBase(registry, "evil", {});
    putIndex(registry, "evil", [{ ...image, platform: { os: evil, architecture: "x" } }], { tag: "v1" });
    const { stdout: text } = await here.run("inspect", "--format", "markdown", `${registry.host}/evil:v1`);
    expect(text).not.toMatch(/<img|`|\n# /);
    expect(
      text
        .split("\n")
        .filter((line) => line.startsWith("|"))
        .map((line) => line.match(/\|/g)?.length),
    ).toEqual([6, 6, 6]);
  });

  it("is asked for with one name, and --remote with a tree", async () => {
    expect(await here.run("inspect", "--tree", "x.example/a", "x.example/b")).toEqual({
      status: 1,
      stdout: "",
      stderr: "a tree is of one name\nname the list, whose images are in the tree, or the image alone\n",
    });
    expect(await here.run("inspect", "--remote", "x.example/a")).toMatchObject({
      status: 1,
      stderr: "--remote goes with --tree or --format markdown\n",
    });
  });
});
