import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { parse } from "yaml";
import * as z from "zod/mini";
import { VERSION } from "../../../src/version.js";
import { inputVariables, outputsIn } from "../action.js";
import { copyFile, matchesOf } from "./files.js";
import { assignmentsIn, type Env, type Machine } from "./machine.js";
import { imageOutput, type Site } from "./site.js";

/** As much of GitHub Actions as the pages and this repository's workflows use; anything else in a workflow is an error. */

const Strings = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));
const Permission = z.enum(["contents", "packages", "id-token", "attestations"]);
const Permissions = z.partialRecord(Permission, z.enum(["read", "write"]));

const Step = z.strictObject({
  name: z.optional(z.string()),
  id: z.optional(z.string()),
  uses: z.optional(z.string()),
  with: z.optional(Strings),
  env: z.optional(Strings),
  run: z.optional(z.string()),
});
type Step = z.infer<typeof Step>;

const Job = z.strictObject({
  needs: z.optional(z.union([z.string(), z.array(z.string())])),
  "timeout-minutes": z.optional(z.number()),
  strategy: z.optional(
    z.strictObject({
      "fail-fast": z.optional(z.boolean()),
      matrix: z.record(
        z.string(),
        z.array(z.union([z.string(), z.number(), z.record(z.string(), z.string())])),
      ),
    }),
  ),
  "runs-on": z.string(),
  permissions: z.optional(Permissions),
  env: z.optional(Strings),
  steps: z.array(Step),
});
type Job = z.infer<typeof Job>;

/** A job that is another workflow. */
const Call = z.strictObject({ uses: z.string(), permissions: Permissions });

const Workflow = z.strictObject({
  name: z.string(),
  on: z.unknown(),
  permissions: z.optional(Permissions),
  concurrency: z.optional(
    z.strictObject({ group: z.string(), "cancel-in-progress": z.union([z.boolean(), z.string()]) }),
  ),
  env: z.optional(Strings),
  jobs: z.record(z.string(), z.union([Job, Call])),
});
export type Workflow = z.infer<typeof Workflow>;

/** A workflow; with `changes`, with the jobs of another block in place of its own. */
export function parseWorkflow(text: string, changes?: string): Workflow {
  const workflow = Workflow.parse(parse(text));
  if (changes === undefined) return workflow;
  const { jobs } = z.strictObject({ jobs: z.record(z.string(), Job) }).parse(parse(changes));
  for (const name of Object.keys(jobs)) {
    if (!(name in workflow.jobs)) throw new Error(`the workflow has no job ${name} to be changed`);
  }
  return { ...workflow, jobs: { ...workflow.jobs, ...jobs } };
}

/** What a workflow is run with. */
export interface WorkflowRun {
  /** `me/app` */
  readonly repository: string;
  /** `v1.4.2` */
  readonly tag: string;
  readonly secrets: Env;
  readonly vars?: Env;
  /** What a checkout puts into the folder where the job works. */
  readonly checkout?: (folder: string) => void;
}

/** This project's own, at the tag that the release workflow moves. */
export const OWN_ACTION = `tsmanifest/tsmanifest@v${VERSION.split(".")[0] ?? ""}`;

/** Actions of others, in the versions that all workflows and pages have. */
export const VERSIONS: Readonly<Record<string, string>> = {
  "actions/attest": "v4",
  "actions/attest-build-provenance": "v4",
  "actions/checkout": "v7",
  "actions/download-artifact": "v8",
  "actions/setup-go": "v7",
  "actions/setup-node": "v7",
  "actions/upload-artifact": "v7",
  "docker/build-push-action": "v7",
  "docker/login-action": "v4",
  "docker/metadata-action": "v6",
  "docker/setup-buildx-action": "v4",
  "sigstore/cosign-installer": "v4.1.2",
};

/** Runs all jobs of a workflow, each after those that it needs. What was attested. */
export async function runWorkflow(
  site: Site,
  workflow: Workflow,
  run: WorkflowRun,
): Promise<{ readonly attested: readonly string[] }> {
  const artifacts = site.lab.folder();
  const attested: string[] = [];
  const left = new Map(Object.entries(workflow.jobs));
  while (left.size > 0) {
    const next = [...left].find(([, job]) => !needsOf(job).some((name) => left.has(name)));
    if (next === undefined) throw new Error(`jobs need each other: ${[...left.keys()].join(", ")}`);
    const [name, job] = next;
    left.delete(name);
    // What the other workflow does is not looked at here.
    if ("uses" in job) continue;
    for (const [index, matrix] of combinations(job).entries()) {
      const running = new JobRun(site, workflow, job, run, { artifacts, attested, matrix, index });
      await running.run();
    }
  }
  return { attested };
}

function needsOf(job: Workflow["jobs"][string]): readonly string[] {
  return "uses" in job ? [] : [job.needs ?? []].flat();
}

