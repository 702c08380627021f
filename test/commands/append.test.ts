import { beforeEach, describe, expect, it } from "vitest";
import { OCI_INDEX } from "../../src/oci/mediaTypes.js";
import { putBuild, type Build } from "../helpers/builds.js";
import type { Peer } from "../helpers/peer.js";
import { changesIn, listOf, useWorkplace } from "../helpers/workplace.js";

/** docker's dialect: `create --append` or `--merge` begins with the registry's list, and `push` adds to what it is by then. */

const workplace = useWorkplace();
const PATH = "team/app";
const LIST_PATH = `/v2/${PATH}/manifests/v1`;
const SOURCE = { "org.opencontainers.image.source": "https://git.example/app" };

let registry: Peer;
let amd64: Build;
let arm64: Build;
let s390x: Build;
/** Done once, when `push` asks whether the tag is still there. */
let meanwhile: (() => void) | undefined;

beforeEach(async () => {
  meanwhile = undefined;
  registry = await workplace.registry({
    onRequest: ({ method, path }) => {
      if (method !== "HEAD" || path !== LIST_PATH) return undefined;
      const now = meanwhile;
      meanwhile = undefined;
      now?.();
      return undefined;
    },
  });
  amd64 = putBuild(registry, PATH, { architecture: "amd64", tag: "amd64" });
  arm64 = putBuild(registry, PATH, { architecture: "arm64", tag: "arm64" });
  s390x = putBuild(registry, PATH, { architecture: "s390x", tag: "s390x" });
});

const name = (tag: string): string => `${registry.host}/${PATH}:${tag}`;
const listed = () => listOf(registry.manifest(PATH, "v1")?.body);
const digests = (): string[] => listed().manifests.map(({ digest }) => digest);
/** As docker's dialect orders them: images first. */
const inOrder = (...builds: readonly Build[]): string[] => [
  ...builds.map(({ image }) => image.digest),
  ...builds.map(({ attestation }) => attestation.digest),
];

function putList(builds: readonly Build[], annotations: object = SOURCE): void {
  const manifests = builds.flatMap(({ index }) => listOf(index.body).manifests);
  const json = { schemaVersion: 2, mediaType: OCI_INDEX, manifests, annotations };
  registry.putManifest(PATH, OCI_INDEX, JSON.stringify(json, undefined, 2), "v1");
}

const create = (...argv: string[]) => workplace.out("create", ...argv);
const push = (...flags: string[]) => workplace.run("push", ...flags, name("v1"));

describe("a local list that begins with the registry's", () => {
  it("--append adds an image of the same platform beside; what the list says of itself stays", async () => {
    const again = putBuild(registry, PATH, { architecture: "amd64", tag: "again", seed: "again" });
    putList([amd64]);
    await create("--append", name("v1"), name("again"));
    expect(changesIn(registry)).toEqual([]);
    const { status, stderr } = await push();
    expect(status).toBe(0);
    expect(stderr).toMatch(/^WARNING: linux\/amd64 is in the list twice, as .*\n$/);
    expect(digests().sort()).toEqual(inOrder(amd64, again).sort());
    expect(listed().annotations).toEqual(SOURCE);
  });

  it("--merge puts an image in the place of that of its platform, with its attestation; the rest stays", async () => {
    const again = putBuild(registry, PATH, { architecture: "arm64", tag: "again", seed: "again" });
    putList([amd64, arm64]);
    await create("--merge", name("v1"), name("again"));
    expect(await push()).toMatchObject({ status: 0, stderr: "" });
    expect(digests().sort()).toEqual(inOrder(amd64, again).sort());
    expect(listed().annotations).toEqual(SOURCE);
  });

  it("--merge begins one where the registry has none", async () => {
    await create("--merge", name("v1"), name("arm64"));
    expect(await push()).toMatchObject({ status: 0, stderr: "" });
    expect(digests()).toEqual(inOrder(arm64));
  });

  it("--append fails where the registry has none", async () => {
    const { status, stderr } = await workplace.run("create", "--append", name("v1"), name("arm64"));
    expect(status).toBe(1);
    expect(stderr).toContain(name("v1"));
  });

  it("--append adds to an image", async () => {
    registry.putImage(PATH, { kind: "oci", architecture: "ppc64le", tag: "v1" });
    const { digest = "" } = registry.manifest(PATH, "v1") ?? {};
    await create("--append", name("v1"), name("arm64"));
    expect(await push()).toMatchObject({ status: 0, stderr: "" });
    expect(digests().sort()).toEqual([digest, ...inOrder(arm64)].sort());
  });

  it("is shown by --plan, and nothing is sent", async () => {
    putList([amd64]);
    await create("--append", name("v1"), name("arm64"));
    const { status, stdout } = await push("--plan");
    expect(status).toBe(0);
    expect(stdout).toContain("linux/arm64");
    expect(changesIn(registry)).toEqual([]);
  });

  it("prints its lines once, for what was pushed in the end, whatever was tried before", async () => {
    const riscv64 = registry.putImage("team/other", { kind: "oci", architecture: "riscv64", tag: "v1" });
    putList([amd64]);
    await create("--append", name("v1"), `${registry.host}/team/other:v1`);
    meanwhile = () => {
      putList([amd64, s390x]);
    };
    const { stdout } = await push();
    const { digest = "" } = registry.manifest(PATH, "v1") ?? {};
    expect(stdout).toBe(
      `Pushed ref ${registry.host}/${PATH}@${riscv64.digest} with digest: ${riscv64.digest}\n${digest}\n`,
    );
    expect(digests().sort()).toEqual([...inOrder(amd64, s390x), riscv64.digest].sort());
  });
});

