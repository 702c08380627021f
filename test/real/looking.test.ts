import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import * as z from "zod/mini";
import { DifferenceResult } from "../../src/ui/differenceResult.js";
import { LsResult } from "../../src/ui/lsResult.js";
import { TreeResult } from "../../src/ui/treeResult.js";
import { cli } from "../helpers/cli.js";
import { seed } from "../helpers/images.js";
import { peerPath, runPeer } from "../helpers/peers.js";
import { attestationOf, realImage, realIndex } from "../helpers/realImages.js";
import { describeWithPrograms, startRegistryServer, type RegistryServer } from "../helpers/registryServer.js";

/** Trees, differences and checks of what a real registry has, to which another program has attached something. */

const amd64 = realImage("team/app:amd64", "amd64");
const arm64 = realImage("team/app:arm64", "arm64");
const rebuilt = realImage("team/app:rebuilt", "arm64");
const v1 = realIndex("team/app:v1", [
  ["amd64", amd64],
  ["arm64", arm64],
]);
const v2 = realIndex("team/app:v2", [
  ["arm64", rebuilt],
  ["amd64", amd64],
]);

const oras = peerPath("oras");
const Discovered = z.object({
  referrers: z.array(z.object({ digest: z.string(), artifactType: z.string() })),
});

// distribution has no referrers API: what is attached is listed under a tag.
describeWithPrograms("a real registry without the referrers API", ["docker-registry", oras], () => {
  let registry: RegistryServer;
  let folder: string;
  let app: string;
  const run = (...argv: string[]) =>
    cli(argv, undefined, { env: { DOCKER_CONFIG: folder, PATH: process.env["PATH"] }, home: folder });

  beforeAll(async () => {
    registry = await startRegistryServer();
    folder = mkdtempSync(join(tmpdir(), "looking-"));
    app = `${registry.host}/team/app`;
    const attestations = [amd64, arm64, rebuilt].map(attestationOf);
    await seed(registry.url, [amd64, arm64, rebuilt, ...attestations, v1, v2]);
    writeFileSync(join(folder, "sbom.json"), "{}");
    await runPeer(
      "oras",
      [
        "attach",
        "--plain-http",
        "--artifact-type",
        "application/spdx+json",
        `${app}@${arm64.digest}`,
        "sbom.json",
      ],
      { home: folder },
    );
  });
  afterAll(async () => {
    await registry.close();
    rmSync(folder, { recursive: true });
  });

  it("shows what oras has attached under the image that it is for, as oras finds it", async () => {
    const { status, stdout, stderr } = await run("inspect", "--tree", "--format", "json", `${app}:v1`);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const { root } = TreeResult.parse(JSON.parse(stdout));
    const discovered = await runPeer(
      "oras",
      ["discover", "--plain-http", "--format", "json", `${app}@${arm64.digest}`],
      { home: folder },
    );
    const found = Discovered.parse(JSON.parse(discovered)).referrers;
    expect(found).toHaveLength(1);
    expect(
      root.children.map(({ platform, attached }) => [platform, attached.map(({ foundBy }) => foundBy)]),
    ).toEqual([
      ["linux/amd64", ["list"]],
      ["linux/arm64", ["list", "subject"]],
    ]);
    expect(root.children[1]?.attached[1]).toMatchObject({ ...found[0] });
    expect(root.children[0]?.attached[0]?.predicateTypes).toEqual(["https://slsa.dev/provenance/v1"]);
  });

  it("shows the same from a layout", async () => {
    const layout = `oci-layout://${join(folder, "out")}:v1`;
    const made = await run("imagetools", "create", "--tag", layout, `${app}:v1`);
    expect(made).toMatchObject({ status: 0 });
    const trees = await Promise.all(
      [layout, `${app}:v1`].map(async (name) => {
        const { stdout } = await run("inspect", "--tree", "--format", "json", name);
        return TreeResult.parse(JSON.parse(stdout));
      }),
    );
    const [inLayout, inRegistry] = trees;
    expect(inLayout?.totals).toEqual(inRegistry?.totals);
    expect(inLayout?.root.children.map(({ digest, bytes }) => [digest, bytes])).toEqual(
      inRegistry?.root.children.map(({ digest, bytes }) => [digest, bytes]),
    );
    expect(await run("diff", "--exit-code", layout, `${app}:v1`)).toMatchObject({ status: 0 });
  });

  it("tells lists apart by platform, down to the layer", async () => {
    const { status, stdout } = await run("diff", "--format", "json", `${app}:v1`, `${app}:v2`);
    expect(status).toBe(0);
    const { images, unchanged } = DifferenceResult.parse(JSON.parse(stdout));
    expect(unchanged).toBe(1);
    expect(images).toMatchObject([
      {
        platform: "linux/arm64",
        change: "changed",
        from: arm64.digest,
        to: rebuilt.digest,
        attestation: "changed",
        content: { layers: { base: 0, kept: [], added: [{}], removed: [{}] } },
      },
    ]);
  });

  it("is asked what it has of local lists", async () => {
    await run("create", `${app}:mine`, `${app}:v1`);
    const state = async (): Promise<string | undefined> => {
      const { stdout } = await run("ls", "--check", "--format", "json");
      return LsResult.parse(JSON.parse(stdout)).lists[0]?.registry?.state;
    };
    expect(await state()).toBe("missing");
    expect(await run("push", `${app}:mine`)).toMatchObject({ status: 0 });
    expect(await state()).toBe("same");
    expect(await run("create", "--amend", `${app}:mine`, `${app}:rebuilt`)).toMatchObject({ status: 0 });
    expect(await state()).toBe("differs");
  });
});
