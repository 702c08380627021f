import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import * as z from "zod/mini";
import { ErrorResult, ListResult, PlanReport, PushMetadata } from "../../src/index.js";
import { putBuild, type Build } from "../helpers/builds.js";
import type { Peer } from "../helpers/peer.js";
import { changesIn, useWorkplace } from "../helpers/workplace.js";
import { mountable, mountMemory, remount } from "../store/place.js";

/** What push and imagetools create tell machines, over real HTTP and in real files. */

const workplace = useWorkplace();
const PATH = "me/list";

let hub: Peer;
let builds: readonly Build[];
/** Done when the list is about to be put; `refuse` has it refused. */
let beforeList: (() => "refuse" | undefined) | undefined;
beforeEach(async () => {
  beforeList = undefined;
  hub = await workplace.registry({
    onRequest: ({ method, path }) => {
      if (method !== "PUT" || path !== `/v2/${PATH}/manifests/v1`) return undefined;
      return beforeList?.() === "refuse" ? { status: 403 } : undefined;
    },
  });
  builds = ["amd64", "arm64"].map((architecture) =>
    putBuild(hub, "me/app", { architecture, tag: architecture, layers: 2 }),
  );
});

const list = (): string => `${hub.host}/${PATH}:v1`;
const sources = (): string[] => ["amd64", "arm64"].map((tag) => `${hub.host}/me/app:${tag}`);
const digest = (): string | undefined => hub.manifest(PATH, "v1")?.digest;
const text = (file: string): string => readFileSync(file, "utf8");
const metadataIn = (file: string): PushMetadata => {
  const value: unknown = JSON.parse(text(file));
  const metadata = PushMetadata.parse(value);
  expect(metadata).toEqual(value);
  return metadata;
};

const Blob = z.object({ digest: z.string(), size: z.number() });
const ImageJson = z.object({ config: Blob, layers: z.array(Blob) });

/** The sizes of all blobs of the builds. */
function copiedBlobs(): ReadonlyMap<string, number> {
  const images = builds.flatMap(({ image, attestation }) => [image, attestation]);
  const blobs = images.flatMap(({ body }) => {
    const { config, layers } = ImageJson.parse(JSON.parse(body.toString()));
    return [config, ...layers];
  });
  return new Map(blobs.map((one) => [one.digest, one.size]));
}

/** All of stdout, which has to be one such document and nothing else. */
function resultIn(stdout: string): ListResult {
  return ListResult.parse(JSON.parse(stdout));
}

interface Way {
  readonly way: string;
  /** What docker or buildx print where nothing is asked. */
  readonly lines: () => string;
  readonly run: (...flags: string[]) => ReturnType<typeof workplace.run>;
}

const ways: readonly Way[] = [
  {
    way: "push",
    lines: () => {
      const ref = `${hub.host}/${PATH}`;
      const all = [...builds.map(({ image }) => image), ...builds.map(({ attestation }) => attestation)];
      const pushed = all.map((one) => `Pushed ref ${ref}@${one.digest} with digest: ${one.digest}\n`);
      return `${pushed.join("")}${digest() ?? ""}\n`;
    },
    run: async (...flags) => {
      await workplace.out("create", "--replace", list(), ...sources());
      return workplace.run("push", ...flags, list());
    },
  },
  {
    way: "imagetools create",
    lines: () => "",
    run: (...flags) => workplace.run("imagetools", "create", ...flags, "-t", list(), ...sources()),
  },
];

