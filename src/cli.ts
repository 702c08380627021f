import {
  commonFlags,
  globalFlags,
  type Command,
  type CommandEntry,
  type CommandGroup,
  type CommandOrGroup,
  type Dialect,
} from "./commands/command.js";
import { commands as allCommands } from "./commands/index.js";
import { PartlyDoneError } from "./commands/partlyDone.js";
import { withConfig, type Context, type Output } from "./context.js";
import { ManifestError, UsageError, messageOf } from "./errors.js";
import { longName, parseFlags, readFlags, type FlagTable, type FlagValues } from "./go/flags.js";
import { goQuote } from "./go/quote.js";
import type { HelpScreen } from "./help.js";
import type { ErrorResult } from "./ui/errorResult.js";
import { jsonDocument } from "./ui/jsonDocument.js";
import { escapeControls, oneLine } from "./ui/text.js";
import { VERSION } from "./version.js";

/**
 * The command tree: finds the command, reads its flags, runs it, reports what went wrong.
 *
 * commander draws the help (help.ts). It does not read the command line, because docker's flags follow pflag's rules
 * and words, which differ from commander's in nearly every case; and it is loaded only for the help, because
 * it would be a good part of the start-up time of a short command.
 */

/** What the scripts of `tsmanifest completion` ask by: no command for people. */
const COMPLETE = "__complete";

/** Runs a command line and returns its exit status. Never rejects. */
export async function run(
  argv: readonly string[],
  context: Context,
  commands: readonly CommandOrGroup[] = allCommands,
): Promise<number> {
  if (argv[0] === COMPLETE) {
    const { answerCompletion } = await import("./completion/complete.js");
    context.stdout.write(await answerCompletion(argv.slice(1), context, { commands, flags: globalFlags }));
    return 0;
  }
  let debug = false;
  let isJson = false;
  let failureStatus = 1;
  let command: Command | undefined;
  const way: Way = { groups: [] };
  try {
    const { globals, entry, rest } = route(argv, commands, way);
    debug = globals.debug;
    if (globals.version) {
      context.stdout.write(`tsmanifest version ${VERSION}\n`);
      return 0;
    }
    if (entry === undefined) return await runNothing(context, commands, way, globals.help, rest);

    command = await entry.load();
    const { values, args, fault } = readFlags({ ...command.flags, ...commonFlags }, rest);
    isJson = asksForJson(command, values);
    if (fault !== undefined) throw fault;
    failureStatus = command.failureStatus?.(values) ?? 1;
    debug ||= values.debug;
    if (globals.help || values.help) {
      const { commandHelp } = await import("./help.js");
      context.stdout.write(commandHelp(command, await screenOf(context.stdout, context)));
      return 0;
    }
    const arity = command.arityFor?.({ ...values, debug }) ?? command.arity;
    const wrongNumber = arityFault(arity, args.length);
    if (wrongNumber !== undefined) {
      const hint = arity.max === undefined ? "See" : "Run";
      const message = `'tsmanifest ${command.name}' ${wrongNumber}`;
      const text = `tsmanifest: ${message}${usage(command, hint)}`;
      context.stderr.write(`${inDialect(text, command.dialect)}\n`);
      if (isJson) context.stdout.write(failure(undefined, { code: "USAGE", message }));
      return 1;
    }
    const status = await command.run(withConfig(context, globals.config), { ...values, debug }, args);
    return typeof status === "number" ? status : 0;
  } catch (error) {
    const group = way.groups.at(-1);
    const dialect = command?.dialect ?? group?.dialect ?? "docker";
    const flags = { ...(command?.flags ?? { ...globalFlags, ...group?.flags }), ...commonFlags };
    const { text, ...told } = await describe(error, {
      command,
      meant: () => meantCommand(way, commands),
      flags,
      dialect,
      debug,
      signal: context.signal,
    });
    if (context.onError === undefined) context.stderr.write(`${escapeControls(inDialect(text, dialect))}\n`);
    else context.onError(told);
    if (isJson) context.stdout.write(failure(error, told));
    return error instanceof UsageError && dialect === "docker" ? error.status : failureStatus;
  }
}

