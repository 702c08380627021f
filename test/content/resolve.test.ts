import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openLayout } from "../../src/content/layout.js";
import { layoutSource, registrySource, SourceReader } from "../../src/content/resolve.js";
import { digestOf } from "../../src/oci/digest.js";
import { formatLocation } from "../../src/oci/location.js";
import { OCI_INDEX, OCI_MANIFEST } from "../../src/oci/mediaTypes.js";
import { formatReference, parseReference } from "../../src/oci/reference.js";
import { createRegistry } from "../../src/registry/createRegistry.js";
import type { Descriptor } from "../../src/oci/descriptor.js";
import type { Built } from "../../src/testing/index.js";
import { startPeer, type Peer } from "../helpers/peer.js";

type Child = Pick<Descriptor, "digest" | "size"> & Partial<Record<keyof Descriptor, unknown>>;

const childOf = ({ mediaType, digest, size }: Built): Child => ({ mediaType, digest, size });

/** A registry, how to put an index into it, and how to read a source from it. */
async function withRegistry(
  play: (tools: {
    peer: Peer;
    putIndex: (tag: string, children: readonly Child[]) => Buffer;
    read: (name: string, reader?: SourceReader) => ReturnType<SourceReader["entries"]>;
  }) => Promise<void>,
): Promise<void> {
  const peer = await startPeer();
  const client = await createRegistry({ domain: peer.host, retries: 0 });
  const session = client.session({ access: [{ path: "app", actions: ["pull"] }] });
  try {
    await play({
      peer,
      putIndex: (tag, children) => {
        const manifests = children.map((child) => ({ mediaType: OCI_MANIFEST, ...child }));
        const body = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }));
        peer.putManifest("app", OCI_INDEX, body, tag);
        return body;
      },
      read: (name, reader = new SourceReader()) => {
        const ref = parseReference(`${peer.host}/${name}`);
        return reader.entries(registrySource(ref, session.repository(ref.path)));
      },
    });
  } finally {
    await client.close();
    await peer.close();
  }
}

/** Puts an image manifest of some 30 kB, which differs by its name. */
function largeManifest(peer: Peer, name: string): Child {
  const config = Buffer.from("{}");
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: { digest: digestOf(config), size: config.byteLength },
      layers: [],
      annotations: { name, padding: "x".repeat(30_000) },
    }),
  );
  peer.putBlob("app", config);
  peer.putManifest("app", OCI_MANIFEST, bytes);
  const platform = { os: "linux", architecture: "amd64" };
  return { digest: digestOf(bytes), size: bytes.byteLength, platform };
}

