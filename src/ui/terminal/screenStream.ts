import { Writable } from "node:stream";
import type { Output } from "../../context.js";
import { displayWidth } from "./width.js";

/** Between these two, a terminal that knows them shows nothing yet. https://gist.github.com/christianparpart/d8a62cc1ab659194337d73e399004036 */
const BEGIN = "\u001b[?2026h";
const END = "\u001b[?2026l";
/** What is too long is cut by the terminal and not wrapped: a window may be narrower by now than it has said. */
const WRAP_OFF = "\u001b[?7l";
const WRAP_ON = "\u001b[?7h";
const ERASE_LINE = "\u001b[2K";
/**
 * From the cursor to the end of the window. Not from its top: tmux takes that for `clear`, and moves all that was there into its
 * history.
 */
const ERASE_BELOW = "\u001b[J";

/** What is drawn for a window that has not said how wide it is: as wide as terminals used to be. */
const USUAL_COLUMNS = 80;
const USUAL_ROWS = 24;

/** Frames follow each other much sooner, in milliseconds. */
const STALLED_MS = 300;

export interface ScreenOptions {
  /** Does the terminal wrap lines that became too long for it? */
  readonly reflows: boolean;
  /** Is it drawn on although it does not say how wide it is? */
  readonly isForced: boolean;
}

/**
 * A terminal, as ora sees it. ora draws its lines over each other, and knows how many they were when it drew them. This
 * keeps the screen clean where that is not enough:
 *
 * - A window that was made narrower has wrapped the lines: more rows are erased than were drawn.
 * - A window of 0 columns (a serial line, `script` without a terminal of its own) does not say how wide it is. What is drawn
 *   there could be wrapped anywhere and could not be erased, so that nothing is drawn until it says.
 * - What is drawn ends in a line end, so that whatever ends the program leaves no half line.
 * - A whole frame is one write.
 * - A program that was stopped and goes on draws before it is told so: the first frame after a while is left out, since it
 *   could erase what a shell has written meanwhile. `forget` is for who is told.
 */
export class ScreenStream extends Writable {
  readonly isTTY = true;
  readonly #terminal: Output;
  readonly #options: ScreenOptions;
  /** Of each line that is on the screen, how many columns it takes. */
  #drawn: readonly number[] = [];
  /** How many rows above the cursor are to be drawn over, in this frame. */
  #over = 0;
  #frame: string | undefined;
  #frameMs = Infinity;
  #isLeftOut = false;
  #lastColumns = USUAL_COLUMNS;

  constructor(terminal: Output, options: ScreenOptions) {
    super({ decodeStrings: false });
    this.#terminal = terminal;
    this.#options = options;
  }

  /** Columns that can be drawn on, one of them left free: some terminals wrap when the last one is used. Never 0. */
  get columns(): number {
    return Math.max(1, this.#width() - 1);
  }

  get rows(): number {
    const { rows = 0 } = this.#terminal;
    return rows === 0 ? USUAL_ROWS : rows;
  }

  override _write(text: string | Buffer, _encoding: string, done: () => void): void {
    const said = text.toString();
    if (said === BEGIN) this.#begin();
    else if (said === END) this.#flush();
    else this.#draw(said);
    done();
  }

  /** Where ora begins to erase what it has drawn. In a frame, that is drawn over. */
  cursorTo(): void {
    if (this.#isLeftOut) return;
    const width = this.#width();
    const rows = (columns: number): number =>
      this.#options.reflows ? Math.max(1, Math.ceil(columns / width)) : 1;
    const above = this.#drawn.slice(0, -1).reduce((sum, columns) => sum + rows(columns), 0);
    this.#drawn = [];
    if (this.#frame === undefined) this.#erase(above);
    else this.#over += above;
  }

  /** Leaves what is drawn where it is: the cursor may be elsewhere by now. */
  forget(): void {
    this.#drawn = [];
  }

  moveCursor(): void {
    // Done by cursorTo.
  }

  clearLine(): void {
    // Done by cursorTo.
  }

  #begin(): void {
    const nowMs = performance.now();
    this.#isLeftOut = nowMs - this.#frameMs > STALLED_MS;
    // Not two of them: a busy program shows something, too.
    this.#frameMs = this.#isLeftOut ? Infinity : nowMs;
    this.#frame = "";
  }

  #draw(text: string): void {
    const { columns = 0 } = this.#terminal;
    if (this.#isLeftOut) return;
    if (columns === 0 && !this.#options.isForced) return;
    // The end of the last line needs a row below.
    if (this.rows < 2) return;
    this.#drawn = text.split("\n").map((line) => displayWidth(withoutColours(line)));
    const drawn = this.#over === 0 ? text : drawnOver(text, this.#over);
    this.#over = 0;
    this.#send(`${WRAP_OFF}${drawn}${WRAP_ON}`);
  }

  /** Erases so many rows above the cursor, from below: it ends up on the first of them. */
  #erase(rows: number): void {
    if (rows > 0) this.#send(`\r${ERASE_BELOW}${`\u001b[A${ERASE_LINE}`.repeat(rows)}`);
  }

  #send(text: string): void {
    if (this.#frame === undefined) this.#terminal.write(text);
    else this.#frame += text;
  }

  #flush(): void {
    this.#erase(this.#over);
    this.#over = 0;
    const frame = this.#frame ?? "";
    this.#frame = undefined;
    this.#isLeftOut = false;
    if (frame !== "") this.#terminal.write(`${BEGIN}${frame}${END}`);
  }

  /** What the window says, or has said last. */
  #width(): number {
    const { columns = 0 } = this.#terminal;
    if (columns > 0) this.#lastColumns = columns;
    return this.#lastColumns;
  }
}

/** Each line erases what was in its row, and the end of the text what is left below. */
function drawnOver(text: string, rows: number): string {
  const lines = text.split("\n").map((line) => ERASE_LINE + line);
  return `\r\u001b[${rows}A${lines.join("\n")}${ERASE_BELOW}`;
}

function withoutColours(text: string): string {
  // eslint-disable-next-line no-control-regex -- that is how colours are written
  return text.replace(/\u001b\[[0-9;]*m/g, "");
}
