import { join } from "node:path";
import { parse } from "yaml";
import * as z from "zod/mini";
import { copyFile, handOn, matchesOf } from "./files.js";
import { assignmentsIn, putFile, type Env } from "./machine.js";
import { PASSWORD, readFileOf, USER, type Site } from "./site.js";

/** As much of GitLab CI as the pages use. https://docs.gitlab.com/ci/yaml/ */
const Job = z.strictObject({
  stage: z.optional(z.string()),
  image: z.union([z.string(), z.strictObject({ name: z.string(), entrypoint: z.array(z.string()) })]),
  services: z.optional(z.array(z.string())),
  parallel: z.optional(
    z.union([z.number(), z.strictObject({ matrix: z.array(z.record(z.string(), z.string())) })]),
  ),
  tags: z.optional(z.array(z.string())),
  needs: z.optional(z.array(z.string())),
  script: z.array(z.string()),
  artifacts: z.optional(
    z.strictObject({
      paths: z.optional(z.array(z.string())),
      expire_in: z.optional(z.string()),
      when: z.optional(z.literal("always")),
      reports: z.optional(z.strictObject({ dotenv: z.string() })),
    }),
  ),
});
type Job = z.infer<typeof Job>;

const Pipeline = z.catchall(z.object({ stages: z.optional(z.array(z.string())) }), Job);

/** Runs a pipeline, its stages in their order. What jobs leave in their dotenv reports. */
export async function runGitlab(site: Site, text: string, files: Env = {}): Promise<Env> {
  const { stages = ["test"], ...jobs } = Pipeline.parse(parse(text));
  const artifacts = site.lab.folder();
  const reported: Record<string, string> = {};
  for (const stage of stages) {
    // A job gets what the stages before its own have left.
    const left = site.lab.folder();
    for (const [name, job] of Object.entries(jobs)) {
      if ((job.stage ?? "test") !== stage) continue;
      for (const need of job.needs ?? []) if (!(need in jobs)) throw new Error(`${name} needs no job`);
      for (const variables of instancesOf(job))
        Object.assign(reported, await runJob(site, job, variables, { artifacts, left, files }));
    }
    for (const path of matchesOf(left, "*")) copyFile(join(left, path), join(artifacts, path));
  }
  const strays = Object.entries(jobs).filter(([, { stage = "test" }]) => !stages.includes(stage));
  if (strays.length > 0) throw new Error(`no stage for ${strays.map(([name]) => name).join(", ")}`);
  return reported;
}

function instancesOf({ parallel }: Job): Env[] {
  const instances =
    typeof parallel === "number" ? Array.from({ length: parallel }, () => ({})) : parallel?.matrix;
  if (instances === undefined) return [{}];
  return instances.map((variables, index) => ({
    CI_NODE_INDEX: String(index + 1),
    CI_NODE_TOTAL: String(instances.length),
    ...variables,
  }));
}

async function runJob(
  site: Site,
  job: Job,
  variables: Env,
  { artifacts, left, files }: { readonly artifacts: string; readonly left: string; readonly files: Env },
): Promise<Env> {
  const machine = site.lab.machine();
  for (const [path, content] of Object.entries(files)) putFile(machine, path, content);
  for (const path of matchesOf(artifacts, "*")) copyFile(join(artifacts, path), join(machine.work, path));
  const host = site.registries["registry.example"].host;
  const image = typeof job.image === "string" ? job.image : job.image.name;
  const runner = job.tags?.map((tag) => tag.replace(/\$(\w+)/g, (_, name: string) => variables[name] ?? ""));
  const script = ["set -e", ...job.script].join("\n");
  const needsDocker = /\bdocker (?:login|buildx)\b/.test(script);
  if (needsDocker && !image.startsWith("docker:")) throw new Error(`${image} has no docker`);
  await site.lab.run(machine, ["sh", "-c", script], {
    CI_REGISTRY: host,
    CI_REGISTRY_IMAGE: `${host}/team/app`,
    CI_REGISTRY_USER: USER,
    CI_REGISTRY_PASSWORD: PASSWORD,
    CI_COMMIT_REF_SLUG: "v1-4",
    CI_PIPELINE_ID: "77",
    CI_PROJECT_DIR: machine.work,
    CI_TEST_ARCH: runner?.[0]?.split("-").at(-1) ?? "",
    ...(image.includes("kaniko") && { DOCKER_CONFIG: machine.home }),
    ...variables,
  });
  handOn(machine.work, job.artifacts?.paths ?? [], left);
  const dotenv = job.artifacts?.reports?.dotenv;
  if (dotenv === undefined) return {};
  return assignmentsIn(readFileOf(machine, dotenv));
}
