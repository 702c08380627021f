import { expect, it } from "vitest";
import { peerPath } from "../../helpers/peers.js";
import { describeWithPrograms } from "../../helpers/registryServer.js";
import { Random } from "../generator.js";
import { nextStep, sourcesOf, type Step } from "./commands.js";
import { compare, type Difference, type Result } from "./compare.js";
import { blobsThatPassed } from "./requests.js";
import { embeddedRegistry } from "./registries.js";
import { buildxSide, openRegistries, ourSide, type Registries, type Side } from "./sides.js";
import { newWorld } from "./world.js";

/**
 * Random command lines of `imagetools create` beside buildx's, in short sessions, each with its own registries and
 * layouts. `IMAGETOOLS_SEED` makes another run, or the same run again; `IMAGETOOLS_COMMANDS` a longer or shorter one.
 * `IMAGETOOLS_TWICE=1` compares buildx with itself: what differs then is random in buildx.
 */
const SEED = Number(process.env["IMAGETOOLS_SEED"] ?? 20240605);
const COMMANDS = Number(process.env["IMAGETOOLS_COMMANDS"] ?? 150);
const IS_TWICE = process.env["IMAGETOOLS_TWICE"] === "1";
/** The later ones find what the earlier ones have pushed. */
const SESSION_LENGTH = 4;

/** Of each there must be some that succeed: a comparison of nothing but failures would say little. */
const KINDS = [
  "one source",
  "several sources",
  "several tags",
  "several repositories",
  "to another registry",
  "layout source",
  "layout target",
  "append",
  "annotation",
  "platform",
  "prefer-index=false",
  "dry run",
  "metadata file",
  "bare digest",
  "descriptor",
  "file",
];

interface Tally {
  commands: number;
  readonly counts: Map<string, number>;
  readonly requests: { buildx: number; tsmanifest: number };
  readonly differences: (Difference & { readonly session: number; readonly line: string })[];
}

describeWithPrograms("imagetools create beside buildx", [peerPath("buildx")], () => {
  it(
    `${COMMANDS} commands from seed ${SEED} do what buildx's do, with half of its requests`,
    { timeout: 60_000 + COMMANDS * 500 },
    async () => {
      const tally: Tally = {
        commands: 0,
        counts: new Map(),
        requests: { buildx: 0, tsmanifest: 0 },
        differences: [],
      };
      for (let session = 0; tally.commands < COMMANDS && tally.differences.length < 10; session++) {
        await runSession(session, tally);
      }
      const { counts, requests, differences, commands } = tally;
      console.log(
        `imagetools: ${commands} commands, seed ${SEED}:`,
        Object.fromEntries([...counts].sort()),
        requests,
      );
      expect(differences).toEqual([]);
      for (const kind of KINDS) {
        expect(counts.get(`${kind} succeeds`) ?? 0, `${kind} succeeds`).toBeGreaterThan(COMMANDS / 200);
      }
      expect(counts.get("parted") ?? 0, "sessions that could not go on").toBeLessThan(COMMANDS / 10);
      if (!IS_TWICE) expect(requests.tsmanifest).toBeLessThanOrEqual(requests.buildx / 2);
    },
  );
});

/** Runs commands until the end of the session, or until the sides are no longer alike. */
async function runSession(session: number, tally: Tally): Promise<void> {
  const random = new Random(SEED * 1000 + session);
  const world = newWorld(random);
  const registries = await Promise.all([embedded(), embedded()]);
  const second = IS_TWICE ? buildxSide : ourSide;
  const sides = [buildxSide(registries[0], world), second(registries[1], world)] as const;
  const pushed = new Set<string>();
  let before = await sides[0].holdings();
  try {
    for (let turn = 0; turn < SESSION_LENGTH; turn++) {
      const step = nextStep(random, sourcesOf(world, pushed));
      const [theirs, ours] = await Promise.all([act(sides[0], step), act(sides[1], step)]);
      const { differences, parted } = compare(step, before, theirs, ours);
      count(tally, step, theirs, ours);
      const passed = IS_TWICE ? [] : blobsThatPassed(step, world, ours.outcome.requests);
      const line = `#${turn} ${JSON.stringify(step.argv)} ${JSON.stringify(step.files)}`;
      tally.differences.push(
        ...differences.map((difference) => ({ session, line, ...excerpt(difference) })),
        ...passed.map((request) => ({ session, line, what: request, buildx: "", tsmanifest: "no mount" })),
      );
      if (parted !== undefined) {
        add(tally, "parted");
        add(tally, `parted: ${parted}`);
      }
      if (differences.length > 0 || parted !== undefined) return;
      for (const name of theirs.holdings.tags.keys()) if (!before.tags.has(name)) pushed.add(name);
      before = theirs.holdings;
    }
  } finally {
    for (const side of sides) side.close();
    await Promise.all(registries.flat().map((registry) => registry.close()));
  }
}

function embedded(): Promise<Registries> {
  return openRegistries(embeddedRegistry);
}

async function act(side: Side, step: Step): Promise<Result> {
  const outcome = await side.run(step);
  return { outcome, holdings: await side.holdings() };
}

function count(tally: Tally, { kinds }: Step, theirs: Result, ours: Result): void {
  tally.commands++;
  const { status } = theirs.outcome;
  for (const kind of ["all", ...kinds]) add(tally, `${kind} ${status === 0 ? "succeeds" : "fails"}`);
  if (status !== 0 || ours.outcome.status !== 0) return;
  tally.requests.buildx += theirs.outcome.requests.length;
  tally.requests.tsmanifest += ours.outcome.requests.length;
}

function add({ counts }: Tally, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** Both sides from shortly before where they part. */
function excerpt({ what, buildx, tsmanifest }: Difference): Difference {
  if (typeof buildx !== "string" || typeof tsmanifest !== "string") return { what, buildx, tsmanifest };
  let at = 0;
  while (at < buildx.length && buildx[at] === tsmanifest[at]) at++;
  const cut = (text: string): string => text.slice(Math.max(0, at - 200), at + 300);
  return { what, buildx: cut(buildx), tsmanifest: cut(tsmanifest) };
}
