import { beforeEach, describe, expect, it } from "vitest";
import { putBuild, type Build } from "../helpers/builds.js";
import type { Peer } from "../helpers/peer.js";
import { blobTransfersIn, changesIn, listOf, platformsOf, useWorkplace } from "../helpers/workplace.js";

/** Lists of what builds have left behind: folders of files that are named by digests, metadata files. */

const workplace = useWorkplace();
const REPOSITORY = "me/app";

let registry: Peer;
let amd: Build;
let arm: Build;
beforeEach(async () => {
  registry = await workplace.registry();
  amd = putBuild(registry, REPOSITORY, { architecture: "amd64" });
  arm = putBuild(registry, REPOSITORY, { architecture: "arm64" });
});

const name = (tag = "v1", repository = REPOSITORY): string => `${registry.host}/${repository}:${tag}`;

/** Makes a list by either command line. Its bytes. */
const COMMAND_LINES: readonly [string, (list: string, ...more: string[]) => Promise<Buffer | undefined>][] = [
  [
    "imagetools create",
    async (list, ...more) => {
      await workplace.out("imagetools", "create", "-t", list, ...more);
      return bytesOf(list);
    },
  ],
  [
    "create and push",
    async (list, ...more) => {
      await workplace.out("create", "--replace", list, ...more);
      await workplace.out("push", list);
      return bytesOf(list);
    },
  ],
];

function bytesOf(list: string): Buffer | undefined {
  const [, repository = "", tag = ""] = /^[^/]+\/(.+):([^:]+)$/.exec(list) ?? [];
  return registry.manifest(repository, tag)?.body;
}

const imagesIn = (body: Buffer | undefined): string[] =>
  listOf(body)
    .manifests.filter(({ platform }) => platform?.os !== "unknown")
    .map(({ digest }) => digest)
    .sort();
const both = (): string[] => [amd.image.digest, arm.image.digest].sort();

const metadata = (build: Build, ...names: string[]): object => ({
  "buildx.build.provenance": { buildType: "https://mobyproject.org/buildkit@v1" },
  "buildx.build.ref": "builder/builder0/abc",
  "containerimage.descriptor": {
    mediaType: build.index.mediaType,
    digest: build.index.digest,
    size: build.index.size,
  },
  "containerimage.digest": build.index.digest,
  ...(names.length > 0 && { "image.name": names.join(",") }),
});

