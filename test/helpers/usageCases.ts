/** Command lines and what docker has against them: unit tests and the comparison with docker share these rows. */
export interface UsageCase {
  readonly argv: readonly string[];
  readonly status: number;
  /** The first line of stderr, without `tsmanifest: ` where `usage` follows a wrong number of arguments. */
  readonly message: string;
  /** The command whose usage lines follow, "" for the program's; undefined where the message stands alone. */
  readonly usage?: string;
  readonly hint?: "Run" | "See";
}

/** The usage line of each command, after its name. */
export const USAGE: Readonly<Record<string, string>> = {
  "": "COMMAND",
  create: "MANIFEST_LIST MANIFEST [MANIFEST...]",
  annotate: "[OPTIONS] MANIFEST_LIST MANIFEST",
  inspect: "[OPTIONS] [MANIFEST_LIST] MANIFEST",
  push: "[OPTIONS] MANIFEST_LIST",
  rm: "MANIFEST_LIST [MANIFEST_LIST...]",
};

/** The whole of stderr. */
export function expectedStderr({ message, usage, hint = "Run" }: UsageCase): string {
  if (usage === undefined) return `${message}\n`;
  const name = usage === "" ? "tsmanifest" : `tsmanifest ${usage}`;
  const line = `${name} ${USAGE[usage] ?? ""}`;
  return `${message}\n\nUsage:  ${line}\n\n${hint} '${name} --help' for more information\n`;
}

/** What docker has of an output of ours: without the lines that say what to do. */
export function dockersLines(stderr: string): string {
  return stderr.replaceAll(
    /^(?:"[^\n]*": [^\n]+|did you mean .*\?|there is no local list .*|--\S+ goes before the command: .*)\n/gm,
    "",
  );
}

function flagError(message: string, ...argv: string[]): UsageCase {
  const usage = argv[0] !== undefined && Object.hasOwn(USAGE, argv[0]) ? argv[0] : "";
  return { argv, status: 125, message, usage };
}

function arityError(message: string, hint: "Run" | "See", ...argv: string[]): UsageCase {
  const usage = argv[0] ?? "";
  return { argv, status: 1, message: `tsmanifest: 'tsmanifest ${usage}' ${message}`, usage, hint };
}

function unknownCommand(word: string, ...argv: string[]): UsageCase {
  return { argv, status: 1, message: `tsmanifest: unknown command: tsmanifest ${word}`, usage: "" };
}

/** Read without complaint: the command starts, and fails because the list is not there. */
function accepted(message: string, ...argv: string[]): UsageCase {
  return { argv, status: 1, message };
}

const badBool = (value: string, flag: string) =>
  `invalid argument "${value}" for "${flag}" flag: strconv.ParseBool: parsing "${value}": invalid syntax`;
const badCsv = (value: string, where: string, what: string) =>
  `invalid argument "${value}" for "--os-features" flag: ${where}: ${what}`;
const QUOTE = 'extraneous or missing " in quoted-field';
const BARE = 'bare " in non-quoted-field';
const PURGE = "-p, --purge";
const MISSING_A = "No such manifest: docker.io/library/a:latest";
const NO_ENTRY = "manifest for image b does not exist in a";

