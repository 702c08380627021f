import { commonFlags, type Command, type CommandEntry } from "./commands/command.js";
import { commands as allCommands } from "./commands/index.js";
import type { Context } from "./context.js";
import { ManifestError, UsageError, messageOf } from "./errors.js";
import { parseFlags, type FlagTable, type FlagValues } from "./go/flags.js";
import { escapeControls } from "./ui/text.js";
import { VERSION } from "./version.js";

/**
 * The command tree: finds the command, reads its flags, runs it, reports what went wrong.
 *
 * commander draws the help (help.ts). It does not read the command line, because docker's flags follow pflag's rules
 * and words, which differ from commander's in nearly every case; and it is loaded only for the help, because
 * it would be a good part of the start-up time of a short command.
 */
const globalFlags = {
  config: {
    kind: "string",
    value: "dir",
    description: "Folder of docker's configuration and lists, in place of DOCKER_CONFIG",
  },
  ...commonFlags,
  version: { kind: "bool", short: "v", description: "Show the version" },
} as const satisfies FlagTable;

/** Runs a command line and returns its exit status. Never rejects. */
export async function run(
  argv: readonly string[],
  context: Context,
  commands: readonly CommandEntry[] = allCommands,
): Promise<number> {
  let debug = false;
  let command: Command | undefined;
  try {
    const { globals, entry, rest } = route(argv, commands);
    debug = globals.debug;
    if (globals.version) {
      context.stdout.write(`tsmanifest version ${VERSION}\n`);
      return 0;
    }
    if (entry === undefined) return await runNothing(context, commands, globals.help, rest);

    command = await entry.load();
    const { values, args } = parseFlags({ ...command.flags, ...commonFlags }, rest);
    debug ||= values.debug;
    if (globals.help || values.help) {
      const { commandHelp } = await import("./help.js");
      context.stdout.write(commandHelp(command));
      return 0;
    }
    const fault = arityFault(command.arity, args.length);
    if (fault !== undefined) {
      const hint = command.arity.max === undefined ? "See" : "Run";
      context.stderr.write(`tsmanifest: 'tsmanifest ${command.name}' ${fault}${usage(command, hint)}\n`);
      return 1;
    }
    await command.run(configured(context, globals.config), { ...values, debug }, args);
    return 0;
  } catch (error) {
    context.stderr.write(
      `${escapeControls(await describe(error, { command, debug, signal: context.signal }))}\n`,
    );
    return error instanceof UsageError ? error.status : 1;
  }
}

/** `--config DIR` is DOCKER_CONFIG for this run. Streams stay unopened until they are used. */
function configured(context: Context, config: string): Context {
  if (config === "") return context;
  const { env, home, platform, signal, waits } = context;
  return {
    get stdout() {
      return context.stdout;
    },
    get stderr() {
      return context.stderr;
    },
    env: { ...env, DOCKER_CONFIG: config },
    home,
    platform,
    signal,
    ...(waits && { waits }),
  };
}

interface Route {
  readonly globals: FlagValues<typeof globalFlags>;
  readonly entry?: CommandEntry;
  /** What follows the command's name; where there is none, the arguments that are no command. */
  readonly rest: readonly string[];
}

/**
 * Which command is meant: the first word that is no flag. `tsmanifest manifest push` is `tsmanifest push`, for those
 * who turn `docker manifest` into it by an alias of `docker`; `help push` is `push --help`.
 */
function route(argv: readonly string[], commands: readonly CommandEntry[]): Route {
  const leading: string[] = [];
  let at = 0;
  for (let nested = false; at < argv.length; at++) {
    const word = argv[at] ?? "";
    if (word.startsWith("-") && word !== "-" && word !== "--") {
      leading.push(word);
      const value = word === "--config" ? argv[++at] : undefined;
      if (value !== undefined) leading.push(value);
    } else if (word === "manifest" && !nested) {
      nested = true;
    } else if (word === "help") {
      leading.push("--help");
    } else {
      const entry = commands.find(({ name }) => name === word);
      if (entry === undefined) break;
      const { values } = parseFlags(globalFlags, leading);
      return { globals: values, entry, rest: argv.slice(at + 1) };
    }
  }
  const { values, args } = parseFlags(globalFlags, [...leading, ...argv.slice(at)]);
  return { globals: values, rest: args };
}

/** No command: the help, on stdout when it was asked for. */
async function runNothing(
  context: Context,
  commands: readonly CommandEntry[],
  wantsHelp: boolean,
  [unknown]: readonly string[],
): Promise<number> {
  if (unknown !== undefined && !wantsHelp) {
    const message = `tsmanifest: unknown command: tsmanifest ${unknown}${usage(undefined)}`;
    context.stderr.write(`${escapeControls(message)}\n`);
    return 1;
  }
  const { programHelp } = await import("./help.js");
  const text = programHelp(commands, globalFlags);
  if (wantsHelp) context.stdout.write(text);
  else context.stderr.write(`\n${text}`);
  return 0;
}

/** What docker has against a number of arguments. */
function arityFault({ min, max }: Command["arity"], given: number): string | undefined {
  if (given >= min && (max === undefined || given <= max)) return undefined;
  const plural = (count: number) => (count === 1 ? "" : "s");
  if (max === undefined) return `requires at least ${min} argument${plural(min)}`;
  if (max === min) return `requires ${min} argument${plural(min)}`;
  return `requires at least ${min} and at most ${max} argument${plural(max)}`;
}

/** The lines below a usage error. */
function usage(command: Command | undefined, hint: "Run" | "See" = "Run"): string {
  const name = command === undefined ? "tsmanifest" : `tsmanifest ${command.name}`;
  const line = `${name} ${command?.args ?? "COMMAND"}`;
  return `\n\nUsage:  ${line}\n\n${hint} '${name} --help' for more information`;
}

interface Circumstances {
  readonly command: Command | undefined;
  readonly debug: boolean;
  readonly signal: AbortSignal;
}

/** What to print about an error. Where it comes from is for `--debug` only. */
async function describe(thrown: unknown, { command, debug, signal }: Circumstances): Promise<string> {
  if (thrown instanceof UsageError) return thrown.message + usage(command);
  const origin = debug ? `\n${stackOf(thrown)}` : "";
  if (signal.aborted) return `tsmanifest: interrupted${origin}`;
  const { inDockerWords } = await import("./ui/dockerWords.js");
  const error = inDockerWords(thrown);
  if (error instanceof ManifestError) {
    const hint = error.hint === undefined ? "" : `\n${error.hint}`;
    return error.message + hint + origin;
  }
  const hint = debug ? "" : "\nRun it again with --debug to see where this comes from.";
  return `tsmanifest: internal error: ${messageOf(error)}${hint}${origin}`;
}

/** Where an error was made, and what caused it. */
function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const stack = error.stack ?? error.message;
  return error.cause === undefined ? stack : `${stack}\ncaused by: ${stackOf(error.cause)}`;
}
