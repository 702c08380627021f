import { execFile } from "node:child_process";
import { mkdir, mkdtemp, open, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { openLayout, type Layout } from "../../src/content/layout.js";
import { OCI_INDEX } from "../../src/oci/mediaTypes.js";
import { digestOf } from "../../src/oci/digest.js";
import { seedImage } from "../helpers/images.js";
import { blobsOf, blobSource, manifestOf, writeImage } from "../helpers/layouts.js";

/** A layout may come from anywhere. Nothing in it leads out of it, hangs, or takes more memory than there is. */

const root = await mkdtemp(join(tmpdir(), "layout-safety-"));
afterAll(() => rm(root, { recursive: true }));
let folders = 0;

const image = seedImage("app:v1", { kind: "oci" });
const other = seedImage("app:v2", { kind: "oci" });
const manifest = manifestOf(image);
const [blob] = blobsOf(manifest);

/** A layout with one image, and a folder beside it that is nobody's business. */
async function scene(): Promise<{ folder: string; outside: string; layout: Layout; blobs: string }> {
  const place = join(root, String(++folders));
  const [folder, outside] = [join(place, "layout"), join(place, "outside")];
  await mkdir(outside, { recursive: true });
  await writeFile(join(outside, "secret"), image.body);
  await writeImage(openLayout(folder), image, ["v1"]);
  return { folder, outside, layout: openLayout(folder), blobs: join(folder, "blobs", "sha256") };
}

/** All that touches the disk, each with its refusal. */
async function refusals(layout: Layout): Promise<string[]> {
  const tries = [
    () => layout.get("v1"),
    () => layout.get(image.digest),
    () => layout.resolve(image.digest),
    () => layout.put(manifest, ["v1"]),
    () => layout.put(manifestOf(other), ["v2"]),
  ];
  const messages: string[] = [];
  for (const one of tries) messages.push(await one().then(String, (error: unknown) => String(error)));
  return [...new Set(messages)];
}

async function pipe(path: string): Promise<void> {
  await promisify(execFile)("mkfifo", [path]);
}

/** A file that says it has 10 GB. */
async function huge(path: string): Promise<void> {
  const handle = await open(path, "w");
  await handle.truncate(10e9);
  await handle.close();
}

async function indexWith(folder: string, ...digests: string[]): Promise<void> {
  const manifests = digests.map((digest) => ({
    mediaType: OCI_INDEX,
    digest,
    size: 1,
    annotations: { "org.opencontainers.image.ref.name": "v1" },
  }));
  await writeFile(join(folder, "index.json"), JSON.stringify({ manifests }));
}

const BAD_DIGESTS = [
  "sha256:../../../outside/secret",
  "../../outside:secret",
  `sha256:${"a".repeat(63)}/`,
  `sha256:${"A".repeat(64)}`,
  "sha256:",
  `md5:${"a".repeat(32)}`,
  "",
];

describe("a hostile layout", () => {
  it.each(BAD_DIGESTS)("leads nowhere by the digest %j", async (digest) => {
    const { folder, layout } = await scene();
    await indexWith(folder, digest);
    const refused = { code: "INVALID_DIGEST" };
    await expect(layout.get("v1")).rejects.toMatchObject(refused);
    await expect(layout.getBlob(digest)).rejects.toMatchObject(refused);
    await expect(layout.openBlob({ digest, size: 1, foreign: false }, 0)).rejects.toMatchObject(refused);
    await expect(
      layout.ensureBlob({ digest, size: 1, foreign: false }, [blobSource([])], { mountOnly: false }),
    ).rejects.toMatchObject(refused);
    await expect(layout.referrers(image.digest)[Symbol.asyncIterator]().next()).rejects.toMatchObject(
      refused,
    );
  });

  it.each(["blobs", "blobs/sha256"])("is not followed where %s is a symbolic link", async (name) => {
    const { folder, outside, layout } = await scene();
    await rename(join(folder, name), join(outside, "moved"));
    await symlink(join(outside, "moved"), join(folder, name));
    expect(await refusals(layout)).toEqual([
      `ManifestError: ${join(folder, name)}: is a symbolic link; not followed`,
    ]);
  });

  it("is not read where a blob is a symbolic link, a folder or a pipe", async () => {
    const { folder, outside, layout, blobs } = await scene();
    const file = join(blobs, image.digest.slice(7));
    const kinds: [string, () => unknown][] = [
      ["a symbolic link", () => symlink(join(outside, "secret"), file)],
      ["no file", () => mkdir(file)],
      ["no file", () => pipe(file)],
    ];
    for (const [what, make] of kinds) {
      await rm(file, { recursive: true });
      await make();
      const refused = { code: "STORE", message: `${file}: is ${what}; not read` };
      for (const reference of ["v1", image.digest]) {
        await expect(layout.get(reference)).rejects.toMatchObject(refused);
        await expect(layout.resolve(reference)).rejects.toMatchObject(refused);
      }
      const whole = { digest: image.digest, size: image.body.byteLength, foreign: false };
      await expect(layout.openBlob(whole, 0)).rejects.toMatchObject(refused);
      await expect(
        layout.ensureBlob(whole, [blobSource([image.body])], { mountOnly: false }),
      ).rejects.toMatchObject(refused);
    }
    expect(await readdir(folder)).not.toContain("secret");
    expect(await readFile(join(outside, "secret"))).toEqual(image.body);
  });

  it.each(["index.json", "oci-layout"])(
    "is neither read nor written through where %s is a link or a pipe",
    async (name) => {
      const { folder, outside, layout } = await scene();
      const file = join(folder, name);
      for (const make of [() => symlink(join(outside, "secret"), file), () => pipe(file)]) {
        await rm(file);
        await make();
        await expect(layout.get("v1")).rejects.toMatchObject({ code: "STORE", message: /not read$/ });
        await expect(layout.put(manifestOf(other), ["v2"])).rejects.toMatchObject({
          code: "STORE",
          message: /not read$/,
        });
      }
      expect(await readFile(join(outside, "secret"))).toEqual(image.body);
    },
  );

  it("removes nothing but its own locks", async () => {
    const { folder, outside, layout } = await scene();
    const lock = join(folder, ".tsmanifest-lock");
    await symlink(outside, lock);
    await expect(layout.put(manifestOf(other), ["v2"])).rejects.toMatchObject({
      code: "STORE",
      subject: lock,
    });
    await rm(lock);
    await mkdir(lock);
    await writeFile(join(lock, "notes"), "mine");
    await expect(layout.put(manifestOf(other), ["v2"])).rejects.toThrow(
      `${lock}: nothing of ours: there is "notes" in it`,
    );
    expect(await readFile(join(lock, "notes"), "utf8")).toBe("mine");
    expect(await readdir(outside)).toEqual(["secret"]);
    expect((await readdir(folder)).sort()).toEqual([".tsmanifest-lock", "blobs", "index.json", "oci-layout"]);
  });

  it("is refused where something is larger than anything honest", async () => {
    const { folder, layout, blobs } = await scene();
    const limit = { code: "LIMIT" };
    const config = blob?.digest ?? "";
    await huge(join(blobs, config.slice(7)));
    await expect(layout.getBlob(config)).rejects.toMatchObject(limit);
    await huge(join(blobs, image.digest.slice(7)));
    await expect(layout.get("v1")).rejects.toMatchObject(limit);
    await huge(join(folder, "index.json"));
    await expect(layout.get("v1")).rejects.toMatchObject({ ...limit, subject: join(folder, "index.json") });
    await expect(layout.put(manifestOf(other), ["v2"])).rejects.toMatchObject(limit);
    await huge(join(folder, "oci-layout"));
    await expect(openLayout(folder).get("v1")).rejects.toMatchObject(limit);
  });

  it("is not believed where a blob is another than its name says", async () => {
    const { layout, blobs } = await scene();
    await writeFile(join(blobs, image.digest.slice(7)), other.body);
    await expect(layout.get("v1")).rejects.toMatchObject({
      code: "DIGEST_MISMATCH",
      message: expect.stringContaining(digestOf(other.body)) as string,
    });
    await writeFile(join(blobs, blob?.digest.slice(7) ?? ""), "another");
    await expect(layout.getBlob(blob?.digest ?? "")).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
  });

  it("has an end for who looks for referrers, however its indexes name each other", async () => {
    const { folder, layout, blobs } = await scene();
    const digests: string[] = [];
    for (let depth = 0; depth < 8; depth++) {
      const children = digests.map((digest) => ({ mediaType: OCI_INDEX, digest, size: 1 }));
      const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [...children, ...children] }));
      digests.push(digestOf(bytes));
      await writeFile(join(blobs, digestOf(bytes).slice(7)), bytes);
    }
    await indexWith(folder, ...digests, ...digests);
    expect(await layout.referrers(image.digest)[Symbol.asyncIterator]().next()).toMatchObject({ done: true });
  });
});

describe("a layout that cannot be written", () => {
  it("is reported by its path", async () => {
    const file = join(root, "file");
    await writeFile(file, "a file");
    const layout = openLayout(join(file, "layout"));
    await expect(layout.put(manifest, ["v1"])).rejects.toMatchObject({
      code: "STORE",
      message: `${join(file, "layout")}: not a folder`,
    });
    await expect(openLayout(file).get("v1")).rejects.toMatchObject({
      code: "INVALID_MANIFEST",
      message: `oci-layout://${file}: not an OCI image layout: a file, and layouts are read from folders only`,
    });
    await expect(openLayout(file).put(manifest, ["v1"])).rejects.toMatchObject({
      code: "STORE",
      message: /not a folder$/,
    });
  });

  it.skipIf(process.platform !== "linux")(
    "ends in an error, not never, where no folder can be made",
    async () => {
      await expect(openLayout("/proc/none/out").put(manifest, ["v1"])).rejects.toMatchObject({
        code: "STORE",
      });
    },
  );
});
