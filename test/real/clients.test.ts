import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { digestOf } from "../../src/oci/digest.js";
import { cli } from "../helpers/cli.js";
import { seed, seedImage, type SeedImage } from "../helpers/images.js";
import { runPeer } from "../helpers/peers.js";
import { describeWithPrograms, startRegistryServer, type RegistryServer } from "../helpers/registryServer.js";

/** What tsmanifest has pushed, read by the clients that people use. */

const arm = { os: "linux", architecture: "arm", variant: "v7" };
const images: readonly SeedImage[] = [
  seedImage("team/app:amd64"),
  seedImage("team/app:arm", { config: arm }),
  seedImage("team/app:oci-amd64", { kind: "oci" }),
  seedImage("team/app:oci-arm", { kind: "oci", config: arm }),
];
const LISTS = [
  {
    kind: "a docker manifest list",
    tag: "docker",
    sources: ["amd64", "arm"],
    mediaType: "application/vnd.docker.distribution.manifest.list.v2+json",
  },
  {
    kind: "an OCI index",
    tag: "oci",
    sources: ["oci-amd64", "oci-arm"],
    mediaType: "application/vnd.oci.image.index.v1+json",
  },
];

const programs = ["docker-registry", "docker", "skopeo", "buildah", "podman"];

describeWithPrograms("what was pushed, read by other clients", programs, () => {
  let registry: RegistryServer;
  let folder: string;
  /** The lists as `inspect` showed them before the push. */
  const shown = new Map<string, string>();

  beforeAll(async () => {
    registry = await startRegistryServer();
    folder = mkdtempSync(join(tmpdir(), "clients-"));
    // buildah has no --tls-verify for this.
    writeFileSync(registriesConf(), `[[registry]]\nlocation = "${registry.host}"\ninsecure = true\n`);
    await seed(registry.url, images);
    for (const { tag, sources } of LISTS) {
      const list = nameOf(tag);
      const refs = sources.map((source) => `${registry.host}/team/app:${source}`);
      await tsmanifest("create", "--insecure", list, ...refs);
      await tsmanifest("annotate", list, refs[1] ?? "", "--os-version", "<1&2>");
      shown.set(tag, (await tsmanifest("inspect", list)).slice(0, -1));
      const pushed = await tsmanifest("push", "--purge", list);
      expect(pushed.trimEnd().split("\n").at(-1)).toBe(digestOf(Buffer.from(shown.get(tag) ?? "")));
    }
  });
  afterAll(async () => {
    await registry.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const registriesConf = (): string => join(folder, "registries.conf");
  const nameOf = (tag: string): string => `${registry.host}/multi/app:${tag}`;

  async function tsmanifest(...argv: string[]): Promise<string> {
    const env = { DOCKER_CONFIG: folder };
    const { status, stdout, stderr } = await cli(argv, undefined, { env, home: folder });
    expect({ argv, status, stderr }).toEqual({ argv, status: 0, stderr: "" });
    return stdout;
  }

  /** Runs a program with its state in the test's folder. */
  function program(name: string, ...args: string[]): Promise<string> {
    return runPeer(name, args, { home: folder, env: { CONTAINERS_REGISTRIES_CONF: registriesConf() } });
  }

  it.each(LISTS)("skopeo inspect --raw shows the bytes of $kind", async ({ tag, mediaType }) => {
    const raw = await program("skopeo", "inspect", "--raw", "--tls-verify=false", `docker://${nameOf(tag)}`);
    expect(raw).toBe(shown.get(tag));
    expect(JSON.parse(raw)).toMatchObject({ schemaVersion: 2, mediaType });
  });

  it.each(LISTS)("skopeo inspect picks the image of a platform out of $kind", async ({ tag }) => {
    const options = ["--override-os=linux", "--override-arch=arm", "--override-variant=v7"];
    const found = await program(
      "skopeo",
      ...options,
      "inspect",
      "--tls-verify=false",
      `docker://${nameOf(tag)}`,
    );
    expect(JSON.parse(found)).toMatchObject({ Os: "linux", Architecture: "arm" });
  });

  it.each(LISTS)("skopeo copy --all copies $kind with all images and layers", async ({ tag, sources }) => {
    const copy = join(folder, `copy-${tag}`);
    await program(
      "skopeo",
      "--insecure-policy",
      "copy",
      "--all",
      "--preserve-digests",
      "--src-tls-verify=false",
      `docker://${nameOf(tag)}`,
      `dir:${copy}`,
    );
    const files = readdirSync(copy);
    expect(readFileSync(join(copy, "manifest.json"), "utf8")).toBe(shown.get(tag));
    for (const source of sources) {
      const image = images.find((candidate) => candidate.tag === source);
      const names = [image?.digest ?? "", ...(image?.blobs ?? []).map(digestOf)].map((digest) =>
        digest.replace("sha256:", ""),
      );
      expect(files).toEqual(expect.arrayContaining([`${names[0] ?? ""}.manifest.json`, ...names.slice(1)]));
    }
  });

  it.each(LISTS)("buildah and podman read $kind", async ({ tag }) => {
    // Both may show an OCI index as docker's kind of list.
    const expected = { schemaVersion: 2, manifests: manifestsOf(tag) };
    const byBuildah = await program(
      "buildah",
      "--registries-conf",
      registriesConf(),
      "manifest",
      "inspect",
      nameOf(tag),
    );
    expect(JSON.parse(byBuildah)).toMatchObject(expected);
    const byPodman = await program("podman", "manifest", "inspect", nameOf(tag));
    expect(JSON.parse(byPodman)).toMatchObject(expected);
  });

  it.each(LISTS)("docker reads $kind", async ({ tag }) => {
    const found = await program("docker", "manifest", "inspect", "--insecure", nameOf(tag));
    expect(found).toBe(`${shown.get(tag) ?? ""}\n`);
  });

  /** The children as the list has them. */
  function manifestsOf(tag: string): unknown[] {
    const list: unknown = JSON.parse(shown.get(tag) ?? "");
    const manifests: unknown =
      typeof list === "object" && list !== null ? Reflect.get(list, "manifests") : undefined;
    return Array.isArray(manifests) ? manifests : [];
  }
});
