import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readDigestFolder } from "../../src/content/digestFolder.js";

const [A, B, C] = ["a", "b", "c"].map((digit) => digit.repeat(64)) as [string, string, string];

describe("a folder of files that are named by digests", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "digests-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  /** Makes empty files, and the folders that they are in. */
  function touch(...names: readonly string[]): void {
    for (const name of names) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), "");
    }
  }

  const digests = async (): Promise<string[]> =>
    (await readDigestFolder(folder)).map(({ digest }) => digest.replace(/[0-9a-f]{63}$/, ""));

  it("is what the jobs of a build leave: touch digests/${digest#sha256:}", async () => {
    touch(B, A);
    expect(await readDigestFolder(folder)).toEqual([
      { digest: `sha256:${A}`, file: join(folder, A) },
      { digest: `sha256:${B}`, file: join(folder, B) },
    ]);
  });

  it("may have the algorithm in its names, with a colon or without", async () => {
    touch(`sha256-${C}`, A);
    if (process.platform !== "win32") touch(`sha256:${B}`);
    expect(await digests()).toEqual([
      "sha256:a",
      ...(process.platform === "win32" ? [] : ["sha256:b"]),
      "sha256:c",
    ]);
  });

  it("may have one folder a job, as artifacts are downloaded that are not merged", async () => {
    touch(`digests-linux-arm64/${A}`, `digests-linux-amd64/${B}`);
    expect(await readDigestFolder(folder)).toEqual([
      { digest: `sha256:${A}`, file: join(folder, "digests-linux-arm64", A) },
      { digest: `sha256:${B}`, file: join(folder, "digests-linux-amd64", B) },
    ]);
  });

  it("is read by its names: the files may be empty or not, or lead elsewhere", async () => {
    writeFileSync(join(folder, A), "linux/amd64\n");
    if (process.platform !== "win32") symlinkSync("/nowhere", join(folder, B));
    expect((await digests())[0]).toBe("sha256:a");
  });

  it("may have in it what git and file managers leave behind", async () => {
    touch(".gitkeep", ".DS_Store", "Thumbs.db", A);
    expect(await digests()).toEqual(["sha256:a"]);
  });

  it.each([
    ["digest.txt", /digest\.txt: its name is not a digest$/],
    ["linux-amd64", /linux-amd64: its name is not a digest$/],
    [".hidden", /\.hidden: its name is not a digest$/],
    [`${A}.txt`, /\.txt: its name is not a digest$/],
    [A.slice(1), /a: its name has 63 hex digits, which are no sha256 digest$/],
    [`${A}0`, /its name has 65 hex digits, which are no sha256 digest$/],
    [`sha1-${A}`, /its name is not a digest: unsupported digest algorithm$/],
    [`sha512-${A}`, /its name has 64 hex digits, which are no sha512 digest$/],
    [A.toUpperCase(), /A: its name has capital letters$/],
    ["job/digest.txt", /job.digest\.txt: its name is not a digest$/],
    [`a/b/${C}`, /a.b: too deep: .* may have folders, they may not$/],
    ["empty/.gitkeep", /empty: an empty folder$/],
  ])("is refused because of %.20s, by name", async (name, message) => {
    touch(B, name);
    await expect(readDigestFolder(folder)).rejects.toThrow(
      expect.objectContaining({
        code: "INVALID_SOURCE",
        message: expect.stringMatching(message) as string,
        subject: expect.stringContaining(join(folder, name.split("/")[0] ?? "")) as string,
      }),
    );
  });

  it("is refused with a word on what to do", async () => {
    touch(A.toUpperCase());
    await expect(readDigestFolder(folder)).rejects.toThrow(
      expect.objectContaining({ hint: `a digest is in lower case: sha256:${A}` }),
    );
    rmSync(join(folder, A.toUpperCase()));
    await expect(readDigestFolder(folder)).rejects.toThrow(
      expect.objectContaining({
        message: `${folder}: an empty folder`,
        hint: 'there must be a file for each image, named by its digest: touch "digests/${digest#sha256:}"',
      }),
    );
  });

  it("with more than ten thousand files is refused", async () => {
    for (let number = 0; number <= 10_000; number++)
      writeFileSync(join(folder, number.toString(16).padStart(64, "0")), "");
    await expect(readDigestFolder(folder)).rejects.toThrow(expect.objectContaining({ code: "LIMIT" }));
  });

  it("is not read any further once nobody wants it", async () => {
    touch(A);
    await expect(readDigestFolder(folder, AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
  });
});
