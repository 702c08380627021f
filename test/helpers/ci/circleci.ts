import { join } from "node:path";
import { parse } from "yaml";
import * as z from "zod/mini";
import { copyFile, handOn, matchesOf } from "./files.js";
import { putFile, type Env } from "./machine.js";
import { PASSWORD, readFileOf, USER, type Site } from "./site.js";

/** As much of CircleCI as the pages use. https://circleci.com/docs/reference/configuration-reference/ */
const Step = z.union([
  z.literal("checkout"),
  z.strictObject({ run: z.string() }),
  z.strictObject({ persist_to_workspace: z.strictObject({ root: z.string(), paths: z.array(z.string()) }) }),
  z.strictObject({ attach_workspace: z.strictObject({ at: z.string() }) }),
  z.strictObject({ store_artifacts: z.strictObject({ path: z.string() }) }),
]);

const Job = z.strictObject({
  parameters: z.optional(z.record(z.string(), z.strictObject({ type: z.literal("string") }))),
  docker: z.optional(z.array(z.strictObject({ image: z.string() }))),
  machine: z.optional(z.strictObject({ image: z.string() })),
  resource_class: z.optional(z.string()),
  parallelism: z.optional(z.number()),
  steps: z.array(Step),
});
type Job = z.infer<typeof Job>;

const Filters = z.strictObject({
  tags: z.strictObject({ only: z.string() }),
  branches: z.strictObject({ ignore: z.string() }),
});
const Use = z.catchall(
  z.object({
    name: z.optional(z.string()),
    requires: z.optional(z.array(z.string())),
    filters: z.optional(Filters),
  }),
  z.string(),
);

const Config = z.strictObject({
  version: z.literal(2.1),
  jobs: z.record(z.string(), Job),
  workflows: z.record(
    z.string(),
    z.strictObject({ jobs: z.array(z.union([z.string(), z.record(z.string(), Use)])) }),
  ),
});

/** Runs all workflows of a configuration, jobs in the order in which they stand there. What jobs keep as artifacts. */
export async function runCircleci(site: Site, text: string, files: Env = {}): Promise<Env> {
  const config = Config.parse(parse(text));
  const workspace = site.lab.folder();
  const kept: Record<string, string> = {};
  for (const { jobs } of Object.values(config.workflows)) {
    const done = new Set<string>();
    for (const use of jobs) {
      const [job, options] = typeof use === "string" ? [use, {}] : onlyEntryOf(use);
      const { name = job, requires = [], filters, ...parameters } = options;
      for (const one of requires) if (!done.has(one)) throw new Error(`${name} requires ${one}`);
      if (filters !== undefined && !/^\/.*\/$/.test(filters.tags.only)) throw new Error("no expression");
      const definition = config.jobs[job];
      if (definition === undefined) throw new Error(`there is no job ${job}`);
      const substituted = Job.parse(
        substitute(definition, z.record(z.string(), z.string()).parse(parameters)),
      );
      const count = substituted.parallelism ?? 1;
      for (let index = 0; index < count; index++)
        Object.assign(kept, await runJob(site, substituted, { workspace, files, index, count }));
      done.add(name);
    }
  }
  return kept;
}

function onlyEntryOf<Value>(object: Readonly<Record<string, Value>>): [string, Value] {
  const [entry, ...more] = Object.entries(object);
  if (entry === undefined || more.length > 0)
    throw new Error(`not one of them: ${Object.keys(object).join()}`);
  return entry;
}

function substitute(job: Job, parameters: Env): unknown {
  const declared = Object.keys(job.parameters ?? {}).sort();
  if (String(declared) !== String(Object.keys(parameters).sort()))
    throw new Error(`parameters ${Object.keys(parameters).join(", ")}, not ${declared.join(", ")}`);
  const text = JSON.stringify(job).replace(/<< parameters\.(\w+) >>/g, (_, name: string) => {
    const value = parameters[name];
    if (value === undefined) throw new Error(`there is no parameter ${name}`);
    return value;
  });
  return JSON.parse(text);
}

interface Surroundings {
  readonly workspace: string;
  readonly files: Env;
  readonly index: number;
  readonly count: number;
}

async function runJob(site: Site, job: Job, { workspace, files, index, count }: Surroundings): Promise<Env> {
  const machine = site.lab.machine();
  const kept: Record<string, string> = {};
  for (const step of job.steps) {
    if (step === "checkout") {
      for (const [path, content] of Object.entries(files)) putFile(machine, path, content);
    } else if ("run" in step) {
      if (/\bdocker (?:login|buildx)\b/.test(step.run)) checkMachine(job, step.run);
      await site.lab.run(machine, ["bash", "-eo", "pipefail", "-c", step.run], {
        GHCR_USER: USER,
        GHCR_TOKEN: PASSWORD,
        CIRCLE_TAG: "v1.4",
        CIRCLE_NODE_INDEX: String(index),
        CIRCLE_NODE_TOTAL: String(count),
      });
    } else if ("persist_to_workspace" in step) {
      const { root, paths } = step.persist_to_workspace;
      handOn(join(machine.work, root), paths, workspace);
    } else if ("attach_workspace" in step) {
      for (const path of matchesOf(workspace, "*"))
        copyFile(join(workspace, path), join(machine.work, step.attach_workspace.at, path));
    } else {
      const { path } = step.store_artifacts;
      kept[path] = readFileOf(machine, path);
    }
  }
  return kept;
}

/** docker is on a machine alone, and a machine's kind decides what it builds for. */
function checkMachine({ machine, resource_class: kind = "" }: Job, script: string): void {
  if (machine === undefined) throw new Error("there is no docker in a container");
  const platform = /--platform "(\S+)"/.exec(script)?.[1];
  if (platform !== undefined && platform.includes("arm") !== kind.startsWith("arm."))
    throw new Error(`${platform} on ${kind}`);
}
