import { describe, expect, it } from "vitest";
import { readImages } from "../../src/content/inspectImage.js";
import type { Repository } from "../../src/content/repository.js";
import { descriptor, type Descriptor } from "../../src/oci/descriptor.js";
import { digestOf } from "../../src/oci/digest.js";
import { parseManifest, type Manifest } from "../../src/oci/manifest.js";
import { OCI_INDEX, OCI_MANIFEST } from "../../src/oci/mediaTypes.js";
import { blobSource } from "../helpers/layouts.js";

const EVERYTHING = { configs: true, sboms: true, provenance: true };
const signal = new AbortController().signal;

function index(children: readonly object[]): { descriptor: Descriptor; manifest: Manifest } {
  const manifest = parseManifest(
    OCI_INDEX,
    Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: children })),
  );
  return { descriptor: descriptor(OCI_INDEX, manifest.digest, manifest.bytes.byteLength), manifest };
}

/** A repository of manifests, which notes what it is asked for. */
function repositoryOf(get: (digest: string) => Manifest): { repository: Repository; asked: string[] } {
  const asked: string[] = [];
  const repository = blobSource([], {
    get: (digest) => {
      asked.push(digest);
      return Promise.resolve(get(digest));
    },
  });
  return { repository, asked };
}

describe("the images behind a name", () => {
  it("are not looked for in indexes without end", async () => {
    const child = { mediaType: OCI_INDEX, digest: `sha256:${"1".repeat(64)}`, size: 1 };
    const endless = index([child, { ...child, digest: `sha256:${"2".repeat(64)}` }]);
    const { repository, asked } = repositoryOf(() => endless.manifest);
    await expect(readImages(repository, endless, EVERYTHING, { signal })).rejects.toMatchObject({
      code: "LIMIT",
      message: "source.example/team/app: indexes are nested more than 4 deep",
    });
    expect(asked).toHaveLength(2);
  });

  it("are not asked for where they are too many", async () => {
    const child = { mediaType: OCI_MANIFEST, digest: `sha256:${"1".repeat(64)}`, size: 1 };
    const { repository, asked } = repositoryOf(() => {
      throw new Error("not to be asked");
    });
    const many = index(Array.from({ length: 10_001 }, () => child));
    await expect(readImages(repository, many, EVERYTHING, { signal })).rejects.toMatchObject({
      code: "LIMIT",
      message: "source.example/team/app: more than 10000 manifests",
    });
    expect(asked).toEqual([]);
  });

  it("are taken from their descriptors where those have them", async () => {
    const config = Buffer.from(`{"architecture":"amd64","os":"linux","author":"me"}`);
    const image = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        config: {
          mediaType: "application/vnd.oci.image.config.v1+json",
          digest: digestOf(config),
          size: config.byteLength,
          data: config.toString("base64"),
        },
        layers: [],
      }),
    );
    const { repository, asked } = repositoryOf(() => {
      throw new Error("not to be asked");
    });
    const whole = { mediaType: OCI_MANIFEST, digest: digestOf(image), size: image.byteLength };
    const list = index([{ ...whole, data: image.toString("base64") }]);
    expect(await readImages(repository, list, EVERYTHING, { signal })).toMatchObject([
      { platform: "linux/amd64", config: { author: "me" }, sboms: { value: [] } },
    ]);
    expect(asked).toEqual([]);
    // What is there instead of it counts for nothing.
    const lies = index([{ ...whole, data: Buffer.alloc(image.byteLength, " ").toString("base64") }]);
    await expect(readImages(repository, lies, EVERYTHING, { signal })).rejects.toThrow("not to be asked");
  });

  it("are the first where several are for one platform", async () => {
    const platform = { os: "linux", architecture: "arm" };
    const list = index(
      ["1", "2"].map((digit) => ({
        mediaType: OCI_MANIFEST,
        digest: `sha256:${digit.repeat(64)}`,
        size: 1,
        platform: { ...platform, variant: digit === "1" ? "v7" : "" },
      })),
    );
    const { repository, asked } = repositoryOf(() => parseManifest(OCI_MANIFEST, Buffer.from("{}")));
    const nothing = { configs: false, sboms: true, provenance: true };
    expect(await readImages(repository, list, nothing, { signal })).toMatchObject([
      { platform: "linux/arm/v7" },
    ]);
    expect(asked).toEqual([]);
  });

  it("are not taken for images without attestations when it is interrupted", async () => {
    const interrupt = new AbortController();
    const image = { mediaType: OCI_MANIFEST, digest: `sha256:${"1".repeat(64)}`, size: 1 };
    const platform = { os: "linux", architecture: "amd64" };
    const annotations = { "vnd.docker.reference.digest": image.digest };
    const list = index([
      { ...image, platform },
      { ...image, digest: `sha256:${"2".repeat(64)}`, platform, annotations },
    ]);
    const { repository } = repositoryOf(() => {
      interrupt.abort();
      throw new Error("interrupted");
    });
    const wanted = { configs: false, sboms: true, provenance: false };
    await expect(readImages(repository, list, wanted, { signal: interrupt.signal })).rejects.toThrow(
      "aborted",
    );
  });
});
