import type { ListResult } from "./listResult.js";
import { escapeControls } from "./text.js";

/** So many are shown; `--results` has them all. */
const MAX_ROWS = 50;

/** Lists that failed, a line each: which, the code of the error, and its first line. */
export function failedTable(failed: readonly Pick<ListResult, "target" | "error">[]): string {
  const rows = failed.slice(0, MAX_ROWS).map(({ target, error }) => ({
    target: escapeControls(target),
    code: error?.code ?? "",
    message: escapeControls(error?.message.split("\n")[0] ?? ""),
  }));
  const width = (cells: readonly string[]): number => Math.max(...cells.map((cell) => cell.length));
  const [targets, codes] = [width(rows.map(({ target }) => target)), width(rows.map(({ code }) => code))];
  const lines = rows.map(
    ({ target, code, message }) => `  ${target.padEnd(targets)}  ${code.padEnd(codes)}  ${message}`,
  );
  const more = failed.length - rows.length;
  if (more > 0) lines.push(`  and ${more} more`);
  return lines.join("\n");
}