describe.each(COMMAND_LINES)("%s --from", (_, make) => {
  it("a folder of files that are named by digests: nothing else is needed", async () => {
    const folder = workplace.touch([amd.index.digest, arm.index.digest]);
    expect(imagesIn(await make(name(), "--from", folder))).toEqual(both());
    expect(blobTransfersIn(registry)).toEqual([]);
  });

  it("names with the algorithm in front, by a colon or by a dash where a file system has no colons", async () => {
    workplace.write(`digests/${amd.index.digest}`, "");
    workplace.write(`digests/${arm.index.digest.replace(":", "-")}`, "what is in it does not matter");
    expect(imagesIn(await make(name(), "--from", workplace.path("digests")))).toEqual(both());
  });

  it("a folder of folders, as artifacts are downloaded without being merged", async () => {
    workplace.touch([amd.index.digest], "artifacts/digests-linux-amd64");
    workplace.touch([arm.index.digest], "artifacts/digests-linux-arm64");
    workplace.write("artifacts/.gitkeep", "");
    expect(imagesIn(await make(name(), "--from", workplace.path("artifacts")))).toEqual(both());
  });

  it("several folders, and what is named as well, each once", async () => {
    const [one, two] = [
      workplace.touch([amd.index.digest], "one"),
      workplace.touch([arm.index.digest], "two"),
    ];
    const again = `${registry.host}/${REPOSITORY}@${amd.index.digest}`;
    const body = await make(name(), again, "--from", one, "--from", two, "--from", one);
    expect(imagesIn(body)).toEqual(both());
    expect(listOf(body).manifests).toHaveLength(4);
  });

  it("the same bytes, whatever the order in which files were made", async () => {
    const first = await make(
      name("v1"),
      "--from",
      workplace.touch([amd.index.digest, arm.index.digest], "one"),
    );
    const second = await make(
      name("v2"),
      "--from",
      workplace.touch([arm.index.digest, amd.index.digest], "two"),
    );
    expect(first?.equals(second ?? Buffer.alloc(0))).toBe(true);
  });

  it("the metadata files of two builds", async () => {
    const files = [amd, arm].map((build, index) =>
      workplace.write(`build-${index}.json`, JSON.stringify(metadata(build, name("latest")))),
    );
    expect(imagesIn(await make(name(), ...files.flatMap((file) => ["--from", file])))).toEqual(both());
  });

  it("the metadata file of a bake: an image a target, what bake says of itself left out", async () => {
    const file = workplace.write(
      "bake.json",
      JSON.stringify({
        "app-amd64": metadata(amd, name("latest")),
        "app-arm64": metadata(arm),
        "buildx.build.warnings": [{ vertex: "sha256:abc" }],
      }),
    );
    expect(imagesIn(await make(name(), "--from", file))).toEqual(both());
  });

  it("the metadata of a build that was pushed to several repositories: the list's own is taken", async () => {
    const elsewhere = "nowhere.invalid/me/app:latest";
    const file = workplace.write("build.json", JSON.stringify(metadata(amd, elsewhere, name("latest"))));
    expect(imagesIn(await make(name(), "--from", file))).toEqual([amd.image.digest]);
  });

  it("the metadata of a build that was pushed to another repository: it is mounted from there", async () => {
    const file = workplace.write("build.json", JSON.stringify(metadata(amd, name("latest"))));
    const body = await make(name("v1", "me/list"), "--from", file);
    expect(imagesIn(body)).toEqual([amd.image.digest]);
    expect(registry.manifests("me/list")).toEqual(
      expect.arrayContaining([amd.image.digest, amd.attestation.digest]),
    );
    expect(registry.requests.filter((request) => /^(?:PUT|PATCH) \S+\/blobs\//.test(request))).toEqual([]);
  });

  it("--platform and --attestations choose among what is there", async () => {
    const folder = workplace.touch([amd.index.digest, arm.index.digest]);
    const index = `${registry.host}/${REPOSITORY}:both`;
    await make(index, "--from", folder);
    const one = await make(name("v1"), "--platform", "linux/arm64", index);
    expect(imagesIn(one)).toEqual([arm.image.digest]);
    expect(listOf(one).manifests).toHaveLength(2);
    const without = await make(name("v2"), "--attestations", "drop", "--from", folder);
    expect(platformsOf(without).sort()).toEqual(["linux/amd64", "linux/arm64"]);
  });

  it("keeps what ties the attestations to their images", async () => {
    const body = await make(name(), "--from", workplace.touch([amd.index.digest, arm.index.digest]));
    const tied = listOf(body).manifests.flatMap(({ digest, annotations }) => {
      const image = annotations?.["vnd.docker.reference.digest"];
      return image === undefined ? [] : [[digest, image]];
    });
    expect(tied.sort()).toEqual(
      [amd, arm].map(({ attestation, image }) => [attestation.digest, image.digest]).sort(),
    );
  });
});

describe("imagetools create --from", () => {
  it("takes what imagetools create itself has written by --metadata-file", async () => {
    const file = workplace.path("made.json");
    const folder = workplace.touch([amd.index.digest, arm.index.digest]);
    await workplace.out(
      "imagetools",
      "create",
      "--metadata-file",
      file,
      "-t",
      name("made"),
      "--from",
      folder,
    );
    await workplace.out("imagetools", "create", "-t", name("again"), "--from", file);
    expect(bytesOf(name("again"))?.equals(bytesOf(name("made")) ?? Buffer.alloc(0))).toBe(true);
  });

  it("prints the list by --dry-run, and changes nothing", async () => {
    const folder = workplace.touch([amd.index.digest, arm.index.digest]);
    const printed = await workplace.out("imagetools", "create", "--dry-run", "-t", name(), "--from", folder);
    expect(imagesIn(Buffer.from(printed))).toEqual(both());
    expect(changesIn(registry)).toEqual([]);
  });

  it("takes files that say the digest in them by -f, as kaniko writes them", async () => {
    const files = [
      workplace.write("amd64.digest", amd.image.digest),
      workplace.write("arm64.digest", `${registry.host}/${REPOSITORY}@${arm.image.digest}\n`),
    ];
    await workplace.out("imagetools", "create", "-t", name(), ...files.flatMap((file) => ["-f", file]));
    expect(imagesIn(bytesOf(name()))).toEqual(both());
  });
});

describe("create --from", () => {
  it("adds to a list that there is, with --amend", async () => {
    await workplace.out("create", name(), "--from", workplace.touch([amd.index.digest], "one"));
    await workplace.out("create", "--amend", name(), "--from", workplace.touch([arm.index.digest], "two"));
    expect(imagesIn(Buffer.from(await workplace.out("inspect", name())))).toEqual(both());
  });

  it("stores nothing where one of the digests is not there", async () => {
    const folder = workplace.touch([amd.index.digest, `sha256:${"0".repeat(64)}`]);
    expect(await workplace.run("create", name(), "--from", folder)).toMatchObject({ status: 1, stdout: "" });
    expect(await workplace.out("ls")).not.toContain(REPOSITORY);
  });
});
