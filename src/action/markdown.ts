import { escapeControls } from "../ui/text.js";

/**
 * Text of others in GitHub's Markdown. Nothing in it is taken for markup: no table cell, link, image, formula, mention or
 * HTML begins or ends with it.
 * https://github.github.com/gfm/
 */

/** All but what can mean nothing: letters, digits, blanks, and punctuation that is harmless within a line. */
const MEANINGFUL = /[^\p{L}\p{N} .,:/;%-]/gu;

/** The text as it is, in one line. */
export function plain(text: string): string {
  const line = escapeControls(text.replace(/\s+/g, " ").trim());
  return line
    .replace(MEANINGFUL, entity)
    .replace(/:(?=\/\/)/g, entity)
    .replace(/(?<=www)\./gi, entity);
}

/** The text as it is, in one line and in a typewriter's letters: a digest, a reference. */
export function code(text: string): string {
  return `<code>${plain(text)}</code>`;
}

function entity(character: string): string {
  return `&#${character.codePointAt(0) ?? 0};`;
}

/** A column of a table: what is above it, and whether it holds numbers. */
export interface Column {
  readonly title: string;
  readonly isNumeric?: true;
}

/** A table; the cells are Markdown. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;
  const ruler = columns.map(({ isNumeric }) => (isNumeric ? "---:" : "---"));
  return [columns.map(({ title }) => title), ruler, ...rows].map(line).join("");
}
