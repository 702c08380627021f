import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openLayout, type Layout } from "../../src/content/layout.js";
import { digestOf } from "../../src/oci/digest.js";
import { MANIFEST_TYPES } from "../../src/oci/mediaTypes.js";
import { seed, type SeedImage } from "../helpers/images.js";
import { writeImage } from "../helpers/layouts.js";
import { peerPath, runPeer } from "../helpers/peers.js";
import { attestationOf, realImage, realIndex } from "../helpers/realImages.js";
import { describeWithPrograms, startRegistryServer, type RegistryServer } from "../helpers/registryServer.js";

/** OCI layouts between us and the programs that people use, byte for byte. */

const amd64 = realImage("team/app:amd64", "amd64");
const arm64 = realImage("team/app:arm64", "arm64");
const children = [amd64, arm64, attestationOf(amd64), attestationOf(arm64)];
const index = realIndex("team/app:v1", [
  ["amd64", amd64],
  ["arm64", arm64],
]);
const all = [...children, index];
const foreign = realImage("team/app:foreign", "amd64", { foreign: true });
const another = realImage("team/app:another", "s390x");

interface Peer {
  readonly name: string;
  /** Copies an image or index, with all below it, from a layout to a registry. */
  readonly read: (layout: string, tag: string, target: string) => string[];
  /** Copies it from a registry into a layout, new or not. */
  readonly write: (source: string, layout: string, tag: string) => string[];
  /** It copies what a layout holds, where that is one only; it knows no tags. */
  readonly knowsTags: boolean;
  /** It wants to have every layer. */
  readonly wantsForeign: boolean;
}

const tls = (target: string): string[] => ["--host", `reg=${target.split("/")[0] ?? ""},tls=disabled`];

const PEERS: readonly Peer[] = [
  {
    name: "skopeo",
    read: (layout, tag, target) => [
      ...["--insecure-policy", "copy", "--all", "--preserve-digests", "--dest-tls-verify=false"],
      ...[`oci:${layout}:${tag}`, `docker://${target}`],
    ],
    write: (source, layout, tag) => [
      ...["--insecure-policy", "copy", "--all", "--preserve-digests", "--src-tls-verify=false"],
      ...[`docker://${source}`, `oci:${layout}:${tag}`],
    ],
    knowsTags: true,
    wantsForeign: false,
  },
  {
    name: "crane",
    read: (layout, _, target) => ["push", layout, target],
    write: (source, layout) => ["pull", "--format", "oci", "--annotate-ref", source, layout],
    knowsTags: false,
    wantsForeign: false,
  },
  {
    name: "oras",
    read: (layout, tag, target) => [
      "cp",
      "--no-tty",
      "--from-oci-layout",
      `${layout}:${tag}`,
      "--to-plain-http",
      target,
    ],
    write: (source, layout, tag) => [
      "cp",
      "--no-tty",
      "--from-plain-http",
      source,
      "--to-oci-layout",
      `${layout}:${tag}`,
    ],
    knowsTags: true,
    wantsForeign: true,
  },
  {
    name: "regctl",
    read: (layout, tag, target) => [...tls(target), "image", "copy", `ocidir://${layout}:${tag}`, target],
    write: (source, layout, tag) => [...tls(source), "image", "copy", source, `ocidir://${layout}:${tag}`],
    knowsTags: true,
    wantsForeign: false,
  },
  {
    name: "buildx",
    read: (layout, tag, target) => [
      "imagetools",
      "create",
      "--prefer-index=false",
      "-t",
      target,
      `oci-layout://${layout}:${tag}`,
    ],
    write: (source, layout, tag) => [
      "imagetools",
      "create",
      "--prefer-index=false",
      "-t",
      `oci-layout://${layout}:${tag}`,
      source,
    ],
    knowsTags: true,
    // It asks the foreign layer's URL.
    wantsForeign: true,
  },
];

const programs = ["docker-registry", "podman", ...PEERS.map(({ name }) => peerPath(name))];

