import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import * as z from "zod/mini";
import type { Env } from "./machine.js";
import { PASSWORD, USER, type Site } from "./site.js";

/** As much of Tekton as the page uses. https://tekton.dev/docs/pipelines/pipeline-api/ */

const Value = z.union([z.string(), z.array(z.string())]);
type Value = z.infer<typeof Value>;
const Params = z.array(z.strictObject({ name: z.string(), type: z.enum(["string", "array"]) }));
const Given = z.array(z.strictObject({ name: z.string(), value: Value }));
const Metadata = z.strictObject({ name: z.optional(z.string()), generateName: z.optional(z.string()) });
const apiVersion = z.literal("tekton.dev/v1");

const Task = z.strictObject({
  apiVersion,
  kind: z.literal("Task"),
  metadata: Metadata,
  spec: z.strictObject({
    params: Params,
    results: z.array(z.strictObject({ name: z.string(), description: z.string() })),
    steps: z.array(
      z.strictObject({
        name: z.string(),
        image: z.string(),
        env: z.optional(z.array(z.strictObject({ name: z.string(), value: z.string() }))),
        args: z.optional(z.array(z.string())),
        script: z.optional(z.string()),
      }),
    ),
  }),
});
type Task = z.infer<typeof Task>;

const Pipeline = z.strictObject({
  apiVersion,
  kind: z.literal("Pipeline"),
  metadata: Metadata,
  spec: z.strictObject({
    params: Params,
    tasks: z.array(
      z.strictObject({ name: z.string(), taskRef: z.strictObject({ name: z.string() }), params: Given }),
    ),
    results: z.array(z.strictObject({ name: z.string(), value: z.string() })),
  }),
});

const PipelineRun = z.strictObject({
  apiVersion,
  kind: z.literal("PipelineRun"),
  metadata: Metadata,
  spec: z.strictObject({
    pipelineRef: z.strictObject({ name: z.string() }),
    params: Given,
    taskRunTemplate: z.strictObject({ serviceAccountName: z.string() }),
    taskRunSpecs: z.array(
      z.strictObject({
        pipelineTaskName: z.string(),
        podTemplate: z.strictObject({ nodeSelector: z.record(z.string(), z.string()) }),
      }),
    ),
  }),
});

const Object_ = z.discriminatedUnion("kind", [Task, Pipeline, PipelineRun]);

/** Creates all objects of some files, and runs the run among them. The results of its pipeline, and of its tasks. */
export async function runTekton(
  site: Site,
  texts: readonly string[],
): Promise<{ readonly results: Env; readonly tasks: Readonly<Record<string, Env>> }> {
  const objects = texts.flatMap((text) =>
    parseAllDocuments(text).map((document) => Object_.parse(document.toJS())),
  );
  const run = objects.find((one) => one.kind === "PipelineRun");
  const pipeline = objects.find(
    (one) => one.kind === "Pipeline" && one.metadata.name === run?.spec.pipelineRef.name,
  );
  if (run === undefined || pipeline?.kind !== "Pipeline")
    throw new Error("no run of a pipeline that is there");
  const values: Record<string, Value> = given("params", pipeline.spec.params, run.spec.params);
  const tasks: Record<string, Env> = {};
  for (const { name, taskRef, params } of pipeline.spec.tasks) {
    const task = objects.find((one) => one.kind === "Task" && one.metadata.name === taskRef.name);
    if (task?.kind !== "Task") throw new Error(`there is no task ${taskRef.name}`);
    const filled = params.map((param) => ({ name: param.name, value: substituted(param.value, values) }));
    const spec = run.spec.taskRunSpecs.find(({ pipelineTaskName }) => pipelineTaskName === name);
    const arch = spec?.podTemplate.nodeSelector["kubernetes.io/arch"] ?? "";
    const results = await runTask(site, task, given("params", task.spec.params, filled), arch);
    tasks[name] = results;
    for (const [result, value] of Object.entries(results)) values[`tasks.${name}.results.${result}`] = value;
  }
  const results = pipeline.spec.results.map(({ name, value }) => [name, String(substituted(value, values))]);
  return { results: z.record(z.string(), z.string()).parse(Object.fromEntries(results)), tasks };
}

function given(
  prefix: string,
  declared: z.infer<typeof Params>,
  values: z.infer<typeof Given>,
): Record<string, Value> {
  const names = (all: readonly { readonly name: string }[]): string =>
    String(all.map(({ name }) => name).sort());
  if (names(declared) !== names(values)) throw new Error(`${names(values)} for ${names(declared)}`);
  for (const { name, type } of declared) {
    const value = values.find((one) => one.name === name)?.value;
    if (Array.isArray(value) !== (type === "array")) throw new Error(`${name} is no ${type}`);
  }
  return Object.fromEntries(values.map(({ name, value }) => [`${prefix}.${name}`, value]));
}

/** Puts values in the place of `$(…)`; `$(….[*])` alone is all of an array. */
function substituted(value: Value, values: Readonly<Record<string, Value>>): Value {
  if (Array.isArray(value)) return value.flatMap((one) => substituted(one, values));
  const whole = /^\$\(([^)]+)\[\*\]\)$/.exec(value)?.[1];
  if (whole !== undefined) return z.array(z.string()).parse(values[whole]);
  return value.replace(/\$\(([\w.-]+)\)/g, (_, name: string) => z.string(`no ${name}`).parse(values[name]));
}

async function runTask(
  site: Site,
  task: Task,
  params: Readonly<Record<string, Value>>,
  arch: string,
): Promise<Env> {
  const machine = site.lab.machine();
  const folder = join(machine.home, "results");
  mkdirSync(folder);
  const values: Record<string, Value> = { ...params, "context.taskRun.uid": "0f1e" };
  for (const { name } of task.spec.results) values[`results.${name}.path`] = join(folder, name);
  // The secret of the service account.
  const login = { HOME: machine.home, CI_TEST_ARCH: arch };
  for (const { host } of Object.values(site.registries)) site.login(login, host, USER, PASSWORD);
  for (const step of task.spec.steps) {
    const env = (step.env ?? []).map(({ name, value }) => [name, String(substituted(value, values))]);
    const args = [substituted(step.args ?? [], values)].flat();
    await site.lab.run(machine, commandOf(step, args, { values, folder }), {
      ...login,
      ...z.record(z.string(), z.string()).parse(Object.fromEntries(env)),
    });
  }
  const results = task.spec.results.map(({ name }) => [name, readFileSync(join(folder, name), "utf8")]);
  return z.record(z.string(), z.string()).parse(Object.fromEntries(results));
}

function commandOf(
  { image, script }: Task["spec"]["steps"][number],
  args: readonly string[],
  { values, folder }: { readonly values: Readonly<Record<string, Value>>; readonly folder: string },
): [string, ...string[]] {
  if (script === undefined) {
    if (!image.includes("/kaniko:")) throw new Error(`${image} is run without a command`);
    return ["executor", ...args];
  }
  // /tmp is the pod's own.
  const text = String(substituted(script.replaceAll("/tmp/", `${folder}-`), values));
  const file = `${folder}-script`;
  writeFileSync(file, text, { mode: 0o755 });
  return [file, ...args];
}