/** https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstrategymatrix */
function combinations({ strategy }: Job): Env[] {
  const { include = [], ...axes } = strategy?.matrix ?? {};
  const product = Object.entries(axes).reduce<Env[]>(
    (all, [name, values]) =>
      all.flatMap((one) =>
        values.map((value) => ({ ...one, [name]: String(z.union([z.string(), z.number()]).parse(value)) })),
      ),
    [{}],
  );
  return include.length === 0 ? product : z.array(z.record(z.string(), z.string())).parse(include);
}

interface Surroundings {
  readonly artifacts: string;
  readonly attested: string[];
  readonly matrix: Env;
  readonly index: number;
}

class JobRun {
  private readonly machine: Machine;
  private readonly outputs: Record<string, Env> = {};
  private hasCosign = false;

  public constructor(
    private readonly site: Site,
    private readonly workflow: Workflow,
    private readonly job: Job,
    private readonly with_: WorkflowRun,
    private readonly around: Surroundings,
  ) {
    this.machine = site.lab.machine();
  }

  public async run(): Promise<void> {
    for (const step of this.job.steps) await this.runStep(step);
  }

  private async runStep(step: Step): Promise<void> {
    const inputs = this.evaluated(step.with ?? {});
    if (step.uses !== undefined) {
      const outputs = await this.use(step.uses, inputs, this.env(step.env));
      if (step.id !== undefined) this.outputs[step.id] = outputs;
      return;
    }
    const output = join(this.machine.home, "output");
    writeFileSync(output, "");
    const script = join(this.machine.home, "step.sh");
    if (step.run?.includes("${{") === true) throw new Error(`expressions in a script: ${step.run ?? ""}`);
    if (/\bcosign\b/.test(step.run ?? "") && !this.hasCosign) throw new Error("cosign is not installed");
    writeFileSync(script, step.run ?? "");
    await this.site.lab.run(this.machine, ["bash", "-e", script], {
      ...this.env(step.env),
      GITHUB_OUTPUT: output,
      GITHUB_REF_NAME: this.with_.tag,
      GITHUB_REPOSITORY: this.with_.repository,
    });
    if (step.id !== undefined) this.outputs[step.id] = assignmentsIn(readFileSync(output, "utf8"));
  }

  private env(more: z.infer<typeof Strings> = {}): Env {
    const ofJob = this.evaluated(this.job.env ?? {});
    return { ...this.evaluated(this.workflow.env ?? {}), ...ofJob, ...this.evaluated(more) };
  }

  private async use(uses: string, inputs: Env, env: Env): Promise<Env> {
    if (uses === OWN_ACTION) {
      this.needs("packages");
      return this.useOwn(inputs, env);
    }
    const [action = "", version = ""] = uses.split("@");
    if (VERSIONS[action] !== version) throw new Error(`${uses}: not the version that is known`);
    return this.useKnown(action, inputs);
  }

  private async useOwn(inputs: Env, env: Env): Promise<Env> {
    const file = (name: string): string => join(this.machine.home, name);
    for (const name of ["output", "summary"]) writeFileSync(file(name), "");
    await this.site.lab.run(this.machine, [process.execPath, this.site.action], {
      GITHUB_OUTPUT: file("output"),
      GITHUB_STEP_SUMMARY: file("summary"),
      GITHUB_WORKSPACE: this.machine.work,
      RUNNER_TEMP: this.machine.home,
      ...inputVariables(inputs),
      ...env,
    });
    return outputsIn(readFileSync(file("output"), "utf8"));
  }

  private useKnown(action: string, inputs: Env): Env {
    const login = { HOME: this.machine.home };
    switch (action) {
      case "actions/checkout":
        this.with_.checkout?.(this.machine.work);
        return {};
      case "actions/setup-node":
      case "docker/setup-buildx-action":
        return {};
      case "sigstore/cosign-installer":
        this.hasCosign = true;
        return {};
      case "docker/login-action":
        this.site.login(login, inputs["registry"] ?? "", inputs["username"] ?? "", inputs["password"] ?? "");
        return {};
      case "docker/build-push-action":
        this.needs("packages");
        return this.build(login, inputs);
      case "docker/metadata-action":
        return metadata(inputs, this.with_.tag);
      case "actions/upload-artifact":
        this.upload(inputs);
        return {};
      case "actions/download-artifact":
        this.download(inputs);
        return {};
      case "actions/attest-build-provenance":
        return this.attest(inputs);
      case "actions/attest":
        return this.attestSbom(inputs);
      default:
        throw new Error(`nobody stands in for ${action}`);
    }
  }

  private build(login: Env, { platforms = "", outputs = "" }: Env): Env {
    const runner = this.evaluate(this.job["runs-on"]);
    if (runner.endsWith("-arm") !== platforms.includes("arm")) throw new Error(`${platforms} on ${runner}`);
    return { digest: this.site.build(login, imageOutput(outputs).name, platforms).digest };
  }

