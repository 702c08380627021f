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

/**
 * One line for an unknown flag, or undefined where no known one comes near.
 * @param flag as it was written: `--pur`
 * @param known names of flags without hyphens before them
 * @example
 * suggestFlag("--pur", ["purge", "plan"]); // "did you mean --purge?"
 */
export function suggestFlag(flag: string, known: readonly string[]): string | undefined {
  const meant = suggestName(flag.slice(2), known);
  return meant === undefined ? undefined : `did you mean --${meant}?`;
}

/** The same for a command, from those that may stand where it stands. */
export function suggestCommand(word: string, commands: readonly CommandOrGroup[]): string | undefined {
  const shown = commands.filter((node) => node.isHidden !== true).map(({ name }) => name);
  const other = OTHER_WORDS.get(word);
  const isHere = other !== undefined && shown.includes(other.split(" ")[0] ?? "");
  const meant = suggestName(word, shown) ?? (isHere ? other : undefined);
  return meant === undefined ? undefined : `did you mean ${meant}?`;
}

/** The only one that begins like this, or else one that this may be a typo of. */
function suggestName(word: string, known: readonly string[]): string | undefined {
  const begun = word.length < 2 ? [] : known.filter((name) => name.startsWith(word));
  return begun.length === 1 ? begun[0] : suggestWord(word, known);
}
