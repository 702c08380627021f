import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readFrom } from "../../src/content/fromSource.js";
import { digestOf } from "../../src/oci/digest.js";
import { OCI_INDEX, OCI_MANIFEST } from "../../src/oci/mediaTypes.js";
import { startRegistry } from "../../src/testing/index.js";
import { peerPath, runPeer } from "../helpers/peers.js";

const [A, B] = ["a", "b"].map((digit) => `sha256:${digit.repeat(64)}`) as [string, string];

describe("--from", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "from-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  function write(name: string, content: unknown): string {
    const file = join(folder, name);
    writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
    return file;
  }

  it("reads a folder of digests, which does not say where the images are", async () => {
    const file = write(A.slice("sha256:".length), "");
    expect(await readFrom(folder)).toEqual([{ digest: A, repository: undefined, alsoIn: [], subject: file }]);
  });

  it("takes a digest once that two jobs left", async () => {
    for (const job of ["one", "two"]) {
      mkdirSync(join(folder, job));
      write(join(job, A.slice("sha256:".length)), "");
    }
    expect(await readFrom(folder)).toHaveLength(1);
  });

  it("reads the metadata of a build, which says where its image is", async () => {
    const file = write("metadata.json", {
      "containerimage.digest": A,
      "image.name": "docker.io/team/app:v1,ghcr.io/team/app:v1",
    });
    expect(await readFrom(file)).toEqual([
      { digest: A, repository: "docker.io/team/app", alsoIn: ["ghcr.io/team/app"], subject: file },
    ]);
  });

  it("takes an image once that two targets built, with the repositories of both", async () => {
    const file = write("metadata.json", {
      app: { "containerimage.digest": A, "image.name": "r.example/app:v1" },
      web: { "containerimage.digest": B, "image.name": "r.example/web:v1" },
      copy: { "containerimage.digest": A, "image.name": "r.example/copy:v1,r.example/app:v1" },
    });
    expect(await readFrom(file)).toEqual([
      { digest: A, repository: "r.example/app", alsoIn: ["r.example/copy"], subject: file },
      { digest: B, repository: "r.example/web", alsoIn: [], subject: file },
    ]);
  });

  it.skipIf(process.platform === "win32")("reads a pipe as it reads a file", async () => {
    const pipe = join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    const metadata = JSON.stringify({ "containerimage.digest": A });
    spawn("sh", ["-c", 'printf %s "$1" > "$2"', "sh", metadata, pipe], { stdio: "ignore" });
    const read = readFrom(pipe);
    expect(await read).toEqual([{ digest: A, repository: undefined, alsoIn: [], subject: pipe }]);
  });

  it("says what is missing", async () => {
    await expect(readFrom(join(folder, "digests"))).rejects.toThrow(
      expect.objectContaining({
        code: "INVALID_SOURCE",
        message: `${join(folder, "digests")}: no such file or folder`,
        hint: "name a folder of files that are called by digests, or a file of docker buildx build --metadata-file",
      }),
    );
    await expect(readFrom("")).rejects.toThrow('"": no such file or folder');
  });

  it("refuses a file that is too large, whatever its size claims to be", async () => {
    const file = write("metadata.json", "{}");
    truncateSync(file, 17 * 1024 * 1024);
    await expect(readFrom(file)).rejects.toThrow(expect.objectContaining({ code: "LIMIT" }));
    if (process.platform === "linux")
      await expect(readFrom("/dev/zero")).rejects.toThrow(expect.objectContaining({ code: "LIMIT" }));
  });

  it("does not read what nobody wants any more", async () => {
    const file = write("metadata.json", {});
    await expect(readFrom(file, AbortSignal.abort())).rejects.toThrow(
      expect.objectContaining({ name: "AbortError" }),
    );
  });

  const hasBuildx = peerPath("buildx") !== "buildx" || process.env["CI"] === "true";

  it.skipIf(!hasBuildx)("reads what buildx itself writes (skipped where it is not installed)", async () => {
    const layout = join(folder, "layout");
    mkdirSync(join(layout, "blobs", "sha256"), { recursive: true });
    const put = (mediaType: string, content: object) => {
      const text = JSON.stringify(content);
      const digest = digestOf(Buffer.from(text));
      write(join("layout", "blobs", "sha256", digest.slice("sha256:".length)), text);
      return { mediaType, digest, size: Buffer.byteLength(text) };
    };
    const platform = { os: "linux", architecture: "amd64" };
    const config = put("application/vnd.oci.image.config.v1+json", platform);
    const image = put(OCI_MANIFEST, { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [] });
    write("layout/oci-layout", { imageLayoutVersion: "1.0.0" });
    write("layout/index.json", { schemaVersion: 2, manifests: [image] });

    const file = join(folder, "metadata.json");
    const registry = await startRegistry();
    try {
      const target = `${new URL(registry.url).host}/team/app`;
      const source = `oci-layout://${layout}@${image.digest}`;
      const args = ["imagetools", "create", "--metadata-file", file, "-t", `${target}:v1`, source];
      await runPeer("buildx", args, { home: folder });
      const [read] = await readFrom(file);
      expect(read).toMatchObject({ repository: target, alsoIn: [], subject: file });
      const tagged = await fetch(`${registry.url}/v2/team/app/manifests/v1`, {
        headers: { accept: OCI_INDEX },
      });
      expect(read?.digest).toBe(tagged.headers.get("docker-content-digest"));
    } finally {
      await registry.close();
    }
  });
});
