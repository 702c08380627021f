import { isDeepStrictEqual as isSame } from "node:util";
import { expect, it } from "vitest";
import { digestOf } from "../../src/oci/digest.js";
import { describeWithPrograms, registryContent, startRegistryServer } from "../helpers/registryServer.js";
import type { RegistryServer } from "../helpers/registryServer.js";
import { seed } from "../helpers/images.js";
import { everything, sources } from "./catalogue.js";
import { nextStep, Random, type Step } from "./generator.js";
import { dockerSide, firstLine, ourSide, type Outcome, type Side } from "./sides.js";
import { dockersLines } from "../helpers/usageCases.js";

/**
 * Random sessions, each with its own two stores and registries. `PARITY_SEED` makes another run, or the same run again;
 * `PARITY_COMMANDS` a longer or shorter one.
 */
const SEED = Number(process.env["PARITY_SEED"] ?? 20240604);
const COMMANDS = Number(process.env["PARITY_COMMANDS"] ?? 1000);
const SESSION_LENGTH = 80;

interface Difference {
  readonly what: string;
  readonly session: number;
  readonly line: string;
  readonly docker: unknown;
  readonly tsmanifest: unknown;
}

describeWithPrograms("sessions of random commands", ["docker", "docker-registry"], () => {
  it(
    `${COMMANDS} commands from seed ${SEED} do what docker's do`,
    { timeout: 60_000 + COMMANDS * 500 },
    async () => {
      const differences: Difference[] = [];
      const tally = new Map<string, number>();
      let done = 0;
      for (let session = 0; done < COMMANDS; session++) {
        const registries = await Promise.all([seededRegistry(), seededRegistry()]);
        const sides = [dockerSide(registries[0]), ourSide(registries[1])] as const;
        const { difference, commands } = await runSession(sides, session, (step, status) => {
          const key = `${step.argv[0] ?? ""} ${status === 0 ? "succeeds" : "fails"}`;
          tally.set(key, (tally.get(key) ?? 0) + 1);
        });
        for (const side of sides) side.close();
        await Promise.all(registries.map((registry) => registry.close()));
        done += commands;
        if (difference !== undefined) differences.push(difference);
        if (differences.length >= 10) break;
      }
      console.log(`parity: ${done} commands, seed ${SEED}:`, Object.fromEntries([...tally].sort()));
      expect(differences).toEqual([]);
      // A comparison of nothing but failures would say little.
      for (const name of ["create", "annotate", "inspect", "push", "rm"]) {
        expect(tally.get(`${name} succeeds`) ?? 0, `${name} succeeds`).toBeGreaterThan(COMMANDS / 400);
      }
    },
  );
});

async function seededRegistry(): Promise<RegistryServer> {
  const registry = await startRegistryServer();
  await seed(registry.url, everything);
  return registry;
}

/** Runs commands until the end of the session or the first difference. */
async function runSession(
  sides: readonly [Side, Side],
  session: number,
  onStep: (step: Step, status: number | null) => void,
): Promise<{ commands: number; difference?: Difference }> {
  const random = new Random(SEED * 1000 + session);
  // With --mount-only a refused mount is what it is for docker; without, platforms are kept such that docker
  // tolerates it.
  const isMountOnly = session % 2 === 0;
  const lists = new Map<string, Set<string>>();
  let isPushCut = false;
  const [docker, ours] = sides;
  for (let commands = 1; commands <= SESSION_LENGTH; commands++) {
    const step = nextStep(random, lists, isMountOnly);
    const [theirs, mine] = await Promise.all([
      docker.run(step.argv),
      ours.run([...step.argv, ...(step.ours ?? [])]),
    ]);
    onStep(step, theirs.status);
    const found = (what: string, a: unknown, b: unknown) => ({
      commands,
      difference: {
        what,
        session,
        line: `#${commands} ${JSON.stringify(step.argv)}`,
        ...excerpts(a, b),
      },
    });
    if (mine.status === 0 && isRefusedMount(step, theirs)) {
      // Windows' layers cannot be mounted; an image that an earlier push brought is there all the same. From here on
      // the registries differ.
      return { commands };
    }
    if (!isSame(visible(step, theirs), visible(step, mine))) return found("output", theirs, mine);

    // docker mounts everything before it puts anything; where that fails we may have got further with some images.
    isPushCut ||= isRefusedMount(step, theirs);
    if (step.argv[0] === "create" && theirs.status !== 0) {
      // docker leaves what it had fetched before it failed; all or nothing is ours.
      await forgetHalfMade(sides, step, lists);
    }
    const [left, right] = await Promise.all([docker.store(), ours.store()]);
    const path = firstDifference(left, right);
    if (path !== undefined) return found(`store: ${path}`, left[path], right[path]);
    // rm goes on with the others when one is missing.
    if (theirs.status === 0 || step.argv[0] === "rm") remember(step, lists);
  }
  const [left, right] = await Promise.all(sides.map((side) => contentOf(side)));
  if (!Object.keys(left?.tags ?? {}).some((name) => name.startsWith("multi/app:"))) {
    throw new Error("the registry shows no tag that was pushed");
  }
  const isAlike = isPushCut ? isSame(left?.tags, right?.tags) : isSame(left, right);
  if (!isAlike) {
    const difference = { what: "registry", session, line: "at the end", ...excerpts(left, right) };
    return { commands: SESSION_LENGTH, difference };
  }
  return { commands: SESSION_LENGTH };
}