export const usageCases: readonly UsageCase[] = [
  // Numbers of arguments
  arityError("requires 1 argument", "Run", "push"),
  arityError("requires 1 argument", "Run", "push", "a", "b"),
  arityError("requires 1 argument", "Run", "push", "-p"),
  arityError("requires 1 argument", "Run", "push", "-", "-"),
  arityError("requires 1 argument", "Run", "push", "--"),
  arityError("requires 1 argument", "Run", "push", "a", "--", "b"),
  arityError("requires 1 argument", "Run", "push", "a", "--", "-h"),
  arityError("requires at least 2 arguments", "See", "create"),
  arityError("requires at least 2 arguments", "See", "create", "a"),
  arityError("requires at least 2 arguments", "See", "create", "--amend", "a"),
  arityError("requires 2 arguments", "Run", "annotate"),
  arityError("requires 2 arguments", "Run", "annotate", "a", "b", "c"),
  arityError("requires 2 arguments", "Run", "annotate", "a", "--os", "b"),
  arityError("requires at least 1 and at most 2 arguments", "Run", "inspect"),
  arityError("requires at least 1 and at most 2 arguments", "Run", "inspect", "a", "b", "c"),
  arityError("requires at least 1 argument", "See", "rm"),
  arityError("requires at least 1 argument", "See", "rm", "--"),

  // Commands
  unknownCommand("bogus", "bogus"),
  unknownCommand("bogus", "bogus", "push", "a"),
  unknownCommand("PUSH", "PUSH", "a"),
  unknownCommand("pus", "pus", "a"),
  unknownCommand("-", "-"),
  unknownCommand("", ""),
  unknownCommand("", "", "rm", "a"),
  unknownCommand("push", "--", "push", "a"),
  unknownCommand("bogus", "--help=false", "bogus"),

  // Flags nobody knows
  flagError("unknown flag: --bogus", "--bogus"),
  flagError("unknown flag: --bogus", "--help", "--bogus"),
  flagError("unknown flag: --bogus", "bogus", "--bogus"),
  flagError("unknown shorthand flag: 'x' in -x", "-x"),
  flagError("unknown flag: --bogus", "push", "--bogus"),
  flagError("unknown flag: --bogus", "push", "--bogus=x", "a"),
  flagError("unknown flag: --bogus", "push", "a", "--bogus"),
  flagError("unknown flag: --bogus", "push", "--bogus", "--help"),
  flagError("unknown flag: --bogus", "push", "--help", "--bogus"),
  flagError("unknown flag: --pur", "push", "--pur", "a"),
  flagError("unknown flag: --Purge", "push", "--Purge", "a"),
  flagError("unknown flag: --p", "push", "--p", "a"),
  flagError("unknown flag: --a b", "inspect", "--a b=c", "a"),
  flagError("unknown flag: --\u00e9", "inspect", "--\u00e9", "a"),
  flagError("unknown flag: --osFeatures", "annotate", "--osFeatures", "x"),
  flagError("unknown flag: --amend", "push", "--amend", "a"),
  flagError("unknown flag: --insecure", "rm", "--insecure", "a"),
  flagError("unknown flag: --constructor", "push", "--constructor", "a"),
  flagError("unknown flag: --__proto__", "push", "--__proto__", "a"),
  flagError("unknown shorthand flag: 'x' in -x", "push", "-x", "a"),
  flagError("unknown shorthand flag: 'x' in -xh", "push", "-xh"),
  flagError("unknown shorthand flag: 'x' in -x", "push", "-hx"),
  flagError("unknown shorthand flag: 'x' in -xp", "push", "-pxp", "a"),
  flagError("unknown shorthand flag: 'x' in -x=1", "push", "-px=1", "a"),
  flagError("unknown shorthand flag: 'i' in -i=x", "create", "-ai=x", "a", "b"),
  flagError("unknown shorthand flag: 'P' in -P", "push", "-P", "a"),
  flagError("unknown shorthand flag: 'p' in -p", "inspect", "-vp", "a"),
  flagError("unknown shorthand flag: 'v' in -v", "push", "-v", "a"),
  flagError("unknown shorthand flag: '=' in -=x", "push", "-=x"),
  flagError("unknown shorthand flag: '=' in -=", "push", "-p=", "a"),
  flagError("unknown shorthand flag: '-' in --", "inspect", "-v-", "a"),
  flagError("unknown shorthand flag: ' ' in - a", "rm", "- a"),
  flagError("unknown shorthand flag: '\\'' in -'", "rm", "-'"),
  flagError("unknown shorthand flag: '\"' in -\"", "rm", '-"'),
  flagError("unknown shorthand flag: '\\\\' in -\\", "rm", "-\\"),
  flagError("unknown shorthand flag: '\u00c3' in -\u00e9", "inspect", "-v\u00e9", "a"),
  flagError("unknown shorthand flag: '\u00c2' in -\u00b5", "rm", "-\u00b5"),
  flagError("unknown shorthand flag: '\u00f0' in -\u{1f600}", "rm", "-\u{1f600}"),
  flagError("bad flag syntax: ---p", "push", "---p"),
  flagError("bad flag syntax: ---", "push", "---"),
  flagError("bad flag syntax: --=x", "push", "--=x"),
  flagError("bad flag syntax: --=", "push", "--=", "a"),

  // Values
  flagError(badBool("maybe", PURGE), "push", "-p=maybe", "a"),
  flagError(badBool("maybe", PURGE), "push", "--purge=maybe", "a"),
  flagError(badBool("maybe", PURGE), "push", "-pp=maybe", "a"),
  flagError(badBool("", PURGE), "push", "--purge=", "a"),
  flagError(badBool(" true", PURGE), "push", "--purge= true", "a"),
  flagError(badBool("tRUE", "--insecure"), "create", "-a=T", "--insecure=tRUE", "a", "b"),
  flagError(badBool("yes", "-a, --amend"), "create", "--amend=yes", "a", "b"),
  flagError(badBool("2", "-v, --verbose"), "inspect", "-v=2", "a"),
  flagError(badBool("=true", PURGE), "push", "--purge==true", "a"),
  flagError(badBool("maybe", "--help"), "push", "--help=maybe", "a"),
  flagError(badBool('a\\tb\\"\\\\', PURGE), "push", '--purge=a\tb"\\', "a"),
  flagError(
    badBool("\\u200b\\u00a0\u00e9\\u2028\u{1f600}\\U0010ffff", PURGE),
    "push",
    "--purge=\u200b\u00a0\u00e9\u2028\u{1f600}\u{10ffff}",
  ),
  flagError(
    badBool("\\x7f\\x1b\\ufeff\\u00ad\\ue000\\a\\v", PURGE),
    "push",
    "-p=\x7f\x1b\ufeff\u00ad\ue000\x07\v",
  ),
  flagError("flag needs an argument: --os", "annotate", "--os"),
  flagError("flag needs an argument: --os", "annotate", "a", "b", "--os"),
  flagError("flag needs an argument: --os-features", "annotate", "a", "b", "--os-features"),
  flagError(
    badCsv('\\"a', "parse error on line 1, column 3", QUOTE),
    "annotate",
    "--os-features",
    '"a',
    "a",
    "b",
  ),
  flagError(
    badCsv('a\\"b', "parse error on line 1, column 2", BARE),
    "annotate",
    "--os-features",
    'a"b',
    "a",
    "b",
  ),
  flagError(
    badCsv('\\"a\\"b', "parse error on line 1, column 3", QUOTE),
    "annotate",
    '--os-features="a"b',
    "a",
    "b",
  ),
  flagError(
    badCsv('a,b,\\"c', "parse error on line 1, column 7", QUOTE),
    "annotate",
    '--os-features=a,b,"c',
    "a",
    "b",
  ),
  flagError(
    badCsv('\\"\u00e9\\"x', "parse error on line 1, column 4", QUOTE),
    "annotate",
    '--os-features="\u00e9"x',
    "a",
    "b",
  ),
  flagError(
    badCsv('\\"a\\nb', "record on line 1; parse error on line 2, column 2", QUOTE),
    "annotate",
    '--os-features="a\nb',
    "a",
    "b",
  ),
  flagError(
    badCsv('\\n\\"a', "parse error on line 2, column 3", QUOTE),
    "annotate",
    '--os-features=\n"a',
    "a",
    "b",
  ),
  flagError('invalid argument "\\n" for "--os-features" flag: EOF', "annotate", "--os-features=\n", "a", "b"),
  flagError("unknown flag: --bogus", "annotate", "--bogus", '--os-features="', "a", "b"),
  flagError(
    badCsv('\\"', "parse error on line 1, column 2", QUOTE),
    "annotate",
    '--os-features="',
    "--bogus",
  ),

  // Right as they are
  accepted(MISSING_A, "push", "a"),
  accepted(MISSING_A, "push", "-p", "a"),
  accepted(MISSING_A, "push", "a", "-p"),
  accepted(MISSING_A, "push", "-pp", "a"),
  accepted(MISSING_A, "push", "--purge", "--insecure", "a"),
  accepted(MISSING_A, "push", "-p=0", "--insecure=TRUE", "a"),
  accepted(MISSING_A, "push", "-p=F", "-p=t", "-p=False", "--purge=1", "a"),
  accepted(MISSING_A, "push", "--", "a"),
  accepted(MISSING_A, "push", "a", "--"),
  accepted(MISSING_A, "push", "--help=false", "a"),
  accepted(MISSING_A, "push", "--help", "--help=f", "a"),
  accepted(MISSING_A, "rm", "a"),
  accepted("No such manifest: docker.io/library/true:latest", "push", "--purge", "true"),
  accepted("invalid reference format", "push", "-"),
  accepted("invalid reference format", "push", ""),
  accepted("invalid reference format", "push", "--", "-p"),
  accepted("invalid reference format", "push", "--", "--help"),
  accepted(NO_ENTRY, "annotate", "a", "b"),
  accepted(NO_ENTRY, "annotate", "--os", "linux", "a", "b"),
  accepted(NO_ENTRY, "annotate", "a", "--os=linux", "b", "--arch=x=y"),
  accepted(NO_ENTRY, "annotate", "--os=", "a", "b"),
  accepted(NO_ENTRY, "annotate", "--os", "--arch", "a", "b"),
  accepted(NO_ENTRY, "annotate", "--os", "--", "a", "b"),
  accepted(NO_ENTRY, "annotate", "--os-features", "", "a", "b"),
  accepted(NO_ENTRY, "annotate", "--os-features", 'c,"d,e"', "--os-features=f", "a", "b"),
];
