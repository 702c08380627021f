import { displayWidth, fittingText } from "./width.js";
import { readableSize, readableTime } from "./words.js";
import type { CopyView, WorkView } from "./work.js";
import { copiesText, headline, rateParts } from "./workText.js";

/** A part of a line, and how it is painted where there are colours. */
export interface Span {
  readonly text: string;
  readonly tone?: "faint" | "bar" | undefined;
}

export type Line = readonly Span[];

export interface Room {
  readonly columns: number;
  readonly rows: number;
  /** Taken from the first line by what stands before it. */
  readonly indent: number;
  readonly ellipsis: string;
}

/** More bars than these say no more. */
const MAX_BARS = 4;
const MARGIN = "   ";
const LONGEST_BAR = 30;
const SHORTEST_BAR = 8;
const ID_LENGTH = 12;

/**
 * What a terminal shows of a piece of work: what is being done; all copies together; and a bar for each of the first copies.
 * No line is longer than the room, and there are no more of them than it has rows.
 */
export function workLines(view: WorkView, { columns, rows, indent, ellipsis }: Room): Line[] {
  const { copying } = view;
  const cut = (line: Line, room: number): Line => cutLine(line, room, ellipsis);
  const head = cut(
    [{ text: headline(view) }, { text: ` (${readableTime(view.elapsedMs)})`, tone: "faint" }],
    columns - indent,
  );
  if (copying === undefined || rows < 2) return [head];
  const shown = view.copies.slice(0, Math.max(0, Math.min(MAX_BARS, rows - 3)));
  const left = (copying.blobs.total ?? 0) - copying.blobs.done - shown.length;
  const below: Line[] = [
    [{ text: `${MARGIN}${copiesText(view) ?? ""}` }],
    ...shown.map((copy) => barLine(copy, columns)),
    ...(left > 0 && rows > 3 ? [[{ text: `${MARGIN}and ${left} more`, tone: "faint" } as const]] : []),
  ];
  return [head, ...below.map((line) => cut(line, columns))];
}

/** `   0123456789ab [=======>      ] 12.3 MB/45.6 MB  3.1 MB/s  11s left`, or as much of that as there is room for. */
function barLine(copy: CopyView, columns: number): Line {
  const { digest, done, total } = copy;
  const id = digest.slice(digest.indexOf(":") + 1).slice(0, ID_LENGTH);
  const size = total === 0 ? readableSize(done) : `${readableSize(done)}/${readableSize(total)}`;
  const [rate = "", left = ""] = rateParts(copy);
  const name = `${MARGIN}${id} `;
  const tails = [
    `${size.padStart(17)} ${rate.padStart(10)} ${left.padStart(12)}`,
    `${size.padStart(17)} ${rate.padStart(10)}`,
    size.padStart(17),
  ];
  for (const tail of tails) {
    const room = columns - name.length - tail.length - "[] ".length;
    if (total > 0 && room >= SHORTEST_BAR) {
      return [
        { text: name },
        ...bar(done / total, Math.min(LONGEST_BAR, room)),
        { text: ` ${tail.trimEnd()}` },
      ];
    }
  }
  const percent = total === 0 ? "" : `${Math.floor((100 * Math.min(done, total)) / total)}% `;
  return [{ text: `${name}${percent}${size}` }];
}

/** `[=====>    ]`, as docker draws it. */
function bar(share: number, length: number): Line {
  const done = Math.max(0, Math.min(length, Math.floor(share * length)));
  const head = done < length ? ">" : "";
  return [
    { text: "[", tone: "faint" },
    { text: `${"=".repeat(done)}${head}`, tone: "bar" },
    { text: `${" ".repeat(length - done - head.length)}` },
    { text: "]", tone: "faint" },
  ];
}

function cutLine(line: Line, columns: number, ellipsis: string): Line {
  if (displayWidth(line.map(({ text }) => text).join("")) <= columns) return line;
  const cut: Span[] = [];
  let room = columns - displayWidth(ellipsis);
  if (room < 0) return cut;
  for (const span of line) {
    const width = displayWidth(span.text);
    if (width > room) return [...cut, { ...span, text: fittingText(span.text, room) + ellipsis }];
    cut.push(span);
    room -= width;
  }
  return cut;
}