function isRefusedMount({ argv }: Step, { stderr }: Outcome): boolean {
  return argv[0] === "push" && stderr.startsWith("error mounting win/");
}

/** Of two entries of one platform docker says nothing. */
function withoutWarnings(stderr: string): string {
  return stderr.replaceAll(/^WARNING: .* is in the list (?:twice|\d+ times), as .*\n/gm, "");
}

/** What must be the same. stderr may have more lines: hints. */
function visible(step: Step, { status, stdout, stderr }: Outcome) {
  return {
    status,
    stdout,
    stderr:
      step.faults > 1
        ? ""
        : step.argv[0] === "rm"
          ? dockersLines(stderr)
          : firstLine(withoutWarnings(stderr)),
  };
}

/** After a create that failed: what docker has more of is removed with its list, from both. */
async function forgetHalfMade(
  [docker, ours]: readonly [Side, Side],
  step: Step,
  lists: Map<string, Set<string>>,
): Promise<void> {
  const [left, right] = await Promise.all([docker.store(), ours.store()]);
  if (isSame(left, right)) return;
  const list = step.argv.find((arg, index) => index > 0 && !arg.startsWith("-"));
  if (list === undefined) return;
  await Promise.all([docker.run(["rm", list]), ours.run(["rm", list])]);
  lists.delete(list);
}

function remember({ argv: [command, ...args] }: Step, lists: Map<string, Set<string>>): void {
  const names = args.filter((arg) => !arg.startsWith("-"));
  const [list = "", ...rest] = names;
  if (command === "create") lists.set(list, new Set([...(lists.get(list) ?? []), ...rest]));
  if (command === "rm") for (const name of names) lists.delete(name);
  if (command === "push" && args.some((arg) => arg === "-p" || arg === "--purge")) lists.delete(list);
}

function contentOf(side: Side) {
  const digests = sources.flatMap(({ digest, blobs }) => [digest, ...blobs.map(digestOf)]);
  return registryContent(side.registry.url, [...new Set(digests)], isTarget);
}

/** Repositories that lists are pushed to. */
function isTarget(repository: string): boolean {
  return repository.startsWith("multi") || repository === "win/core";
}

/** A path whose content differs. */
function firstDifference(
  left: Readonly<Record<string, string>>,
  right: Readonly<Record<string, string>>,
): string | undefined {
  return [...Object.keys(left), ...Object.keys(right)].find((path) => left[path] !== right[path]);
}

/** Both sides from shortly before where they part. */
function excerpts(docker: unknown, tsmanifest: unknown): { docker: string; tsmanifest: string } {
  const [left, right] = [JSON.stringify([docker]), JSON.stringify([tsmanifest])];
  let at = 0;
  while (at < left.length && left[at] === right[at]) at++;
  const cut = (text: string): string => text.slice(Math.max(0, at - 100), at + 200);
  return { docker: cut(left), tsmanifest: cut(right) };
}
