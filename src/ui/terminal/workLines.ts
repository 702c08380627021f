import { cutText, displayWidth, fittingText } from "./width.js";
import { readableSize, readableTime, shortDigest } from "./words.js";
import type { CopyView, WorkView } from "./workState.js";
import { copiesText, figuresOf, headline, rateParts, whatOf } from "./workText.js";

/** A part of a line, and how it is painted where there are colours. */
export interface LineSpan {
  readonly text: string;
  readonly tone?: "faint" | "bar" | undefined;
}

export type ShownLine = readonly LineSpan[];

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
/** Less of a name says nothing, in columns. */
const SHORTEST_NAME = 8;

/**
 * What a terminal shows of a piece of work: what is being done; all copies together; and a bar for each of the first copies.
 * No line is longer than the room, and there are no more of them than it has rows.
 */
export function workLines(view: WorkView, { columns, rows, indent, ellipsis }: Room): ShownLine[] {
  const { copying, copies } = view;
  const cut = (line: ShownLine, room = columns): ShownLine => cutLine(line, room, ellipsis);
  const head = cut(headLine(view, columns - indent, ellipsis), columns - indent);
  if (copying === undefined || rows < 2) return [head];
  const shown = copies.slice(0, Math.max(0, Math.min(MAX_BARS, rows - 3)));
  const left = (copying.blobs.total ?? 0) - copying.blobs.done - shown.length;
  const below: ShownLine[] = [
    copiesLine(copying, columns),
    ...shown.map((copy) => barLine(copy, columns)),
    ...(left > 0 && rows > 2 ? [[{ text: `${MARGIN}and ${left} more`, tone: "faint" } as const]] : []),
  ];
  return [head, ...below.map((line) => cut(line))];
}

/**
 * Where there is no room for all of it, the time is left out, and then what has a long name is cut; less than that is no name,
 * and figures are left out one by one.
 */
function headLine(view: WorkView, columns: number, ellipsis: string): ShownLine {
  const whole = headline(view);
  const time: LineSpan = { text: ` (${readableTime(view.elapsedMs)})`, tone: "faint" };
  if (displayWidth(whole) + displayWidth(time.text) <= columns) return [{ text: whole }, time];
  const [what, figures] = [whatOf(view), figuresOf(view)];
  const [verb = ""] = what.split(" ", 1);
  const tail = figures.length === 0 ? "" : `: ${figures.join(", ")}`;
  const room = Math.max(0, columns - displayWidth(tail));
  const isNamed = tail === "" || displayWidth(what) <= room || room > displayWidth(verb) + SHORTEST_NAME;
  const shown = isNamed ? cutText(what, room, ellipsis) : verb;
  const fewer = figures.map((_, at) => figures.slice(0, figures.length - at).join(", "));
  return [{ text: firstFitting([shown + tail, ...fewer], columns) }];
}

/** As much of it as there is room for. */
function copiesLine(copying: NonNullable<WorkView["copying"]>, columns: number): ShownLine {
  const { done, total } = copying;
  const [rate, left] = rateParts(copying);
  const sizes = `${readableSize(done)} of ${readableSize(total)}`;
  const forms = [
    copiesText(copying),
    joined(sizes, rate, left),
    joined(sizes, left),
    sizes,
    percentOf(copying),
  ];
  return [
    {
      text: firstFitting(
        forms.map((form) => MARGIN + form),
        columns,
      ),
    },
  ];
}

/** `   0123456789ab [=======>      ] 12.3 MB/45.6 MB  3.1 MB/s  11s left`, or as much of that as there is room for. */
function barLine(copy: CopyView, columns: number): ShownLine {
  const { digest, done, total } = copy;
  const name = `${MARGIN}${shortDigest(digest)} `;
  const size = total === 0 ? readableSize(done) : `${readableSize(done)}/${readableSize(total)}`;
  const [rate = "", left = ""] = rateParts(copy);
  const wide = size.padStart(17);
  const tails = copy.isSent
    ? [`${size.padStart(16)} ${rate}`, `${wide} ${"waiting".padStart(10)}`, wide]
    : [`${wide} ${rate.padStart(10)} ${left.padStart(12)}`, `${wide} ${rate.padStart(10)}`, wide];
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
  if (total === 0) return [{ text: name + joined(size, ...rateParts(copy)) }];
  return [{ text: firstFitting([`${name}${percentOf(copy)} ${size}`, name + percentOf(copy)], columns) }];
}

function percentOf({ done, total }: Pick<CopyView, "done" | "total">): string {
  return `${total === 0 ? 0 : Math.floor((100 * Math.min(done, total)) / total)}%`;
}

function joined(...parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined).join(", ");
}

/** The last one, where none fits. */
function firstFitting(forms: readonly string[], columns: number): string {
  return forms.find((form) => displayWidth(form) <= columns) ?? forms.at(-1) ?? "";
}

/** `[=====>    ]`, as docker draws it. */
function bar(share: number, length: number): ShownLine {
  const done = Math.max(0, Math.min(length, Math.floor(share * length)));
  const head = done < length ? ">" : "";
  return [
    { text: "[", tone: "faint" },
    { text: `${"=".repeat(done)}${head}`, tone: "bar" },
    { text: " ".repeat(length - done - head.length) },
    { text: "]", tone: "faint" },
  ];
}

function cutLine(line: ShownLine, columns: number, ellipsis: string): ShownLine {
  if (displayWidth(line.map(({ text }) => text).join("")) <= columns) return line;
  const cut: LineSpan[] = [];
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
