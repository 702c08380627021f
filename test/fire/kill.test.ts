import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEFAULT_SETTINGS, type Settings } from "../../src/list/draft.js";
import type { Entry } from "../../src/list/entry.js";
import { formatReference, parseReference } from "../../src/oci/reference.js";
import { storeName } from "../../src/store/names.js";
import { openStore } from "../../src/store/store.js";
import { startRegistry, type RunningRegistry } from "../../src/testing/index.js";
import { cli } from "../helpers/cli.js";
import { docker, hasDocker } from "../helpers/docker.js";
import { buildProgram, programAt, type Program } from "../helpers/program.js";
import { findIncomplete } from "../helpers/registryCheck.js";
import { seededRandom, type Random } from "../helpers/seededRandom.js";

/**
 * Real processes, killed with SIGKILL: at a random moment of their life, or a moment after they were seen at work (a
 * request, a change in the store). `FIRE_KILLS` says how many, `FIRE_SEED` which; what every single step leaves behind
 * is tested in test/store/crash.test.ts.
 */
const KILLS = Number(process.env["FIRE_KILLS"] ?? 24);
/** `FIRE_PROGRAM=bin/tsmanifest.js` tries what is shipped in place of the sources. */
const BUILT = process.env["FIRE_PROGRAM"];
const SEED = Number(process.env["FIRE_SEED"] ?? 1);

const ARCHITECTURES = ["amd64", "arm64", "s390x", "riscv64"];

interface Scene {
  readonly config: string;
  readonly registry: RunningRegistry;
  readonly list: string;
  readonly sources: readonly string[];
}

interface Scenario {
  readonly name: string;
  /** Not a command, but a change by the library: removes, replaces and adds entries, and sets settings. */
  readonly isChange?: boolean;
  readonly mounts?: "refuse202";
  readonly args: (scene: Scene) => readonly string[];
  /** What is done before it. */
  readonly before: (scene: Scene) => readonly (readonly string[])[];
  /** Which lists it may leave behind. */
  readonly leaves: (entries: readonly Entry[] | undefined, settings: Settings) => boolean;
  /** Running it again may say that there is nothing left to do. */
  readonly saysDone?: RegExp;
}

const create = ({ list, sources }: Scene) => ["create", list, ...sources];
const annotateAll = ({ list, sources }: Scene) =>
  sources.map((source) => ["annotate", list, source, "--os", "linux", "--arch", "arm", "--variant", "v7"]);
const count =
  (...counts: number[]) =>
  (entries: readonly Entry[] | undefined) =>
    counts.includes(entries?.length ?? 0);

const scenarios: readonly Scenario[] = [
  { name: "create", args: create, before: () => [], leaves: count(0, 4), saysDone: /refusing to amend/ },
  {
    name: "create --amend",
    args: ({ list, sources }) => ["create", "-a", list, ...sources],
    before: ({ list, sources }) => [["create", list, sources[0]!]],
    leaves: count(1, 4),
  },
  {
    name: "annotate",
    args: (scene) => annotateAll(scene)[1]!,
    before: (scene) => [create(scene)],
    leaves: count(4),
  },
  {
    name: "rm",
    args: ({ list }) => ["rm", list],
    before: (scene) => [create(scene)],
    leaves: count(0, 4),
    saysDone: /No such manifest/,
  },
  {
    name: "push",
    args: ({ list }) => ["push", list],
    before: (scene) => [create(scene), ...annotateAll(scene)],
    leaves: count(4),
  },
  {
    name: "push --purge with copying",
    mounts: "refuse202",
    args: ({ list }) => ["push", "--purge", list],
    before: (scene) => [create(scene)],
    leaves: count(0, 4),
    saysDone: /No such manifest/,
  },
  {
    name: "a change of everything at once",
    isChange: true,
    args: ({ list, sources }) => [list, ...sources],
    before: (scene) => [create(scene)],
    leaves: (entries, { artifactType }) => {
      const left = entries?.map(({ ref, descriptor }) => `${ref.tag} ${descriptor.platform?.variant}`);
      const [before, after] = [
        ["amd64 ", "arm64 ", "riscv64 ", "s390x "],
        ["v1 ", "arm64 v8", "arm64 v9", "riscv64 ", "s390x "],
      ];
      return left?.join() === (artifactType === "" ? before : after).join();
    },
  },
];

/** A program that changes a list by the library, of the sources or as it is shipped. */
async function buildChanger(outfile: string): Promise<string> {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const library = BUILT === undefined ? join(root, "src/index.ts") : join(dirname(BUILT), "../dist/index.js");
  await build({
    stdin: {
      contents: `
        import { openStore, parseReference } from ${JSON.stringify(resolve(library))};
        const [list, ...sources] = process.argv.slice(2);
        const [amd64, arm64, late] = [sources[0], sources[1], list].map(parseReference);
        const isOf = ({ tag }) => ({ ref }) => ref.tag === tag;
        const as = (entry, variant) => ({
          ...entry,
          descriptor: { ...entry.descriptor, platform: { ...entry.descriptor.platform, variant } },
        });
        openStore(process.env.DOCKER_CONFIG + "/manifests").change(parseReference(list), (draft) => {
          if (draft.settings.artifactType !== "") return draft;
          const old = draft.entries.find(isOf(arm64));
          const kept = draft.entries.filter((entry) => entry !== old && !isOf(amd64)(entry));
          const entries = [...kept, as(old, "v8"), as(old, "v9"), { ...old, ref: late }];
          return { ...draft, entries, settings: { ...draft.settings, artifactType: "a/b" } };
        });`,
      resolveDir: root,
      loader: "ts",
    },
    outfile,
    bundle: true,
    platform: "node",
    format: "cjs",
    logLevel: "error",
  });
  return outfile;
}

