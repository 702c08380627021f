import { beforeEach, describe, expect, it } from "vitest";
import { OCI_INDEX } from "../../src/oci/mediaTypes.js";
import { putBuild, type Build } from "../helpers/builds.js";
import type { Peer, PeerOptions } from "../helpers/peer.js";
import { changesIn, listOf, platformsOf, useWorkplace } from "../helpers/workplace.js";

/** `imagetools create --append` and `--merge`: what is in the registry stays, and more comes. */

const workplace = useWorkplace();
const PATH = "team/app";
const LIST_PATH = `/v2/${PATH}/manifests/v1`;

let registry: Peer;
let amd64: Build;
let arm64: Build;

async function begin(options: PeerOptions = {}): Promise<void> {
  registry = await workplace.registry(options);
  amd64 = putBuild(registry, PATH, { architecture: "amd64", tag: "amd64" });
  arm64 = putBuild(registry, PATH, { architecture: "arm64", tag: "arm64" });
}

const name = (tag: string, path = PATH): string => `${registry.host}/${path}:${tag}`;
const listed = (tag = "v1", path = PATH) => listOf(registry.manifest(path, tag)?.body);
const digests = (tag = "v1", path = PATH): string[] =>
  listed(tag, path).manifests.map(({ digest }) => digest);
const both = ({ image, attestation }: Build): string[] => [image.digest, attestation.digest];
const create = (...argv: string[]) => workplace.run("imagetools", "create", ...argv);

/** A list of builds that says something of itself. */
function putList(builds: readonly Build[], tag = "v1"): void {
  const manifests = builds.flatMap(({ index }) => listOf(index.body).manifests);
  const annotations = { "org.opencontainers.image.source": "https://git.example/app" };
  const json = { schemaVersion: 2, mediaType: OCI_INDEX, manifests, annotations };
  registry.putManifest(PATH, OCI_INDEX, JSON.stringify(json, undefined, 2), tag);
}

