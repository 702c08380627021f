// Runs the built command in all its ways, so that V8 compiles what usual runs need, and keeps the result beside it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import program from "../bin/tsmanifest.js";

/** @type {unknown} */
const built = await import(new URL("../dist/testing/index.js", import.meta.url).href);
const testing = /** @type {typeof import("../src/testing/index.js")} */ (built);

const registry = await testing.startRegistry();
const folder = mkdtempSync(join(tmpdir(), "tsmanifest-build-"));
process.env["DOCKER_CONFIG"] = folder;

const list = `${registry.host}/app:v1`;
const sources = ["amd64", "arm64"].map((architecture) => {
  registry.putImage(`build/${architecture}`, { tag: "v1", architecture, layers: 2 });
  return `${registry.host}/build/${architecture}:v1`;
});
const commandLines = [
  ["--version"],
  ["--help"],
  ["create", list, ...sources],
  ["annotate", list, `${registry.host}/build/arm64:v1`, "--variant", "v8"],
  ["inspect", list],
  ["push", list],
  ["push", list],
  ["inspect", "-v", list],
  ["rm", list],
  ["imagetools", "create", "-t", list, ...sources],
  ["imagetools", "inspect", list],
];
// Each run listens for signals, as programs do once in their life.
process.setMaxListeners(commandLines.length + 1);

for (const commandLine of commandLines) {
  process.argv = [process.execPath, "tsmanifest", ...commandLine];
  if ((await run()) !== 0) throw new Error(`tsmanifest ${commandLine.join(" ")} failed`);
}
// These show themselves on a terminal only.
program.load("ora.cjs");
program.load("chalk.cjs");
program.save();
await registry.close();
rmSync(folder, { recursive: true });

/** Runs the program in this process, which is how compiled code of all its runs comes together. */
async function run() {
  process.exitCode = undefined;
  program.load("tsmanifest.cjs");
  let status;
  while ((status = exitStatus()) === undefined) await sleep(5);
  return status;
}

/** What the program has set. */
function exitStatus() {
  return process.exitCode;
}
