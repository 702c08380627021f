import { escapeControls } from "./text.js";

/** A local list, as a row of `ls`. */
export interface ListRow {
  readonly name: string;
  /** Undefined where it cannot be told. */
  readonly entries: number | undefined;
  readonly platforms: readonly string[];
  readonly ageMs: number;
}

const HEADER = ["NAME", "ENTRIES", "PLATFORMS", "AGE"];
const GAP = "   ";

/** Lists as columns of plain text, a line each below a header; nothing at all for none. */
export function listTable(rows: readonly ListRow[]): string {
  if (rows.length === 0) return "";
  const cells = [
    HEADER,
    ...rows.map(({ name, entries, platforms, ageMs }) =>
      [name, String(entries ?? "?"), platforms.join(",") || "-", shortAge(ageMs)].map(cellOf),
    ),
  ];
  const widths = HEADER.map((_, column) =>
    cells.reduce((widest, row) => Math.max(widest, row[column]?.length ?? 0), 0),
  );
  const lines = cells.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(GAP));
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
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
