import { afterAll, beforeAll, expect, test } from "vitest";
import { ManifestCache } from "../../src/content/manifestCache.js";
import type { Repository } from "../../src/content/repository.js";
import { digestOf } from "../../src/oci/digest.js";
import { parseManifest, type Manifest } from "../../src/oci/manifest.js";
import { OCI_MANIFEST } from "../../src/oci/mediaTypes.js";
import { createRegistry, type RegistryClient } from "../../src/registry/createRegistry.js";
import { startPeer, type Peer } from "../helpers/peer.js";

let peer: Peer;
let client: RegistryClient;
let repository: Repository;

beforeAll(async () => {
  peer = await startPeer();
  client = await createRegistry({ domain: peer.host, retries: 0 });
  repository = client.session({ access: [{ path: "app", actions: ["pull"] }] }).repository("app");
});

afterAll(async () => {
  await client.close();
  await peer.close();
});

/** The manifest of an image whose config is in the registry and has about so many bytes. */
function imageWithConfig(name: string, size: number): Manifest {
  const config = Buffer.from(
    JSON.stringify({ os: "linux", architecture: "amd64", name, padding: "x".repeat(size) }),
  );
  const digest = digestOf(config);
  peer.putBlob("app", config);
  const manifest = {
    schemaVersion: 2,
    config: { mediaType: "application/vnd.oci.image.config.v1+json", digest, size: config.byteLength },
    layers: [],
  };
  return parseManifest(OCI_MANIFEST, Buffer.from(JSON.stringify(manifest)));
}

const configOf = ({ blobs }: Manifest): string => blobs[0]?.digest ?? "";

test("a config that was read for its platform is at hand for whoever copies it, if it is small", async () => {
  const cache = new ManifestCache();
  const small = imageWithConfig("small", 1_000);
  const large = imageWithConfig("large", 100_000);
  for (const image of [small, large]) {
    expect(await cache.platform(repository, image)).toMatchObject({ os: "linux", architecture: "amd64" });
  }
  expect(cache.config(configOf(small))?.byteLength).toBeGreaterThan(1_000);
  expect(cache.config(configOf(large))).toBeUndefined();
});

test("of a list of very many images not all configs are held", async () => {
  const cache = new ManifestCache();
  const images = Array.from({ length: 400 }, (_, index) => imageWithConfig(`${index}`, 60_000));
  await Promise.all(images.map((image) => cache.platform(repository, image)));
  const kept = images.flatMap((image) => cache.config(configOf(image)) ?? []);
  const bytes = kept.reduce((sum, config) => sum + config.byteLength, 0);
  expect(kept.length).toBeGreaterThan(200);
  expect(bytes).toBeLessThan(16 * 1024 * 1024);
});
