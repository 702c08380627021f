import { Command as HelpCommand, Help, Option } from "commander";
import { ABOUT, EXAMPLES } from "./commands/about.js";
import { commonFlags, type Command, type CommandGroup, type CommandOrGroup } from "./commands/command.js";
import { flagTerm, flagText, groupFlags } from "./commands/flagGroups.js";
import type { FlagTable } from "./go/flags.js";

/**
 * The help texts, laid out by commander. Only loaded when help is shown: see cli.ts.
 * https://github.com/tj/commander.js#automated-help
 */

/** Where the help is shown. */
export interface HelpScreen {
  /** Of the terminal, in columns; undefined where there is none. */
  readonly columns: number | undefined;
  /** Are headings bold? */
  readonly isBold: boolean;
}

/** Lines are as long as the terminal is wide, within what can be read. */
const [NARROWEST, WIDEST, WITHOUT_TERMINAL] = [40, 100, 80];
/** Where there is less room than this beside the flags, what they do is below them. */
const LEAST_BESIDE = 36;
const BELOW = 8;

/** The help of the whole program. */
export function programHelp(
  commands: readonly CommandOrGroup[],
  flags: FlagTable,
  screen: HelpScreen,
): string {
  return treeHelp("tsmanifest", ABOUT, commands, flags, EXAMPLES, screen);
}

/** The help of commands that have a word of their own before them. */
export function groupHelp(group: CommandGroup, flags: FlagTable, screen: HelpScreen): string {
  const { name, summary, commands } = group;
  return treeHelp(`tsmanifest ${name}`, `${summary}.`, commands, { ...flags, ...group.flags }, [], screen);
}

function treeHelp(
  name: string,
  about: string,
  commands: readonly CommandOrGroup[],
  flags: FlagTable,
  lines: readonly string[],
  screen: HelpScreen,
): string {
  const help = layout(name, "[OPTIONS] COMMAND", about, flags, screen);
  for (const node of commands) {
    if (node.isHidden === true) continue;
    const shown = new HelpCommand(node.name).description(node.summary);
    help.addCommand(node.group === undefined ? shown : shown.helpGroup(`${node.group}:`));
  }
  const text = commandsFirst(help, groupFlags(flags).length);
  const footer = `Run '${name} COMMAND --help' for more information on a command.`;
  return `${text}${examples(lines, screen)}\n${footer}\n`;
}

/** commander has the flags before the commands. The groups of both are paragraphs, at the end of the text. */
function commandsFirst(help: HelpCommand, flagGroups: number): string {
  const paragraphs = help.helpInformation().trimEnd().split("\n\n");
  const commandGroups = new Set(help.commands.map((command) => command.helpGroup())).size;
  const flags = paragraphs.splice(-(flagGroups + commandGroups), flagGroups);
  return `${[...paragraphs, ...flags].join("\n\n")}\n`;
}

/** The help of one command. */
export function commandHelp(command: Command, screen: HelpScreen): string {
  const flags = { ...command.flags, ...commonFlags };
  const help = layout(
    `tsmanifest ${command.name}`,
    command.helpArgs ?? command.args,
    command.description,
    flags,
    screen,
  );
  return `${help.helpInformation()}${examples(command.examples ?? [], screen)}`;
}

function layout(
  name: string,
  args: string,
  description: string,
  flags: FlagTable,
  screen: HelpScreen,
): HelpCommand {
  const help = new HelpCommand(name).description(description).helpOption(false).helpCommand(false);
  for (const { title, flags: grouped } of groupFlags(flags)) {
    for (const [key, flag] of grouped) {
      help.addOption(new Option(flagTerm(key, flag), flagText(flag)).helpGroup(`${title}:`));
    }
  }
  const { columns = WITHOUT_TERMINAL } = screen;
  return help.configureOutput({ getOutHasColors: () => screen.isBold }).configureHelp({
    helpWidth: Math.min(WIDEST, Math.max(NARROWEST, columns)),
    minWidthToWrap: LEAST_BESIDE,
    // One space more than commander puts, as in the usage lines of errors.
    commandUsage: () => ` ${name} ${args}`,
    // The name alone: a command's own arguments are for its own help.
    subcommandTerm: (command) => command.name(),
    optionTerm: ({ flags, short }) => (short === undefined ? `    ${flags}` : flags),
    styleTitle: (title) => heading(title, screen),
    formatItem,
  });
}

/** As commander does, where there is room beside the term; below it where there is not. */
function formatItem(this: Help, term: string, width: number, description: string, help: Help): string {
  const { helpWidth = WITHOUT_TERMINAL } = this;
  if (helpWidth - width - 4 >= LEAST_BESIDE) {
    return Help.prototype.formatItem.call(this, term, width, description, help);
  }
  const indent = " ".repeat(BELOW);
  const text = wrapped(description, helpWidth - BELOW).replaceAll("\n", `\n${indent}`);
  return `  ${term.trim()}\n${indent}${text}`;
}

function wrapped(text: string, width: number): string {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.join("\n");
}

function heading(title: string, { isBold }: HelpScreen): string {
  return isBold ? `\u001b[1m${title}\u001b[22m` : title;
}

/** Command lines are to be copied: they are not wrapped. */
function examples(lines: readonly string[], screen: HelpScreen): string {
  if (lines.length === 0) return "";
  return `\n${heading("Examples:", screen)}\n${lines.map((line) => `  ${line}\n`).join("")}`;
}
