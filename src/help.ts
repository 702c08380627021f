import { Command as HelpCommand, Option } from "commander";
import { commonFlags, type Command, type CommandGroup, type CommandOrGroup } from "./commands/command.js";
import { longName, type Flag, type FlagTable } from "./go/flags.js";

/**
 * The help texts, laid out by commander. Only loaded when help is shown: see cli.ts.
 * https://github.com/tj/commander.js#automated-help
 */
const ABOUT = `Make one name stand for the same image on several platforms: \
collect the images in a local manifest list, say what platform each is for, push the list; \
or do all of it at once by imagetools create. \
Lists are kept where docker manifest keeps them, so that both can work on the same list.`;

const EXAMPLES = [
  "tsmanifest create example.com/app:1 example.com/app:1-amd64 example.com/app:1-arm64",
  "tsmanifest annotate example.com/app:1 example.com/app:1-arm64 --arch arm64 --variant v8",
  "tsmanifest push --purge example.com/app:1",
  "tsmanifest inspect example.com/app:1",
  "tsmanifest imagetools create -t example.com/app:1 example.com/app:1-amd64 example.com/app:1-arm64",
];

const WIDTH = 100;

/** The help of the whole program. */
export function programHelp(commands: readonly CommandOrGroup[], flags: FlagTable): string {
  return treeHelp("tsmanifest", ABOUT, commands, flags, EXAMPLES);
}

/** The help of commands that have a word of their own before them. */
export function groupHelp(group: CommandGroup, flags: FlagTable): string {
  const { name, summary, commands } = group;
  return treeHelp(`tsmanifest ${name}`, `${summary}.`, commands, { ...flags, ...group.flags }, []);
}

function treeHelp(
  name: string,
  about: string,
  commands: readonly CommandOrGroup[],
  flags: FlagTable,
  lines: readonly string[],
): string {
  const help = layout(name, "COMMAND", about, flags);
  for (const node of commands) {
    if ("isHidden" in node) continue;
    help.addCommand(new HelpCommand(node.name).description(node.summary));
  }
  const footer = `Run '${name} COMMAND --help' for more information on a command.`;
  return `${help.helpInformation()}${examples(lines)}\n${footer}\n`;
}

/** The help of one command. */
export function commandHelp(command: Command): string {
  const flags = { ...command.flags, ...commonFlags };
  const help = layout(`tsmanifest ${command.name}`, command.args, command.description, flags);
  return `${help.helpInformation()}${examples(command.examples ?? [])}`;
}

function layout(name: string, args: string, description: string, flags: FlagTable): HelpCommand {
  const help = new HelpCommand(name).description(description).helpOption(false).helpCommand(false);
  for (const [key, flag] of Object.entries(flags)) {
    help.addOption(new Option(term(key, flag), flag.description));
  }
  return help.configureHelp({
    helpWidth: WIDTH,
    // One space more than commander puts, as in the usage lines of errors.
    commandUsage: () => ` ${name} ${args}`,
    // The name alone: a command's own arguments are for its own help.
    subcommandTerm: (command) => command.name(),
    optionTerm: ({ flags, short }) => (short === undefined ? `    ${flags}` : flags),
  });
}

/** `-p, --purge`, `--os <name>`. */
function term(key: string, flag: Flag): string {
  const short = flag.short === undefined ? "" : `-${flag.short}, `;
  return `${short}--${longName(key)}${valueTerm(flag)}`;
}

function valueTerm(flag: Flag): string {
  if (flag.kind === "bool") return "";
  return flag.kind === "optional" ? `[=<${flag.value}>]` : ` <${flag.value}>`;
}

function examples(lines: readonly string[]): string {
  return lines.length === 0 ? "" : `\nExamples:\n${lines.map((line) => `  ${line}\n`).join("")}`;
}
