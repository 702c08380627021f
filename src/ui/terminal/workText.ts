import { counted, escapeControls } from "../text.js";
import { readableRate, readableSize, readableTime } from "./words.js";
import type { Count, CopyView, WorkView } from "./workState.js";

/** `pushing example.com/app:v1: 3 of 12 images, 14 of 120 blobs` */
export function headline(view: WorkView): string {
  const figures = figuresOf(view);
  return figures.length === 0 ? whatOf(view) : `${whatOf(view)}: ${figures.join(", ")}`;
}

/** What is being done, in one line. */
export function whatOf({ what }: Pick<WorkView, "what">): string {
  return plain(what);
}

/** How far it is: `3 of 12 images`, `14 of 120 blobs`, `again in 4s (503)` */
export function figuresOf({ counts, notes }: Pick<WorkView, "counts" | "notes">): string[] {
  return [...counts.map(countText), ...notes.map(plain)];
}

function plain(text: string): string {
  return escapeControls(text).replace(/[\n\t]/g, " ");
}

/** `copying 3 of 9 blobs: 45.2 MB of 1.2 GB, 12.3 MB/s, 1m 20s left` */
export function copiesText(copying: NonNullable<WorkView["copying"]>): string {
  const { blobs, done, total } = copying;
  const parts = [`${readableSize(done)} of ${readableSize(total)}`, ...rateParts(copying)];
  return `copying ${countText(blobs)}: ${parts.join(", ")}`;
}

function countText({ done, total, unit }: Count): string {
  return total === undefined ? counted(done, unit) : `${done} of ${counted(total, unit)}`;
}

/** `12.3 MB/s`, and how long the rest will take at that; or what is waited for. */
export function rateParts({ isSent, rate, leftMs }: Omit<CopyView, "digest">): string[] {
  if (isSent) return ["waiting for the registry"];
  if (rate === undefined) return [];
  return [readableRate(rate), ...(leftMs === undefined ? [] : [`${readableTime(leftMs)} left`])];
}
