// Builds dist/: the library as plain modules with types, and the command as a bundle that starts fast.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { bundleAction } from "./action.js";
import { bundleCommand } from "./bundle.js";

const root = fileURLToPath(new URL("..", import.meta.url));

rmSync(`${root}/dist`, { recursive: true, force: true });

await Promise.all([buildTypes(), buildLibraryAndCommand()]);

/** Declarations only, unchecked: checking is what `npm run types` is for, and takes as long again. */
async function buildTypes() {
  const flags = ["--emitDeclarationOnly", "--noCheck", "--declarationMap", "false"];
  await run(`${root}/node_modules/typescript/bin/tsc`, "-p", `${root}/tsconfig.build.json`, ...flags);
}

async function buildLibraryAndCommand() {
  await Promise.all([buildModules(), bundleCommand(root, `${root}/dist`), bundleAction()]);
  // Takes the registry for tests out of the library.
  await run(`${root}/scripts/warm.js`);
}

async function buildModules() {
  const files = readdirSync(`${root}/src`, { recursive: true, encoding: "utf8" });
  const modules = files.filter((file) => file.endsWith(".ts") && !/^action[\\/]/.test(file));
  await build({
    // The Action is no part of the library; it has a bundle of its own.
    entryPoints: modules.map((file) => `${root}/src/${file}`),
    outbase: `${root}/src`,
    outdir: `${root}/dist`,
    platform: "node",
    target: "node20",
    format: "esm",
    sourcemap: true,
    logLevel: "warning",
  });
}

/**
 * Runs a script of Node's in a process of its own.
 * @param {...string} args
 */
async function run(...args) {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
  await once(child, "exit");
  if (child.exitCode !== 0) throw new Error(`${args.join(" ")} failed`);
}
