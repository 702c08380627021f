/** How many colours: none, 16, 256, or 16 million. */
export type ColourLevel = 0 | 1 | 2 | 3;

export interface Capabilities {
  readonly colours: ColourLevel;
  /**
   * Can lines be drawn over each other? `onRequest`: it can be done, but what is drawn is likely kept as a log (CI systems
   * that give a terminal to their jobs), where only `--progress tty` asks for it.
   */
  readonly movesLines: "yes" | "onRequest" | "no";
  /** Are characters other than those of ASCII shown? */
  readonly isUnicode: boolean;
  /** Are lines that are longer than a window that was made narrower wrapped, as most terminals do? Others cut them. */
  readonly reflows: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What may be written to a stream, by what the stream is and by the variables that people set.
 *
 * Colours: `TERM=dumb` says that a terminal knows none; `NO_COLOR` wants none, whatever else is set; `FORCE_COLOR` and
 * `CLICOLOR_FORCE` want them also where there is no terminal; `CLICOLOR=0` wants none on a terminal. A variable that is
 * empty counts as not set. `TERM` is about a terminal, and says nothing of a pipe.
 * https://no-color.org, https://force-color.org, https://bixense.com/clicolors
 */
export function capabilitiesOf(
  { isTTY }: { readonly isTTY?: boolean | undefined },
  env: Environment,
): Capabilities {
  const obeys = isTTY === true && !isDumb(env);
  return {
    colours: isTTY === true && isDumb(env) ? 0 : colourLevel(obeys, env),
    movesLines: obeys ? (isCI(env) ? "onRequest" : "yes") : "no",
    isUnicode: isUnicode(env),
    reflows:
      !["linux", "dumb"].includes(env["TERM"] ?? "") && !isSet(env["XTERM_VERSION"]) && !isSet(env["STY"]),
  };
}

function colourLevel(obeys: boolean, env: Environment): ColourLevel {
  if (isSet(env["NO_COLOR"])) return 0;
  const forced = forcedLevel(env);
  if (forced !== undefined) return forced;
  return obeys && env["CLICOLOR"] !== "0" ? levelOfTerminal(env) : 0;
}

/** Undefined where nothing is forced. */
function forcedLevel(env: Environment): ColourLevel | undefined {
  const force = env["FORCE_COLOR"];
  switch (force) {
    case undefined:
    case "":
      return isSet(env["CLICOLOR_FORCE"]) && env["CLICOLOR_FORCE"] !== "0" ? levelOfTerminal(env) : undefined;
    case "0":
    case "false":
      return 0;
    case "2":
      return 2;
    case "3":
      return 3;
    default:
      return 1;
  }
}

function levelOfTerminal({ COLORTERM: colours, TERM: term = "" }: Environment): ColourLevel {
  if (colours === "truecolor" || colours === "24bit") return 3;
  return term.includes("256") ? 2 : 1;
}

/** A terminal of which nothing is known is not written to as if it knew everything. On Windows none says what it is. */
function isDumb({ TERM: term = "", OS: os }: Environment): boolean {
  return term === "dumb" || term === "unknown" || (term === "" && os !== "Windows_NT");
}

function isCI({ CI: ci }: Environment): boolean {
  return isSet(ci) && ci !== "0" && ci !== "false";
}

/** By the language that is set, in the order in which it counts. Where none is, most terminals can by now. */
function isUnicode({ LC_ALL, LC_CTYPE, LANG, TERM }: Environment): boolean {
  const locale = [LC_ALL, LC_CTYPE, LANG].find(isSet);
  return locale === undefined ? TERM !== "linux" : /utf-?8/i.test(locale);
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== "";
}
