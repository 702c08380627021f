import { it } from "vitest";
import { writeFileSync } from "node:fs";
import { Random } from "../generator.js";
import { embeddedRegistry } from "./registries.js";
import { runSession, Tally } from "./session.js";
import { buildxSide, openRegistries, ourSide } from "./sides.js";
import { newWorld } from "./world.js";
it("x", { timeout: 1e7 }, async () => {
  const seed = Number(process.env["SEED"] ?? 20240605);
  const tally = new Tally();
  for (
    let session = 0;
    tally.commands < Number(process.env["N"] ?? 150) && tally.differences.length < 60;
    session++
  ) {
    const random = new Random(seed * 1000 + session);
    const world = newWorld(random);
    const registries = await Promise.all([
      openRegistries(embeddedRegistry),
      openRegistries(embeddedRegistry),
    ]);
    const sides = [buildxSide(registries[0], world), ourSide(registries[1], world)] as const;
    await runSession(String(session), random, world, sides, tally);
    for (const side of sides) side.close();
    await Promise.all(registries.flat().map((r) => r.close()));
  }
  writeFileSync("/tmp/diffs.json", JSON.stringify(tally.differences, undefined, 1));
  console.log(tally.commands, tally.counts, tally.requests, tally.differences.length);
});
