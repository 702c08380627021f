import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { beforeEach } from "vitest";
import { parse } from "yaml";
import * as z from "zod/mini";
import { putFile, type Env, type Machine, type StandIn } from "./machine.js";
import { flagsIn, PASSWORD, USER, type Site } from "./site.js";

/** As much of Kubernetes as the page uses. https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/job-v1/ */
const Named = z.strictObject({ name: z.string() });

const KubernetesJob = z.strictObject({
  apiVersion: z.literal("batch/v1"),
  kind: z.literal("Job"),
  metadata: Named,
  spec: z.strictObject({
    completionMode: z.literal("Indexed"),
    completions: z.int(),
    parallelism: z.int(),
    backoffLimitPerIndex: z.int(),
    podFailurePolicy: z.strictObject({
      rules: z.array(
        z.strictObject({
          action: z.literal("Ignore"),
          onPodConditions: z.array(z.strictObject({ type: z.literal("DisruptionTarget") })),
        }),
      ),
    }),
    template: z.strictObject({
      spec: z.strictObject({
        // Both policies of failures are for pods that are never restarted in place.
        restartPolicy: z.literal("Never"),
        containers: z.tuple([
          z.strictObject({
            name: z.string(),
            image: z.string(),
            args: z.array(z.string()),
            env: z.array(z.strictObject({ name: z.string(), value: z.string() })),
            resources: z.record(z.enum(["requests", "limits"]), z.record(z.string(), z.string())),
            securityContext: z.strictObject({
              runAsNonRoot: z.literal(true),
              readOnlyRootFilesystem: z.literal(true),
              allowPrivilegeEscalation: z.literal(false),
              capabilities: z.strictObject({ drop: z.tuple([z.literal("ALL")]) }),
            }),
            volumeMounts: z.array(z.strictObject({ name: z.string(), mountPath: z.string() })),
          }),
        ]),
        volumes: z.array(
          z.strictObject({
            name: z.string(),
            projected: z.optional(z.strictObject({ sources: z.array(z.strictObject({ configMap: Named })) })),
            secret: z.optional(
              z.strictObject({
                secretName: z.string(),
                items: z.array(z.strictObject({ key: z.string(), path: z.string() })),
              }),
            ),
          }),
        ),
      }),
    }),
  }),
});
type KubernetesJob = z.infer<typeof KubernetesJob>;

/** What there is in the cluster: the files of ConfigMaps and Secrets, by their names. */
interface Cluster {
  readonly configMaps: Record<string, Env>;
  readonly secrets: Record<string, Env>;
}

/** A cluster behind kubectl, which is a stand-in. */
export interface Kubernetes {
  readonly standIns: (site: Site) => Readonly<Record<string, StandIn>>;
  /** How many have run. */
  readonly pods: number;
  /** Runs what a user types beside these files. */
  run(
    site: Site,
    machine: Machine,
    what: { readonly script: string; readonly files: Env; readonly env: Env },
  ): Promise<void>;
}

/** A new one for each test of a file. */
export function useKubernetes(): Kubernetes {
  const pods: string[] = [];
  let cluster: Cluster = { configMaps: {}, secrets: {} };
  beforeEach(() => {
    pods.length = 0;
    cluster = { configMaps: {}, secrets: {} };
  });
  return {
    get pods() {
      return pods.length;
    },
    standIns: (site) => ({
      kubectl: async ({ args, cwd }) => {
        const flags = flagsIn(args);
        const [verb = "", kind = "", ...rest] = args.filter((arg) => !arg.startsWith("--"));
        switch (`${verb} ${kind}`) {
          case "create configmap": {
            const file = resolve(cwd, flags["from-file"] ?? "");
            if (statSync(file).size > 2 ** 20) throw new Error("a ConfigMap has at most 1 MiB");
            cluster.configMaps[rest[0] ?? ""] = { [basename(file)]: readFileSync(file, "utf8") };
            return "";
          }
          case "create secret":
            cluster.secrets[rest[1] ?? ""] = { ".dockerconfigjson": configOf(flags) };
            return "";
          case "replace -f":
          case "create -f":
            if (verb === "replace" && !args.includes("--force"))
              throw new Error("most of a Job cannot be changed");
            pods.push(
              ...(await runPods(site, readFileSync(resolve(cwd, flags["f"] ?? ""), "utf8"), cluster)),
            );
            return "";
          case "wait job/lists":
            if (pods.length === 0) throw new Error("there is no such job");
            return "";
          default:
            throw new Error(`unexpected: ${args.join(" ")}`);
        }
      },
    }),
    run: async (site, machine, { script, files, env }) => {
      for (const [path, content] of Object.entries(files)) putFile(machine, path, content);
      // Whoever plans reads the registry, too.
      for (const { host } of Object.values(site.registries))
        site.login({ HOME: machine.home }, host, USER, PASSWORD);
      await site.lab.run(machine, ["sh", "-euc", script], env);
    },
  };
}

