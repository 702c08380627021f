import { beforeEach, describe, expect, it } from "vitest";
import { putBuild, putIndex, type Build } from "../helpers/builds.js";
import type { Peer } from "../helpers/peer.js";
import { changesIn, platformsOf, useWorkplace } from "../helpers/workplace.js";

/** What a list must have, or nothing is pushed; and what is odd about it. */

const workplace = useWorkplace();
const REPOSITORY = "me/app";

let registry: Peer;
let builds: Readonly<Record<"amd64" | "arm64" | "s390x", Build>>;
beforeEach(async () => {
  registry = await workplace.registry();
  const build = (architecture: string): Build =>
    putBuild(registry, REPOSITORY, { architecture, tag: architecture });
  builds = { amd64: build("amd64"), arm64: build("arm64"), s390x: build("s390x") };
});

const LIST = (): string => `${registry.host}/${REPOSITORY}:v1`;
const source = (tag: string): string => `${registry.host}/${REPOSITORY}:${tag}`;

type Run = (flags: readonly string[], ...tags: readonly string[]) => ReturnType<typeof workplace.run>;

/** Where expectations can be said: at the moment that a list is made, or pushed. */
const COMMANDS: readonly [name: string, run: Run][] = [
  [
    "imagetools create",
    (flags, ...tags) => workplace.run("imagetools", "create", ...flags, "-t", LIST(), ...tags.map(source)),
  ],
  ["create", (flags, ...tags) => workplace.run("create", "--replace", ...flags, LIST(), ...twice(tags))],
  [
    "push",
    async (flags, ...tags) => {
      await workplace.out("create", "--replace", LIST(), ...twice(tags));
      return workplace.run("push", ...flags, LIST());
    },
  ],
];

/** docker's create wants two sources. */
function twice(tags: readonly string[]): string[] {
  return (tags.length === 1 ? [...tags, ...tags] : tags).map(source);
}

const EXPECT = ["--expect", "linux/amd64,linux/arm64"];

describe.each(COMMANDS)("%s --expect", (command, run) => {
  it("goes on where these platforms are there, each once; attestations do not count", async () => {
    expect(await run(EXPECT, "amd64", "arm64")).toMatchObject({ status: 0, stderr: "" });
    if (command !== "create") {
      expect(platformsOf(registry.manifest(REPOSITORY, "v1")?.body)).toHaveLength(4);
    }
  });

  it.each([
    ["one is missing", ["amd64"], "missing linux/arm64"],
    ["one is too many", ["amd64", "arm64", "s390x"], "unexpected linux/s390x"],
    ["one is another", ["amd64", "s390x"], "missing linux/arm64; unexpected linux/s390x"],
  ])("changes nothing where %s, and shows the difference", async (_, tags, difference) => {
    const result = await run(EXPECT, ...tags);
    const prefix = command === "imagetools create" ? "ERROR: " : "";
    expect(result).toEqual({
      status: 1,
      stdout: "",
      stderr: `${prefix}${LIST()} would not have the expected platforms: ${difference}\nnothing was changed\n`,
    });
    expect(changesIn(registry)).toEqual([]);
    if (command === "create") expect(await workplace.out("ls")).not.toContain(REPOSITORY);
  });

  it("refuses two images for one platform", async () => {
    putBuild(registry, REPOSITORY, { architecture: "amd64", tag: "other", seed: "other" });
    const { status, stderr } = await run(EXPECT, "amd64", "arm64", "other");
    expect(status).toBe(1);
    expect(stderr).toContain("linux/amd64 twice");
    expect(changesIn(registry)).toEqual([]);
  });

  it.each([
    ["x86_64,aarch64", ["amd64", "arm64"]],
    ["amd64,arm64", ["amd64", "arm64"]],
    ["linux/arm64/v8,linux/amd64", ["amd64", "arm64"]],
    ["linux-amd64 linux_arm64", ["amd64", "arm64"]],
    ["armv7l", ["armv7"]],
    ["linux/arm", ["armv7"]],
  ])("understands %s", async (text, tags) => {
    putBuild(registry, REPOSITORY, { architecture: "arm", variant: "v7", tag: "armv7" });
    expect(await run(["--expect", text], ...tags)).toMatchObject({ status: 0, stderr: "" });
  });

  it("may be repeated", async () => {
    const flags = ["--expect", "linux/amd64", "--expect", "linux/arm64"];
    expect(await run(flags, "amd64", "arm64")).toMatchObject({ status: 0 });
    expect(await run(flags, "amd64")).toMatchObject({ status: 1 });
  });

  it("takes any versions of Windows for one platform", async () => {
    const windows = { os: "windows", architecture: "amd64", kind: "oci" } as const;
    const images = ["10.0.17763.1", "10.0.20348.1"].map((osVersion) =>
      registry.putImage(REPOSITORY, { ...windows, osVersion }),
    );
    // As buildx does, imagetools takes the version of a single image for nothing: it is the index that has to say it.
    putIndex(registry, REPOSITORY, images, { tag: "windows" });
    const tags = ["windows"];
    expect(await run(["--expect", "windows/amd64"], ...tags)).toMatchObject({ status: 0, stderr: "" });
    expect(await run(["--expect", "windows(10.0.17763)/amd64"], ...tags)).toMatchObject({ status: 1 });
  });
});

