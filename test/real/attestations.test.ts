import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import * as z from "zod/mini";
import { cli } from "../helpers/cli.js";
import { docker } from "../helpers/docker.js";
import { seed } from "../helpers/images.js";
import { peerPath, runPeer } from "../helpers/peers.js";
import { attestationOf, realImage, realIndex } from "../helpers/realImages.js";
import { describeWithPrograms, startRegistryServer, type RegistryServer } from "../helpers/registryServer.js";

/** Two builds by BuildKit, each an index of an image and its attestation, and one name for both. */

const amd64 = realImage("build/amd64:image", "amd64");
const arm64 = realImage("build/arm64:image", "arm64");
const rebuilt = realImage("build/arm64:again", "arm64");
const builds = [
  amd64,
  attestationOf(amd64),
  realIndex("build/amd64:v1", [["amd64", amd64]]),
  arm64,
  attestationOf(arm64),
  realIndex("build/arm64:v1", [["arm64", arm64]]),
];

const peers = ["docker-registry", "docker", "skopeo", ...["crane", "oras", "buildx"].map(peerPath)];

const Descriptor = z.object({
  digest: z.string(),
  annotations: z.optional(z.record(z.string(), z.string())),
});
const Index = z.object({ mediaType: z.string(), manifests: z.array(Descriptor) });
const Provenance = z.record(
  z.string(),
  z.object({
    SLSA: z.object({ buildDefinition: z.object({ externalParameters: z.object({ of: z.string() }) }) }),
  }),
);

describeWithPrograms("a list of two BuildKit indexes", peers, () => {
  let registry: RegistryServer;
  let home: string;
  let list: string;
  let shown: string;

  beforeAll(async () => {
    registry = await startRegistryServer();
    home = mkdtempSync(join(tmpdir(), "attestations-"));
    await seed(registry.url, builds);
    list = `${registry.host}/team/app:v1`;
    await tsmanifest("create", list, `${registry.host}/build/amd64:v1`, `${registry.host}/build/arm64:v1`);
    shown = await tsmanifest("inspect", list);
    await tsmanifest("push", list);
  });
  afterAll(async () => {
    await registry.close();
    rmSync(home, { recursive: true });
  });

  async function tsmanifest(...argv: string[]): Promise<string> {
    const { status, stdout, stderr } = await cli(argv, undefined, { env: { DOCKER_CONFIG: home }, home });
    expect({ argv, status, stderr }).toEqual({ argv, status: 0, stderr: "" });
    return stdout;
  }

  it("is an OCI index of the images, then their attestations in the same order, as inspect has shown it", async () => {
    const { mediaType, manifests } = Index.parse(JSON.parse(shown));
    expect(mediaType).toBe("application/vnd.oci.image.index.v1+json");
    expect(manifests.map(({ digest }) => digest)).toEqual(
      [amd64, arm64, attestationOf(amd64), attestationOf(arm64)].map(({ digest }) => digest),
    );
    expect(manifests.map(({ annotations }) => annotations?.["vnd.docker.reference.digest"])).toEqual([
      undefined,
      undefined,
      amd64.digest,
      arm64.digest,
    ]);
    expect(
      await runPeer("skopeo", ["inspect", "--raw", "--tls-verify=false", `docker://${list}`], { home }),
    ).toBe(shown.slice(0, -1));
  });

  it("has every platform's provenance, as buildx shows it", async () => {
    const format = ["--format", "{{json .Provenance}}"];
    const text = await runPeer("buildx", ["imagetools", "inspect", list, ...format], { home });
    const provenance = Provenance.parse(JSON.parse(text));
    expect(
      Object.entries(provenance).map(([platform, { SLSA }]) => [
        platform,
        SLSA.buildDefinition.externalParameters.of,
      ]),
    ).toEqual([
      ["linux/amd64", amd64.name],
      ["linux/arm64", arm64.name],
    ]);
  });

  it("is valid to crane, and taken whole by oras and skopeo", async () => {
    await runPeer("crane", ["validate", "--insecure", "--fast", "--remote", list], { home });
    // In full an image each: crane does not count the layers of BuildKit's attestations, wherever they are.
    for (const platform of ["linux/amd64", "linux/arm64"]) {
      await runPeer("crane", ["validate", "--insecure", "--platform", platform, "--remote", list], { home });
    }
    const copy = (name: string): string => `${registry.host}/copies/${name}:v1`;
    await runPeer("oras", ["copy", "--from-plain-http", "--to-plain-http", list, copy("oras")], { home });
    const plain = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    await runPeer("skopeo", ["copy", "--all", ...plain, `docker://${list}`, `docker://${copy("skopeo")}`], {
      home,
    });
    for (const name of ["oras", "skopeo"]) {
      expect(await runPeer("crane", ["manifest", "--insecure", copy(name)], { home })).toBe(
        shown.slice(0, -1),
      );
    }
  });

  it("can still be inspected and pushed by docker, without the annotations", async () => {
    const inspected = await docker(["manifest", "inspect", list], { config: home });
    expect(inspected).toMatchObject({ status: 0, stderr: "" });
    const { manifests } = Index.parse(JSON.parse(inspected.stdout));
    expect(manifests).toHaveLength(4);
    expect(manifests.every(({ annotations }) => annotations === undefined)).toBe(true);
    const verbose = await docker(["manifest", "inspect", "-v", list], { config: home });
    expect(verbose.stdout).toBe(await tsmanifest("inspect", "-v", list));

    const pushed = await docker(["manifest", "push", "--insecure", list], { config: home });
    expect(pushed).toMatchObject({ status: 0 });
    await tsmanifest("push", list);
    const [raw] = [await runPeer("crane", ["manifest", "--insecure", list], { home })];
    expect(raw).toBe(shown.slice(0, -1));
  });

  it("follows a build that was made again: its earlier image leaves, with its attestation", async () => {
    await seed(registry.url, [
      rebuilt,
      attestationOf(rebuilt),
      realIndex("build/arm64:v1", [["arm64", rebuilt]]),
    ]);
    await tsmanifest("create", "--amend", list, `${registry.host}/build/arm64:v1`);
    const { manifests } = Index.parse(JSON.parse(await tsmanifest("inspect", list)));
    expect(manifests.map(({ digest }) => digest)).toEqual(
      [amd64, rebuilt, attestationOf(amd64), attestationOf(rebuilt)].map(({ digest }) => digest),
    );
  });
});
