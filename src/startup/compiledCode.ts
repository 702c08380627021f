import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { arch, getBuiltinModule, platform, version } from "node:process";
import { Script } from "node:vm";
import type { UserCache } from "../memory/userCache.js";

/** What is ours in the cache folder: a file of the bundle, its hash, a command, a version of Node and a system. */
const NAMES = /^[\w-]+\.cjs-[0-9a-f]{16}-\w*-v\d[\w.-]+$/;
/** Files at most; the oldest go. Each command has one or two, seldom more. */
const MOST = 64;
const MAX_BYTES = 32 * 1024 * 1024;

interface Compiled {
  readonly script: Script;
  /** Its file in the cache folder. */
  readonly kept: string;
  readonly wasKept: boolean;
}

/**
 * Compiles the files of the command's bundle, with what V8 has compiled of them in an earlier run of the same command.
 *
 * Node's own `module.enableCompileCache` keeps what is compiled before a file is run, which is no function that is called later: with
 * it, a push takes a quarter longer.
 */
export class CompiledCode {
  readonly #cache: UserCache;
  readonly #command: string;
  readonly #files = new Map<string, Compiled>();
  #flags: readonly string[] = USUAL;

  /** @param command which functions are called depends on it: a file for each command is read fastest */
  constructor(cache: UserCache, command: string) {
    this.#cache = cache;
    this.#command = command;
  }

  /** Compiles a function whose body is the file's text, for whoever runs the script. */
  compile(filename: string, parameters: string): Script {
    // ASCII, which V8 takes as it is.
    const code = readFileSync(filename, "latin1");
    // The build ends each file with a hash of it: V8 compares no more than lengths.
    const parts = [basename(filename), code.slice(-17, -1), this.#command];
    const kept = [...parts, version, platform, arch].join("-");
    const cachedData = onceOf(this.#cache.read(kept, MAX_BYTES));
    const wrapped = `(function (${parameters}) {${code}\n})`;
    const script = this.#withUsualFlags(
      () => new Script(wrapped, { filename, ...(cachedData && { cachedData }) }),
    );
    // What V8 refuses, since it does not fit, is replaced.
    this.#files.set(filename, { script, kept, wasKept: script.cachedDataRejected === false });
    return script;
  }

  /** Keeps what was compiled, together with what earlier runs had of the same files. */
  keep(): void {
    if ([...this.#files.values()].every(({ wasKept }) => wasKept)) return;
    const files = this.#withUsualFlags(() =>
      [...this.#files.values()].map(({ script, kept }) => ({ kept, code: script.createCachedData() })),
    );
    for (const { kept, code } of files) if (!this.#cache.write(kept, Buffer.concat([code, code]))) return;
    this.#cache.keepNewest(NAMES, MOST);
  }

  /**
   * For a run that talks to a registry: V8 lets less garbage pile up, and does not optimise what a short run is done with before that
   * pays. Our own functions would take a fifth of a large push's processor time. undici's HTTP parser is WebAssembly, for whose
   * thread Node would wait a tenth of a second at its end. What runs for longer is optimised all the same, but for the parser.
   */
  spareTheMachine(): void {
    this.#setFlags(SHORT_RUN);
    setTimeout(() => {
      this.#setFlags(LONG_RUN);
    }, SHORT_RUN_MS).unref();
  }

  #setFlags(flags: readonly string[]): void {
    this.#flags = flags;
    apply(flags);
  }

  /** V8 takes compiled code only with the flags that it was compiled with. */
  #withUsualFlags<T>(work: () => T): T {
    if (this.#flags === USUAL) return work();
    apply(USUAL);
    try {
      return work();
    } finally {
      apply(this.#flags);
    }
  }
}

/** What V8 has unless it is told something else, in bytes for the largest function that is optimised. */
const FUNCTIONS = "--max-optimized-bytecode-size=61440";
const USUAL = ["--wasm-tier-up", "--wasm-dynamic-tiering", "--heap-growing-percent=0", FUNCTIONS];
const PARSER_LEFT_ALONE = ["--no-wasm-tier-up", "--no-wasm-dynamic-tiering"];
/** Old objects are collected when there are twice as many as were left the last time, not four times. */
const WITH_NETWORK = [...PARSER_LEFT_ALONE, "--heap-growing-percent=100"];
const SHORT_RUN = [...WITH_NETWORK, "--max-optimized-bytecode-size=1"];
const LONG_RUN = [...WITH_NETWORK, FUNCTIONS];
const SHORT_RUN_MS = 2_000;

function apply(flags: readonly string[]): void {
  const { setFlagsFromString } = getBuiltinModule("node:v8");
  for (const flag of flags) setFlagsFromString(flag);
}

/**
 * V8 looks at the head of compiled code only and would crash on damaged code, in every run. So a file has it twice, and damage makes a
 * difference: Node compares a megabyte in a tenth of a millisecond, where a checksum in JavaScript takes four.
 */
function onceOf(twice: Buffer | undefined): Buffer | undefined {
  if (twice === undefined) return undefined;
  const code = twice.subarray(0, twice.length >> 1);
  return code.equals(twice.subarray(code.length)) ? code : undefined;
}