let program: Program;
let changer: Program;
let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "kill-"));
  program = BUILT === undefined ? await buildProgram() : programAt(BUILT);
  changer = programAt(await buildChanger(join(home, "changer.cjs")));
});
afterAll(async () => {
  program.remove();
  await rm(home, { recursive: true, force: true });
});

describe.each(scenarios)("$name, killed at any moment", (scenario) => {
  it("leaves everything readable and complete, and can be run again", { timeout: 1_200_000 }, async () => {
    const random = seededRandom(SEED + scenarios.indexOf(scenario));
    const kills = Math.ceil(KILLS / scenarios.length);
    let lifetime = await rehearse(scenario);
    let survived = 0;
    for (let kill = 0; kill < kills; kill++) {
      const isKilled = await killOnce(scenario, random, lifetime, kill);
      if (!isKilled) survived++;
      // The machine has less to do than at the rehearsal, or more.
      lifetime *= isKilled ? 1.02 : 0.9;
    }
    // A kill that comes too late tests nothing.
    expect(survived).toBeLessThanOrEqual(kills / 2);
  });
});

const startProgram = (scenario: Scenario, scene: Scene) =>
  (scenario.isChange === true ? changer : program).start(scenario.args(scene), envOf(scene));

/** How long it takes from start to end. */
async function rehearse(scenario: Scenario): Promise<number> {
  const scene = await setUp(scenario, "rehearsal", () => undefined);
  const start = performance.now();
  const { status, stderr } = await startProgram(scenario, scene).ended;
  // What was copied is told, and that all are annotated for one platform.
  const rest = stderr.replaceAll(/^(?:copied|WARNING: linux\/arm\/v7 is in the list 4 times,) .*\n/gm, "");
  expect({ status, stderr: rest }).toEqual({ status: 0, stderr: "" });
  const lifetime = performance.now() - start;
  await scene.registry.close();
  return lifetime;
}

async function killOnce(
  scenario: Scenario,
  random: Random,
  lifetime: number,
  kill: number,
): Promise<boolean> {
  let requests = 0;
  const scene = await setUp(scenario, String(kill), () => requests++);
  const { config, registry } = scene;
  try {
    requests = 0;
    const { child, ended } = startProgram(scenario, scene);
    await untilMoment(random, lifetime, () => requests, scene);
    child.kill("SIGKILL");
    const { status } = await ended;

    await check(scenario, scene);
    const again =
      scenario.isChange === true
        ? await startProgram(scenario, scene).ended
        : await cli(scenario.args(scene), undefined, { env: envOf(scene) });
    if (again.status !== 0) expect(again.stderr).toMatch(scenario.saysDone ?? /^$/);
    await check(scenario, scene);
    if (scenario.name.startsWith("push")) expect(registry.tags("multi/app")).toEqual(["v1"]);
    return status === null;
  } finally {
    await registry.close();
    await rm(config, { recursive: true, force: true });
  }
}

/** Any moment of its life, or a moment after a certain request, or after it took the lock. */
async function untilMoment(
  random: Random,
  lifetime: number,
  requests: () => number,
  { config, list }: Scene,
): Promise<void> {
  const kind = Math.floor(random() * 3);
  if (kind === 0) {
    await sleep(random() * lifetime);
    return;
  }
  const wanted = Math.floor(random() * 12) + 1;
  const lock = join(config, "manifests", ".tsmanifest", storeName(parseReference(list)), "lock");
  const isAtWork = () => (kind === 1 ? requests() >= wanted : existsSync(lock));
  const deadline = performance.now() + lifetime * (0.5 + random() / 2);
  while (!isAtWork() && performance.now() < deadline) await sleep(1);
  await sleep(random() * 4);
}

async function setUp(scenario: Scenario, name: string, onRequest: () => void): Promise<Scene> {
  const registry = await startRegistry({
    mounts: scenario.mounts,
    onRequest: () => {
      onRequest();
      return undefined;
    },
  });
  for (const architecture of ARCHITECTURES) {
    registry.putImage("team/app", { tag: architecture, architecture, layers: 3 });
  }
  const config = join(home, `${scenario.name}-${name}`);
  await mkdir(config);
  const scene: Scene = {
    config,
    registry,
    list: `${registry.host}/multi/app:v1`,
    sources: ARCHITECTURES.map((tag) => `${registry.host}/team/app:${tag}`),
  };
  for (const args of scenario.before(scene)) {
    const { status, stderr } = await cli(args, undefined, { env: envOf(scene) });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  }
  return scene;
}

const envOf = ({ config }: Scene) => ({ DOCKER_CONFIG: config });

/** Whatever happened: the list is whole, nothing else is in its folder, no tag points to what is not there. */
async function check({ leaves }: Scenario, { config, registry, list, sources }: Scene): Promise<void> {
  expect(findIncomplete(registry)).toEqual([]);
  const folder = join(config, "manifests", storeName(parseReference(list)));
  const expected = [...sources, list].map((source) => storeName(parseReference(source)));
  const isForeign = (name: string) => !expected.includes(name.replace("+2", ""));
  const names = await readdir(folder).catch(() => undefined);
  expect(names?.filter(isForeign) ?? []).toEqual([]);

  if (hasDocker && names !== undefined) {
    const shown = await docker(["manifest", "inspect", list], { config });
    expect(shown).toMatchObject({ status: 0, stderr: "" });
  }
  const draft = await openStore(join(config, "manifests")).read(parseReference(list));
  const left = draft?.entries.map(({ ref }) => formatReference(ref)).join();
  expect(leaves(draft?.entries, draft?.settings ?? DEFAULT_SETTINGS), left).toBe(true);
}