describe("somebody else who changes the list before it is pushed, or while it is", () => {
  /** Between `create` and `push`, and between what `push` reads and what it puts. */
  const MOMENTS: readonly (readonly [string, (change: () => void) => void])[] = [
    [
      "before push",
      (change) => {
        change();
      },
    ],
    [
      "while it is pushed",
      (change) => {
        meanwhile = change;
      },
    ],
  ];

  describe.each(MOMENTS)("%s", (_moment, at) => {
    it.each([["--append"], ["--merge"]])("%s adds to what they have added", async (flag) => {
      putList([amd64]);
      await create(flag, name("v1"), name("arm64"));
      at(() => {
        putList([amd64, s390x]);
      });
      expect(await push()).toMatchObject({ status: 0, stderr: "" });
      expect(digests().sort()).toEqual(inOrder(amd64, arm64, s390x).sort());
    });

    it.each([["--append"], ["--merge"]])("%s leaves out what they have removed", async (flag) => {
      putList([amd64, s390x]);
      await create(flag, name("v1"), name("arm64"));
      at(() => {
        putList([s390x]);
      });
      expect(await push()).toMatchObject({ status: 0, stderr: "" });
      expect(digests().sort()).toEqual(inOrder(arm64, s390x).sort());
    });

    it("--merge replaces what they have put for its platform, and says so", async () => {
      const theirs = putBuild(registry, PATH, { architecture: "arm64", seed: "theirs" });
      putList([amd64]);
      await create("--merge", name("v1"), name("arm64"));
      at(() => {
        putList([amd64, theirs]);
      });
      const { status, stderr } = await push();
      expect(status).toBe(0);
      expect(digests().sort()).toEqual(inOrder(amd64, arm64).sort());
      expect(stderr).toBe(
        [theirs.image, theirs.attestation]
          .map(
            ({ digest }) =>
              `WARNING: ${name("v1")} was changed by others meanwhile: this replaces ${digest}, which somebody else has put there meanwhile\n`,
          )
          .join(""),
      );
    });

    it("keeps what they say of the list, and says so where both have changed it", async () => {
      putList([amd64], { ...SOURCE, version: "1", build: "1" });
      await create("--append", name("v1"), name("arm64"));
      await workplace.out("annotate", "--annotation", "index:version=2", name("v1"));
      at(() => {
        putList([amd64], { ...SOURCE, version: "3", build: "2" });
      });
      const { status, stderr } = await push();
      expect(status).toBe(0);
      expect(listed().annotations).toEqual({ ...SOURCE, version: "2", build: "2" });
      expect(stderr).toBe(
        `WARNING: ${name("v1")} was changed by others meanwhile: this replaces the list's annotation version\n`,
      );
    });
  });

  it("and adds a platform that is not expected: nothing is pushed", async () => {
    putList([amd64]);
    await create("--append", name("v1"), name("arm64"));
    meanwhile = () => {
      putList([amd64, s390x]);
    };
    const { status, stderr } = await push("--expect", "linux/amd64,linux/arm64");
    expect(status).toBe(1);
    expect(stderr).toContain("linux/s390x");
    expect(changesIn(registry)).toEqual([]);
  });

  it("and pushes behind ours without it: it is added again", async () => {
    putList([amd64]);
    await create("--append", name("v1"), name("arm64"));
    let looks = 0;
    // The second time that the tag is asked for is behind the PUT.
    const other = (): void => {
      looks++;
      if (looks === 2) putList([amd64, s390x]);
      else meanwhile = other;
    };
    meanwhile = other;
    expect(await push()).toMatchObject({ status: 0, stderr: "" });
    expect(digests().sort()).toEqual(inOrder(amd64, arm64, s390x).sort());
  });
});

describe("a list that was pushed", () => {
  it("begins with what it was then: further images are added to what others have made of it since", async () => {
    putList([amd64]);
    await create("--append", name("v1"), name("arm64"));
    await push();
    putList([amd64, arm64, s390x]);
    const riscv64 = putBuild(registry, PATH, { architecture: "riscv64", tag: "riscv64" });
    await create("--amend", name("v1"), name("riscv64"));
    expect(await push()).toMatchObject({ status: 0, stderr: "" });
    expect(digests().sort()).toEqual(inOrder(amd64, arm64, s390x, riscv64).sort());
  });

  it("again puts nothing, and waits for nobody", async () => {
    putList([amd64]);
    await create("--append", name("v1"), name("arm64"));
    await push();
    const { digest } = registry.manifest(PATH, "v1") ?? {};
    registry.resetLog();
    expect(await push()).toMatchObject({ status: 0, stderr: "" });
    expect(registry.manifest(PATH, "v1")?.digest).toBe(digest);
    const ofTag = registry.log.filter(({ path }) => path === LIST_PATH).map(({ method }) => method);
    expect(ofTag).toEqual(["GET", "HEAD"]);
  });
});

it("a list that began with the registry's goes into a layout as it is", async () => {
  putList([amd64]);
  await create("--append", name("v1"), name("arm64"));
  const folder = workplace.path("out");
  expect(await push("--to", `oci-layout://${folder}:v2`)).toMatchObject({ status: 0 });
  const shown = await workplace.out("imagetools", "inspect", "--raw", `oci-layout://${folder}:v2`);
  expect(
    listOf(shown)
      .manifests.map(({ digest }) => digest)
      .sort(),
  ).toEqual(inOrder(amd64, arm64).sort());
  expect(changesIn(registry)).toEqual([]);
});
