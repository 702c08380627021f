import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { digestOf } from "../../src/oci/digest.js";
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX } from "../../src/oci/mediaTypes.js";
import { putBuild } from "../helpers/builds.js";
import { answer, type Incoming, type Outgoing } from "../helpers/peer.js";
import { withScene, type Scene } from "../helpers/scene.js";
import { attestedAt, digestsAt, listAt } from "./contents.js";
import { dialects } from "./dialects.js";

/** What users ask of the lists themselves. The numbers are those of the asks, with a thread behind each. */

const NEW = "team/app:v2";
const newList = ({ domain }: Scene): string => `${domain}/${NEW}`;
const digestsOf = ({ images }: Scene): string[] => images.map(({ digest }) => digest);
const OCI_IMAGES = [
  { kind: "oci", architecture: "amd64" },
  { kind: "oci", architecture: "arm64" },
] as const;
const SOURCE = "org.opencontainers.image.source";

describe("6: an OCI index, and annotations", () => {
  it.each([
    ["docker", DOCKER_LIST],
    ["oci", OCI_INDEX],
  ])("push --type %s writes what it says, whatever the images are (mt#180)", async (type, mediaType) => {
    for (const images of [OCI_IMAGES, [{ architecture: "amd64" }, { architecture: "arm64" }]]) {
      await withScene({ images }, async (scene) => {
        expect(await scene.push("--type", type)).toMatchObject({ status: 0, stderr: "" });
        expect(listAt(scene.peer, "team/app:v1").mediaType).toBe(mediaType);
        expect(digestsAt(scene.peer, "team/app:v1")).toEqual(digestsOf(scene));
      });
    }
  });

  it("push --type auto writes docker's list, until there is something that it has no room for", async () => {
    await withScene({}, async (scene) => {
      await scene.push("--type", "auto");
      expect(listAt(scene.peer, "team/app:v1").mediaType).toBe(DOCKER_LIST);
      await scene.run("annotate", scene.target, "--annotation", `index:${SOURCE}=https://git.example`);
      await scene.push("--type", "auto");
      expect(listAt(scene.peer, "team/app:v1").mediaType).toBe(OCI_INDEX);
    });
  });

  it("annotate --annotation says something of the list, or of an image in it (pm#21294)", async () => {
    await withScene({}, async (scene) => {
      const [, arm64 = ""] = scene.sources;
      const ofList = ["annotate", scene.target, "--annotation", `index:${SOURCE}=https://git.example`];
      expect(await scene.run(...ofList)).toMatchObject({ status: 0, stdout: "", stderr: "" });
      const ofImage = ["annotate", "--annotation", "com.example.board=rpi4", scene.target, arm64];
      expect(await scene.run(...ofImage)).toMatchObject({ status: 0, stdout: "", stderr: "" });
      expect(await scene.push()).toMatchObject({ status: 0, stderr: "" });
      const list = listAt(scene.peer, "team/app:v1");
      expect(list.annotations).toEqual({ [SOURCE]: "https://git.example" });
      expect(list.children.map(({ annotations }) => annotations)).toEqual([
        {},
        { "com.example.board": "rpi4" },
      ]);
    });
  });

  it("imagetools create --annotation does the same in one line (bx#2148)", async () => {
    await withScene({ images: OCI_IMAGES }, async (scene) => {
      const made = await scene.run(
        ...["imagetools", "create", "-t", newList(scene)],
        ...["--annotation", `index:${SOURCE}=https://git.example`],
        ...["--annotation", "manifest-descriptor[linux/arm64]:com.example.board=rpi4"],
        ...scene.sources,
      );
      expect(made).toMatchObject({ status: 0 });
      const list = listAt(scene.peer, NEW);
      expect(list.annotations).toEqual({ [SOURCE]: "https://git.example" });
      expect(list.children.map(({ annotations }) => annotations)).toEqual([
        {},
        { "com.example.board": "rpi4" },
      ]);
    });
  });

  it("says what docker's list has no room for, where somebody insists on one", async () => {
    await withScene({}, async (scene) => {
      await scene.run("annotate", scene.target, "--annotation", `index:${SOURCE}=https://git.example`);
      const pushed = await scene.push("--type", "docker");
      expect(pushed.status).toBe(0);
      expect(pushed.stderr).toMatch(/^WARNING: docker's manifest list has no room for .*annotations?/);
    });
  });
});

describe.each(dialects)("7: digests of $dialect are exact", ({ make, again }) => {
  it("whatever white space, order of keys and unknown fields an image's manifest has (dc#1135)", async () => {
    await withScene({}, async (scene) => {
      const [image] = scene.images;
      const { schemaVersion, config, layers, ...rest } = z
        .record(z.string(), z.unknown())
        .parse(JSON.parse(image?.body.toString() ?? ""));
      const odd = `  ${JSON.stringify({ "x-of-ours": "<&>\u2028", ...rest, layers, config, schemaVersion }, undefined, "\t")}\r\n\n`;
      const { digest } = scene.peer.putManifest("src/0", DOCKER_MANIFEST, odd, "odd");
      const source = `${scene.domain}/src/0:odd`;
      expect(await make(scene, newList(scene), [source])).toMatchObject({ status: 0 });
      expect(digestsAt(scene.peer, NEW)).toEqual([digest]);
      expect(scene.peer.manifest("team/app", digest)?.body.toString()).toBe(odd);
    });
  });

  it("from one day to the next: the same images are the same list (dc#3969)", async () => {
    await withScene({}, async (scene) => {
      await make(scene, newList(scene), scene.sources);
      const { digest } = listAt(scene.peer, NEW);
      scene.peer.deleteManifest("team/app", digest);
      expect(await make(scene, newList(scene), scene.sources, { create: again })).toMatchObject({
        status: 0,
      });
      expect(listAt(scene.peer, NEW).digest).toBe(digest);
    });
  });
});

describe("11: the digest of the list, for what comes next", () => {
  it("is the last line of push, and nothing else is on stdout that is not docker's", async () => {
    await withScene({}, async (scene) => {
      const { stdout } = await scene.push();
      expect(stdout).toBe(scene.pushed);
      const digest = stdout.trimEnd().split("\n").at(-1);
      expect(digest).toBe(digestOf(scene.peer.manifest("team/app", "v1")?.body ?? Buffer.alloc(0)));
    });
  });

  it("is in imagetools create's --metadata-file (bx#2407)", async () => {
    await withScene({}, async (scene) => {
      const file = join(scene.folder, "metadata.json");
      const create = ["imagetools", "create", "-t", newList(scene), "--metadata-file", file];
      expect(await scene.run(...create, ...scene.sources)).toMatchObject({ status: 0, stdout: "" });
      const Metadata = z.object({
        "containerimage.descriptor": z.object({ digest: z.string() }),
        "image.name": z.string(),
      });
      expect(Metadata.parse(JSON.parse(readFileSync(file, "utf8")))).toEqual({
        "containerimage.descriptor": { digest: listAt(scene.peer, NEW).digest },
        "image.name": `${scene.domain}/team/app`,
      });
    });
  });

  it("can be had of a tag without jq (bx#181)", async () => {
    await withScene({}, async (scene) => {
      await scene.push();
      const inspect = ["imagetools", "inspect", "--format", "{{.Manifest.Digest}}", scene.target];
      expect((await scene.run(...inspect)).stdout.trim()).toBe(scene.tag());
    });
  });

  it("is known before anything is pushed, by --plan --format json", async () => {
    await withScene({}, async (scene) => {
      const { stdout } = await scene.push("--plan", "--format", "json");
      const Plan = z.object({ targets: z.array(z.object({ root: z.object({ digest: z.string() }) })) });
      const [target] = Plan.parse(JSON.parse(stdout)).targets;
      await scene.push();
      expect(target?.root.digest).toBe(scene.tag());
    });
  });
});

describe("13 (moby#44619, mt#23): several tags at once", () => {
  const commands = {
    push: (scene: Scene) =>
      scene.push("--tag", "latest", "--tag", "v1.2", "--tag", `${scene.domain}/mirror/app:v1`),
    "imagetools create": (scene: Scene) =>
      scene.run(
        ...["imagetools", "create"],
        ...["v1", "latest", "v1.2"].flatMap((tag) => ["-t", `${scene.domain}/team/app:${tag}`]),
        ...["-t", `${scene.domain}/mirror/app:v1`],
        ...scene.sources,
      ),
  };

  it.each(Object.entries(commands))(
    "%s puts the images once, whatever the number of tags",
    async (_, command) => {
      await withScene({}, async (scene) => {
        expect(await command(scene)).toMatchObject({ status: 0 });
        const digests = new Set(
          ["team/app:v1", "team/app:latest", "team/app:v1.2", "mirror/app:v1"].map(
            (name) => listAt(scene.peer, name).digest,
          ),
        );
        expect(digests.size).toBe(1);
        for (const { digest } of scene.images) {
          expect(scene.count(new RegExp(`^PUT /v2/team/app/manifests/${digest}`))).toBe(1);
        }
        // One PUT gives a repository all of its tags, where the registry can do that.
        expect(scene.count(/^PUT \/v2\/team\/app\/manifests\/.*tag=/)).toBe(1);
      });
    },
  );
});

describe("14: adding to a list that is in the registry already", () => {
  it("jobs that share no disk make one list, one after the other (dc#3157)", async () => {
    await withScene({}, async (scene) => {
      for (const [index, source] of scene.sources.entries()) {
        const env = { DOCKER_CONFIG: join(scene.folder, `job${index}`) };
        const run: Scene["run"] = (...argv) => scene.runWith(env, ...argv);
        expect(await run("create", "--merge", newList(scene), source)).toMatchObject({ status: 0 });
        expect(await run("push", newList(scene))).toMatchObject({ status: 0 });
      }
      expect(digestsAt(scene.peer, NEW).sort()).toEqual(digestsOf(scene).sort());
    });
  });

  it("imagetools create --append adds to it (bx#171)", async () => {
    await withScene({ images: OCI_IMAGES }, async (scene) => {
      const [amd64 = "", arm64 = ""] = scene.sources;
      await scene.run("imagetools", "create", "-t", newList(scene), amd64);
      const append = ["imagetools", "create", "--append", "-t", newList(scene), arm64];
      expect(await scene.run(...append)).toMatchObject({ status: 0 });
      expect(digestsAt(scene.peer, NEW)).toEqual(digestsOf(scene));
    });
  });

  it.each(dialects)(
    "--merge of $dialect has a new build take the place of the old one, and of its attestation",
    async ({ make, again }) => {
      await withScene({ images: [] }, async (scene) => {
        const build = (architecture: string, seed: string) =>
          putBuild(scene.peer, "build/app", { tag: architecture, architecture, seed });
        const source = (tag: string): string => `${scene.domain}/build/app:${tag}`;
        const arm64 = build("arm64", "old");
        build("amd64", "old");
        await make(scene, newList(scene), [source("amd64"), source("arm64")]);

        const amd64 = build("amd64", "new");
        const flags = { create: ["--merge", ...again] };
        const merged = await make(scene, newList(scene), [source("amd64")], flags);
        expect(merged).toMatchObject({ status: 0, stderr: "" });
        const attested = [amd64, arm64].map(({ attestation, image }) => [attestation.digest, image.digest]);
        expect(attestedAt(scene.peer, NEW).sort()).toEqual(attested.sort());
        expect(digestsAt(scene.peer, NEW).sort()).toEqual(attested.flat().sort());
      });
    },
  );
});

it.each(dialects)(
  "14: --merge of $dialect begins nothing anew where the list is only not shown",
  async ({ make, again }) => {
    let isLocked = false;
    const intercept = ({ method = "", url = "" }: Incoming, response: Outgoing): boolean =>
      isLocked &&
      /^(?:GET|HEAD)$/.test(method) &&
      url.endsWith("/team/app/manifests/v1") &&
      answer(response, 401, {}, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`);
    await withScene({ intercept }, async (scene) => {
      await scene.push();
      const before = scene.tag();
      isLocked = true;
      for (const source of scene.sources) {
        const merged = await make(scene, scene.target, [source], { create: ["--merge", ...again] });
        expect(merged).toMatchObject({ status: 1, stdout: "" });
        expect(merged.stderr).toMatch(/authentication required|unauthorized/);
        expect(merged.stderr).toContain("answered 401");
      }
      expect(scene.tag()).toBe(before);
    });
  },
);

describe.each(dialects)("22 (moby#41507): two images of one platform, by $dialect", ({ make }) => {
  const images = [
    { architecture: "arm", variant: "v7" },
    { architecture: "arm", seed: "another" },
  ];

  it("are warned of, since nobody gets the second", async () => {
    await withScene({ images }, async (scene) => {
      const made = await make(scene, newList(scene), scene.sources);
      expect(made.status).toBe(0);
      expect(made.stderr).toMatch(
        /WARNING: linux\/arm\/v7 is in the list twice, as sha256:\w+, sha256:\w+; clients take only one/,
      );
    });
  });

  it("are refused with --strict, before anything is sent", async () => {
    await withScene({ images }, async (scene) => {
      const made = await make(scene, newList(scene), scene.sources, { create: ["--strict"] });
      expect(made.status).toBe(1);
      expect(made.stderr).toMatch(/linux\/arm\/v7 is in the list twice/);
      expect(scene.count(/^(?!GET|HEAD)/)).toBe(0);
    });
  });
});

describe("23 (mt#185): platforms as other tools call them", () => {
  it.each(dialects)("are understood by --expect and --platform of $dialect", async ({ make }) => {
    const images = [
      { kind: "oci", architecture: "amd64" },
      { kind: "oci", architecture: "arm64", variant: "v8" },
      { kind: "oci", architecture: "arm", variant: "v7" },
    ] as const;
    await withScene({ images }, async (scene) => {
      const expected = ["--expect", "x86_64,aarch64", "--expect", "armv7l"];
      expect(await make(scene, newList(scene), scene.sources, { create: expected })).toMatchObject({
        status: 0,
      });
      const flags = { create: ["--platform", "linux/x86_64,linux/aarch64", "--expect", "amd64,arm64/v8"] };
      const made = await make(scene, `${scene.domain}/team/app:v3`, [newList(scene)], flags);
      expect(made).toMatchObject({ status: 0 });
      expect(digestsAt(scene.peer, "team/app:v3").sort()).toEqual(digestsOf(scene).slice(0, 2).sort());
    });
  });

  it.each(dialects)(
    "a typo is told from a platform by $dialect, before anything is asked for",
    async ({ make }) => {
      await withScene({}, async (scene) => {
        const made = await make(scene, newList(scene), scene.sources, {
          create: ["--expect", "linux/amr64"],
        });
        expect(made).toMatchObject({ status: 1, stdout: "" });
        expect(made.stderr).toMatch(/"linux\/amr64" is not a platform\ndid you mean linux\/arm64\?\n$/);
        expect(scene.peer.requests).toEqual([]);
      });
    },
  );

  it.each([
    ["x86_64", "--arch amd64"],
    ["aarch64", "--arch arm64"],
    ["armv7l", "--arch arm --variant v7"],
  ])("annotate --arch %s is refused as by docker, with what it would be there", async (arch, meant) => {
    await withScene({}, async (scene) => {
      const [image = ""] = scene.sources;
      const annotated = await scene.run("annotate", scene.target, image, "--os", "linux", "--arch", arch);
      expect(annotated).toMatchObject({ status: 1, stdout: "" });
      expect(annotated.stderr).toBe(
        `manifest entry for image has unsupported os/arch combination: linux/${arch}\n` +
          `did you mean --os linux ${meant}?\n`,
      );
    });
  });
});