/** Is its result JSON of ours? buildx's `--format` is a template. */
function asksForJson({ flags: { format } }: Command, values: Readonly<Record<string, unknown>>): boolean {
  return (
    format?.kind === "string" && format.choices?.includes("json") === true && values["format"] === "json"
  );
}

/** What stdout gets in place of the result: an ErrorResult, with what was done all the same. */
function failure(thrown: unknown, { code, message, hint }: ErrorResult["error"]): string {
  const done = thrown instanceof PartlyDoneError ? thrown.done : {};
  const error: ErrorResult["error"] = { code, message, ...(hint !== undefined && { hint }) };
  return jsonDocument({ version: 1, ...done, error } satisfies ErrorResult);
}

/** Every error of buildx begins like this. */
function inDialect(text: string, dialect: Dialect | undefined): string {
  return dialect === "buildx" ? `ERROR: ${text}` : text;
}

interface Route {
  readonly globals: FlagValues<typeof globalFlags>;
  readonly entry?: CommandEntry;
  /** What follows the command's name; where there is none, the arguments that are no command. */
  readonly rest: readonly string[];
}

/** What was found on the way to the command; what is found before something is wrong with a flag, too. */
interface Way {
  readonly groups: CommandGroup[];
  /** The word in a command's place that is none. */
  unknown?: string;
}

/**
 * Which command is meant: the first word that is no flag, below the groups that are named before it, which are noted in
 * `way`. `tsmanifest manifest push` is `tsmanifest push`, for those who turn `docker manifest` into it by an alias of
 * `docker`; `help push` is `push --help`.
 */
function route(argv: readonly string[], tree: readonly CommandOrGroup[], way: Way): Route {
  const leading: string[] = [];
  let commands = tree;
  let flags: typeof globalFlags = globalFlags;
  let at = 0;
  for (let nested = false; at < argv.length; at++) {
    const word = argv[at] ?? "";
    if (word.startsWith("-") && word !== "-" && word !== "--") {
      leading.push(word);
      const value = word === "--config" || word === "--builder" ? argv[++at] : undefined;
      if (value !== undefined) leading.push(value);
    } else if (word === "manifest" && !nested) {
      nested = true;
    } else if (word === "help") {
      leading.push("--help");
    } else {
      const node = commands.find(({ name }) => name === word);
      if (node === undefined) {
        way.unknown = word;
        break;
      }
      if ("commands" in node) {
        way.groups.push(node);
        nested = true;
        commands = node.commands;
        flags = { ...flags, ...node.flags };
        continue;
      }
      const { values } = parseFlags(flags, leading);
      return { globals: values, entry: node, rest: argv.slice(at + 1) };
    }
  }
  const { values, args } = parseFlags(flags, [...leading, ...argv.slice(at)]);
  return { globals: values, rest: args };
}

/** No command: the help, on stdout when it was asked for. buildx always has it there. */
async function runNothing(
  context: Context,
  commands: readonly CommandOrGroup[],
  way: Way,
  wantsHelp: boolean,
  [unknown]: readonly string[],
): Promise<number> {
  const group = way.groups.at(-1);
  if (unknown !== undefined && !wantsHelp) {
    const { suggestCommand } = await import("./commands/suggest.js");
    const meant = suggestCommand(unknown, group?.commands ?? commands);
    const hint = meant === undefined ? "" : `\n${meant}`;
    const message =
      group === undefined
        ? `tsmanifest: unknown command: tsmanifest ${oneLine(unknown)}${hint}${usage(undefined)}`
        : inDialect(
            `unknown command: ${goQuote(unknown)}${hint}\nRun 'tsmanifest ${group.name} --help' for more information`,
            group.dialect,
          );
    context.stderr.write(`${escapeControls(message)}\n`);
    return 1;
  }
  const { groupHelp, programHelp } = await import("./help.js");
  const isWanted = wantsHelp || group !== undefined;
  const output = isWanted ? context.stdout : context.stderr;
  const screen = await screenOf(output, context);
  const text =
    group === undefined ? programHelp(commands, globalFlags, screen) : groupHelp(group, globalFlags, screen);
  output.write(isWanted ? text : `\n${text}`);
  const meant = await meantCommand(way, commands);
  if (meant !== undefined) context.stderr.write(`${escapeControls(meant)}\n`);
  return 0;
}

