import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, it } from "vitest";
import { openLayout } from "../../src/content/layout.js";
import type { Repository } from "../../src/content/repository.js";
import { ManifestError } from "../../src/errors.js";
import type { Descriptor } from "../../src/oci/descriptor.js";
import { digestLike, digestOf } from "../../src/oci/digest.js";
import { parseManifest, withExactBytes } from "../../src/oci/manifest.js";
import { OCI_INDEX, OCI_MANIFEST } from "../../src/oci/mediaTypes.js";
import { seedImage, seedList, type SeedImage } from "../helpers/images.js";
import { blobsOf, blobSource, manifestOf, writeImage } from "../helpers/layouts.js";

const REF = "org.opencontainers.image.ref.name";
const root = await mkdtemp(join(tmpdir(), "layout-"));
afterAll(() => rm(root, { recursive: true }));
let folders = 0;
const newFolder = (): string => join(root, String(++folders));

const amd64 = seedImage("app:amd64", { kind: "oci" });
const arm64 = seedImage("app:arm64", { kind: "oci", config: { architecture: "arm64", os: "linux" } });
const list = seedList("app:v1", "oci", [{ image: amd64 }, { image: arm64 }]);
const COPY = { mountOnly: false };

/** What refers to an image, such as a signature. */
function referrerOf(image: SeedImage, more: object = {}): SeedImage {
  const subject = { mediaType: image.mediaType, digest: image.digest, size: image.body.byteLength };
  return seedImage(`app:about-${image.tag}`, {
    kind: "oci",
    write: (parts) =>
      JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, ...parts, subject, ...more }),
  });
}

async function writeList(target: Repository, tags: readonly string[]): Promise<void> {
  for (const image of [amd64, arm64]) await writeImage(target, image);
  await writeImage(target, list, tags);
}

const blobFile = (folder: string, digest: string): string => join(folder, "blobs", ...digest.split(":"));

async function entriesOf(folder: string): Promise<unknown> {
  const index: unknown = JSON.parse(await readFile(join(folder, "index.json"), "utf8"));
  return typeof index === "object" && index !== null ? Reflect.get(index, "manifests") : undefined;
}

async function collect(items: AsyncIterable<Descriptor>): Promise<Descriptor[]> {
  const found: Descriptor[] = [];
  for await (const item of items) found.push(item);
  return found;
}

function described({ mediaType, digest, body }: SeedImage): object {
  return { mediaType, digest, size: body.byteLength };
}

