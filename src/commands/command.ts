import type { Context } from "../context.js";
import type { FlagTable, FlagValues } from "../go/flags.js";

/** What every command understands besides its own flags. */
export const commonFlags = {
  debug: {
    kind: "bool",
    short: "D",
    description: "Show every request on stderr, and where an error comes from",
  },
  help: { kind: "bool", short: "h", quietShort: true, description: "Show this help" },
} as const satisfies FlagTable;

/** What may stand before the command. */
export const globalFlags = {
  config: {
    kind: "string",
    value: "dir",
    description: "Folder of docker's configuration and lists, in place of DOCKER_CONFIG",
  },
  ...commonFlags,
  version: { kind: "bool", short: "v", description: "Show the version" },
} as const satisfies FlagTable;

/** `docker manifest`'s words, or those of `docker buildx imagetools`. */
export type Dialect = "docker" | "buildx";

/** What an argument is to completion: a local list, an image of the first argument, a shell, or what only a registry knows. */
export type ArgumentKind = "list" | "entry" | "shell" | "other";

/** One verb: what it takes, what its help says, and what it does. */
export interface Command<Flags extends FlagTable = FlagTable> {
  readonly name: string;
  /** Whose command line it is: whose words and exit statuses its errors have. docker's unless told. */
  readonly dialect?: Dialect;
  /** The usage line after the name: `[OPTIONS] MANIFEST_LIST`. */
  readonly args: string;
  /** That of the help, where docker's errors have one that does not say all that may be left out. */
  readonly helpArgs?: string;
  /** What the help says below the usage line. */
  readonly description: string;
  /** Whole command lines for the help. */
  readonly examples?: readonly string[];
  /** How many arguments it takes; no `max` means any number. */
  readonly arity: { readonly min: number; readonly max?: number };
  /** What its arguments are, in their order; the last of them for all that follow. */
  readonly completes: readonly ArgumentKind[];
  readonly flags: Flags;
  /** The same where it depends on the flags that were given; `arity` is what holds without any. */
  arityFor?(flags: FlagValues<Flags & typeof commonFlags>): Command["arity"];
  /** The exit status where it fails; 1 unless told. */
  failureStatus?(flags: FlagValues<Flags & typeof commonFlags>): number;
  /**
   * Does it: results on `context.stdout`, everything else on `context.stderr`. `args` fit the arity.
   * Throws a ManifestError for what the user should read.
   * @returns the exit status, for a command that says something by it; 0 unless told
   */
  run(
    context: Context,
    flags: FlagValues<Flags & typeof commonFlags>,
    args: readonly string[],
  ): Promise<void> | Promise<number>;
}

/** A command as the command tree knows it: its file is loaded only when it is run or asked for its help. */
export interface CommandEntry {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** The heading above it in the list of commands. */
  readonly group?: string;
  /** It is not in the help: no command for people. */
  readonly isHidden?: true;
  load(): Promise<Command>;
}

/** Commands under a word of their own: `tsmanifest imagetools create`. */
export interface CommandGroup {
  readonly name: string;
  readonly summary: string;
  readonly group?: string;
  readonly dialect: Dialect;
  /** Flags that may stand before the command, besides the program's own. */
  readonly flags: FlagTable;
  readonly commands: readonly CommandOrGroup[];
  /** It is not in the help: another way to write what is there. */
  readonly isHidden?: true;
}

export type CommandOrGroup = CommandEntry | CommandGroup;

/** Ties the type of `run`'s flags to the flag table. */
export function defineCommand<const Flags extends FlagTable>(command: Command<Flags>): Command<Flags> {
  return command;
}