describe.each(ways)("$way", ({ way, run, lines }) => {
  it("prints what docker or buildx print, where nothing else is asked", async () => {
    expect(await run()).toEqual({ status: 0, stdout: lines(), stderr: "" });
  });

  describe("--format json", () => {
    it("prints what was pushed, and no line of docker's", async () => {
      const { status, stdout, stderr } = await run("--format", "json");
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      const listed = (one: Build, what: "image" | "attestation", architecture = "") => ({
        digest: one[what].digest,
        mediaType: one[what].mediaType,
        size: one[what].size,
        ...(what === "image" ? { platform: `linux/${architecture}` } : { attests: one.image.digest }),
      });
      const images = builds.map((one, at) => listed(one, "image", ["amd64", "arm64"][at]));
      const attestations = builds.map((one) => listed(one, "attestation"));
      const [first, second] = images;
      expect(resultIn(stdout)).toEqual({
        version: 1,
        target: list(),
        status: "pushed",
        digest: digest(),
        mediaType: "application/vnd.oci.image.index.v1+json",
        size: hub.manifest(PATH, "v1")?.body.byteLength,
        tags: [list()],
        platforms: ["linux/amd64", "linux/arm64"],
        // docker's lists have images first, buildx keeps the order of the sources.
        manifests:
          way === "push" ? [...images, ...attestations] : [first, attestations[0], second, attestations[1]],
        sent: {
          manifests: hub.requests.filter((request) => request.startsWith("PUT ")).length,
          mounted: hub.requests.filter((request) => /^POST \S+[?&]mount=/.test(request)).length,
          copied: 0,
          bytes: 0,
        },
      });
    });

    it("names all tags, and counts what was copied into another registry", async () => {
      const ghcr = await workplace.registry();
      const elsewhere = `${ghcr.host}/you/list:v1`;
      const more =
        way === "push" ? ["--cross-registry", "--tag", "latest"] : ["-t", `${hub.host}/${PATH}:latest`];
      const { stdout, stderr } = await run(
        "--format",
        "json",
        ...more,
        way === "push" ? "--tag" : "-t",
        elsewhere,
      );
      const { tags, sent, target } = resultIn(stdout);
      expect(target).toBe(way === "push" ? list() : `${hub.host}/${PATH}:latest`);
      expect([...tags].sort()).toEqual([list(), `${hub.host}/${PATH}:latest`, elsewhere].sort());
      expect(sent).toMatchObject({ manifests: 10, copied: copiedBlobs().size });
      expect(sent.bytes).toBe([...copiedBlobs().values()].reduce((sum, size) => sum + size, 0));
      // What people read on stderr stays there.
      expect(stderr).toMatch(/^copied \d+ blobs \(/);
    });

    it("names a layout by its whole path", async () => {
      const layout = `oci-layout://${workplace.path("out")}:v2`;
      const { stdout } =
        way === "push"
          ? await run("--format", "json", "--to", layout)
          : await workplace.run("imagetools", "create", "--format", "json", "-t", layout, ...sources());
      const result = resultIn(stdout);
      expect(result).toMatchObject({
        target: layout,
        tags: [layout],
        platforms: ["linux/amd64", "linux/arm64"],
      });
      expect(text(workplace.path("out", "index.json"))).toContain(result.digest);
    });

    it("keeps the plan of --plan", async () => {
      const { status, stdout } = await run("--format", "json", "--plan");
      expect(status).toBe(0);
      expect(PlanReport.parse(JSON.parse(stdout)).targets[0]?.root.digest).toMatch(/^sha256:/);
      expect(changesIn(hub)).toEqual([]);
    });

    it("leaves warnings on stderr", async () => {
      putBuild(hub, "me/app", { architecture: "amd64", tag: "arm64", seed: "again" });
      const { status, stdout, stderr } = await run("--format", "json");
      expect(status).toBe(0);
      expect(resultIn(stdout).platforms).toEqual(["linux/amd64"]);
      expect(stderr).toMatch(/^WARNING: .*linux\/amd64/);
    });
  });

  describe("--quiet", () => {
    it("prints nothing at all when all is well", async () => {
      expect(await run("--quiet")).toEqual({ status: 0, stdout: "", stderr: "" });
      expect(digest()).toBeDefined();
    });

    it("does not count what was copied either", async () => {
      const ghcr = await workplace.registry();
      const more =
        way === "push"
          ? ["--cross-registry", "--tag", `${ghcr.host}/you/list:v1`]
          : ["-t", `${ghcr.host}/you/list:v1`];
      expect((await run(...more)).stderr).toMatch(/^copied /);
      const other = await workplace.registry();
      const quiet = more.map((word) => word.replace(ghcr.host, other.host));
      expect(await run("--quiet", ...quiet)).toEqual({ status: 0, stdout: "", stderr: "" });
      expect(other.manifest("you/list", "v1")?.digest).toBe(digest());
    });

    it("leaves warnings and errors", async () => {
      putBuild(hub, "me/app", { architecture: "amd64", tag: "arm64", seed: "again" });
      const warned = await run("--quiet");
      expect(warned).toMatchObject({ status: 0, stdout: "" });
      expect(warned.stderr).toMatch(/^WARNING: .*linux\/amd64/);
      const failed = await run("--quiet", "--expect", "linux/s390x");
      expect(failed).toMatchObject({ status: 1, stdout: "" });
      expect(failed.stderr).toContain("missing linux/s390x");
    });

    it.each(way === "push" ? [["--plan"]] : [["--plan"], ["--dry-run"]])(
      "does not go with %s, which asks for something to be printed",
      async (flag) => {
        const { status, stdout, stderr } = await run("--quiet", flag);
        expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
        expect(stderr).toContain(`${flag} and --quiet: choose one of them\n`);
        expect(changesIn(hub)).toEqual([]);
      },
    );

    it("does not go with --format json, and says so by JSON", async () => {
      const { status, stdout, stderr } = await run("--quiet", "--format", "json");
      const message = "--format json and --quiet: choose one of them";
      expect(status).toBe(1);
      expect(stderr).toContain(`${message}\n`);
      expect(JSON.parse(stdout)).toEqual({ version: 1, error: { code: "USAGE", message } });
    });
  });

  describe("--digest-file", () => {
    it.each([[[]], [["--quiet"]], [["--format", "json"]]])(
      "has the digest and a line end, with %j beside",
      async (flags) => {
        const file = workplace.path("digest.txt");
        expect(await run("--digest-file", file, ...flags)).toMatchObject({ status: 0, stderr: "" });
        expect(text(file)).toBe(`${digest() ?? ""}\n`);
      },
    );

    it("takes the place of what was there, and leaves nothing beside it", async () => {
      const file = workplace.write("out/digest.txt", "old");
      await run("--digest-file", file);
      expect(text(file)).toBe(`${digest() ?? ""}\n`);
      expect(readdirSync(workplace.path("out"))).toEqual(["digest.txt"]);
    });

    it("is not there, or what it was, where the push fails", async () => {
      beforeList = () => "refuse";
      const old = workplace.write("old.txt", "old");
      const file = workplace.path("new.txt");
      for (const one of [old, file]) expect(await run("--digest-file", one)).toMatchObject({ status: 1 });
      expect([text(old), existsSync(file)]).toEqual(["old", false]);
    });

    it("is not written by --plan", async () => {
      const [file, metadata] = [workplace.path("digest.txt"), workplace.path("metadata.json")];
      await run("--plan", "--digest-file", file, "--metadata-file", metadata);
      expect([existsSync(file), existsSync(metadata)]).toEqual([false, false]);
    });
  });

  describe.each(["--digest-file", "--metadata-file"])("%s", (flag) => {
    const expectRefusal = async (file: string, words: string): Promise<void> => {
      const { status, stdout, stderr } = await run(flag, file);
      expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
      expect(stderr).toContain(`${file}: ${words}`);
      expect(changesIn(hub)).toEqual([]);
    };

    it("that cannot be written is refused before anything is sent", async () => {
      await expectRefusal(workplace.path("no", "folder", "f"), "there is no such folder");
      await expectRefusal(workplace.folder, "is a folder, not a file");
      await expectRefusal(`${workplace.write("file", "")}/f`, "not a folder");
    });

    it.skipIf(process.getuid?.() === 0)(
      "in a folder that may not be written to is refused, too",
      async () => {
        const folder = workplace.path("locked");
        workplace.write("locked/x", "");
        chmodSync(folder, 0o555);
        await expectRefusal(`${folder}/f`, "permission denied");
        chmodSync(folder, 0o755);
      },
    );

    it.runIf(mountable)("on a disk that is read-only is refused, too", async () => {
      const folder = mkdtempSync(join(tmpdir(), "disk-"));
      onTestFinished(() => {
        rmSync(folder, { recursive: true });
      });
      await mountMemory(folder, "64k");
      remount(folder, "ro");
      await expectRefusal(`${folder}/f`, "the file system is read-only");
    });

    it("that cannot be written any more says so, and what was pushed all the same", async () => {
      const file = workplace.write("out/f", "");
      beforeList = () => {
        rmSync(workplace.path("out"), { recursive: true, force: true });
        writeFileSync(workplace.path("out"), "");
        return undefined;
      };
      const { status, stdout, stderr } = await run(flag, file, "--format", "json");
      expect(status).toBe(1);
      expect(stderr).toContain(`${file}: `);
      expect(resultIn(stdout)).toMatchObject({
        status: "pushed",
        digest: digest(),
        error: { code: "CONFIG", message: expect.stringContaining(file) as string },
      });
      expect(ErrorResult.parse(JSON.parse(stdout)).error.code).toBe("CONFIG");
    });
  });

  it("--digest-file and --metadata-file need a file each", async () => {
    const file = workplace.path("f");
    const { status, stderr } = await run("--digest-file", file, "--metadata-file", `${workplace.folder}/./f`);
    expect(status).toBe(1);
    expect(stderr).toContain(
      `--digest-file and --metadata-file are both ${file}\neach needs a file of its own\n`,
    );
    expect(changesIn(hub)).toEqual([]);
  });

  it("--metadata-file has buildx's keys and ours, and is a source of images", async () => {
    const file = workplace.path("metadata.json");
    await run("--metadata-file", file, "--format", "json");
    expect(metadataIn(file)).toEqual({
      "containerimage.descriptor": {
        mediaType: "application/vnd.oci.image.index.v1+json",
        digest: digest(),
        size: hub.manifest(PATH, "v1")?.body.byteLength,
      },
      "containerimage.digest": digest(),
      "image.name": `${hub.host}/${PATH}`,
      "tsmanifest.platforms": ["linux/amd64", "linux/arm64"],
      "tsmanifest.tags": [list()],
    });
    await workplace.out("imagetools", "create", "-t", `${hub.host}/${PATH}:again`, "--from", file);
    expect(hub.manifest(PATH, "again")?.digest).toBe(digest());
  });
});

describe("push", () => {
  const push = (...flags: string[]) => workplace.run("push", ...flags, list());

  it("--metadata-file has the same with docker's lines on stdout; layouts are no repositories", async () => {
    const ghcr = await workplace.registry();
    const file = workplace.path("metadata.json");
    await workplace.out("create", list(), ...sources());
    const elsewhere = `${ghcr.host}/you/list:v1`;
    expect(await push("--metadata-file", file, "--cross-registry", "--tag", elsewhere)).toMatchObject({
      status: 0,
    });
    expect(metadataIn(file)["image.name"]).toBe(
      [`${hub.host}/${PATH}`, `${ghcr.host}/you/list`].sort().join(","),
    );
    expect(metadataIn(file)["tsmanifest.tags"]).toEqual([list(), elsewhere]);

    await push("--metadata-file", file, "--to", `oci-layout://${workplace.path("out")}`);
    expect(metadataIn(file)).toMatchObject({
      "image.name": "",
      "tsmanifest.tags": [`oci-layout://${workplace.path("out")}:latest`],
    });
  });

  it("--format json names a list by its digest, which has no tag", async () => {
    const byDigest = `${hub.host}/${PATH}@sha256:${"a".repeat(64)}`;
    await workplace.out("create", byDigest, ...sources());
    const { stdout } = await workplace.run("push", "--format", "json", byDigest);
    expect(resultIn(stdout)).toMatchObject({ target: byDigest, tags: [], status: "pushed" });
  });

  it("--format json prints one document for a list that others have added to meanwhile", async () => {
    await workplace.out("imagetools", "create", "-t", list(), sources()[0] ?? "");
    await workplace.out("create", "--append", list(), sources()[1] ?? "");
    putBuild(hub, PATH, { architecture: "s390x", tag: "s390x" });
    await workplace.out("imagetools", "create", "--append", "-t", list(), `${hub.host}/${PATH}:s390x`);
    const { status, stdout } = await push("--format", "json");
    expect(status).toBe(0);
    expect(resultIn(stdout)).toMatchObject({ digest: digest() });
    expect([...resultIn(stdout).platforms].sort()).toEqual(["linux/amd64", "linux/arm64", "linux/s390x"]);
  });

  it("--format json and --purge: the local list is gone when the result is printed", async () => {
    await workplace.out("create", list(), ...sources());
    const { stdout } = await push("--format", "json", "--purge");
    expect(resultIn(stdout).digest).toBe(digest());
    expect(await workplace.out("ls", "--quiet")).toBe("");
  });
});

describe("imagetools create", () => {
  const create = (...argv: string[]) => workplace.run("imagetools", "create", ...argv);

  it("--metadata-file is buildx's to the byte, unless JSON is asked for", async () => {
    const file = workplace.path("metadata.json");
    await create("--metadata-file", file, "--quiet", "-t", list(), ...sources());
    const size = hub.manifest(PATH, "v1")?.body.byteLength ?? 0;
    expect(text(file)).toBe(`{
  "containerimage.descriptor": {
    "mediaType": "application/vnd.oci.image.index.v1+json",
    "digest": "${digest() ?? ""}",
    "size": ${size}
  },
  "image.name": "${hub.host}/${PATH}"
}`);
  });

  it("--format json of a single image that is carried over is that image", async () => {
    const image = hub.putImage("me/single", { tag: "v1", kind: "oci", architecture: "arm", variant: "v7" });
    const { stdout } = await create(
      ...["--format", "json", "--prefer-index=false", "-t", list(), `${hub.host}/me/single:v1`],
    );
    const { mediaType, size } = image;
    expect(resultIn(stdout)).toMatchObject({
      digest: image.digest,
      mediaType,
      size,
      platforms: ["linux/arm/v7"],
      manifests: [{ digest: image.digest, mediaType, size, platform: "linux/arm/v7" }],
    });
  });

  it("--dry-run prints the list, and does not go with --format json", async () => {
    const { status, stdout } = await create("--dry-run", "--format", "json", ...sources());
    expect(status).toBe(1);
    expect(ErrorResult.parse(JSON.parse(stdout)).error).toEqual({
      code: "USAGE",
      message: "--dry-run and --format json: choose one of them",
    });
  });
});