describe("a layout that is written", () => {
  it("has what the specification wants, and nothing else", async () => {
    const folder = newFolder();
    await writeList(openLayout(folder), ["v1", "latest"]);
    expect((await readdir(folder)).sort()).toEqual(["blobs", "index.json", "oci-layout"]);
    expect(await readFile(join(folder, "oci-layout"), "utf8")).toBe('{"imageLayoutVersion":"1.0.0"}');
    const entry = (tag: string): string =>
      JSON.stringify({
        mediaType: OCI_INDEX,
        digest: list.digest,
        size: list.body.byteLength,
        annotations: { [REF]: tag },
      });
    expect(await readFile(join(folder, "index.json"), "utf8")).toBe(
      `{"schemaVersion":2,"mediaType":"${OCI_INDEX}","manifests":[${entry("v1")},${entry("latest")}]}`,
    );
    const digests = [amd64, arm64, list].flatMap(({ digest, blobs }) => [digest, ...blobs.map(digestOf)]);
    expect((await readdir(join(folder, "blobs", "sha256"))).sort()).toEqual(
      [...new Set(digests.map((digest) => digest.replace("sha256:", "")))].sort(),
    );
    for (const digest of digests) expect(digestOf(await readFile(blobFile(folder, digest)))).toBe(digest);
  });

  it("is read again as it was, by tag and by digest", async () => {
    const layout = openLayout(newFolder());
    await writeList(layout, ["v1"]);
    for (const [reference, seeded] of [
      ["v1", list],
      [list.digest, list],
      [arm64.digest, arm64],
    ] as const) {
      const { mediaType, digest, body } = seeded;
      const got = await layout.get(reference);
      expect([got.mediaType, got.digest, got.bytes]).toEqual([mediaType, digest, body]);
      expect(await layout.resolve(reference)).toMatchObject(described(seeded));
    }
    expect(await layout.getBlob(digestOf(amd64.blobs[0]!))).toEqual(amd64.blobs[0]);
    expect(await layout.statBlob(digestOf(amd64.blobs[0]!))).toBe(amd64.blobs[0]!.byteLength);
    expect(await layout.names()).toEqual(["v1"]);
  });

  it("says what is not there", async () => {
    const layout = openLayout(newFolder());
    const nowhere = `sha256:${"0".repeat(64)}`;
    expect(await layout.resolve("v1")).toBeUndefined();
    expect(await layout.resolve("v1", { mustKnow: true })).toBeUndefined();
    expect(await layout.statBlob(nowhere)).toBeUndefined();
    expect(await collect(layout.referrers(nowhere))).toEqual([]);
    await expect(layout.get("v1")).rejects.toMatchObject({
      code: "MANIFEST_UNKNOWN",
      message: /no such folder/,
    });
    await writeList(layout, ["v1", "v2"]);
    expect(await layout.resolve("v3")).toBeUndefined();
    expect(await layout.resolve(nowhere)).toBeUndefined();
    await expect(layout.get("v3")).rejects.toMatchObject({
      code: "MANIFEST_UNKNOWN",
      message: /^oci-layout:\/\/.*:v3 is not there$/,
      hint: "there are: v1, v2",
    });
    await expect(layout.get(nowhere)).rejects.toMatchObject({ code: "MANIFEST_UNKNOWN" });
    await expect(layout.getBlob(nowhere)).rejects.toMatchObject({ code: "BLOB_UNKNOWN" });
    const blob = { digest: nowhere, size: 1, foreign: false };
    await expect(layout.openBlob(blob, 0)).rejects.toMatchObject({ code: "BLOB_UNKNOWN" });
  });

  it("moves a tag, and still has by its digest what had it", async () => {
    const folder = newFolder();
    const layout = openLayout(folder);
    await writeImage(layout, amd64, ["v1"]);
    await writeImage(layout, arm64, ["v1"]);
    expect(await entriesOf(folder)).toEqual([{ ...described(arm64), annotations: { [REF]: "v1" } }]);
    expect((await layout.get(amd64.digest)).bytes).toEqual(amd64.body);
  });

  it("lists a manifest without a tag only if it is what was asked for, or refers to another", async () => {
    const folder = newFolder();
    const layout = openLayout(folder);
    const about = manifestOf(referrerOf(amd64));
    await layout.put(manifestOf(amd64), []);
    await layout.put(about, [], { role: "child" });
    expect(await entriesOf(folder)).toEqual([]);
    await layout.put(manifestOf(arm64), [], { role: "root" });
    await layout.put(about, []);
    await layout.put(about, []);
    expect(await entriesOf(folder)).toEqual([
      described(arm64),
      expect.objectContaining({
        digest: about.digest,
        annotations: { "io.containerd.manifest.subject": amd64.digest },
      }),
    ]);
  });

  it("has blobs of sha512, too", async () => {
    const folder = newFolder();
    const layout = openLayout(folder);
    const blob = Buffer.from("a layer");
    const digest = digestLike("sha512:", blob);
    const source = blobSource([], {
      openBlob: () => blobSource([blob]).openBlob({ digest: digestOf(blob), size: 7, foreign: false }, 0),
    });
    expect(await layout.ensureBlob({ digest, size: 7, foreign: false }, [source], COPY)).toMatchObject({
      kind: "copied",
    });
    const image = withExactBytes(manifestOf(amd64), amd64.body, digestLike("sha512:", amd64.body));
    await layout.put(image, ["v1"]);
    expect((await readdir(join(folder, "blobs", "sha512"))).length).toBe(2);
    const got = await layout.get("v1");
    expect([got.digest, got.bytes]).toEqual([image.digest, amd64.body]);
    expect(await layout.getBlob(digest)).toEqual(blob);
  });

  it("refuses what is not what it is called", async () => {
    const layout = openLayout(newFolder());
    const wrong = withExactBytes(manifestOf(amd64), amd64.body, arm64.digest);
    await expect(layout.put(wrong, ["v1"])).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
    await expect(layout.put(manifestOf(amd64), ["a b"])).rejects.toMatchObject({ code: "INVALID_REFERENCE" });
    const large = seedImage("app:large", {
      kind: "oci",
      write: (parts) => JSON.stringify({ ...parts, x: "x".repeat(5e6) }),
    });
    await expect(layout.put(manifestOf(large), ["v1"])).rejects.toMatchObject({ code: "LIMIT" });
    expect(existsSync(layout.location.kind === "layout" ? layout.location.folder : "")).toBe(false);
  });

  it("refuses an index whose manifests are not there, once they could not be put there", async () => {
    const layout = openLayout(newFolder());
    await writeImage(layout, amd64);
    await expect(layout.put(manifestOf(list), ["v1"])).rejects.toMatchObject({
      code: "MANIFEST_NOT_PUSHED",
      message: expect.stringContaining(arm64.digest) as string,
    });
    expect(await layout.resolve("v1")).toBeUndefined();
    await layout.put(manifestOf(list), ["v1"], { restore: () => writeImage(layout, arm64) });
    expect(await layout.resolve("v1")).toMatchObject({ digest: list.digest });
  });

  it("replaces a manifest whose file is broken", async () => {
    const folder = newFolder();
    const layout = openLayout(folder);
    await writeImage(layout, amd64, ["v1"]);
    await writeFile(blobFile(folder, amd64.digest), amd64.body.subarray(1));
    expect(await layout.resolve("v1")).toBeUndefined();
    const mustKnow = layout.resolve("v1", { mustKnow: true });
    await expect(mustKnow).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
    await expect(layout.get("v1")).rejects.toMatchObject({
      code: "DIGEST_MISMATCH",
      message: expect.stringContaining(folder) as string,
    });
    await layout.put(manifestOf(amd64), ["v1"]);
    expect((await layout.get("v1")).bytes).toEqual(amd64.body);
  });

  it("keeps the mode of its index.json, and removes what was left by others long ago", async () => {
    const folder = newFolder();
    await writeImage(openLayout(folder), amd64, ["v1"]);
    await chmod(join(folder, "index.json"), 0o600);
    const [old, fresh] = [join(folder, ".tsmanifest-1-2-a"), join(folder, ".tsmanifest-1-2-b")];
    await writeFile(old, "half a layer");
    await writeFile(fresh, "half a layer");
    await utimes(old, new Date(0), new Date(0));
    await writeImage(openLayout(folder), arm64, ["v2"]);
    expect((await stat(join(folder, "index.json"))).mode & 0o777).toBe(0o600);
    expect([existsSync(old), existsSync(fresh)]).toEqual([false, true]);
  });
});

