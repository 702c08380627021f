import { suggestWord } from "../apply/file/suggest.js";
import type { CommandOrGroup } from "./command.js";

/** What somebody may have meant whose flag or command is not known. Loaded when that has happened. */

/** Other programs' words for what is here. */
const OTHER_WORDS = new Map([
  ["add", "create --amend"],
  ["append", "imagetools create --append"],
  ["copy", "imagetools create"],
  ["cp", "imagetools create"],
  ["del", "rm"],
  ["delete", "rm"],
  ["get", "inspect"],
  ["list", "ls"],
  ["mirror", "imagetools create"],
  ["remove", "rm"],
  ["show", "inspect"],
]);

/** What is done elsewhere, and what commands of other programs are flags here. */
const OTHER_PLACES = new Map([
  ["login", "docker login does that: its logins are used here"],
  ["logout", "docker logout does that: its logins are used here"],
  ["version", "did you mean tsmanifest --version?"],
]);

/** Other programs' flags, a flag that stands in for each, and what to say where a command has that one. */
const OTHER_FLAGS = new Map([
  ["dry-run", { instead: "plan", text: "did you mean --plan?" }],
  [
    "platform",
    {
      instead: "tree",
      text: "--tree shows each platform's digest: inspect NAME@DIGEST shows that image alone",
    },
  ],
]);

/**
 * One line for an unknown flag, or undefined where no known one comes near.
 * @param flag as it was written: `--pur`
 * @param known names of flags without hyphens before them
 * @example
 * suggestFlag("--pur", ["purge", "plan"]); // "did you mean --purge?"
 */
export function suggestFlag(flag: string, known: readonly string[]): string | undefined {
  const name = flag.slice(2);
  const other = OTHER_FLAGS.get(name);
  if (other !== undefined && known.includes(other.instead)) return other.text;
  const meant = suggestName(name, known);
  return meant === undefined ? undefined : `did you mean --${meant}?`;
}

/** The same for a command, from those that may stand where it stands. */
export function suggestCommand(word: string, commands: readonly CommandOrGroup[]): string | undefined {
  const shown = commands.filter((node) => node.isHidden !== true).map(({ name }) => name);
  const other = OTHER_WORDS.get(word);
  const isHere = other !== undefined && shown.includes(other.split(" ")[0] ?? "");
  const meant = suggestName(word, shown) ?? (isHere ? other : undefined);
  return meant === undefined ? OTHER_PLACES.get(word) : `did you mean ${meant}?`;
}

/** The only one that begins like this, or else one that this may be a typo of. */
function suggestName(word: string, known: readonly string[]): string | undefined {
  const begun = word.length < 2 ? [] : known.filter((name) => name.startsWith(word));
  return begun.length === 1 ? begun[0] : suggestWord(word, known);
}
