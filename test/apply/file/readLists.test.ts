import { mkdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import type { FileOrder } from "../../../src/apply/file/fileOrder.js";
import { readLists } from "../../../src/apply/file/readLists.js";
import { formatPlace } from "../../../src/content/place.js";
import { formatPlatformAll } from "../../../src/oci/platformName.js";
import { faultsIn, linesOf, listFolder, listsOf, readText, type Env } from "./listFiles.js";

const DIGEST = `sha256:${"a".repeat(64)}`;

async function readOne(text: string, env: Env = {}): Promise<FileOrder> {
  const orders = await readText(text, env);
  expect(orders).toHaveLength(1);
  return orders[0]!;
}

const namesOf = ({ order }: FileOrder): string[] => order.targets.map(formatPlace);
const sourcesOf = ({ order }: FileOrder): string[] => order.sources.map(({ text }) => text);

describe("another name of a list", () => {
  const list = (tag: string): string => listsOf(`target: ghcr.io/o/app:1\ntags: ["${tag}"]\nsources: [b]`);
  const WAY_OUT =
    "set the variable to letters, digits and _ . -; for a whole reference, write registry.example/app:${TAG}";

  it.each([
    ["${A}", "v2", "ghcr.io/o/app:v2"],
    ["v${A}", "2", "ghcr.io/o/app:v2"],
    ["app:v2", "", "docker.io/library/app:v2"],
    ["${A}/app:v2", "quay.io/o", "quay.io/o/app:v2"],
    ["o/${A}", "app", "docker.io/o/app:latest"],
    ["app:${A}", "v2", "docker.io/library/app:v2"],
    ["${A}", "quay.io/o/app:v2", "quay.io/o/app:v2"],
    ["${A}", "mirror:5000/app", "mirror:5000/app:latest"],
    ["${A}", "localhost/app:v2", "localhost/app:v2"],
    ["${A}", "oci-layout://out:v2", "oci-layout://out:v2"],
    ["${NOPE:-quay.io/o/app:v2}", "", "quay.io/o/app:v2"],
  ])("written %s, with %j for the variable, is %s", async (written, value, name) => {
    expect(namesOf(await readOne(list(written), { A: value }))[1]).toBe(name);
  });

  it.each([
    ["a branch with a slash", "${A}", "feature/foo"],
    ["a name of Docker Hub with a tag", "${A}", "app:v2"],
    ["a name of Docker Hub", "${A}", "library/app:v2"],
    ["an upper-case branch", "${A}", "Feature/foo"],
    ["a dot behind the first slash", "${A}", "release/1.0"],
  ])("is no repository that a variable alone brings in: %s", async (_, written, value) => {
    expect(await faultsIn(list(written), { A: value })).toEqual([
      `4:12: "${value}" (written "${written}") is not a tag: ${WAY_OUT}, or let the variable begin with a registry`,
    ]);
  });

  it.each([
    ["v-${A}", "feature/foo", "v-feature/foo"],
    ["${A}-rc", "quay.io/o/app", "quay.io/o/app-rc"],
    ["${A}${B:-}", "quay.io/o/app", "quay.io/o/app"],
    ["${A}", "", "feature/foo", "${NOPE:-feature/foo}"],
  ])("is no repository that a variable brings into more: %s", async (text, value, became, written = text) => {
    const [fault] = await faultsIn(list(written), { A: value });
    expect(fault).toContain(`4:12: "${became}" (written "${written}") is not a tag: ${WAY_OUT}`);
  });
});

describe("a file of lists", () => {
  it("says what each list is called, made of, and how it is made", async () => {
    const { folder } = once;
    mkdirSync(join(folder, "digests"), { recursive: true });
    const [app, tools] = await readText(
      `# a comment
version: 1
defaults: { expect: [linux/amd64, linux/arm64], retries: 8 }
lists:
  - target: ghcr.io/o/app:\${VERSION}          # a whole reference
    tags: [latest, docker.io/o/app:\${VERSION}] # tags beside it, or whole references elsewhere
    sources:
      - ghcr.io/o/app:\${VERSION}-amd64
      - image: ghcr.io/o/app@${DIGEST}
        platform: { architecture: arm64, variant: v8 }
        annotations: { org.example.builder: b2 }
      - from: ./digests
    annotations: { org.opencontainers.image.version: "\${VERSION}" }
    type: oci
  - target: ghcr.io/o/tools:1
    template: ghcr.io/o/tools:1-{os}-{arch}{variant}
    platforms: [linux/amd64, linux/arm/v7]
`,
      { VERSION: "1.10" },
      undefined,
      folder,
    );
    expect(namesOf(app!)).toEqual(["ghcr.io/o/app:1.10", "ghcr.io/o/app:latest", "docker.io/o/app:1.10"]);
    expect(sourcesOf(app!)).toEqual(["ghcr.io/o/app:1.10-amd64", `ghcr.io/o/app@${DIGEST}`]);
    expect(app!.order.sources[1]!.says).toMatchObject({
      platform: { os: "linux", architecture: "arm64", variant: "v8" },
      annotations: { "org.example.builder": "b2" },
    });
    expect(app!.order).toMatchObject({
      from: [join(folder, "digests")],
      annotations: [{ type: "index", key: "org.opencontainers.image.version", value: "1.10" }],
      type: "oci",
      expect: ["linux/amd64", "linux/arm64"],
      onto: "nothing",
      attestations: "keep",
      preferIndex: true,
      strict: false,
      referrers: false,
      platforms: [],
    });
    expect(app).toMatchObject({
      at: { file: "-", line: 5, column: 13 },
      fromAt: [{ file: "-", line: 12, column: 15 }],
      retries: 8,
    });

    expect(sourcesOf(tools!)).toEqual(["ghcr.io/o/tools:1-linux-amd64", "ghcr.io/o/tools:1-linux-armv7"]);
    expect(tools!.order.sources.map((source) => source.isPlatformChecked)).toEqual([true, true]);
    expect(tools!.order.sources.map(({ says }) => formatPlatformAll(says!.platform!))).toEqual([
      "linux/amd64",
      "linux/arm/v7",
    ]);
    expect(tools!.order).toMatchObject({ platforms: [], expect: ["linux/amd64", "linux/arm/v7"] });
  });

  it("may be JSON, with a byte order mark, and with $schema for editors", async () => {
    const json = JSON.stringify({
      $schema: "./lists.schema.json",
      version: 1,
      lists: [{ target: "a", sources: ["b"], strict: true, retries: 0 }],
    });
    const order = await readOne(`\uFEFF${json}`);
    expect(namesOf(order)).toEqual(["docker.io/library/a:latest"]);
    expect(order).toMatchObject({ retries: 0, order: { strict: true } });
  });

  it("has lines that end as those of Windows", async () => {
    const text = listsOf("target: a\nsources: [b]", "target: c\nsources:\n- d").replaceAll("\n", "\r\n");
    expect((await readText(text)).map(({ at }) => [at.line, at.column])).toEqual([
      [3, 13],
      [5, 13],
    ]);
  });

  it("takes all that a list can say", async () => {
    const order = await readOne(
      listsOf(`
target: a
sources: [b]
platforms: [linux/amd64, { architecture: arm, variant: v7 }]
type: docker
expect: linux/amd64, aarch64
strict: true
attestations: drop
referrers: true
existing: merge
preferIndex: false
verify: blobs
wait: 1m30s
retries: 3`),
    );
    expect(order).toMatchObject({ verify: "blobs", wait: 90_000, retries: 3 });
    expect(order.order).toMatchObject({
      type: "docker",
      expect: ["linux/amd64", "linux/arm64"],
      strict: true,
      attestations: "drop",
      referrers: true,
      onto: "merge",
      preferIndex: false,
    });
    expect(order.order.platforms.map(formatPlatformAll)).toEqual(["linux/amd64", "linux/arm/v7"]);
  });

  it("takes a subject and an artifact type", async () => {
    const { order } = await readOne(
      listsOf(`target: a\nsources: [b]\nsubject: ${DIGEST}\nartifactType: application/vnd.example.thing`),
    );
    expect(order).toMatchObject({ subject: DIGEST, artifactType: "application/vnd.example.thing" });
  });

  it.each([
    ["true", "manifests"],
    ["false", "none"],
    ["manifests", "manifests"],
    ["blobs", "blobs"],
  ])("verify: %s is %s", async (text, verify) => {
    expect(await readOne(listsOf(`target: a\nsources: [b]\nverify: ${text}`))).toMatchObject({ verify });
  });

  it("takes sources by descriptor and from files", async () => {
    const { folder, write } = listFolderOnce();
    write("source.json", `{"digest":"${DIGEST}","size":7}\n`);
    const file = write(
      "descriptors.yaml",
      listsOf(`
target: a
sources:
  - descriptor: { digest: "${DIGEST}", mediaType: application/vnd.oci.image.manifest.v1+json, size: 12, platform: linux/arm/v7, annotations: { a: 1.0 } }
  - file: source.json`),
    );
    const [order] = await readLists([file], NOTHING);
    expect(order!.order.sources.map(({ source }) => source)).toMatchObject([
      {
        kind: "descriptor",
        descriptor: { digest: DIGEST, size: 12, platform: { variant: "v7" }, annotations: { a: "1.0" } },
      },
      { kind: "descriptor", descriptor: { digest: DIGEST, size: 7 } },
    ]);
    expect(dirname(file)).toBe(folder);
  });

  it("has texts as they are written, whatever YAML would make of them", async () => {
    const { order } = await readOne(
      listsOf(`
target: app:1.10
tags: [1.0, 0x10, 2024-01-01, on, 1e3, 010, True]
sources: [b]
annotations: { a: 1.10, b: true, c: 2024-01-01, d: 1_000, e: .5, f: "", g: 'null', h: !!str 1.0 }`),
    );
    expect(order.targets.map(({ tag }) => tag)).toEqual([
      ...["1.10", "1.0", "0x10", "2024-01-01", "on", "1e3", "010", "True"],
    ]);
    expect(order.annotations.map(({ value }) => value)).toEqual([
      ...["1.10", "true", "2024-01-01", "1_000", ".5", "", "null", "1.0"],
    ]);
  });

  it("keeps {variant} as it is written, and aliases understood", async () => {
    const { order } = await readOne(
      listsOf("target: a\ntemplate: b:{arch}{variant}\nplatforms: [linux/arm64/v8, linux/x86_64, armv7l]"),
    );
    expect(order.sources.map(({ text }) => text)).toEqual(["b:arm64v8", "b:amd64", "b:armv7"]);
  });
});

describe("defaults", () => {
  it("hold where a list does not say otherwise, wherever they stand", async () => {
    const [one, other] = await readText(`
version: 1
lists:
  - { target: a, sources: [b] }
  - { target: c, sources: [d], type: oci, expect: [], annotations: { x: "2", z: "3" }, retries: 1 }
defaults: { type: docker, expect: [linux/amd64], annotations: { x: "1", y: "1" }, wait: 5s }
`);
    expect(one).toMatchObject({ wait: 5_000, order: { type: "docker", expect: ["linux/amd64"] } });
    expect(other).toMatchObject({ wait: 5_000, retries: 1, order: { type: "oci", expect: [] } });
    expect(other!.order.annotations.map(({ key, value }) => `${key}=${value}`)).toEqual([
      "x=2",
      "y=1",
      "z=3",
    ]);
  });

  it("of expect do not count for a template, whose platforms are known", async () => {
    const [one, other] = await readText(`
version: 1
defaults: { expect: [linux/amd64], platforms: [linux/arm64] }
lists:
  - { target: a, template: "b:{arch}" }
  - { target: c, template: "d:{arch}", expect: [linux/arm64, linux/s390x] }
`);
    expect(one!.order.expect).toEqual(["linux/arm64"]);
    expect(other!.order.expect).toEqual(["linux/arm64", "linux/s390x"]);
  });
});

describe("anchors", () => {
  it("stand for what they name, in lists and at the top", async () => {
    const [one, other] = await readText(`
x-both: &both [linux/amd64, linux/arm64]
version: 1
lists:
  - &first
    target: a
    sources: &sources [b, c]
    expect: *both
  - { target: d, sources: *sources, expect: *both }
`);
    expect(other!.order.sources).toEqual(one!.order.sources);
    expect(other!.order.expect).toEqual(["linux/amd64", "linux/arm64"]);
  });

  it("can be merged: what is written in the list counts, then the first of several", async () => {
    const { order } = await readOne(`
x-one: &one { type: oci, strict: true }
x-two: &two { type: docker, attestations: drop, strict: false }
version: 1
lists:
  - <<: [*one, *two]
    strict: false
    target: a
    sources: [b]
`);
    expect(order).toMatchObject({ type: "oci", strict: false, attestations: "drop" });
  });

  it.each(["lists: &all\n", "? lists\n: "])(
    "may name all lists, and these may be written as %j",
    async (key) => {
      const text = listsOf("target: a\nsources: [b]", "target: c\nsources: [d]");
      const orders = await readText(text.replace("lists:\n", key === "? lists\n: " ? "? lists\n:\n" : key));
      expect(orders.map(namesOf).flat()).toEqual([
        "docker.io/library/a:latest",
        "docker.io/library/c:latest",
      ]);
    },
  );
});

const NOTHING = { env: {}, stdin: () => Readable.from([]) };
const once = listFolder();
function listFolderOnce(): typeof once {
  return once;
}

describe("files", () => {
  it("may be several documents, each with defaults of its own", async () => {
    const orders = await readText(
      `%YAML 1.2\n---\nversion: 1\ndefaults: { retries: 1 }\nlists: [{ target: a, sources: [b] }]\n---\n# nothing\n---\n${listsOf("target: c\nsources: [d]")}...\nimage: e\nmanifests: [{ image: f }]\n`,
    );
    expect(orders.map((order) => [namesOf(order)[0], order.retries, order.at.line])).toEqual([
      ["docker.io/library/a:latest", 1, 5],
      ["docker.io/library/c:latest", undefined, 11],
      ["docker.io/library/e:latest", undefined, 14],
    ]);
  });

  it("of a folder are those of YAML and JSON in byte order, and none below", async () => {
    const { folder, write } = once;
    mkdirSync(join(folder, "many", "below.yaml"), { recursive: true });
    for (const name of ["b.yml", "a.yaml", "B.json", "readme.md"]) {
      write(
        join("many", name),
        name === "readme.md" ? "{" : `{version: 1, lists: [{target: "x:${name}", sources: [y]}]}`,
      );
    }
    const orders = await readLists([join(folder, "many")], NOTHING);
    expect(orders.map(({ at }) => relative(folder, at.file))).toEqual([
      "many/B.json",
      "many/a.yaml",
      "many/b.yml",
    ]);
  });

  it("have relative paths that begin at the file, and absolute ones", async () => {
    const { folder, write } = once;
    mkdirSync(join(folder, "sub", "digests"), { recursive: true });
    write("meta.json", "{}");
    write(
      join("sub", "paths.yaml"),
      listsOf(
        "target: oci-layout://out:v1\nsources: [oci-layout://in, oci-layout:///abs:v2, { from: digests }, { from: ../meta.json }]",
      ),
    );
    const [order] = await readLists(["sub/paths.yaml"], { ...NOTHING, cwd: folder });
    expect(order!.order.targets[0]).toMatchObject({
      location: { kind: "layout", folder: join(folder, "sub", "out") },
      name: "sub/out",
      tag: "v1",
    });
    expect(order!.order.sources.map(({ source }) => source)).toMatchObject([
      { place: { location: { folder: join(folder, "sub", "in") }, name: "sub/in" } },
      { place: { location: { folder: "/abs" }, name: "/abs", tag: "v2" } },
    ]);
    expect(order!.order.from).toEqual([join(folder, "sub", "digests"), join(folder, "meta.json")]);
    expect(order!.at.file).toBe("sub/paths.yaml");
  });

  it("are told apart: a name in two of them is a fault at the second", async () => {
    const { folder, write } = once;
    write("one.yaml", listsOf("target: app:v1\nsources: [b]"));
    write("two.yaml", listsOf("target: x\ntags: [docker.io/library/app:${V}]\nsources: [b]"));
    const lines = await linesOf(() =>
      readLists(["one.yaml", "two.yaml"], { ...NOTHING, cwd: folder, env: { V: "v1" } }),
    );
    expect(lines).toEqual([
      "two.yaml:4:12: docker.io/library/app:v1 is also a name of the list at one.yaml:3:13: rename one of them",
    ]);
  });

  it("are given once: one that is given twice is told of once, and not list by list", async () => {
    const { folder, write } = once;
    mkdirSync(join(folder, "twice"), { recursive: true });
    for (const name of ["01.yaml", "02.yaml"]) {
      write(
        join("twice", name),
        listsOf(`target: x:${name}\nsources: [y]`, `target: z:${name}\nsources: [y]`),
      );
    }
    const given = ["twice/01.yaml", "./twice/../twice/01.yaml", "twice"];
    const lines = await linesOf(() => readLists(given, { ...NOTHING, cwd: folder }));
    expect(lines).toEqual([
      "./twice/../twice/01.yaml: the file was given twice: pass it only once",
      "twice/01.yaml: the file was given twice: pass it only once",
    ]);
  });

  it("that are not there, or no files of lists, are faults beside all others", async () => {
    const { folder, write } = once;
    mkdirSync(join(folder, "empty"), { recursive: true });
    write("bad.yaml", "version: 2\nlists: []\n");
    const lines = await linesOf(() =>
      readLists(["nope.yaml", "empty", "bad.yaml", "-", "-"], { ...NOTHING, cwd: folder }),
    );
    expect(lines).toEqual([
      "nope.yaml: no such file or folder",
      "empty: there are no files of lists in this folder: their names end in .yaml, .yml or .json",
      "-: standard input can be read only once",
      'bad.yaml:1:10: "2" is not allowed: write 1',
    ]);
  });
});
