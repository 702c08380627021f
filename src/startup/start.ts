import { join } from "node:path";
import { homeFolder } from "../homeFolder.js";
import { findUserCache, UserCache } from "../memory/userCache.js";
import { CompiledCode } from "./compiledCode.js";

/** Which commands the smaller bundles have; scripts/bundle.js puts it here. */
declare const PARTS: Readonly<Record<string, readonly string[]>>;

type Require = (id: string) => unknown;
type ModuleFunction = (exports: unknown, require: Require, module: object) => void;

/**
 * Starts the command: evaluates the bundle in a folder, whose files ask for others beside them.
 * @param folder `dist/command` of the package
 * @param require of Node's own loader
 */
export function start(folder: string, require: Require): void {
  const whole = "tsmanifest";
  const args = process.argv.slice(2);
  if (args.some((arg) => /^(?:--debug(?:=.*)?|-D)$/.test(arg))) process.setSourceMapsEnabled(true);
  // Node maps stacks back to the sources only for what its own loader has loaded.
  if (process.sourceMapsEnabled) {
    require(join(folder, `${whole}.cjs`));
    return;
  }
  const isCached = !isSet("NODE_DISABLE_COMPILE_CACHE");
  const place = { env: process.env, home: homeFolder(), platform: process.platform };
  const code = new CompiledCode(
    isCached ? findUserCache(place) : new UserCache(undefined),
    commandName(args),
  );
  const loaded = new Map<string, unknown>();
  let hasNetwork = false;
  const load = (id: string): unknown => {
    // The first that a run loads which talks to a registry.
    if (id === "node:net" && !hasNetwork) {
      hasNetwork = true;
      code.spareTheMachine();
    }
    if (!id.startsWith("./")) return require(id);
    if (loaded.has(id)) return loaded.get(id);
    const module = { exports: {} };
    const script = code.compile(join(folder, id), "exports, require, module");
    (script.runInThisContext() as ModuleFunction)(module.exports, load, module);
    loaded.set(id, module.exports);
    return module.exports;
  };
  // Not after a command that failed, which has not called all that the next one will; and not in CI, where the home goes with the job.
  const isKept = !isSet("CI") || process.env["CI"] === "false";
  if (isKept)
    process.once("exit", (status) => {
      if (status === 0) code.keep();
    });
  load(`./${partFor(args, PARTS) ?? whole}.cjs`);
}

/** The command that arguments name; another only makes a run slower. */
function commandName(args: readonly string[]): string {
  if (args.includes("--help") || args.includes("-h")) return "help";
  const words = args.filter((arg) => /^[a-z_]{1,16}$/.test(arg) && arg !== "manifest" && arg !== "buildx");
  return words.slice(0, words[0] === "imagetools" ? 2 : 1).join("_");
}

/**
 * The smaller bundle that has everything these arguments can lead to: a command's name, which `manifest` may come before, with
 * whatever follows it; a single flag; or none at all. Everything else gets the whole bundle, which starts a few milliseconds later.
 */
export function partFor(
  args: readonly string[],
  parts: Readonly<Record<string, readonly string[]>>,
): string | undefined {
  const [first = "--help", second = ""] = args[0] === "manifest" ? args.slice(1) : args;
  if (first.startsWith("-")) return args.length < 2 ? "none" : undefined;
  const command = first === "imagetools" ? `${first} ${second}` : first;
  return Object.keys(parts).find((name) => parts[name]?.includes(command));
}

function isSet(variable: string): boolean {
  return (process.env[variable] ?? "") !== "";
}
