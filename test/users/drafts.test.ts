import { chmodSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildProgram, type Program } from "../helpers/program.js";
import { withScene, type Scene } from "../helpers/scene.js";
import { digestsAt } from "./contents.js";
import { dialects } from "./dialects.js";

/** What users ask of local lists. The numbers are those of the asks, with a thread behind each (dc: docker/cli). */

const NEW = "team/app:v2";
const newList = ({ domain }: Scene): string => `${domain}/${NEW}`;
const digestsOf = ({ images }: Scene): string[] => images.map(({ digest }) => digest);

/** What a local list has, by `inspect`. */
async function localDigests(scene: Scene, list: string): Promise<string[]> {
  const { stdout } = await scene.run("inspect", list);
  return [...stdout.matchAll(/"digest": "(sha256:[0-9a-f]{64})"/g)].map(([, digest = ""]) => digest);
}

/** Builds the image of a source again, under the same tag. */
function rebuild({ peer }: Scene, index: number, architecture: string): string {
  return peer.putImage(`src/${index}`, { tag: "v1", architecture, seed: "rebuilt" }).digest;
}

describe("4: images were built again under their tags", () => {
  it("create --replace takes them as they are now (dc#954)", async () => {
    await withScene({}, async (scene) => {
      const list = newList(scene);
      await scene.run("create", list, ...scene.sources);
      const rebuilt = [rebuild(scene, 0, "amd64"), rebuild(scene, 1, "arm64")];
      expect(await scene.run("create", "--replace", list, ...scene.sources)).toMatchObject({ status: 0 });
      expect(await localDigests(scene, list)).toEqual(rebuilt);
      expect(await scene.run("push", list)).toMatchObject({ status: 0 });
      expect(digestsAt(scene.peer, NEW)).toEqual(rebuilt);
    });
  });

  it("create --replace needs no list to replace, so that scripts can always say it (goreleaser#2127)", async () => {
    await withScene({}, async (scene) => {
      const create = ["create", "--replace", newList(scene), ...scene.sources];
      expect(await scene.run(...create)).toMatchObject({ status: 0 });
      expect(await scene.run(...create)).toMatchObject({ status: 0 });
      expect(await localDigests(scene, newList(scene))).toEqual(digestsOf(scene));
    });
  });

  it("create --amend --refresh reads again what the list has, without being told what that is", async () => {
    await withScene({}, async (scene) => {
      const list = newList(scene);
      await scene.run("create", list, ...scene.sources);
      const rebuilt = rebuild(scene, 0, "amd64");
      expect(await scene.run("create", "--amend", "--refresh", list)).toMatchObject({ status: 0 });
      expect(await localDigests(scene, list)).toEqual([rebuilt, scene.images[1]?.digest]);
    });
  });

  it("create --amend alone leaves them, as docker's does, and create alone says what there is instead", async () => {
    await withScene({}, async (scene) => {
      const list = newList(scene);
      await scene.run("create", list, ...scene.sources);
      rebuild(scene, 0, "amd64");
      expect(await scene.run("create", "--amend", list, ...scene.sources)).toMatchObject({ status: 0 });
      expect(await localDigests(scene, list)).toEqual(digestsOf(scene));
      const again = await scene.run("create", list, ...scene.sources);
      expect(again.status).toBe(1);
      expect(again.stderr).toMatch(
        /^refusing to amend an existing manifest list with no --amend flag\n.*--replace/,
      );
    });
  });

  it("imagetools create keeps nothing from one time to the next", async () => {
    await withScene({}, async (scene) => {
      const create = ["imagetools", "create", "-t", newList(scene), ...scene.sources];
      await scene.run(...create);
      const rebuilt = rebuild(scene, 1, "arm64");
      expect(await scene.run(...create)).toMatchObject({ status: 0 });
      expect(digestsAt(scene.peer, NEW)).toEqual([scene.images[0]?.digest, rebuilt]);
    });
  });
});

describe.each(dialects)("5 (ceph-container#1869): a create that failed, by $dialect", ({ make }) => {
  it("has left nothing, and the same command line succeeds once the last image is there", async () => {
    await withScene({}, async (scene) => {
      const sources = [...scene.sources, `${scene.domain}/src/late:v1`];
      const failed = await make(scene, newList(scene), sources);
      expect(failed).toMatchObject({ status: 1, stdout: "" });
      expect(failed.stderr).toContain(`${scene.domain}/src/late:v1`);
      expect((await scene.run("ls", "--quiet")).stdout).toBe(`${scene.target}\n`);
      expect(scene.peer.tags("team/app")).toEqual([]);

      const late = scene.peer.putImage("src/late", { tag: "v1", architecture: "s390x" });
      expect(await make(scene, newList(scene), sources)).toMatchObject({ status: 0 });
      expect(digestsAt(scene.peer, NEW)).toEqual([...digestsOf(scene), late.digest]);
    });
  });
});

describe("15: jobs of one machine that make a list together", () => {
  let program: Program;
  beforeAll(async () => {
    program = await buildProgram();
  });
  afterAll(() => {
    program.remove();
  });

  it("lose nothing, whoever comes first (pm#14667)", async () => {
    const images = ["amd64", "arm64", "s390x", "ppc64le", "riscv64", "386"].map((architecture) => ({
      architecture,
    }));
    await withScene({ images }, async (scene) => {
      const list = newList(scene);
      const jobs = scene.sources.map((source) =>
        program.start(["create", "--amend", list, source], {
          DOCKER_CONFIG: scene.folder,
          HOME: scene.folder,
        }),
      );
      const ends = await Promise.all(jobs.map(({ ended }) => ended));
      expect(ends.map(({ status, stderr }) => ({ status, stderr }))).toEqual(
        images.map(() => ({ status: 0, stderr: "" })),
      );
      expect((await localDigests(scene, list)).sort()).toEqual(digestsOf(scene).sort());
    });
  });
});

