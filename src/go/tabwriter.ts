import { ManifestError } from "../errors.js";

/**
 * Columns as Go's text/tabwriter lays them out with one space between them (`NewWriter(out, 0, 0, 1, ' ', 0)`): a cell
 * ends with a tab, what is behind the last tab of a line belongs to no column, and a column reaches over the lines
 * below each other that have a cell in it.
 * https://pkg.go.dev/text/tabwriter
 */

type Line = readonly string[];

/** More columns, or wider ones of many lines, than anybody looks at: an annotation may be anything. */
const MAX_COLUMNS = 500;
const MAX_CHARACTERS = 64 * 1024 * 1024;

/**
 * Lines that end in a line feed, as a tabwriter writes them when it is flushed behind the last.
 * @throws LIMIT for what nobody could look at
 */
export function alignColumns(text: string): string {
  // A form feed is a line feed at which all columns end, and a vertical tab is a tab.
  return text
    .toWellFormed()
    .split("\f")
    .map((part) => part.split("\n").map((line) => line.split(/[\t\v]/)))
    .map((lines) => layOutBlock(lines, []).join("\n"))
    .join("\n");
}

/** Lines whose first columns are `widths` wide. */
function layOutBlock(lines: readonly Line[], widths: readonly number[]): string[] {
  const column = widths.length;
  if (column > MAX_COLUMNS) throw new ManifestError("LIMIT", `a table of more than ${MAX_COLUMNS} columns`);
  const hasCell = (line: Line | undefined): boolean => line !== undefined && column < line.length - 1;
  const written: string[] = [];
  for (let at = 0; at < lines.length;) {
    let end = at + 1;
    if (!hasCell(lines[at])) {
      written.push(pad(lines[at] ?? [], widths));
    } else {
      while (hasCell(lines[end])) end++;
      const block = lines.slice(at, end);
      const width = 1 + block.reduce((most, line) => Math.max(most, lengthOf(line[column] ?? "")), 0);
      if (width * block.length > MAX_CHARACTERS) {
        throw new ManifestError("LIMIT", `a table of more than ${MAX_CHARACTERS} characters`);
      }
      for (const line of layOutBlock(block, [...widths, width])) written.push(line);
    }
    at = end;
  }
  return written;
}

function pad(line: Line, widths: readonly number[]): string {
  return line
    .map((cell, index) => cell + " ".repeat(Math.max(0, (widths[index] ?? 0) - lengthOf(cell))))
    .join("");
}

/** In code points, as Go counts. */
function lengthOf(cell: string): number {
  return Array.from(cell).length;
}