describe("--append", () => {
  beforeEach(() => begin());

  it("adds to the list that the first tag names, whatever the platforms; what the list says of itself goes, as with buildx", async () => {
    const rebuilt = putBuild(registry, PATH, { architecture: "amd64", tag: "again", seed: "again" });
    putList([amd64]);
    const { status, stderr } = await create("--append", "-t", name("v1"), name("arm64"), name("again"));
    expect(status).toBe(0);
    expect(stderr).toMatch(/^WARNING: linux\/amd64 is in the list twice, as .*\n$/);
    expect(digests()).toEqual([...both(amd64), ...both(arm64), ...both(rebuilt)]);
    expect(listed().annotations).toBeUndefined();
  });

  it("gives every further tag the same list, here and elsewhere", async () => {
    const other = await workplace.registry();
    putList([amd64]);
    putList([arm64], "v1.0");
    const elsewhere = `${other.host}/mirror/app:v1`;
    const tags = [name("v1"), name("v1.0"), name("v1", "team/copy"), elsewhere];
    const { status, stderr } = await create("--append", ...tags.flatMap((tag) => ["-t", tag]), name("arm64"));
    expect(status).toBe(0);
    expect(stderr).toMatch(/^copied 8 blobs .*\n$/);
    // The others' lists are not added to: they are replaced.
    expect(digests()).toEqual([...both(amd64), ...both(arm64)]);
    const { digest = "" } = registry.manifest(PATH, "v1") ?? {};
    expect(registry.manifest(PATH, "v1.0")?.digest).toBe(digest);
    expect(registry.manifest("team/copy", "v1")?.digest).toBe(digest);
    expect(other.manifest("mirror/app", "v1")?.digest).toBe(digest);
    // All that the list names is there, too.
    for (const one of digests()) expect(other.manifest("mirror/app", one)).toBeDefined();
  });

  it("to an image makes a list of the image and what is added", async () => {
    registry.putImage(PATH, { kind: "oci", architecture: "s390x", tag: "v1" });
    const { digest } = registry.manifest(PATH, "v1") ?? {};
    expect(await create("--append", "-t", name("v1"), name("arm64"))).toMatchObject({
      status: 0,
      stderr: "",
    });
    expect(digests()).toEqual([digest, ...both(arm64)]);
    expect(platformsOf(registry.manifest(PATH, "v1")?.body)).toEqual([
      "linux/s390x",
      "linux/arm64",
      "unknown/unknown",
    ]);
  });

  it("of what is there already puts the list as it is, and waits for nobody", async () => {
    await create("-t", name("v1"), name("amd64"), name("arm64"));
    const before = registry.manifest(PATH, "v1")?.digest;
    registry.resetLog();
    expect(await create("--append", "-t", name("v1"), name("arm64"))).toMatchObject({
      status: 0,
      stderr: "",
    });
    expect(registry.manifest(PATH, "v1")?.digest).toBe(before);
    const ofTag = registry.log.filter(({ path }) => path === LIST_PATH).map(({ method }) => method);
    expect(ofTag).toEqual(["GET", "HEAD", "PUT"]);
  });

  it("to a tag that is not there fails, as with buildx, and makes none", async () => {
    const { status, stderr } = await create("--append", "-t", name("v2"), name("arm64"));
    expect(status).toBe(1);
    expect(stderr).toContain(name("v2"));
    expect(changesIn(registry)).toEqual([]);
  });

  it.each([["--dry-run"], ["--plan"]])(
    "with %s shows what the list would be, and sends nothing",
    async (flag) => {
      putList([amd64]);
      const { status, stdout } = await create("--append", flag, "-t", name("v1"), name("arm64"));
      expect(status).toBe(0);
      expect(changesIn(registry)).toEqual([]);
      if (flag === "--dry-run") {
        expect(listOf(stdout).manifests.map(({ digest }) => digest)).toEqual([
          ...both(amd64),
          ...both(arm64),
        ]);
      } else {
        expect(stdout).toContain("linux/arm64");
      }
    },
  );

  it("takes of a source only the platforms that are asked for, and still finds its own in the list", async () => {
    const all = [amd64, arm64].flatMap(({ index }) => listOf(index.body).manifests);
    const json = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: all };
    registry.putManifest(PATH, OCI_INDEX, JSON.stringify(json), "all");
    putList([amd64]);
    const ran = await create("--append", "--platform", "linux/amd64", "-t", name("v1"), name("all"));
    expect(ran).toMatchObject({ status: 0, stderr: "" });
    expect(digests()).toEqual(both(amd64));
  });
});

describe("--merge", () => {
  beforeEach(() => begin());

  it("puts an image in the place of that of its platform, with its attestation; what the list says of itself stays", async () => {
    const rebuilt = putBuild(registry, PATH, { architecture: "arm64", tag: "again", seed: "again" });
    putList([amd64, arm64]);
    const { annotations } = listed();
    expect(await create("--merge", "-t", name("v1"), name("again"))).toMatchObject({ status: 0, stderr: "" });
    expect(digests()).toEqual([...both(amd64), ...both(rebuilt)]);
    expect(listed().annotations).toEqual(annotations);
    expect(annotations).toBeDefined();
  });

  it("knows platforms by all of their names", async () => {
    registry.putImage(PATH, { kind: "oci", architecture: "arm64", variant: "v8", seed: "v8", tag: "v8" });
    putList([amd64, arm64]);
    expect(await create("--merge", "-t", name("v1"), name("v8"))).toMatchObject({ status: 0, stderr: "" });
    expect(digests()).toEqual([...both(amd64), registry.manifest(PATH, "v8")?.digest]);
  });

  it("begins the list where there is none", async () => {
    expect(await create("--merge", "-t", name("v1"), name("arm64"))).toMatchObject({ status: 0, stderr: "" });
    expect(digests()).toEqual(both(arm64));
  });

  it("adds what the list is to say of itself to what it says", async () => {
    putList([amd64]);
    await create("--merge", "--annotation", "index:version=2", "-t", name("v1"), name("arm64"));
    expect(listed().annotations).toEqual({
      "org.opencontainers.image.source": "https://git.example/app",
      version: "2",
    });
  });
});