describe("an index as a source", () => {
  test("gives entries with all that it says of its manifests, and remembers that they came from it", async () => {
    await withRegistry(async ({ peer, putIndex, read }) => {
      const image = peer.putImage("app", { kind: "oci" });
      const said = {
        annotations: { "vnd.docker.reference.digest": image.digest },
        urls: ["https://r.example/x"],
        data: "e30=",
        artifactType: "a/b",
        platform: { os: "unknown", architecture: "unknown" },
      };
      putIndex("v1", [{ ...childOf(image), ...said }]);
      const [entry] = await read("app:v1");
      expect(entry).toMatchObject({
        origins: [`${peer.host}/app:v1`],
        source: { kind: "registry", domain: peer.host, path: "app" },
        descriptor: { ...said, data: Buffer.from("{}"), digest: image.digest, size: image.size },
      });
      expect(formatReference(entry!.ref)).toBe(`${peer.host}/app:v1@${image.digest}`);
    });
  });

  test("takes a platform that it does not say from the image's config, and none from an artifact's", async () => {
    await withRegistry(async ({ peer, putIndex, read }) => {
      const image = peer.putImage("app", { kind: "oci", architecture: "s390x" });
      const body = Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: OCI_MANIFEST,
          artifactType: "x/y",
          config: {
            mediaType: "application/vnd.oci.empty.v1+json",
            digest: digestOf(Buffer.from("{}")),
            size: 2,
          },
          layers: [],
        }),
      );
      peer.putBlob("app", Buffer.from("{}"));
      peer.putManifest("app", OCI_MANIFEST, body);
      putIndex("v1", [childOf(image), { digest: digestOf(body), size: body.byteLength }]);
      const entries = await read("app:v1");
      expect(entries.map(({ descriptor }) => descriptor.platform?.architecture)).toEqual([
        "s390x",
        undefined,
      ]);
    });
  });

  test("that names a manifest which is not there names that one, not itself", async () => {
    await withRegistry(async ({ peer, putIndex, read }) => {
      const image = peer.putImage("app", { kind: "oci" });
      putIndex("v1", [childOf(image)]);
      peer.deleteManifest("app", image.digest);
      await expect(read("app:v1")).rejects.toMatchObject({
        code: "MANIFEST_UNKNOWN",
        subject: `${peer.host}/app:v1@${image.digest}`,
        hint: `${peer.host}/app:v1 names it, but it is not in ${peer.host}/app`,
      });
      await expect(read("app:none")).rejects.toMatchObject({ subject: `${peer.host}/app:none` });
    });
  });

  test("of indexes is bounded by the manifests in all of them", async () => {
    await withRegistry(async ({ peer, putIndex, read }) => {
      const image = peer.putImage("app", { tag: "image" });
      const inner = putIndex(
        "inner",
        Array.from({ length: 5_000 }, () => childOf(image)),
      );
      const child = { mediaType: OCI_INDEX, digest: digestOf(inner), size: inner.byteLength };
      putIndex("outer", [child, child, child]);
      await expect(read("app:outer")).rejects.toThrow(/more than 10000 manifests$/);
    });
  });

  test.each([
    ["of its manifests", (number: number) => String(number)],
    ["that its entries are kept with, also of one manifest", () => "same"],
  ])("is bounded by the bytes %s", async (_, nameOf) => {
    await withRegistry(async ({ peer, putIndex, read }) => {
      const children = Array.from({ length: 100 }, (_, number) => largeManifest(peer, nameOf(number)));
      putIndex("v1", children);
      const reader = new SourceReader({ maxBytes: 2_500_000 });
      await expect(read("app:v1", reader)).rejects.toMatchObject({ code: "LIMIT" });
    });
  });

  test("asks once for a manifest that an index names a hundred times", async () => {
    await withRegistry(async ({ peer, putIndex, read }) => {
      const child = largeManifest(peer, "same");
      putIndex(
        "v1",
        Array.from({ length: 100 }, () => child),
      );
      expect(await read("app:v1")).toHaveLength(100);
      expect(peer.log.filter(({ path }) => path.endsWith(child.digest))).toHaveLength(1);
    });
  });

  test("counts the bytes of all sources together", async () => {
    await withRegistry(async ({ peer, putIndex, read }) => {
      const index = (tag: string): Buffer =>
        putIndex(
          tag,
          Array.from({ length: 60 }, (_, number) => largeManifest(peer, `${tag}${number}`)),
        );
      index("one");
      index("other");
      const reader = new SourceReader({ maxBytes: 2_500_000 });
      await expect(read("app:one", reader)).resolves.toHaveLength(60);
      await expect(read("app:other", reader)).rejects.toMatchObject({ code: "LIMIT" });
    });
  });

  test("without manifests is refused", async () => {
    await withRegistry(async ({ putIndex, read }) => {
      putIndex("v1", []);
      await expect(read("app:v1")).rejects.toMatchObject({ code: "INVALID_MANIFEST" });
    });
  });
});

test("an image in a layout is called by its digest in the list's own repository", async () => {
  const folder = mkdtempSync(join(tmpdir(), "layout-"));
  try {
    await withRegistry(async ({ peer, read }) => {
      const image = peer.putImage("app", { tag: "image", architecture: "riscv64" });
      const [entry] = await read("app:image");
      const layout = openLayout(folder);
      const client = await createRegistry({ domain: peer.host });
      const source = client.session({ access: [] }).repository("app");
      for (const { digest, size } of entry!.manifest!.blobs) {
        await layout.ensureBlob({ digest, size: Number(size), foreign: false }, [source], {
          mountOnly: false,
        });
      }
      await layout.put(entry!.manifest!, ["v1"]);
      await client.close();

      const list = parseReference("r.example/team/app:v2");
      const [found] = await new SourceReader().entries(await layoutSource(list, layout, {}));
      expect(found).toMatchObject({
        ref: { domain: "r.example", path: "team/app", digest: image.digest },
        source: { kind: "layout", folder },
        descriptor: { digest: image.digest, platform: { architecture: "riscv64" } },
        raw: image.body,
      });
      expect(found?.origins).toEqual([formatLocation(layout.location)]);
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
