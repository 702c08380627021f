import { createHash } from "node:crypto";
import { usageError } from "../errors.js";

/**
 * Lists shared out among jobs that know nothing of each other. Which job a list belongs to depends on its name and on how
 * many jobs there are, and on nothing else: each list is in exactly one, and adding a list moves no other.
 */

/** One of several jobs. */
export interface Shard {
  /** From 1 to `count`. */
  readonly index: number;
  readonly count: number;
}

/** More jobs than anybody starts for one file. */
const MAX_COUNT = 10_000;

/**
 * The shard of a list, from 1 to `count`.
 * @param target the first name of the list, as `nameKey` has it, so that it is the same however it is written:
 *   `docker.io/library/app:v1`
 * @example
 * shardOf("docker.io/library/app:v1", 16); // always the same
 */
export function shardOf(target: string, count: number): number {
  const hash = createHash("sha256").update(target).digest();
  // 48 bits, which JavaScript's numbers hold: no shard of 10,000 is likelier than another by more than 4e-11.
  return (hash.readUIntBE(0, 6) % count) + 1;
}

/** The environment of a job, as far as it says which of several it is. One row each. */
interface System {
  readonly name: string;
  readonly index: string;
  readonly count: string;
  /** What the first job has for its index. */
  readonly first: 0 | 1;
  /** It says the index and not how many there are. */
  readonly isCountSaidElsewhere?: true;
}

const SYSTEMS: readonly System[] = [
  // https://kubernetes.io/docs/tasks/job/indexed-parallel-processing-static/
  {
    name: "Kubernetes",
    index: "JOB_COMPLETION_INDEX",
    count: "JOB_COMPLETIONS",
    first: 0,
    isCountSaidElsewhere: true,
  },
  // https://docs.gitlab.com/ci/variables/predefined_variables/
  { name: "GitLab", index: "CI_NODE_INDEX", count: "CI_NODE_TOTAL", first: 1 },
  // https://circleci.com/docs/reference/variables/
  { name: "CircleCI", index: "CIRCLE_NODE_INDEX", count: "CIRCLE_NODE_TOTAL", first: 0 },
  // https://buildkite.com/docs/pipelines/configure/environment-variables
  { name: "Buildkite", index: "BUILDKITE_PARALLEL_JOB", count: "BUILDKITE_PARALLEL_JOB_COUNT", first: 0 },
  // GitHub has them as strategy.job-index and strategy.job-total, which a workflow passes on.
  // https://docs.github.com/actions/reference/contexts-reference#strategy-context
  { name: "GitHub", index: "STRATEGY_JOB_INDEX", count: "STRATEGY_JOB_TOTAL", first: 0 },
];

type Env = Readonly<Record<string, string | undefined>>;

/**
 * What `--shard` and `--shards` say: `3/16`, or `auto` for what the job's environment says.
 * @param shards how many there are, for `auto` where the environment does not say it
 * @throws USAGE, with the way out
 * @example
 * readShard("auto", undefined, { CI_NODE_INDEX: "3", CI_NODE_TOTAL: "16" }); // { index: 3, count: 16 }
 */
export function readShard(text: string, shards: number | undefined, env: Env): Shard {
  if (text === "auto") return fromEnvironment(shards, env);
  const [, index, count] = /^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? [];
  if (index === undefined || count === undefined) {
    throw usageError(
      `--shard ${JSON.stringify(text)} is neither I/N nor auto`,
      "write the third of sixteen as 3/16",
    );
  }
  const shard = { index: Number(index), count: Number(count) };
  checkCount(shard.count, `--shard ${text}`);
  if (!isShard(shard)) {
    throw usageError(
      `--shard ${text}: there is no such shard`,
      `the shards are 1/${shard.count} to ${shard.count}/${shard.count}`,
    );
  }
  if (shards !== undefined && shards !== shard.count) {
    throw usageError(
      `--shard ${text} and --shards ${shards} are not the same number of shards`,
      "leave --shards out",
    );
  }
  return shard;
}

function fromEnvironment(shards: number | undefined, env: Env): Shard {
  const found = SYSTEMS.filter((system) => isSet(env, system.index) || isSet(env, system.count));
  const [system, other] = found;
  if (system === undefined) {
    const names = SYSTEMS.map(({ name }) => name).join(", ");
    throw usageError(
      `--shard auto: nothing in the environment says which job this is; looked for the variables of ${names}`,
      `pass --shard I/N, or set ${SYSTEMS.map(({ index }) => index).join(", ")}; a workflow of GitHub has to pass its own on, see docs/apply.md`,
    );
  }
  if (other !== undefined) {
    throw usageError(
      `--shard auto: the environment has variables of both ${system.name} (${setOf(system, env)}) and ${other.name} (${setOf(other, env)})`,
      "pass --shard I/N",
    );
  }
  return fromSystem(system, shards, env);
}

function fromSystem(system: System, shards: number | undefined, env: Env): Shard {
  const { name, index, count, first, isCountSaidElsewhere } = system;
  // A job that is the only one: GitLab says so to every job.
  if (!isSet(env, index) && numberIn(env, count) === 1 && (shards ?? 1) === 1) return { index: 1, count: 1 };
  if (!isSet(env, index))
    throw usageError(`--shard auto: ${count} is set, but ${index} is not`, "pass --shard I/N");
  const said = isSet(env, count) ? numberIn(env, count) : undefined;
  if (said !== undefined && shards !== undefined && said !== shards) {
    throw usageError(`--shards ${shards}, but ${count} is ${said}`, "leave --shards out");
  }
  const total = said ?? (isCountSaidElsewhere ? shards : undefined);
  if (total === undefined) {
    const wayOut = isCountSaidElsewhere
      ? "pass --shards N, as many as the Job has completions"
      : "pass --shard I/N";
    throw usageError(`--shard auto: ${index} is set, but ${count} is not`, wayOut);
  }
  const given = numberIn(env, index);
  checkCount(total, `--shard auto on ${name}`);
  const shard = { index: given - first + 1, count: total };
  if (isShard(shard)) return shard;
  throw usageError(
    `--shard auto: ${index} is ${given}, but with ${total} ${total === 1 ? "job" : "jobs"} ${name} counts from ${first} to ${first + total - 1}`,
    "check how many jobs there are, or pass --shard I/N",
  );
}

function checkCount(count: number, what: string): void {
  if (count < 1 || count > MAX_COUNT)
    throw usageError(`${what}: ${count} shards`, `there can be 1 to ${MAX_COUNT} shards`);
}

function isShard({ index, count }: Shard): boolean {
  return index >= 1 && index <= count;
}

function isSet(env: Env, name: string): boolean {
  return Object.hasOwn(env, name) && env[name] !== undefined && env[name] !== "";
}

function numberIn(env: Env, name: string): number {
  const text = env[name] ?? "";
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw usageError(
    `--shard auto: ${name} is ${JSON.stringify(text)}, which is not the number of a job`,
    "pass --shard I/N",
  );
}

function setOf({ index, count }: System, env: Env): string {
  return [index, count].filter((name) => isSet(env, name)).join(", ");
}
