import {
  commonFlags,
  type Command,
  type CommandEntry,
  type CommandGroup,
  type CommandOrGroup,
} from "../commands/command.js";
import { withConfig, type Context } from "../context.js";
import { longName, readFlags, type Flag, type FlagTable, type NamedFlag } from "../go/flags.js";
import { oneLine } from "../ui/text.js";
import { NOTHING, type Candidate, type Completion } from "./completion.js";
import { argumentsFor, valuesFor } from "./values.js";

/**
 * What may stand next on a command line: the one answer that the scripts of all shells ask for. It needs no network, and
 * says nothing where something is wrong: nobody wants an error in the middle of a line.
 *
 * By hand: @bomb.sh/tab, the library for this, asks for values synchronously, which lists on a disk are not; has none
 * of `--flag=value` and of pflag's rules; completes no files; and its scripts run the line through `eval`.
 */

/** What may be on a line. */
export interface Grammar {
  readonly commands: readonly CommandOrGroup[];
  /** Those before the command. */
  readonly flags: FlagTable;
}

/**
 * The answer to `tsmanifest __complete WORD... =CURRENT`: `words`, `files` or `folders` on the first line; below `words` one
 * candidate a line, its description behind a tab. The last argument is what there is of the word at the cursor behind a
 * `=`, since some shells drop an empty argument. Never rejects.
 */
export async function answerCompletion(
  argv: readonly string[],
  context: Context,
  grammar: Grammar,
): Promise<string> {
  try {
    const completion = await complete(argv.slice(0, -1), (argv.at(-1) ?? "=").slice(1), context, grammar);
    if (completion.kind !== "words") return `${completion.kind}\n`;
    return ["words", ...completion.words.flatMap(lineOf), ""].join("\n");
  } catch {
    return "words\n";
  }
}

/**
 * What the words of all kinds consist of: flags, references, platforms. No shell does anything with these characters, but
 * for the brackets of an IPv6 address, which the scripts quote.
 */
const WORD = /^[\w[-][\w./:@,=+[\]-]*$/;
/** More of a description is not shown anywhere. */
const LONGEST_DESCRIPTION = 200;

/**
 * The line of a candidate; none for what is no word. Names and platforms may be anybody's: of a registry, of a file of the
 * store.
 */
function lineOf({ text, description }: Candidate): string[] {
  if (!WORD.test(text)) return [];
  const said = oneLine(description.slice(0, LONGEST_DESCRIPTION));
  return [said === "" ? text : `${text}\t${said}`];
}

async function complete(
  before: readonly string[],
  current: string,
  context: Context,
  grammar: Grammar,
): Promise<Completion> {
  const { commands, flags, leading, entry, rest, pending } = readWay(before, grammar);
  const { values } = readFlags(flags, leading);
  const config = values["config"];
  const surroundings = withConfig(context, typeof config === "string" ? config : "");
  if (pending !== undefined) return startingWith(current, await valuesFor(pending, "", surroundings, {}, []));
  if (entry === undefined) {
    return startingWith(current, current.startsWith("-") ? flagWords(flags, []) : commandWords(commands));
  }
  return completeCommand(await entry.load(), rest, current, surroundings);
}

interface Way {
  /** Those that may stand next. */
  readonly commands: readonly CommandOrGroup[];
  /** Those that may stand before the command. */
  readonly flags: FlagTable;
  readonly leading: readonly string[];
  readonly entry?: CommandEntry;
  /** What follows the command. */
  readonly rest: readonly string[];
  /** The flag before the command whose value comes next. */
  readonly pending?: NamedFlag;
}

/** Which command the words lead to, in the ways that `cli.ts` understands. */
function readWay(words: readonly string[], grammar: Grammar): Way {
  let { commands, flags } = grammar;
  const leading: string[] = [];
  let isTop = true;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    if (word.startsWith("-")) {
      leading.push(word);
      const named = flagOf(word, flags);
      if (named === undefined || !wantsWord(word, named[1])) continue;
      const value = words[++at];
      if (value === undefined) return { commands, flags, leading, rest: [], pending: named };
      leading.push(value);
    } else if (word === "help" || (word === "manifest" && isTop)) {
      isTop = false;
    } else {
      const node = commands.find(({ name }) => name === word);
      if (node === undefined) return { commands: [], flags: {}, leading, rest: [] };
      if (!isGroup(node)) return { commands, flags, leading, entry: node, rest: words.slice(at + 1) };
      isTop = false;
      ({ commands } = node);
      flags = { ...flags, ...node.flags };
    }
  }
  return { commands, flags, leading, rest: [] };
}

function isGroup(node: CommandOrGroup): node is CommandGroup {
  return "commands" in node;
}

/** The flag that a word names, by its name or by the last of some letters. */
function flagOf(word: string, flags: FlagTable): NamedFlag | undefined {
  const entries = Object.entries(flags);
  if (word.startsWith("--")) {
    const [name = ""] = word.slice(2).split("=");
    return entries.find(([key]) => longName(key) === name);
  }
  return entries.find(([, { short }]) => short !== undefined && word.endsWith(short));
}

/** Is the value of the flag in the next word? */
function wantsWord(word: string, { kind }: Flag): boolean {
  return kind !== "bool" && kind !== "optional" && !word.includes("=");
}

async function completeCommand(
  command: Command,
  rest: readonly string[],
  current: string,
  context: Context,
): Promise<Completion> {
  const flags = { ...command.flags, ...commonFlags };
  const { values, args, fault, lacking } = readFlags(flags, rest);
  const isOver = rest.includes("--") && fault === undefined;
  if (lacking !== undefined) {
    return startingWith(current, await valuesFor(lacking, current, context, values, args));
  }
  if (!isOver && current.startsWith("--") && current.includes("=")) {
    const named = flagOf(current, flags);
    const at = current.indexOf("=") + 1;
    if (named === undefined) return NOTHING;
    const [prefix, value] = [current.slice(0, at), current.slice(at)];
    return startingWith(current, withPrefix(prefix, await valuesFor(named, value, context, values, args)));
  }
  if (!isOver && current.startsWith("-")) return startingWith(current, flagWords(flags, rest));
  return startingWith(current, await argumentsFor(command, current, context, values, args));
}

function startingWith(current: string, completion: Completion): Completion {
  if (completion.kind !== "words") return completion;
  return { kind: "words", words: completion.words.filter(({ text }) => text.startsWith(current)) };
}

function withPrefix(prefix: string, completion: Completion): Completion {
  if (completion.kind !== "words") return completion;
  const words = completion.words.map(({ text, description }) => ({ text: prefix + text, description }));
  return { kind: "words", words };
}

function commandWords(commands: readonly CommandOrGroup[]): Completion {
  const shown = commands.filter(({ isHidden }) => isHidden !== true);
  return {
    kind: "words",
    words: shown.map(({ name, summary }) => ({ text: name, description: summary })),
  };
}

/** All flags but those that are there already and count once. */
function flagWords(flags: FlagTable, given: readonly string[]): Completion {
  const words = Object.entries(flags).flatMap(([key, flag]): Candidate[] => {
    const text = `--${longName(key)}`;
    const isRepeatable = flag.kind === "stringArray" || flag.kind === "stringSlice";
    const isGiven = given.some((word) => word === text || word.startsWith(`${text}=`));
    if (isGiven && !isRepeatable) return [];
    const { description } = flag;
    if (flag.kind !== "optional") return [{ text, description }];
    return [
      { text, description },
      ...flag.choices.map((choice) => ({ text: `${text}=${choice}`, description })),
    ];
  });
  return { kind: "words", words };
}
