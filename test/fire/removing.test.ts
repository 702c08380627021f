import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { emptyDraft } from "../../src/list/draft.js";
import { formatReference, parseReference } from "../../src/oci/reference.js";
import { openStore } from "../../src/store/store.js";
import { entryOf } from "../helpers/entries.js";
import { buildProgram, programAt, type Program } from "../helpers/program.js";

/** `FIRE_PROGRAM=bin/tsmanifest.js` tries what is shipped in place of the sources. */
const BUILT = process.env["FIRE_PROGRAM"];
const PROCESSES = 10;
const LIST = parseReference("x.example/app:v1");

let program: Program;
let config: string;
beforeAll(async () => {
  program = BUILT === undefined ? await buildProgram() : programAt(BUILT);
  config = await mkdtemp(join(tmpdir(), "removing-"));
});
afterAll(async () => {
  program.remove();
  await rm(config, { recursive: true, force: true });
});

const start = (...args: string[]) => program.start(args, { DOCKER_CONFIG: config });

it(
  `${PROCESSES} processes take images out of one list while as many annotate it: each does all that it was told`,
  { timeout: 120_000 },
  async () => {
    const store = openStore(join(config, "manifests"));
    const names = Array.from({ length: 2 * PROCESSES + 1 }, (_, index) => `x.example/app:${index + 10}`);
    await store.change(LIST, () => ({ ...emptyDraft(LIST), entries: names.map((name) => entryOf(name)) }));
    const list = formatReference(LIST);
    const leaving = names.slice(0, PROCESSES);
    const staying = names.slice(PROCESSES);
    const runs = [
      ...leaving.map((name) => start("rm", list, "--entry", name)),
      ...staying.slice(1).map((name) => start("annotate", list, name, "--annotation", `by=${name}`)),
    ];
    for (const run of runs) expect(await run.ended).toMatchObject({ status: 0, stderr: "" });

    const entries = (await store.read(LIST))?.entries ?? [];
    expect(entries.map(({ ref, descriptor }) => [formatReference(ref), descriptor.annotations])).toEqual(
      staying.map((name, index) => [name, index === 0 ? {} : { by: name }]),
    );
    const work = join(config, "manifests", ".tsmanifest", "x.example_app-v1");
    expect(await readdir(work)).toEqual(["record"]);
  },
);
