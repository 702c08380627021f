import type { Random } from "../generator.js";
import { nextStep, sourcesOf, type Step } from "./commands.js";
import { compare, type Difference, type Result } from "./compare.js";
import { blobsThatPassed } from "./requests.js";
import type { Side } from "./sides.js";
import type { World } from "./world.js";

/** What came of some sessions. */
export class Tally {
  commands = 0;
  /** Requests of the commands that succeed on both sides, by whether all they read and write is in one registry. */
  readonly requests = {
    within: { buildx: 0, tsmanifest: 0 },
    between: { buildx: 0, tsmanifest: 0 },
  };
  readonly differences: Found[] = [];
  readonly #counts = new Map<string, number>();

  add(key: string): void {
    this.#counts.set(key, this.count(key) + 1);
  }

  count(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  /** For people. */
  get counts(): Record<string, number> {
    return Object.fromEntries([...this.#counts].sort());
  }

  /** How many sessions have differed. */
  get failed(): number {
    return new Set(this.differences.map(({ session }) => session)).size;
  }
}

interface Found extends Difference {
  readonly session: string;
  readonly line: string;
}

/** Of buildx and of us. */
export type Sides = readonly [theirs: Side, ours: Side];

/** A few commands, of which the later ones find what the earlier ones have pushed. */
const SESSION_LENGTH = 4;

/** Runs commands until the end of the session, or until the sides are no longer alike. */
export async function runSession(
  name: string,
  random: Random,
  world: World,
  sides: Sides,
  tally: Tally,
): Promise<void> {
  const pushed = new Set<string>();
  let before = await sides[0].holdings();
  for (let turn = 0; turn < SESSION_LENGTH; turn++) {
    const step = nextStep(random, sourcesOf(world, pushed));
    const [theirs, ours] = await Promise.all([act(sides[0], step), act(sides[1], step)]);
    count(tally, step, theirs, ours);
    const { differences, parted } = compare(step, before, theirs, ours);
    const line = [JSON.stringify(step.argv), ...Object.values(step.files)].join(" ");
    const passed = blobsThatPassed(step, world, ours.outcome.requests).map((request) => ({
      what: request,
      buildx: undefined,
      tsmanifest: "a blob that could be mounted",
    }));
    tally.differences.push(
      ...[...differences, ...passed].map((found) => ({
        session: `${name} #${turn}`,
        line,
        ...excerpt(found),
      })),
    );
    if (parted !== undefined) tally.add(`parted: ${parted}`);
    if (differences.length > 0 || parted !== undefined) return;
    for (const tag of theirs.holdings.tags.keys()) if (!before.tags.has(tag)) pushed.add(tag);
    before = theirs.holdings;
  }
}

async function act(side: Side, step: Step): Promise<Result> {
  const outcome = await side.run(step);
  return { outcome, holdings: await side.holdings() };
}

function count(tally: Tally, { kinds, registries }: Step, theirs: Result, ours: Result): void {
  tally.commands++;
  const isSuccess = theirs.outcome.status === 0;
  for (const kind of ["all", ...kinds]) tally.add(`${kind} ${isSuccess ? "succeeds" : "fails"}`);
  if (!isSuccess || ours.outcome.status !== 0) return;
  const requests = registries.length === 1 ? tally.requests.within : tally.requests.between;
  requests.buildx += theirs.outcome.requests.length;
  requests.tsmanifest += ours.outcome.requests.length;
}

/** Both sides from shortly before where they part. */
function excerpt({ what, buildx, tsmanifest }: Difference): Difference {
  if (typeof buildx !== "string" || typeof tsmanifest !== "string") return { what, buildx, tsmanifest };
  let at = 0;
  while (at < buildx.length && buildx[at] === tsmanifest[at]) at++;
  const cut = (text: string): string => text.slice(Math.max(0, at - 300), at + 400);
  return { what, buildx: cut(buildx), tsmanifest: cut(tsmanifest) };
}