function configOf(flags: Env): string {
  const {
    "docker-server": server = "",
    "docker-username": user = "",
    "docker-password": password = "",
  } = flags;
  const auth = Buffer.from(`${user}:${password}`).toString("base64");
  return JSON.stringify({ auths: { [server]: { auth } } });
}

const PODS_AT_ONCE = 4;

/** Runs all pods of an Indexed Job, with their volumes. What each has printed. */
async function runPods(site: Site, text: string, cluster: Cluster): Promise<string[]> {
  const { spec } = KubernetesJob.parse(parse(text));
  const [container] = spec.template.spec.containers;
  if (!container.image.includes("/tsmanifest:"))
    throw new Error(`${container.image} is not the tool's image`);
  const pod = async (index: number): Promise<string> => {
    const machine = site.lab.machine();
    const places: Record<string, string> = {};
    for (const { name, mountPath } of container.volumeMounts) {
      const volume = spec.template.spec.volumes.find((one) => one.name === name);
      const folder = join(dirname(machine.work), mountPath.slice(1));
      mount(folder, filesOf(volume, cluster));
      places[mountPath] = folder;
    }
    const env = container.env.map(({ name, value }): [string, string] => [name, places[value] ?? value]);
    const args = container.args.map((arg) => places[arg] ?? arg);
    const variables = { ...Object.fromEntries(env), JOB_COMPLETION_INDEX: String(index) };
    return site.lab.run(machine, ["tsmanifest", ...args], variables);
  };
  const printed: string[] = [];
  // A few at once: here are no sixteen nodes.
  for (let first = 0; first < spec.completions; first += PODS_AT_ONCE) {
    const last = Math.min(first + PODS_AT_ONCE, spec.completions);
    const indexes = Array.from({ length: last - first }, (_, more) => first + more);
    printed.push(...(await Promise.all(indexes.map(pod))));
  }
  return printed;
}

function filesOf(
  volume: KubernetesJob["spec"]["template"]["spec"]["volumes"][number] | undefined,
  { configMaps, secrets }: Cluster,
): Env {
  const maps = (volume?.projected?.sources ?? []).map(({ configMap }) => {
    const map = configMaps[configMap.name];
    if (map === undefined) throw new Error(`there is no ConfigMap ${configMap.name}`);
    return map;
  });
  const items = (volume?.secret?.items ?? []).map(({ key, path }) => {
    const value = secrets[volume?.secret?.secretName ?? ""]?.[key];
    if (value === undefined) throw new Error(`there is no ${key} in the secret`);
    return { [path]: value };
  });
  if (maps.length + items.length === 0) throw new Error("a mount of no volume, or of an empty one");
  return Object.fromEntries([...maps, ...items].flatMap((one) => Object.entries(one)));
}

/** Lays files into a folder as the kubelet does it: links to links, so that all of them change at once. */
function mount(folder: string, files: Env): void {
  mkdirSync(join(folder, "..2026_11_27"), { recursive: true });
  symlinkSync("..2026_11_27", join(folder, "..data"));
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(folder, "..2026_11_27", name), content);
    symlinkSync(join("..data", name), join(folder, name));
  }
}