describe.each(COMMANDS.filter(([name]) => name !== "create"))(
  "%s, without being told what to expect",
  (command, run) => {
    const prefix = command === "imagetools create" ? "ERROR: " : "";

    it("warns of two images for one platform, and --strict refuses them", async () => {
      const other = putBuild(registry, REPOSITORY, { architecture: "amd64", tag: "other", seed: "other" });
      const strict = await run(["--strict"], "amd64", "other");
      const digests = `${builds.amd64.image.digest}, ${other.image.digest}`;
      const sorted = [builds.amd64.image.digest, other.image.digest].sort().join(", ");
      expect(
        [digests, sorted].some((both) =>
          strict.stderr.includes(`linux/amd64 is in the list twice, as ${both}`),
        ),
      ).toBe(true);
      expect(strict.stderr.startsWith(`${prefix}${LIST()}: linux/amd64`)).toBe(true);
      expect(strict.status).toBe(1);
      expect(changesIn(registry)).toEqual([]);
      const { status, stderr } = await run([], "amd64", "other");
      expect(status).toBe(0);
      expect(stderr).toMatch(
        /^WARNING: linux\/amd64 is in the list twice, as sha256:\w+, sha256:\w+; clients take only one\n$/,
      );
      expect(registry.tags(REPOSITORY)).toContain("v1");
    });

    it("warns of an attestation without its image, and --strict refuses it", async () => {
      const { amd64, arm64 } = builds;
      const orphan = {
        ...amd64.attestation,
        annotations: {
          "vnd.docker.reference.digest": amd64.image.digest,
          "vnd.docker.reference.type": "attestation-manifest",
        },
      };
      putIndex(registry, REPOSITORY, [arm64.image, orphan], { tag: "orphan" });
      const warning = `the attestation ${amd64.attestation.digest} is for ${amd64.image.digest}, which is not in the list`;
      const strict = await run(["--strict"], "orphan");
      expect(strict.status).toBe(1);
      expect(strict.stderr).toContain(`${prefix}${LIST()}: ${warning}\n`);
      expect(changesIn(registry)).toEqual([]);
      expect(await run([], "orphan")).toMatchObject({ status: 0, stderr: `WARNING: ${warning}\n` });
    });
  },
);

describe("what is expected of a list that is added to", () => {
  it("is expected of the whole of it, by imagetools create --append", async () => {
    await workplace.out("imagetools", "create", "-t", LIST(), source("amd64"));
    const append = ["imagetools", "create", "--append", "-t", LIST(), source("arm64")];
    const before = registry.requests.length;
    expect(await workplace.run(...append, "--expect", "linux/arm64")).toMatchObject({ status: 1 });
    expect(registry.requests.slice(before).filter((request) => !/^(?:GET|HEAD) /.test(request))).toEqual([]);
    expect(await workplace.run(...append, ...EXPECT)).toMatchObject({ status: 0, stderr: "" });
  });

  it("is expected of the whole of it, by create --append", async () => {
    await workplace.out("imagetools", "create", "-t", LIST(), source("amd64"));
    const append = ["create", "--append", LIST(), source("arm64")];
    expect(await workplace.run(...append, "--expect", "linux/arm64")).toMatchObject({ status: 1 });
    expect(await workplace.run(...append, ...EXPECT)).toMatchObject({ status: 0 });
  });
});

describe("what would not be as expected", () => {
  it("is not printed by --dry-run, and not planned by --plan", async () => {
    for (const flag of ["--dry-run", "--plan"]) {
      const result = await workplace.run(
        "imagetools",
        "create",
        flag,
        ...EXPECT,
        "-t",
        LIST(),
        source("amd64"),
      );
      expect(result).toMatchObject({ status: 1, stdout: "" });
    }
    expect(changesIn(registry)).toEqual([]);
  });

  it("is named without what a terminal would obey", async () => {
    registry.putImage(REPOSITORY, { kind: "oci", os: "linux", architecture: "\u001b[31m", tag: "odd" });
    const { status, stderr } = await workplace.run(
      "imagetools",
      "create",
      ...EXPECT,
      "-t",
      LIST(),
      source("odd"),
    );
    expect(status).toBe(1);
    expect(stderr).toContain("unexpected linux/\\u001b[31m");
    expect(stderr).not.toContain("\u001b");
  });
});
