import { columnWidth } from "./columnWidth.js";
import type { ListResult } from "./listResult.js";
import { escapeControls } from "./text.js";

/** So many are shown; `--results` has them all. */
const MAX_ROWS = 50;
/** Names of repositories with a tag or a digest, in characters. */
const MAX_TARGET = 150;

type FailedList = Pick<ListResult, "target" | "error">;

/** Lists that failed: which, the code of the error, its first line, and below that the way out, said once for all like it. */
export function failedTable(failed: readonly FailedList[]): string {
  const shown = failed.slice(0, MAX_ROWS);
  const rows = shown.map(({ target, error }) => ({
    target: escapeControls(target),
    code: error?.code ?? "",
    message: escapeControls(messageOf(target, error)),
    hint: error?.hint === undefined ? undefined : escapeControls(firstLine(error.hint)),
  }));
  const width = (cells: readonly string[]): number =>
    columnWidth(
      cells.map((cell) => cell.length),
      MAX_TARGET,
    );
  const [targets, codes] = [width(rows.map(({ target }) => target)), width(rows.map(({ code }) => code))];
  const told = new Set<string>();
  const lines = rows.flatMap(({ target, code, message, hint }) => {
    const row = `  ${target.padEnd(targets)}  ${code.padEnd(codes)}  ${message}`;
    if (hint === undefined || told.has(hint)) return [row];
    told.add(hint);
    return [row, `      ${hint}`];
  });
  const more = failed.length - rows.length;
  if (more > 0) lines.push(`  and ${more} more: --results FILE has them all`);
  return lines.join("\n");
}

/** The row says whose it is. */
function messageOf(target: string, error: FailedList["error"]): string {
  const message = firstLine(error?.message ?? "");
  return message.startsWith(`${target} `) ? message.slice(target.length + 1) : message;
}

function firstLine(text: string): string {
  return text.split("\n")[0] ?? "";
}
