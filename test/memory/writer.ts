import { argv } from "node:process";
import { openMemory } from "../../src/memory/memory.js";

/** Notes a hundred things, as one of several processes: `node writer.mjs HOME FROM`. */

const [, , home = "", first = ""] = argv;
const memory = openMemory({ env: {}, home, platform: "linux" });
const from = Number(first);
for (let at = from; at < from + 100; at++) {
  const digest = `sha256:${at.toString(16).padStart(16, "0")}${"0".repeat(48)}`;
  memory.rememberManifests({ domain: "registry.example", path: "team/app" }, [digest]);
  memory.rememberChallenge("busy.example", { realm: `https://auth.example/${from}` });
  // What is there is whole, whoever has written it.
  if (memory.challenge("busy.example") === undefined) throw new Error("half a file");
}
