import type { ChalkInstance } from "chalk";
import ora, { spinners } from "ora";
import type { Context, Output } from "../../context.js";
import type { Capabilities } from "./capabilities.js";
import { ScreenStream } from "./screenStream.js";
import type { WorkView } from "./workState.js";
import { workLines, type ShownLine } from "./workLines.js";

/** ora puts its spinner and two spaces before the first line. */
const INDENT = 3;
/** What is written in between has everything drawn anew; what is shown need not change as often. */
const FRESH_MS = 50;

export interface MovingLinesOptions {
  readonly capabilities: Capabilities;
  readonly isForced: boolean;
  readonly chalk: ChalkInstance | undefined;
  readonly view: () => WorkView;
  readonly onSuspend: Context["onSuspend"];
}

/**
 * Lines at the end of a terminal that change while the work goes on. What is written to stdout and stderr meanwhile comes
 * above them. Loaded where something is drawn.
 * @returns ends it: nothing is left of the lines
 */
export function drawMovingLines(
  terminal: Output,
  { capabilities, isForced, chalk, view, onSuspend }: MovingLinesOptions,
): () => void {
  const { isUnicode, reflows } = capabilities;
  const screen = new ScreenStream(terminal, { reflows, isForced });
  const { frames, interval } = isUnicode ? spinners.dots : spinners.line;
  const paint = (line: ShownLine): string =>
    line
      .map(({ text, tone }) => {
        if (tone === undefined || chalk === undefined) return text;
        return tone === "faint" ? chalk.dim(text) : chalk.cyan(text);
      })
      .join("");
  let fresh:
    | { readonly text: string; readonly columns: number; readonly rows: number; readonly atMs: number }
    | undefined;
  const lines = (): string => {
    const { columns, rows } = screen;
    const atMs = performance.now();
    if (fresh?.columns !== columns || fresh.rows !== rows || atMs - fresh.atMs > FRESH_MS) {
      const room = { columns, rows: rows - 1, indent: INDENT, ellipsis: isUnicode ? "…" : "..." };
      fresh = { text: workLines(view(), room).map(paint).join("\n"), columns, rows, atMs };
    }
    return `${fresh.text}\n`;
  };
  const spinner = ora({
    stream: screen,
    spinner: { frames: chalk === undefined ? frames : frames.map((frame) => chalk.cyan(frame)), interval },
    color: false,
    suffixText: lines,
    // Whether lines can move was decided before; the cursor stays as it is, whatever ends the program.
    isEnabled: true,
    hideCursor: false,
    discardStdin: false,
  });
  const ignoreSuspension = onSuspend?.(
    () => {
      spinner.clear();
    },
    () => {
      // What a shell has written meanwhile is not to be erased.
      screen.forget();
      spinner.render();
    },
  );
  spinner.start();
  const redraw = (): void => {
    spinner.render();
  };
  terminal.on?.("resize", redraw);
  return () => {
    ignoreSuspension?.();
    terminal.off?.("resize", redraw);
    spinner.stop();
  };
}