describe("somebody else who changes the list meanwhile", () => {
  /** They put a list before our PUT is sent: once. */
  async function beginWithOther(theirs: () => readonly Build[]): Promise<void> {
    let hasCome = false;
    await begin({
      onRequest: ({ method, path }) => {
        if (method === "HEAD" && path === LIST_PATH && !hasCome) {
          hasCome = true;
          putList(theirs());
        }
        return undefined;
      },
    });
  }

  it.each([["--append"], ["--merge"]])("%s adds to their list", async (flag) => {
    await beginWithOther(() => [amd64, s390x]);
    const s390x = putBuild(registry, PATH, { architecture: "s390x" });
    putList([amd64]);
    expect(await create(flag, "-t", name("v1"), name("arm64"))).toMatchObject({ status: 0, stderr: "" });
    expect(digests()).toEqual([amd64, s390x, arm64].flatMap(both));
  });

  it("--append does not bring back what they have removed", async () => {
    await beginWithOther(() => [s390x]);
    const s390x = putBuild(registry, PATH, { architecture: "s390x" });
    putList([amd64, s390x]);
    expect(await create("--append", "-t", name("v1"), name("arm64"))).toMatchObject({
      status: 0,
      stderr: "",
    });
    expect(digests()).toEqual([s390x, arm64].flatMap(both));
  });

  it("--merge replaces what they have put for its platform", async () => {
    await beginWithOther(() => [amd64, theirs]);
    const theirs = putBuild(registry, PATH, { architecture: "arm64", seed: "theirs" });
    putList([amd64]);
    expect(await create("--merge", "-t", name("v1"), name("arm64"))).toMatchObject({ status: 0, stderr: "" });
    expect(digests()).toEqual([amd64, arm64].flatMap(both));
  });

  it.each([["--append"], ["--merge"]])(
    "%s says what is odd once, however often it is tried",
    async (flag) => {
      await beginWithOther(() => [amd64, s390x]);
      const s390x = putBuild(registry, PATH, { architecture: "s390x" });
      const orphan = listOf(arm64.index.body).manifests.slice(1);
      const json = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: orphan };
      registry.putManifest(PATH, OCI_INDEX, JSON.stringify(json), "orphan");
      putList([amd64]);
      const { status, stderr } = await create(flag, "-t", name("v1"), name("orphan"));
      expect(status).toBe(0);
      expect(stderr).toMatch(/^WARNING: .*\n$/);
    },
  );

  it("moves no other tag before the list's own", async () => {
    await beginWithOther(() => [amd64, s390x]);
    const s390x = putBuild(registry, PATH, { architecture: "s390x" });
    const other = await workplace.registry();
    putList([amd64]);
    const elsewhere = `${other.host}/mirror/app:v1`;
    const ran = await create("--append", "-t", name("v1"), "-t", elsewhere, name("arm64"));
    expect(ran.status).toBe(0);
    expect(other.manifest("mirror/app", "v1")?.digest).toBe(registry.manifest(PATH, "v1")?.digest);
    const puts = other.requests.filter((request) => request === "PUT /v2/mirror/app/manifests/v1");
    expect(puts).toHaveLength(1);
  });

  it(
    "all the time: it is given up and said, and no metadata file is written",
    { timeout: 60_000 },
    async () => {
      let count = 0;
      await begin({
        onRequest: ({ method, path }) => {
          if (method === "HEAD" && path === LIST_PATH) {
            putList([amd64, putBuild(registry, PATH, { architecture: "s390x", seed: String(count++) })]);
          }
          return undefined;
        },
      });
      putList([amd64]);
      const file = workplace.path("metadata.json");
      const { status, stderr } = await create(
        ...["--append", "--metadata-file", file, "-t", name("v1"), name("arm64")],
      );
      expect(status).toBe(1);
      expect(stderr).toBe(
        `ERROR: ${name("v1")}: others have changed it 40 times meanwhile\n` +
          "what was to be added is not in it; run it again when the others are done\n",
      );
      expect(changesIn(registry)).toEqual([]);
    },
  );
});
