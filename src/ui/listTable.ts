import { columnWidth } from "./columnWidth.js";
import { escapeControls } from "./text.js";

/** A local list, as a row of `ls`. */
export interface ListRow {
  readonly name: string;
  /** Undefined where it cannot be told. */
  readonly entries: number | undefined;
  readonly platforms: readonly string[];
  readonly ageMs: number;
  /** Whether its registry has it, in a word or two; undefined where that was not asked. */
  readonly registry?: string | undefined;
}

/** How wide text is, for tables with more than the letters of ASCII, and of terminals. */
export interface TextMeasure {
  readonly displayWidth: (text: string) => number;
  /** The beginning of a text that takes no more than so many columns, with a mark where something is missing. */
  readonly cutText: (text: string, columns: number) => string;
}

const HEADER = ["NAME", "ENTRIES", "PLATFORMS", "AGE", "REGISTRY"];
const NAME = 0;
/** What is left out first where there is no room for all of it; what registries have was asked for. */
const LEFT_OUT = ["AGE", "ENTRIES", "PLATFORMS"];
/** Of columns that are cut. */
const SHORTEST_PLATFORMS = "PLATFORMS".length;
const SHORTEST_NAME = 8;
const GAP = "   ";
/** Names with a digest, and the platforms of images that are built for all there are. */
const MAX_CELL = 200;

const ASCII: TextMeasure = {
  displayWidth: (text) => text.length,
  cutText: (text, columns) => (text.length <= columns ? text : text.slice(0, Math.max(0, columns))),
};

/**
 * Lists as columns of plain text, a line each below a header; nothing at all for none.
 * @param columns of a terminal: no line is longer. Platforms are left out first, then columns, and names are cut at last;
 *   undefined or 0 for everything
 */
export function listTable(rows: readonly ListRow[], columns = 0, measure: TextMeasure = ASCII): string {
  if (rows.length === 0) return "";
  const isChecked = rows.some(({ registry }) => registry !== undefined);
  const header = isChecked ? HEADER : HEADER.slice(0, -1);
  const cells = rows.map(({ name, entries, platforms, ageMs, registry = "" }) => {
    const cell = [cellOf(name), String(entries ?? "?"), cellOf(platforms.join(",")) || "-", shortAge(ageMs)];
    return isChecked ? [...cell, registry] : cell;
  });
  const whole = [header, ...cells];
  if (columns === 0) return layOutRows(whole, measure);
  return layOutRows(fitRows(whole, columns, measure), measure, columns);
}

function fitRows(whole: readonly (readonly string[])[], columns: number, measure: TextMeasure): string[][] {
  let rows = whole.map((row) => [...row]);
  for (const title of LEFT_OUT) {
    const least = widthsOf(rows, measure, Infinity).map((width, column) =>
      column === titleAt(rows, "PLATFORMS") ? Math.min(width, SHORTEST_PLATFORMS) : width,
    );
    if (total(least) <= columns) break;
    const gone = titleAt(rows, title);
    rows = rows.map((row) => row.filter((_, column) => column !== gone));
  }
  const widths = widthsOf(rows, measure, Infinity);
  const tooLong = Math.max(0, total(widths) - columns);
  const platforms = titleAt(rows, "PLATFORMS");
  const [cut, least] = platforms === -1 ? [NAME, SHORTEST_NAME] : [platforms, SHORTEST_PLATFORMS];
  const room = Math.max(least, (widths[cut] ?? 0) - tooLong);
  const fit = cut === NAME ? measure.cutText : (cell: string) => fitPlatforms(cell, room, measure);
  return rows.map((row) => row.map((cell, column) => (column === cut ? fit(cell, room) : cell)));
}

function titleAt([header = []]: readonly (readonly string[])[], title: string): number {
  return header.indexOf(title);
}

function layOutRows(rows: readonly (readonly string[])[], measure: TextMeasure, columns = 0): string {
  const widths = widthsOf(rows, measure, Math.max(columns, MAX_CELL));
  const pad = (cell: string, width: number): string =>
    cell + " ".repeat(Math.max(0, width - measure.displayWidth(cell)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => pad(cell, widths[column] ?? 0))
      .join(GAP)
      .trimEnd(),
  );
  const fitting = columns === 0 ? lines : lines.map((line) => measure.cutText(line, columns));
  return fitting.map((line) => `${line}\n`).join("");
}

function widthsOf(
  rows: readonly (readonly string[])[],
  { displayWidth }: TextMeasure,
  most: number,
): number[] {
  const [header = []] = rows;
  return header.map((_, column) =>
    columnWidth(
      rows.map((row) => displayWidth(row[column] ?? "")),
      most,
    ),
  );
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, (widths.length - 1) * GAP.length);
}

/** `linux/amd64,linux/arm64,+3`: as many as there is room for, and how many more there are. */
function fitPlatforms(cell: string, room: number, { displayWidth, cutText }: TextMeasure): string {
  if (displayWidth(cell) <= room) return cell;
  const platforms = cell.split(",");
  for (let count = Math.min(platforms.length - 1, room); count > 0; count--) {
    const text = [...platforms.slice(0, count), `+${platforms.length - count}`].join(",");
    if (displayWidth(text) <= room) return text;
  }
  return cutText(platforms.length === 1 ? cell : `+${platforms.length}`, room);
}

/** What says something in a file must not say it in the table: a line end would begin another row. */
function cellOf(text: string): string {
  return escapeControls(text).replace(/\s/g, "_");
}

/** `5s`, `3h`, `12d`: whole units, the largest of which there are two, as `prune --older-than` takes them. */
export function shortAge(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const units: [unit: string, seconds: number][] = [
    ["w", 604_800],
    ["d", 86_400],
    ["h", 3_600],
    ["m", 60],
  ];
  const [unit, length] = units.find(([, one]) => seconds >= 2 * one) ?? ["s", 1];
  return `${Math.floor(seconds / length)}${unit}`;
}