describe("a blob", () => {
  const [config = Buffer.alloc(0)] = amd64.blobs;
  const blob = { digest: digestOf(config), size: config.byteLength, foreign: false };

  it("is copied once, from the first source that has it and shows it", async () => {
    const layout = openLayout(newFolder());
    const hidden = Object.assign(new ManifestError("REGISTRY", "denied"), { status: 403 });
    const sources = [
      blobSource([]),
      blobSource([], {
        openBlob: () => Promise.reject(new ManifestError("UNAUTHENTICATED", "who are you?")),
      }),
      blobSource([], { openBlob: () => Promise.reject(hidden) }),
      blobSource([config], { location: { kind: "registry", domain: "good.example", path: "a" } }),
    ];
    const events: string[] = [];
    const onEvent = (event: { kind: string }): number => events.push(event.kind);
    expect(await layout.ensureBlob(blob, sources, { ...COPY, onEvent })).toEqual({
      kind: "copied",
      source: { kind: "registry", domain: "good.example", path: "a" },
    });
    expect(events).toEqual(["queued", "copying", "copying", "copying", "copying", "bytes"]);
    expect(await layout.ensureBlob(blob, [], COPY)).toEqual({ kind: "present" });
    await expect(openLayout(newFolder()).ensureBlob(blob, sources.slice(0, 3), COPY)).rejects.toThrow(
      "who are you?",
    );
  });

  it("is replaced where it has the wrong size", async () => {
    const folder = newFolder();
    const layout = openLayout(folder);
    await layout.ensureBlob(blob, [blobSource([config])], COPY);
    await writeFile(blobFile(folder, blob.digest), "cut off");
    expect(await layout.ensureBlob(blob, [layout, blobSource([config])], COPY)).toMatchObject({
      kind: "copied",
    });
    expect(await layout.getBlob(blob.digest)).toEqual(config);
  });

  it("that is wrong is not stored", async () => {
    const folder = newFolder();
    const layout = openLayout(folder);
    const other = Buffer.from(config);
    other[0] = 0;
    const liar = blobSource([], {
      openBlob: () => blobSource([other]).openBlob({ ...blob, digest: digestOf(other) }, 0),
    });
    await expect(layout.ensureBlob(blob, [liar], COPY)).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
    expect(existsSync(blobFile(folder, blob.digest))).toBe(false);
    expect((await readdir(folder)).sort()).toEqual(["blobs", "index.json", "oci-layout"]);
  });

  it("that is nowhere is told of, with whose image can do without", async () => {
    const layout = openLayout(newFolder());
    const source = blobSource([]);
    expect(await layout.ensureBlob(blob, [source, source], COPY)).toMatchObject({
      kind: "absent",
      toleratedBy: "windows",
      error: { code: "BLOB_UNKNOWN" },
    });
    const never = blobSource([], {
      openBlob: () => Promise.reject(new Error("a foreign layer was asked for")),
    });
    expect(await layout.ensureBlob({ ...blob, foreign: true }, [never], COPY)).toMatchObject({
      kind: "absent",
      toleratedBy: "any",
      error: { code: "BLOB_UNKNOWN" },
    });
  });

  it("is left alone where it is not needed, cannot be mounted, or all has stopped", async () => {
    const layout = openLayout(newFolder());
    const sources = [blobSource([config])];
    const ensure = (more: object): Promise<unknown> => layout.ensureBlob(blob, sources, { ...COPY, ...more });
    expect(await ensure({ isNeeded: () => false })).toEqual({ kind: "unneeded" });
    const isNeededAtLast = (): Promise<boolean> => Promise.resolve(false);
    expect(await ensure({ isNeededAtLast })).toEqual({ kind: "unneeded" });
    expect(await ensure({ isNeededAtLast, mountOnly: true })).toEqual({ kind: "unneeded" });
    expect(await ensure({ stop: AbortSignal.abort() })).toEqual({ kind: "stopped" });
    await expect(ensure({ signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow("enough");
    await expect(ensure({ mountOnly: true })).rejects.toMatchObject({ code: "MOUNT_REFUSED" });
    expect(await layout.resolve("v1")).toBeUndefined();
  });

  it("stops in its middle, and leaves nothing", async () => {
    const folder = newFolder();
    const stop = new AbortController();
    async function* endless(): AsyncGenerator<Buffer> {
      for (;;) {
        yield Buffer.alloc(1000);
        await sleep(1);
      }
    }
    const { Readable } = await import("node:stream");
    const source = blobSource([], {
      openBlob: (_, __, options) =>
        Promise.resolve({
          stream: Readable.from(endless(), { signal: options?.signal }).on("error", () => undefined),
          length: 1e9,
          skip: 0,
        }),
    });
    const onEvent = ({ kind }: { kind: string }): void => {
      if (kind === "bytes") stop.abort();
    };
    const outcome = await openLayout(folder).ensureBlob({ ...blob, size: 1e9 }, [source], {
      ...COPY,
      stop: stop.signal,
      onEvent,
    });
    expect(outcome).toEqual({ kind: "stopped" });
    expect((await readdir(folder)).sort()).toEqual(["blobs", "index.json", "oci-layout"]);
  });

  it("is copied with no more than three others", async () => {
    const layout = openLayout(newFolder());
    let open = 0;
    let most = 0;
    const blobs = Array.from({ length: 20 }, (_, at) => Buffer.from(`blob ${at}`));
    const plain = blobSource(blobs);
    const source = blobSource([], {
      openBlob: async (...args) => {
        most = Math.max(most, ++open);
        await sleep(2);
        open--;
        return plain.openBlob(...args);
      },
    });
    await Promise.all(
      blobs.map((bytes) =>
        layout.ensureBlob(
          { digest: digestOf(bytes), size: bytes.byteLength, foreign: false },
          [source],
          COPY,
        ),
      ),
    );
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(4);
  });

  it("is copied from one layout into another, and read from any byte on", async () => {
    const [from, to] = [openLayout(newFolder()), openLayout(newFolder())];
    await writeImage(from, amd64, ["v1"]);
    for (const one of blobsOf(manifestOf(amd64))) {
      expect(await to.ensureBlob(one, [from], COPY)).toEqual({ kind: "copied", source: from.location });
    }
    const { stream, length, skip } = await to.openBlob(blob, 5);
    const pieces: Buffer[] = [];
    for await (const piece of stream) if (Buffer.isBuffer(piece)) pieces.push(piece);
    expect([length, skip, Buffer.concat(pieces)]).toEqual([config.byteLength, 0, config.subarray(5)]);
  });
});

describe("a layout of somebody else", () => {
  /** A layout by hand. */
  async function layoutOf(
    images: readonly SeedImage[],
    manifests: unknown,
    more: object = {},
  ): Promise<string> {
    const folder = newFolder();
    await mkdir(join(folder, "blobs", "sha256"), { recursive: true });
    for (const bytes of images.flatMap(({ body, blobs }) => [body, ...blobs])) {
      await writeFile(blobFile(folder, digestOf(bytes)), bytes);
    }
    await writeFile(join(folder, "oci-layout"), '{\n "imageLayoutVersion": "1.0.0"\n}\n');
    await writeFile(
      join(folder, "index.json"),
      JSON.stringify({ schemaVersion: 2, manifests, ...more }, undefined, 2),
    );
    return folder;
  }

  it("is none without its oci-layout file, and none of another version", async () => {
    const folder = await layoutOf([amd64], [described(amd64)]);
    await writeFile(join(folder, "oci-layout"), '{"imageLayoutVersion":"2.0.0"}');
    await expect(openLayout(folder).get("v1")).rejects.toMatchObject({
      code: "INVALID_MANIFEST",
      message: `${join(folder, "oci-layout")}: not of an OCI image layout of version 1`,
    });
    await rm(join(folder, "oci-layout"));
    await expect(openLayout(folder).get("v1")).rejects.toMatchObject({
      code: "INVALID_MANIFEST",
      message: `oci-layout://${folder}: not an OCI image layout: it has no file oci-layout`,
    });
    expect(await openLayout(folder).resolve("v1")).toBeUndefined();
  });

  it("need not say which manifest is meant where it has one only", async () => {
    const one = await layoutOf([amd64], [described(amd64)]);
    expect(await openLayout(one).defaultReference()).toBe(amd64.digest);
    const several = [amd64, arm64].map((image) => ({
      ...described(image),
      annotations: { [REF]: image.tag },
    }));
    const two = openLayout(await layoutOf([amd64, arm64], several));
    await expect(two.defaultReference()).rejects.toMatchObject({
      code: "MANIFEST_UNKNOWN",
      hint: "there are: amd64, arm64",
    });
    const nameless = openLayout(await layoutOf([amd64, arm64], [amd64, arm64].map(described)));
    await expect(nameless.defaultReference()).rejects.toMatchObject({
      hint: "name one by its digest: none has a tag",
    });
    await two.put(manifestOf(arm64), ["latest"]);
    expect(await two.defaultReference()).toBe("latest");
  });

  it("may call its manifests by whole references", async () => {
    const named = (image: SeedImage, name: string): object => ({
      ...described(image),
      annotations: { [REF]: name },
    });
    const folder = await layoutOf(
      [amd64, arm64],
      [named(amd64, "x.example/a:v1"), named(arm64, "x.example/b:v2")],
    );
    expect((await openLayout(folder).get("v2")).digest).toBe(arm64.digest);
    const same = await layoutOf(
      [amd64, arm64],
      [named(amd64, "x.example/a:v1"), named(arm64, "x.example/b:v1")],
    );
    await expect(openLayout(same).get("v1")).rejects.toMatchObject({
      message: /:v1 could be several images$/,
      hint: "there are: x.example/a:v1, x.example/b:v1",
    });
  });

  it("may have docker's media types, and manifests that do not say theirs", async () => {
    const docker = seedImage("app:docker");
    const bare = seedImage("app:bare", {
      kind: "oci",
      write: (parts) => JSON.stringify({ schemaVersion: 2, ...parts }),
    });
    const layout = openLayout(
      await layoutOf([docker, bare], [described(docker), { digest: bare.digest, size: 1 }]),
    );
    expect(await layout.get(docker.digest)).toMatchObject({ mediaType: docker.mediaType });
    expect(await layout.get(bare.digest)).toMatchObject({ mediaType: OCI_MANIFEST });
  });

  it("may lack its index.json's manifest, and says so", async () => {
    const layout = openLayout(await layoutOf([], [{ ...described(amd64), annotations: { [REF]: "v1" } }]));
    expect(await layout.resolve("v1")).toBeUndefined();
    await expect(layout.get("v1")).rejects.toMatchObject({
      code: "MANIFEST_UNKNOWN",
      hint: /index.json says that it is sha256/,
    });
  });

  it("says what refers to a manifest: listed, below an index, in regctl's list, or by containerd's annotation", async () => {
    const listed = referrerOf(amd64, { artifactType: "application/a", annotations: { made: "today" } });
    const below = referrerOf(amd64, { artifactType: "application/b", n: 1 });
    const fallback = seedList(`app:${amd64.digest.replace(":", "-")}`, "oci", [{ image: below }]);
    const above = seedList("app:above", "oci", [{ image: fallback }]);
    const annotated = seedImage("app:annotated", { kind: "oci" });
    const unrelated = referrerOf(arm64);
    const folder = await layoutOf(
      [amd64, listed, below, fallback, above, annotated, unrelated],
      [
        { mediaType: "application/xml", digest: `sha256:${"1".repeat(64)}`, size: 7 },
        { mediaType: OCI_MANIFEST, digest: `sha256:${"2".repeat(64)}`, size: 7 },
        { ...described(amd64), annotations: { [REF]: "v1" } },
        described(listed),
        described(above),
        { ...described(annotated), annotations: { "io.containerd.manifest.subject": amd64.digest } },
        described(unrelated),
        described(listed),
      ],
    );
    const layout = openLayout(folder);
    const config = "application/vnd.oci.image.config.v1+json";
    expect(await collect(layout.referrers(amd64.digest))).toMatchObject([
      { ...described(listed), artifactType: "application/a", annotations: { made: "today" } },
      { ...described(below), artifactType: "application/b" },
      { ...described(annotated), artifactType: config },
    ]);
    expect(await collect(layout.referrers(amd64.digest, "application/b"))).toMatchObject([described(below)]);
    await writeImage(layout, referrerOf(amd64, { artifactType: "application/b", n: 2 }));
    expect(await collect(layout.referrers(amd64.digest, "application/b"))).toHaveLength(2);
  });

  it("keeps what it says of others", async () => {
    const more = { annotations: { a: "b" }, "x-more": { z: 1, a: [1.0, "<&>"] } };
    const theirs = {
      ...described(amd64),
      platform: { os: "linux", architecture: "amd64" },
      "x-mine": [1],
      annotations: { [REF]: "v1" },
    };
    const folder = await layoutOf([amd64], [theirs], more);
    await writeImage(openLayout(folder), arm64, ["v2"]);
    expect(JSON.parse(await readFile(join(folder, "index.json"), "utf8"))).toEqual({
      schemaVersion: 2,
      manifests: [theirs, { ...described(arm64), annotations: { [REF]: "v2" } }],
      ...more,
    });
  });

  it("is not written to where it is not understood", async () => {
    const folder = await layoutOf([amd64], { not: "a list" });
    const before = await readFile(join(folder, "index.json"), "utf8");
    await expect(openLayout(folder).put(manifestOf(amd64), ["v1"])).rejects.toMatchObject({
      code: "INVALID_MANIFEST",
      message: `${join(folder, "index.json")}: manifests should be an array`,
    });
    expect(await readFile(join(folder, "index.json"), "utf8")).toBe(before);
    expect(parseManifest(OCI_MANIFEST, amd64.body).digest).toBe(amd64.digest);
  });
});
