import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseManifest } from "../../src/oci/manifest.js";
import { MANIFEST_TYPES } from "../../src/oci/mediaTypes.js";
import { seed, seedImage, seedList } from "../helpers/images.js";
import { buildProgram, programAt, type Program } from "../helpers/program.js";
import { describeWithPrograms, startRegistryServer, type RegistryServer } from "../helpers/registryServer.js";

/** Jobs in processes of their own, each of which adds one image to one list of a real registry, all at once. */

const JOBS = 20;
/** `FIRE_PROGRAM=bin/tsmanifest.js` tries what is shipped in place of the sources. */
const BUILT = process.env["FIRE_PROGRAM"];

const first = seedImage("app:first", { kind: "oci" });
const added = Array.from({ length: JOBS }, (_, index) =>
  seedImage(`app:job${index}`, {
    kind: "oci",
    layers: [`layer of job ${index}\n`],
    config: { os: "linux", architecture: "arm", variant: `v${index}` },
  }),
);
/** The lists that are added to, by their tags. */
const lists = ["alike", "mixed"].map((tag) =>
  seedList(`app:${tag}`, "oci", [{ image: first, platform: { os: "linux", architecture: "amd64" } }]),
);

interface Ended {
  readonly status: number | null;
  readonly stderr: string;
}

/** What a job is, given the list, its image, and a folder of its own. */
type Job = (list: string, image: string, folder: string) => Promise<Ended>;

let program: Program;
let folder: string;
beforeAll(async () => {
  program = BUILT === undefined ? await buildProgram() : programAt(BUILT);
  folder = mkdtempSync(join(tmpdir(), "append-"));
});
afterAll(() => {
  program.remove();
  rmSync(folder, { recursive: true });
});

const run = (folder: string, ...argv: string[]): Promise<Ended> =>
  program.start(argv, { DOCKER_CONFIG: folder }).ended;

const imagetools =
  (flag: string): Job =>
  (list, image, folder) =>
    run(folder, "imagetools", "create", flag, "-t", list, image);

const docker =
  (flag: string): Job =>
  async (list, image, folder) => {
    const created = await run(folder, "create", flag, list, image);
    return created.status === 0 ? run(folder, "push", list) : created;
  };

const APPEND = imagetools("--append");
/** What the jobs are, in turns. */
const ROUNDS: readonly (readonly [string, string, readonly Job[]])[] = [
  ["imagetools create --append", "alike", [APPEND]],
  [
    "both dialects, --append and --merge",
    "mixed",
    [APPEND, imagetools("--merge"), docker("--append"), docker("--merge")],
  ],
];

const PROGRAMS = [
  ["distribution 2", "docker-registry"],
  ["distribution 3", "registry"],
] as const;

describe.each(PROGRAMS)("%s", (_name, server) => {
  describeWithPrograms(`${JOBS} jobs that add to one list at once`, [server], () => {
    let registry: RegistryServer;
    beforeAll(async () => {
      registry = await startRegistryServer({ program: server });
      await seed(registry.url, [first, ...added, ...lists]);
    });
    afterAll(() => registry.close());

    it.each(ROUNDS)(
      "%s: all are in it in the end, or have said that they may not be",
      { timeout: 120_000 },
      async (_how, tag, jobs) => {
        const ends = await Promise.all(
          added.map(async ({ name, digest }, index) => {
            const own = join(folder, server, tag, String(index));
            const job = jobs[index % jobs.length] ?? APPEND;
            const { status, stderr } = await job(
              `${registry.host}/app:${tag}`,
              `${registry.host}/${name}`,
              own,
            );
            return { digest, status, stderr };
          }),
        );
        const there = await childrenOf(registry, tag);
        const lost = ends.filter(({ digest }) => !there.includes(digest));
        expect(lost.filter(({ status }) => status === 0)).toEqual([]);
        // Nobody is there twice, and what was there before still is.
        expect(new Set(there).size).toBe(there.length);
        expect(there).toHaveLength(1 + JOBS - lost.length);
        expect(there).toContain(first.digest);
        const failed = ends.filter(({ status }) => status !== 0);
        for (const { stderr } of failed) expect(stderr).toMatch(/others have changed it|too slow to tell/);
        // On a machine that does much else at the same time, some cannot tell.
        expect(failed.length).toBeLessThan(JOBS / 2);
      },
    );
  });
});

async function childrenOf({ url }: RegistryServer, tag: string): Promise<string[]> {
  const response = await fetch(`${url}/v2/app/manifests/${tag}`, {
    headers: { accept: MANIFEST_TYPES.join(", ") },
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  return parseManifest(response.headers.get("content-type") ?? "", bytes).children.map(
    ({ digest }) => digest,
  );
}
