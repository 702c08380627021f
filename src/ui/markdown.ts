import { escapeControls } from "./text.js";

/**
 * Text of others in GitHub's Markdown. Nothing in it is taken for markup: no table cell, link, image, formula, mention or
 * HTML begins or ends with it.
 * https://github.github.com/gfm/
 */

/** All but what can mean nothing: letters, digits, blanks, and punctuation that is harmless within a line. */
const MEANINGFUL = /[^\p{L}\p{N} .,:/;%-]/gu;

/** A name, a message or a value is hardly ever longer. */
const MAX_LENGTH = 500;

/** The text as it is, in one line; cut where it is very long. */
export function plain(text: string): string {
  const short = text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
  const line = escapeControls(short.replace(/\s+/g, " ").trim());
  return line
    .replace(MEANINGFUL, entity)
    .replace(/:(?=\/\/)/g, entity)
    .replace(/(?<=www)\./gi, entity);
}

/** The lines of an error and of its hint, each as it is. */
export function plainLines(message: string, hint = ""): string[] {
  return [message, hint]
    .flatMap((text) => text.split("\n"))
    .map(plain)
    .filter((line) => line !== "");
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

/** A summary may have 1 MiB. */
const MAX_ROWS = 500;

/** A table; the cells are Markdown. Of very many rows the first are shown. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;
  const ruler = columns.map(({ isNumeric }) => (isNumeric ? "---:" : "---"));
  const lines = [columns.map(({ title }) => title), ruler, ...rows.slice(0, MAX_ROWS)].map(line);
  const more = rows.length - MAX_ROWS;
  return lines.join("") + (more > 0 ? `\nAnd ${more} more.\n` : "");
}