describeWithPrograms("a layout, between us and others", programs, () => {
  let registry: RegistryServer;
  let home: string;
  let count = 0;

  beforeAll(async () => {
    registry = await startRegistryServer();
    home = mkdtempSync(join(tmpdir(), "layouts-"));
    // podman wants the file, if the folder is named.
    writeFileSync(join(home, "config.json"), "{}");
    await seed(registry.url, [...all.map(byDigest), index, another]);
  });
  afterAll(async () => {
    await registry.close();
    rmSync(home, { recursive: true, force: true });
  });

  const run = (name: string, ...args: string[]): Promise<string> => runPeer(name, args, { home });
  const newFolder = (): string => join(home, `layout-${++count}`);
  const sourceOf = ({ repository, tag }: SeedImage): string => `${registry.host}/${repository}:${tag}`;

  /** A layout of ours with the index. */
  async function ours(): Promise<{ folder: string; layout: Layout }> {
    const folder = newFolder();
    const layout = openLayout(folder);
    for (const image of children) await writeImage(layout, image);
    await writeImage(layout, index, ["v1"]);
    return { folder, layout };
  }

  async function expectInRegistry(
    repository: string,
    tag: string,
    images: readonly SeedImage[],
  ): Promise<void> {
    const headers = { accept: MANIFEST_TYPES.join(", ") };
    const bytesAt = async (path: string): Promise<Buffer> => {
      const response = await fetch(`${registry.url}/v2/${repository}/${path}`, { headers });
      expect(response.status, path).toBe(200);
      return Buffer.from(await response.arrayBuffer());
    };
    expect(await bytesAt(`manifests/${tag}`)).toEqual(images.at(-1)?.body);
    for (const { digest, body, blobs } of images) {
      expect(await bytesAt(`manifests/${digest}`)).toEqual(body);
      for (const blob of blobs) expect(await bytesAt(`blobs/${digestOf(blob)}`)).toEqual(blob);
    }
  }

  async function expectInLayout(layout: Layout, tag: string, images: readonly SeedImage[]): Promise<void> {
    expect((await layout.get(tag)).bytes).toEqual(images.at(-1)?.body);
    for (const { mediaType, digest, body, blobs } of images) {
      const manifest = await layout.get(digest);
      expect([manifest.mediaType, manifest.digest, manifest.bytes]).toEqual([mediaType, digest, body]);
      for (const blob of blobs) expect(await layout.getBlob(digestOf(blob))).toEqual(blob);
    }
  }

  it.each(PEERS)("$name reads ours", async ({ name, read }) => {
    const { folder } = await ours();
    await run(name, ...read(folder, "v1", `${registry.host}/by/${name}:v1`));
    await expectInRegistry(`by/${name}`, "v1", all);
  });

  it.each(PEERS)("we read that of $name", async ({ name, write }) => {
    const folder = newFolder();
    await run(name, ...write(sourceOf(index), folder, "v1"));
    await expectInLayout(openLayout(folder), "v1", all);
  });

  it.each(PEERS.filter(({ knowsTags }) => knowsTags))(
    "$name and we write to the same one, by turns",
    async ({ name, read, write }) => {
      const folder = newFolder();
      await run(name, ...write(sourceOf(index), folder, "v1"));
      await writeImage(openLayout(folder), another, ["ours"]);
      await run(name, ...write(sourceOf(another), folder, "theirs"));
      await writeImage(openLayout(folder), another, ["v2"]);
      const layout = openLayout(folder);
      expect(await layout.names()).toEqual(["ours", "theirs", "v1", "v2"]);
      await expectInLayout(layout, "v1", all);
      for (const tag of ["ours", "theirs", "v2"]) await expectInLayout(layout, tag, [another]);
      const repository = `turns/${name}`;
      for (const tag of ["v1", "ours", "v2"])
        await run(name, ...read(folder, tag, `${registry.host}/${repository}:${tag}`));
      await expectInRegistry(repository, "v1", all);
      for (const tag of ["ours", "v2"]) await expectInRegistry(repository, tag, [another]);
    },
  );

  it.each(PEERS.filter(({ wantsForeign }) => !wantsForeign))(
    "$name copies an image of ours without its foreign layer",
    async ({ name, read }) => {
      const folder = newFolder();
      await writeImage(openLayout(folder), foreign, ["foreign"]);
      await run(name, ...read(folder, "foreign", `${registry.host}/foreign/${name}:v1`));
      await expectInRegistry(`foreign/${name}`, "v1", [foreign]);
    },
  );

  it("oras and buildx read the manifest of one", async () => {
    const folder = newFolder();
    await writeImage(openLayout(folder), foreign, ["foreign"]);
    const text = foreign.body.toString();
    expect(await run("oras", "manifest", "fetch", "--oci-layout", `${folder}:foreign`)).toBe(text);
    expect(await run("buildx", "imagetools", "inspect", "--raw", `oci-layout://${folder}:foreign`)).toBe(
      text,
    );
  });

  it("crane finds nothing wrong with what it took from ours", async () => {
    const { folder } = await ours();
    await run("crane", "push", folder, `${registry.host}/valid/app:v1`);
    await run("crane", "validate", "--fast", "--remote", `${registry.host}/valid/app:v1`);
    // In full not the whole index: crane does not count the layers of attestations, and misses them.
    for (const { digest } of [amd64, arm64]) {
      await run("crane", "validate", "--remote", `${registry.host}/valid/app@${digest}`);
    }
  });

  it("podman takes an image out of ours, and we read what it saves, under the tag of its whole name", async () => {
    const storage = [
      "--root",
      join(home, "storage"),
      "--runroot",
      join(home, "run"),
      "--storage-driver",
      "vfs",
    ];
    const [folder, saved] = [newFolder(), newFolder()];
    await writeImage(openLayout(folder), amd64, ["v1"]);
    // It makes a name of the path, which then has to be lower case.
    const id = await run("podman", ...storage, "pull", "--quiet", `oci:${basename(folder)}:v1`);
    const name = "registry.example/team/app:saved";
    await run("podman", ...storage, "tag", id.trim(), name);
    await run("podman", ...storage, "save", "--quiet", "--format", "oci-dir", "-o", saved, name);
    const layout = openLayout(saved);
    expect(await layout.names()).toEqual([name]);
    const { blobs } = await layout.get("saved");
    // It packs the layers anew; the config stays.
    expect(await layout.getBlob(blobs[0]?.digest ?? "")).toEqual(amd64.blobs[0]);
    for (const { digest } of blobs) await layout.getBlob(digest);
  });

  it("buildx shows each platform's provenance in ours", async () => {
    const { folder } = await ours();
    const shown = await run(
      "buildx",
      "imagetools",
      "inspect",
      `oci-layout://${folder}:v1`,
      "--format",
      "{{json .Provenance}}",
    );
    const made = (image: SeedImage): object => ({
      SLSA: { buildDefinition: { externalParameters: { of: image.name } } },
    });
    expect(JSON.parse(shown)).toMatchObject({ "linux/amd64": made(amd64), "linux/arm64": made(arm64) });
  });

  it("oras, regctl and we find what refers to an image in each other's", async () => {
    const type = "application/vnd.example.note";
    writeFileSync(join(home, "note"), "a note\n");
    const target = `${registry.host}/notes/app:v1`;
    const { folder } = await ours();
    await run("regctl", ...tls(target), "image", "copy", `ocidir://${folder}:v1`, target);
    await run("oras", "attach", "--no-tty", "--plain-http", "--artifact-type", type, target, "note");
    const [orass, regctls] = [newFolder(), newFolder()];
    await run("oras", "cp", "--no-tty", "-r", "--from-plain-http", target, "--to-oci-layout", `${orass}:v1`);
    await run("regctl", ...tls(target), "image", "copy", "--referrers", target, `ocidir://${regctls}:v1`);
    const found = [];
    for (const one of [orass, regctls]) {
      const layout = openLayout(one);
      for await (const item of layout.referrers(index.digest, type))
        found.push((await layout.get(item.digest)).bytes);
    }
    expect(found).toHaveLength(2);
    expect(found[0]).toEqual(found[1]);
    // Into a layout of ours, and read there by oras.
    const layout = openLayout(folder);
    const theirs = openLayout(orass);
    const note = await theirs.get(digestOf(found[0] ?? Buffer.alloc(0)));
    for (const { digest, size } of note.blobs) {
      await layout.ensureBlob({ digest, size: Number(size), foreign: false }, [theirs], { mountOnly: false });
    }
    await layout.put(note, []);
    const discovered = await run("oras", "discover", "--oci-layout", "--format", "json", `${folder}:v1`);
    expect(JSON.parse(discovered)).toMatchObject({
      referrers: [{ digest: note.digest, artifactType: type }],
    });
  });

  it("is the same for them whatever we write: one entry a tag, and no file of ours", async () => {
    const { folder, layout } = await ours();
    cpSync(folder, `${folder}-copy`, { recursive: true });
    await writeImage(layout, another, ["v1"]);
    expect(readdirSync(folder).sort()).toEqual(["blobs", "index.json", "oci-layout"]);
    await run("crane", "push", folder, `${registry.host}/moved/app:v1`);
    await expectInRegistry("moved/app", "v1", [another]);
  });
});

/** To be seeded under its digest: its tag is none of the registry's. */
function byDigest(image: SeedImage): SeedImage {
  return { ...image, tag: image.digest };
}
