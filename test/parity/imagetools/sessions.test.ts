import { afterAll, beforeAll, expect, it } from "vitest";
import { peerPath } from "../../helpers/peers.js";
import { describeWithPrograms } from "../../helpers/registryServer.js";
import { Random } from "../generator.js";
import { distributionRegistry, embeddedRegistry } from "./registries.js";
import { runSession, Tally } from "./session.js";
import { buildxSide, openRegistries, ourSide, type Registries } from "./sides.js";
import { newWorld } from "./world.js";

/**
 * Random command lines of `imagetools create` beside buildx's, in short sessions, each with registries and layouts of
 * its own. `IMAGETOOLS_SEED` makes another run, or the same run again; `IMAGETOOLS_COMMANDS` a longer or shorter one.
 */
const SEED = Number(process.env["IMAGETOOLS_SEED"] ?? 20240605);
const COMMANDS = Number(process.env["IMAGETOOLS_COMMANDS"] ?? 150);
/** Of those: beside a registry without the referrers API. */
const WITHOUT_REFERRERS = Math.ceil(COMMANDS / 10);

/** Sessions that differ, before a run ends: more would hardly be read. */
const MAX_FAILED = 10;
/** Sessions at a time, where each has registries of its own: they mostly wait for programs to start. */
const AT_ONCE = 3;

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

const timeout = 60_000 + COMMANDS * 500;

describeWithPrograms("imagetools create beside buildx", [peerPath("buildx")], () => {
  it(
    `${COMMANDS} commands from seed ${SEED} do what buildx's do, with half of its requests within a registry`,
    { timeout },
    async () => {
      const tally = await runSessions(COMMANDS, SEED, AT_ONCE, async (play) => {
        const registries = await Promise.all([embedded(), embedded()]);
        await play(registries);
        await Promise.all(registries.flat().map((registry) => registry.close()));
      });
      const { requests, differences } = tally;
      console.log(`imagetools: ${tally.commands} commands, seed ${SEED}:`, tally.counts, requests);
      expect(differences).toEqual([]);
      for (const kind of KINDS) {
        expect(tally.count(`${kind} succeeds`), `${kind} succeeds`).toBeGreaterThan(COMMANDS / 200);
      }
      const { within, between } = requests;
      expect(within.tsmanifest).toBeLessThanOrEqual(within.buildx / 2);
      // What is copied takes three requests a blob, whoever copies it.
      expect(between.tsmanifest).toBeLessThanOrEqual(between.buildx * 0.75);
    },
  );
});

describeWithPrograms(
  "imagetools create beside buildx, without a referrers API",
  [peerPath("buildx"), "docker-registry"],
  () => {
    let registries: readonly [Registries, Registries];
    beforeAll(async () => {
      registries = await Promise.all([distribution(), distribution()]);
    });
    afterAll(() => Promise.all(registries.flat().map((registry) => registry.close())));

    it(`${WITHOUT_REFERRERS} commands from seed ${SEED} do what buildx's do`, { timeout }, async () => {
      const tally = await runSessions(WITHOUT_REFERRERS, SEED + 1, 1, (play) => play(registries));
      console.log(`imagetools: ${tally.commands} commands, seed ${SEED + 1}:`, tally.counts);
      expect(tally.differences).toEqual([]);
      expect(tally.count("all succeeds")).toBeGreaterThan(WITHOUT_REFERRERS / 4);
    });
  },
);

/** Plays sessions, so many at a time and each with what `stage` gives it, until there are enough commands or too many differences. */
async function runSessions(
  commands: number,
  seed: number,
  atOnce: number,
  stage: (play: (registries: readonly [Registries, Registries]) => Promise<void>) => Promise<void>,
): Promise<Tally> {
  const tally = new Tally();
  let begun = 0;
  const playOn = async (): Promise<void> => {
    while (tally.commands < commands && tally.failed < MAX_FAILED) {
      const session = begun++;
      const random = new Random(seed * 1000 + session);
      const world = newWorld(random);
      await stage(async ([theirs, ours]) => {
        const sides = [buildxSide(theirs, world), ourSide(ours, world)] as const;
        await runSession(String(session), random, world, sides, tally);
        for (const side of sides) side.close();
      });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, playOn));
  return tally;
}

function embedded(): Promise<Registries> {
  return openRegistries(embeddedRegistry);
}

function distribution(): Promise<Registries> {
  return openRegistries(distributionRegistry);
}