/** Where a flag is refused, or the help is shown, before anybody has said that there is no such command. */
async function meantCommand({ groups, unknown }: Way, commands: readonly CommandOrGroup[]) {
  if (unknown === undefined) return undefined;
  const { suggestCommand } = await import("./commands/suggest.js");
  const names = ["tsmanifest", ...groups.map(({ name }) => name)].join(" ");
  const meant = suggestCommand(unknown, groups.at(-1)?.commands ?? commands);
  return meant?.replace(/^did you mean (?!tsmanifest )/, `did you mean ${names} `);
}

async function screenOf(output: Output, { env }: Context): Promise<HelpScreen> {
  const { capabilitiesOf } = await import("./ui/terminal/capabilities.js");
  const columns = output.isTTY === true && output.columns !== 0 ? output.columns : undefined;
  return { columns, isBold: capabilitiesOf(output, env).colours > 0 };
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
  /** Which command may be meant by a word that is none. */
  readonly meant: () => Promise<string | undefined>;
  /** All that may stand on the command line. */
  readonly flags: FlagTable;
  readonly dialect: Dialect;
  readonly debug: boolean;
  readonly signal: AbortSignal;
}

/** An error for programs, and as the whole text for people. */
interface Described {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly text: string;
}

/** What to print about an error. Where it comes from is for `--debug` only. */
async function describe(thrown: unknown, circumstances: Circumstances): Promise<Described> {
  const { command, meant, flags, dialect, debug, signal } = circumstances;
  if (thrown instanceof UsageError) {
    const { code, message } = thrown;
    const hint = thrown.hint ?? (await meant()) ?? (await flagHint(thrown, flags));
    const lines = hint === undefined ? message : `${message}\n${hint}`;
    return { code, message, hint, text: lines + (dialect === "docker" ? usage(command) : "") };
  }
  const origin = debug ? `\n${stackOf(thrown)}` : "";
  if (signal.aborted) {
    return { code: "INTERRUPTED", message: "interrupted", text: `tsmanifest: interrupted${origin}` };
  }
  const error = await inWordsOf(dialect, thrown);
  if (error instanceof ManifestError) {
    const { code, message, hint } = error;
    return { code, message, hint, text: message + (hint === undefined ? "" : `\n${hint}`) + origin };
  }
  const message = `internal error: ${messageOf(error)}`;
  const hint = debug ? "" : "\nRun it again with --debug to see where this comes from.";
  return { code: "INTERNAL", message, text: `tsmanifest: ${message}${hint}${origin}` };
}

/** Which flag may be meant by one that is not known. */
async function flagHint({ subject }: UsageError, flags: FlagTable): Promise<string | undefined> {
  if (subject?.startsWith("--") !== true) return undefined;
  const isForAll = Object.keys(globalFlags).map(longName).includes(subject.slice(2));
  if (isForAll) return `${subject} goes before the command: tsmanifest ${subject} …`;
  const { suggestFlag } = await import("./commands/suggest.js");
  return suggestFlag(subject, Object.keys(flags).map(longName));
}

async function inWordsOf(dialect: Dialect, error: unknown): Promise<unknown> {
  if (dialect === "buildx") return (await import("./ui/buildxWords.js")).inBuildxWords(error);
  return (await import("./ui/dockerWords.js")).inDockerWords(error);
}

/** Where an error was made, and what caused it. */
function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const stack = error.stack ?? error.message;
  return error.cause === undefined ? stack : `${stack}\ncaused by: ${stackOf(error.cause)}`;
}