describe("16: what there is, and getting rid of it", () => {
  it("ls shows the lists that wait to be pushed (dc#4751)", async () => {
    await withScene({}, async (scene) => {
      await scene.run("create", newList(scene), ...scene.sources);
      const { status, stdout } = await scene.run("ls");
      expect(status).toBe(0);
      expect(stdout).toContain(scene.target);
      expect(stdout).toMatch(/team\/app:v2 +2 +linux\/amd64, ?linux\/arm64/);
      expect((await scene.run("ls", "-q")).stdout).toBe(`${scene.target}\n${newList(scene)}\n`);
    });
  });

  it("rm --entry takes one image out of a list (dc#822)", async () => {
    await withScene({}, async (scene) => {
      const list = newList(scene);
      await scene.run("create", list, ...scene.sources);
      const [, arm64 = ""] = scene.sources;
      expect(await scene.run("rm", list, "--entry", arm64)).toMatchObject({ status: 0 });
      await scene.run("push", list);
      expect(digestsAt(scene.peer, NEW)).toEqual([scene.images[0]?.digest]);
    });
  });

  it("prune deletes the lists that nobody has touched for a month", async () => {
    await withScene({}, async (scene) => {
      const store = join(scene.folder, "manifests");
      const then = new Date(Date.now() - 31 * 86_400_000);
      for (const path of readdirSync(store, { recursive: true, encoding: "utf8" })) {
        utimesSync(join(store, path), then, then);
      }
      await scene.run("create", newList(scene), ...scene.sources);
      expect((await scene.run("prune", "--dry-run")).stdout).toBe(`${scene.target}\n`);
      expect(await scene.run("prune")).toMatchObject({ status: 0, stdout: `${scene.target}\n` });
      expect((await scene.run("ls", "-q")).stdout).toBe(`${newList(scene)}\n`);
    });
  });
});

it("17 (dc#4746): two lists whose names docker would keep in one folder are not mistaken for each other", async () => {
  await withScene({}, async (scene) => {
    const [slash, underscore] = [`${scene.domain}/my/app:v1`, `${scene.domain}/my_app:v1`];
    await scene.run("create", slash, ...scene.sources);
    const clash = await scene.run("create", "--amend", underscore, ...scene.sources);
    expect(clash).toMatchObject({ status: 1, stdout: "" });
    expect(clash.stderr).toContain(slash);
    expect(clash.stderr).toContain(underscore);
    expect(await scene.run("push", underscore)).toMatchObject({ status: 1, stdout: "" });
    expect((await scene.run("ls", "-q")).stdout).toBe(`${slash}\n${scene.target}\n`);
    expect(await scene.run("push", slash)).toMatchObject({ status: 0 });
  });
});

describe("18: the home is read-only, or somebody else's", () => {
  it("says which folder it is, and --store names another (dc#4465)", async () => {
    await withScene({}, async (scene) => {
      // A file in its place: no permission keeps root out.
      const home = join(scene.folder, "home");
      mkdirSync(home);
      writeFileSync(join(home, "manifests"), "");
      chmodSync(home, 0o500);
      const env = { DOCKER_CONFIG: home };
      const refused = await scene.runWith(env, "create", newList(scene), ...scene.sources);
      expect(refused).toMatchObject({ status: 1, stdout: "" });
      expect(refused.stderr).toContain(join(home, "manifests"));

      const store = join(scene.folder, "elsewhere");
      const run: Scene["run"] = (...argv) => scene.runWith(env, ...argv);
      expect(await run("create", "--store", store, newList(scene), ...scene.sources)).toMatchObject({
        status: 0,
        stderr: "",
      });
      expect(await run("ls", "-q", "--store", store)).toMatchObject({ stdout: `${newList(scene)}\n` });
      expect(await run("push", "--store", store, "--purge", newList(scene))).toMatchObject({ status: 0 });
      expect(digestsAt(scene.peer, NEW)).toEqual(digestsOf(scene));
    });
  });

  it("TSMANIFEST_STORE is the same for all commands, whoever's home it is (dc#4465)", async () => {
    await withScene({}, async (scene) => {
      const TSMANIFEST_STORE = join(scene.folder, "shared");
      const as = (user: string, ...argv: string[]) =>
        scene.runWith({ TSMANIFEST_STORE, DOCKER_CONFIG: join(scene.folder, user) }, ...argv);
      await as("me", "create", newList(scene), ...scene.sources);
      expect(await as("root", "rm", newList(scene))).toMatchObject({ status: 0, stderr: "" });
    });
  });

  it("imagetools create needs no store at all", async () => {
    await withScene({}, async (scene) => {
      const env = { DOCKER_CONFIG: "/dev/null/docker" };
      const made = await scene.runWith(env, "imagetools", "create", "-t", newList(scene), ...scene.sources);
      expect(made).toMatchObject({ status: 0 });
      expect(digestsAt(scene.peer, NEW)).toEqual(digestsOf(scene));
    });
  });
});
