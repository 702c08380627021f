import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parseIndex } from "../../src/oci/manifest.js";
import { DOCKER_LIST } from "../../src/oci/mediaTypes.js";
import { formatReference, parseReference } from "../../src/oci/reference.js";
import { openStore } from "../../src/store/store.js";
import { startRegistry, type RunningRegistry } from "../../src/testing/index.js";
import { cli } from "../helpers/cli.js";
import { buildProgram, programAt, type Program } from "../helpers/program.js";
import { findIncomplete } from "../helpers/registryCheck.js";

/** Many processes on one list at the same time. */
const AMENDING = 20;
const ENTRIES = 50;
/** `FIRE_PROGRAM=bin/tsmanifest.js` tries what is shipped in place of the sources. */
const BUILT = process.env["FIRE_PROGRAM"];

let program: Program;
let registry: RunningRegistry;
let config: string;
beforeAll(async () => {
  program = BUILT === undefined ? await buildProgram() : programAt(BUILT);
  registry = await startRegistry();
  config = await mkdtemp(join(tmpdir(), "together-"));
});
afterAll(async () => {
  program.remove();
  await registry.close();
  await rm(config, { recursive: true, force: true });
});

const run = (args: readonly string[]) => program.start(args, { DOCKER_CONFIG: config }).ended;

it(
  `${AMENDING} processes amend one list while others annotate, inspect and push it`,
  { timeout: 240_000 },
  async () => {
    const list = `${registry.host}/multi/app:v1`;
    const sources = Array.from({ length: ENTRIES }, (_, index) => {
      const repository = `team/app${index % 7}`;
      registry.putImage(repository, { tag: `t${index}`, seed: String(index) });
      return `${registry.host}/${repository}:t${index}`;
    });
    const annotated = sources.slice(0, 5);
    const env = { DOCKER_CONFIG: config };
    expect((await cli(["create", list, ...annotated], undefined, { env })).status).toBe(0);

    const shares = Array.from({ length: AMENDING }, (_, index) =>
      // Some of the images are wanted by more than one, and those annotated by all.
      [
        ...sources.filter((_source, at) => at % AMENDING === index || at % 11 === index),
        annotated[index % 5]!,
      ],
    );
    const amends = shares.map((share) => run(["create", "--amend", list, ...share]));
    const annotates = annotated.map((source) =>
      run(["annotate", list, source, "--os", "linux", "--arch", "arm", "--variant", "v7"]),
    );
    const inspects = [0, 1, 2, 3].map(() => run(["inspect", list]));
    const pushes = [0, 1].map(() => run(["push", list]));

    for (const { status, stderr } of await Promise.all([...amends, ...annotates, ...inspects, ...pushes])) {
      // All are for two platforms, which a push warns of.
      const rest = stderr.replaceAll(/^WARNING: linux\S* is in the list .*\n/gm, "");
      expect({ status, stderr: rest }).toEqual({ status: 0, stderr: "" });
    }
    for (const { stdout } of await Promise.all(inspects)) {
      const shown = parseIndex(DOCKER_LIST, Buffer.from(stdout));
      expect(shown.children.length).toBeGreaterThanOrEqual(5);
      expect(shown.children.length).toBeLessThanOrEqual(ENTRIES);
    }
    expect(findIncomplete(registry)).toEqual([]);

    const store = openStore(join(config, "manifests"));
    const entries = (await store.read(parseReference(list)))?.entries ?? [];
    expect(entries.map(({ ref }) => formatReference(ref)).sort()).toEqual([...sources].sort());
    const variants = entries.filter(({ descriptor }) => descriptor.platform?.variant === "v7");
    expect(variants.map(({ ref }) => formatReference(ref)).sort()).toEqual([...annotated].sort());

    const [own, ...more] = await readdir(join(config, "manifests", ".tsmanifest"));
    expect(more).toEqual([]);
    expect(await readdir(join(config, "manifests", ".tsmanifest", own!))).toEqual(["record"]);
  },
);