  private upload({ name = "", path = "", "if-no-files-found": none }: Env): void {
    const target = join(this.around.artifacts, name);
    if (existsSync(target)) throw new Error(`there is an artifact of the name ${name} already`);
    const files = matchesOf(this.machine.work, path);
    if (files.length === 0 && none === "error") throw new Error(`no files in ${path}`);
    // Paths in an artifact begin behind what all of them have in common.
    const top = path.replace(/\/\*.*$/, "");
    for (const file of files)
      copyFile(join(this.machine.work, file), join(target, relative(top, file) || basename(file)));
  }

  private download({
    name: wanted,
    pattern = wanted ?? "",
    path = ".",
    "merge-multiple": merged,
  }: Env): void {
    const names = new Set(matchesOf(this.around.artifacts, pattern).map((file) => file.split("/")[0] ?? ""));
    if (names.size === 0) throw new Error(`no artifact is ${pattern}`);
    for (const name of names) {
      const folder = join(this.around.artifacts, name);
      const isFlat = wanted !== undefined || merged === "true";
      const to = join(this.machine.work, path, isFlat ? "" : name);
      mkdirSync(to, { recursive: true });
      for (const file of matchesOf(folder, "*")) copyFile(join(folder, file), join(to, file));
    }
  }

  private attest(inputs: Env): Env {
    const { "subject-name": name = "", "subject-digest": digest = "", "push-to-registry": pushes } = inputs;
    for (const permission of ["id-token", "attestations"] as const) this.needs(permission);
    if (pushes === "true") this.needs("packages");
    this.site.digestAt(`${name}@${digest}`);
    this.around.attested.push(`${name}@${digest}`);
    return {};
  }

  /** Of files of the job, by a list of what is in them. */
  private attestSbom({ "subject-path": subjects = "", "sbom-path": sbom = "" }: Env): Env {
    for (const permission of ["id-token", "attestations"] as const) this.needs(permission);
    const files = matchesOf(this.machine.work, subjects);
    if (files.length === 0) throw new Error(`no files in ${subjects}`);
    z.looseObject({ bomFormat: z.literal("CycloneDX") }).parse(
      JSON.parse(readFileSync(join(this.machine.work, sbom), "utf8")),
    );
    this.around.attested.push(...files.map((file) => `${file} ${sbom}`));
    return {};
  }

  private needs(permission: z.infer<typeof Permission>): void {
    if (this.job.permissions?.[permission] !== "write") throw new Error(`the job lacks ${permission}: write`);
  }

  private evaluated(values: z.infer<typeof Strings>): Env {
    return Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, this.evaluate(String(value))]),
    );
  }

  /** Puts values in the place of `${{ … }}`. https://docs.github.com/actions/reference/workflows-and-actions/expressions */
  private evaluate(text: string): string {
    return text.replace(/\$\{\{\s*(.+?)\s*\}\}/g, (_, expression: string) => {
      const value = expression
        .split("||")
        .map((alternative) =>
          alternative
            .split("&&")
            .map((term) => this.comparison(term.trim()))
            .reduce((one, other) => (one === "" ? one : other)),
        )
        .find((alternative) => alternative !== "");
      return value ?? "";
    });
  }

  private comparison(term: string): string {
    const [left = "", right] = term.split("==").map((side) => this.atom(side.trim()));
    return right === undefined ? left : left === right ? "true" : "";
  }

  private atom(atom: string): string {
    if (/^'.*'$/.test(atom)) return atom.slice(1, -1);
    const [context = "", ...path] = atom.split(".");
    const [name = "", , output = ""] = path;
    const values: Env =
      {
        github: {
          actor: "builder",
          repository: this.with_.repository,
          ref_name: this.with_.tag,
          token: this.with_.secrets["GITHUB_TOKEN"] ?? "",
        },
        matrix: this.around.matrix,
        secrets: this.with_.secrets,
        vars: this.with_.vars ?? {},
        strategy: { "job-index": String(this.around.index) },
      }[context] ?? (context === "env" ? this.env() : {});
    const value = context === "steps" ? this.outputs[name]?.[output] : values[name];
    if (value === undefined) throw new Error(`there is no ${atom}`);
    return value;
  }
}

/** docker/metadata-action, of a tag that is a version. */
function metadata({ images = "", tags = "" }: Env, ref: string): Env {
  const version = ref.replace(/^v/, "");
  const [major = "", minor = ""] = version.split(".");
  const names = lines(tags).map((rule) => {
    const pattern = /^type=semver,pattern=(.+)$/.exec(rule)?.[1];
    if (pattern === undefined) throw new Error(`nobody stands in for the rule ${rule}`);
    return pattern.replace("{{version}}", version).replace("{{major}}", major).replace("{{minor}}", minor);
  });
  const named = lines(images).flatMap((image) => names.map((tag) => `${image}:${tag}`));
  const annotations = [
    `index:org.opencontainers.image.version=${version}`,
    "index:org.opencontainers.image.title=app",
  ];
  return { tags: named.join("\n"), annotations: annotations.join("\n") };
}

function lines(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
}
